package manifest

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/rollmend/rollmend/gates"
	"github.com/rollmend/rollmend/states"
)

func (r *reader) planChannelEdges() []gates.ChannelEdge {
	var out []gates.ChannelEdge
	waits := graph{}
	for i, e := range r.doc.ChannelEdges {
		path := at("channelEdges", i)
		if e.Before != nil || e.After != nil {
			r.fault(path, `"before" and "after" are the names of older files, and are not guessed at: write "gates" for the channel that must have converged and "gated" for the one that waits for it`)
			continue
		}
		_, fromKnown := r.doc.Channels[e.Gates]
		_, toKnown := r.doc.Channels[e.Gated]
		if !r.ends(path, "channel", e.Gates, fromKnown, e.Gated, toKnown) {
			continue
		}
		waits.add(e.Gates, e.Gated)
		out = append(out, gates.ChannelEdge{Gates: states.Channel(e.Gates), Gated: states.Channel(e.Gated), Reason: e.Reason})
	}
	r.refuseCycles("/channelEdges", waits)
	return out
}

func (r *reader) planHostEdges() []gates.HostEdge {
	var out []gates.HostEdge
	waits := graph{}
	for i, e := range r.doc.Edges {
		path := at("edges", i)
		from, fromKnown := r.doc.Hosts[e.Gates]
		to, toKnown := r.doc.Hosts[e.Gated]
		if !r.ends(path, "host", e.Gates, fromKnown, e.Gated, toKnown) {
			continue
		}
		waits.add(e.Gates, e.Gated)
		if from.Channel != to.Channel {
			r.warning(path, fmt.Sprintf("%q is of channel %q and %q of %q: an edge between hosts orders one channel alone, so this one holds nobody; write a channel edge",
				e.Gates, from.Channel, e.Gated, to.Channel))
			continue
		}
		r.checkEdgeAgainstWaves(path, e)
		if from.ClosureHash == "" {
			r.warning(path, fmt.Sprintf("%q has no closureHash, so it is in no rollout, and %q stays held", e.Gates, e.Gated))
		}
		out = append(out, gates.HostEdge{Gates: states.Host(e.Gates), Gated: states.Host(e.Gated), Reason: e.Reason})
	}
	r.refuseCycles("/edges", waits)
	return out
}

// ends tells which end of an edge is unknown; ok means none.
func (r *reader) ends(path, what, from string, fromKnown bool, to string, toKnown bool) (ok bool) {
	if !fromKnown {
		r.fault(path+"/gates", fmt.Sprintf("no %s %q in %ss", what, from, what))
	}
	if !toKnown {
		r.fault(path+"/gated", fmt.Sprintf("no %s %q in %ss", what, to, what))
	}
	return fromKnown && toKnown
}

// checkEdgeAgainstWaves refuses an edge that a host of an early wave is to
// wait by for one of a later wave: that is a cycle through the waves.
func (r *reader) checkEdgeAgainstWaves(path string, e edge) {
	from, placed := r.placed[e.Gates]
	to, alsoPlaced := r.placed[e.Gated]
	if placed && alsoPlaced && from.wave > to.wave {
		r.fault(path, fmt.Sprintf("%q of wave %d waits for %q of wave %d, and wave %d for all of wave %d: neither can ever go",
			e.Gated, to.wave, e.Gates, from.wave, from.wave, to.wave))
	}
}

// refuseCycles tells the cycles of a graph, those that share nothing with each
// other.
func (r *reader) refuseCycles(path string, g graph) {
	for _, cycle := range g.cycles() {
		r.fault(path, fmt.Sprintf("a cycle, in which each waits for the one before it: %s", strings.Join(cycle, " -> ")))
	}
}

// graph holds edges from what gates to what is gated.
type graph map[string]*node

type node struct {
	before, behind []string
	open           int // edges from nodes that are still in the graph
}

func (g graph) add(from, to string) {
	for _, name := range []string{from, to} {
		if g[name] == nil {
			g[name] = &node{}
		}
	}
	g[from].behind = append(g[from].behind, to)
	g[to].before = append(g[to].before, from)
	g[to].open++
}

// cycles takes the graph apart: first all that waits for no cycle; from what is
// left, each way back along the edges ends in a cycle. It returns every cycle
// from its first name, by the alphabet, back to that name.
func (g graph) cycles() [][]string {
	var out [][]string
	all := slices.Sorted(maps.Keys(g))
	g.remove(slices.DeleteFunc(slices.Clone(all), func(name string) bool { return g[name].open > 0 }))
	for _, name := range all {
		for g[name] != nil {
			cycle := g.cycleBefore(name)
			out = append(out, append(cycle, cycle[0]))
			g.remove(cycle)
		}
	}
	return out
}

// remove takes nodes out of the graph, and all that then waits for nobody.
func (g graph) remove(names []string) {
	queue := slices.Clone(names)
	for len(queue) > 0 {
		name := queue[0]
		queue = queue[1:]
		n := g[name]
		if n == nil {
			continue
		}
		delete(g, name)
		for _, next := range n.behind {
			if b := g[next]; b != nil {
				b.open--
				if b.open == 0 {
					queue = append(queue, next)
				}
			}
		}
	}
}

// cycleBefore walks against the edges until a node comes back. Every node that
// is left has one before it.
func (g graph) cycleBefore(name string) []string {
	step := map[string]int{}
	var walked []string
	for {
		if first, again := step[name]; again {
			walked = walked[first:]
			break
		}
		step[name] = len(walked)
		walked = append(walked, name)
		i := slices.IndexFunc(g[name].before, func(b string) bool { return g[b] != nil })
		name = g[name].before[i]
	}
	slices.Reverse(walked)
	first := slices.Index(walked, slices.Min(walked))
	return slices.Concat(walked[first:], walked[:first])
}
