package gates

import (
	"slices"

	"github.com/rollmend/rollmend/states"
)

// Plan is what a manifest says about ordering, resolved to names. It is the
// input of [NewFleet]; package manifest reads one from a file.
type Plan struct {
	Ref          states.Ref    // of every channel's rollout; empty opens nothing
	SignedAt     states.Time   // zero where the manifest is not signed
	Hosts        []PlannedHost // sorted by host
	ChannelEdges []ChannelEdge
	HostEdges    []HostEdge
	Budgets      []Budget
}

// PlannedHost is a host as the manifest has it. A host without a target is not
// part of its channel's rollout.
type PlannedHost struct {
	Host    states.Host
	Channel states.Channel
	Wave    states.Wave // Unstaged where its channel has waves and it is in none
	Target  states.Closure
	Policy  states.Policy
}

// ChannelEdge lets Gated begin once all of Gates has converged.
type ChannelEdge struct {
	Gates, Gated states.Channel
	Reason       string
}

// HostEdge lets Gated begin once Gates is Converged or Deferred. Both are of
// one channel.
type HostEdge struct {
	Gates, Gated states.Host
	Reason       string
}

// Budget bounds how many of its hosts may be in flight at once, over all
// rollouts. At least one of the maxima is set; where both are, the smaller
// one counts.
type Budget struct {
	Name        string // for people: what it selects
	Hosts       []states.Host
	MaxInFlight int // hosts; 0: not set
	MaxPercent  int // of the selected hosts, rounded down, at least 1; 0: not set
}

// Limit returns the maximum as a number of hosts, 0 where none is set.
func (b Budget) Limit() int {
	byShare := max(1, len(b.Hosts)*b.MaxPercent/100)
	switch {
	case b.MaxPercent <= 0:
		return b.MaxInFlight
	case b.MaxInFlight == 0:
		return byShare
	}
	return min(b.MaxInFlight, byShare)
}

// Fleet is a compiled [Plan]. It is immutable, and safe for concurrent use.
type Fleet struct {
	plan     Plan
	hosts    map[states.Host]int32 // places in plan.Hosts
	channels map[states.Channel]plannedChannel
	budgets  []Budget

	// What few hosts have, by the host's place. It is kept apart, so that the
	// others cost next to nothing.
	behind   map[int32][]HostEdge // edges from other hosts to this one
	selected map[int32][]int      // places of the budgets that select it
	gating   map[states.Host]bool // hosts that others are behind
}

type plannedChannel struct {
	rollout bool          // the plan has a rollout for it
	behind  []ChannelEdge // channels with a rollout that must be terminal first
}

// NewFleet compiles a plan. It takes what it is given: checking names and
// cycles is for whoever read the plan, and what a plan does not list is held.
func NewFleet(plan Plan) *Fleet {
	f := &Fleet{
		plan:     plan,
		hosts:    make(map[states.Host]int32, len(plan.Hosts)),
		channels: map[states.Channel]plannedChannel{},
		budgets:  plan.Budgets,
		behind:   map[int32][]HostEdge{},
		selected: map[int32][]int{},
		gating:   map[states.Host]bool{},
	}
	for i := range plan.Hosts {
		h := &plan.Hosts[i]
		f.hosts[h.Host] = int32(i)
		if plan.Ref != "" && h.Target.Known() {
			f.channels[h.Channel] = plannedChannel{rollout: true}
		}
	}
	for _, edge := range plan.HostEdges {
		gated, ok := f.hosts[edge.Gated]
		gates, known := f.hosts[edge.Gates]
		// Whoever is not listed is not done either.
		if ok && (!known || plan.Hosts[gated].Channel == plan.Hosts[gates].Channel) {
			f.behind[gated] = append(f.behind[gated], edge)
			f.gating[edge.Gates] = true
		}
	}
	for i, b := range plan.Budgets {
		for _, name := range b.Hosts {
			if h, ok := f.hosts[name]; ok {
				f.selected[h] = append(f.selected[h], i)
			}
		}
	}
	f.lookThrough()
	return f
}

// lookThrough gives every channel the edges that count for it: those of its
// predecessors that have a rollout, and in place of one that has none, the
// edges of its own.
func (f *Fleet) lookThrough() {
	into := map[states.Channel][]ChannelEdge{}
	for _, edge := range f.plan.ChannelEdges {
		into[edge.Gated] = append(into[edge.Gated], edge)
	}
	for _, edge := range f.plan.ChannelEdges {
		c := f.channels[edge.Gated]
		if c.behind != nil {
			continue
		}
		seen := map[states.Channel]bool{}
		open := append([]ChannelEdge{}, into[edge.Gated]...)
		for len(open) > 0 {
			next := open[0]
			open = open[1:]
			if seen[next.Gates] {
				continue
			}
			seen[next.Gates] = true
			if f.channels[next.Gates].rollout {
				c.behind = append(c.behind, next)
			} else {
				open = append(open, into[next.Gates]...)
			}
		}
		f.channels[edge.Gated] = c
	}
}

// Plan returns what the fleet was compiled from. Its slices are shared: read
// them only.
func (f *Fleet) Plan() Plan { return f.plan }

// Host returns a host's plan, and whether the plan lists it.
func (f *Fleet) Host(host states.Host) (PlannedHost, bool) {
	i, ok := f.hosts[host]
	if !ok {
		return PlannedHost{}, false
	}
	return f.plan.Hosts[i], true
}

// lists reports whether the plan lists the host of an ask.
func (f *Fleet) lists(ask *Ask) bool {
	if i := int(ask.Place) - 1; i >= 0 && i < len(f.plan.Hosts) && f.plan.Hosts[i].Host == ask.Key.Host {
		return true
	}
	_, ok := f.hosts[ask.Key.Host]
	return ok
}

// budgetsOf returns the places of the budgets that select a host.
func (f *Fleet) budgetsOf(host states.Host) []int { return ofFew(f, f.selected, host) }

// edgesTo returns the edges from other hosts to this one.
func (f *Fleet) edgesTo(host states.Host) []HostEdge { return ofFew(f, f.behind, host) }

// ofFew returns what a host has of that which few have.
func ofFew[T any](f *Fleet, few map[int32][]T, host states.Host) []T {
	if len(few) == 0 {
		return nil
	}
	i, ok := f.hosts[host]
	if !ok {
		return nil
	}
	return few[i]
}

// Rollout returns the rollout that the plan has for a channel: its ref, where
// at least one of the channel's hosts has a target.
func (f *Fleet) Rollout(channel states.Channel) (states.Rollout, bool) {
	if !f.channels[channel].rollout {
		return states.Rollout{}, false
	}
	return states.Rollout{Channel: channel, Ref: f.plan.Ref}, true
}

// Channels returns the channels that hosts of the plan are in, sorted.
func (f *Fleet) Channels() []states.Channel {
	names := make([]states.Channel, 0, len(f.channels))
	for _, h := range f.plan.Hosts {
		if !slices.Contains(names, h.Channel) {
			names = append(names, h.Channel)
		}
	}
	slices.Sort(names)
	return names
}
