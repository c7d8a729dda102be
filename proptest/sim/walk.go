package sim

import (
	"fmt"
	"slices"

	"github.com/rollmend/rollmend/proptest/internal/graph"
)

// WalkOptions say how far to walk. World must be given, and one of States and
// Stop bounds the walk.
type WalkOptions struct {
	World string // one of [SmallWorlds]

	Faults  int // at most on one path
	Cycles  int // that may pass on one path
	Depth   int // of a path; 0: as much as the other bounds allow
	States  int // different worlds; 0: no bound
	Settles int // of so many different worlds one is followed to its end; 0: none

	// Stop is asked now and then whether to end the walk; nil: never.
	Stop func() bool

	seams *seams
	wary  bool // look after each spot whether its moves changed it
}

// Walked tells how far a walk came.
type Walked struct {
	States     int  // different worlds
	Moves      int  // that were made to find them
	Depth      int  // moves from the nearest beginning, all of them made
	Whole      bool // nothing is left within the bounds on faults and cycles
	Settled    int  // worlds that were followed to their end
	Beginnings int
	Levels     []int // different worlds by their depth

	Synthesised map[string]int // events that were derived, by case
	Exceptions  map[string]int // guesses that did not come true, by the limit that names them
}

// FaultCounts is how many moves a fault counts for in the depth of a path. There
// are some fifty faults at each moment, and a few other moves; so a path has a
// fault less for two moves more.
const FaultCounts = 2

// mostStates bounds a walk whatever its options say: each costs some sixty
// bytes.
const mostStates = 100_000_000

// walk is a walk under way.
type walk struct {
	opts   WalkOptions
	kind   *kind
	graph  *graph.Plan
	seen   map[print]struct{}
	spots  []spot
	roots  []root
	levels []level // by depth
	trail  []step  // to the spot that was made last
	told   Walked
	buf    []byte

	prints []print // of the spots, where the walk is wary
}

// spot is a world, by the way to it.
type spot struct {
	from int32  // the spot before it; of a beginning -1 less its place in roots
	nth  uint16 // of the moves there
}

// level is the spots of one depth: from one place to before another.
type level struct{ from, to int }

type root struct {
	beginning
	world *small
}

type step struct {
	spot  int32
	world *small
}

// Walk walks through a small world, breadth first, from every moment of its
// lives, without visiting a state twice. The same options with the same States
// give the same numbers. The error of a walk that breaks a sentence is a
// [*Counterexample], and the path in it is a shortest one.
func Walk(opts WalkOptions) (Walked, error) {
	w := &walk{opts: opts, graph: smallGraph(), seen: map[print]struct{}{}}
	for i := range kinds {
		if kinds[i].name == opts.World {
			w.kind = &kinds[i]
		}
	}
	if w.kind == nil {
		names, _ := SmallWorlds()
		return w.told, fmt.Errorf("sim: there is no small world %q: want one of %v", opts.World, names)
	}
	if opts.States == 0 && opts.Stop == nil && opts.Depth == 0 {
		return w.told, fmt.Errorf("sim: a walk needs a bound: WalkOptions.States, Depth or Stop")
	}
	if w.opts.States == 0 {
		w.opts.States = mostStates
	}
	if w.opts.seams == nil {
		w.opts.seams = &seams{}
	}
	err := w.begin()
	if err == nil {
		err = w.on()
	}
	w.told.States = len(w.spots)
	if unmet := w.graph.Unmet(); opts.wary && err == nil && len(unmet) > 0 {
		err = fmt.Errorf("sim: smallGraph leaves out what there is not: %v", unmet)
	}
	return w.told, err
}

// begin finds the beginnings.
func (w *walk) begin() error {
	for i, l := range lives {
		moves, err := l.live(w.kind, w.opts.seams, w.graph)
		b := beginning{life: i, after: len(moves)}
		if err != nil {
			return w.counter(b, nil, endless)
		}
		s := newSmall(w.kind, w.opts.seams, w.graph)
		for n := 0; ; n++ {
			b.after = n
			r := s.copy()
			r.left, r.minutes = w.opts.Faults, w.opts.Cycles
			if w.add(r, spot{from: int32(-1 - len(w.roots))}) {
				w.roots = append(w.roots, root{b, r})
			}
			if n == len(moves) {
				break
			}
			s.left, s.minutes = plenty, plenty
			s.play(moves[n])
		}
	}
	w.told.Beginnings = len(w.roots)
	w.told.Synthesised, w.told.Exceptions = map[string]int{}, map[string]int{}
	for _, r := range w.roots {
		r.world.report.Synthesised, r.world.report.Exceptions = w.told.Synthesised, w.told.Exceptions
	}
	return nil
}

// on walks on from the beginnings, one level deeper each time: by moves that are
// no fault from the last level, and by faults from as far before it as they
// count for. So every spot is found on a shortest way.
func (w *walk) on() error {
	for from := 0; ; w.told.Depth++ {
		w.levels = append(w.levels, level{from, len(w.spots)})
		w.told.Levels = append(w.told.Levels, len(w.spots)-from)
		from = len(w.spots)
		if w.told.Whole = w.isWhole(); w.told.Whole || w.opts.Depth > 0 && w.told.Depth == w.opts.Depth {
			return nil
		}
		last := len(w.levels) - 1
		if full, err := w.branchAll(w.levels[last], false); full || err != nil {
			return err
		}
		if before := last + 1 - FaultCounts; before >= 0 {
			if full, err := w.branchAll(w.levels[before], true); full || err != nil {
				return err
			}
		}
	}
}

// isWhole reports whether nothing new can come any more.
func (w *walk) isWhole() bool {
	for _, l := range w.levels[max(0, len(w.levels)-FaultCounts):] {
		if l.from != l.to {
			return false
		}
	}
	return true
}

// branchAll goes on from all spots of a level, and reports whether the walk has
// to end.
func (w *walk) branchAll(l level, faults bool) (full bool, err error) {
	for i := l.from; i < l.to && err == nil; i++ {
		if len(w.spots) >= w.opts.States || w.opts.Stop != nil && w.opts.Stop() {
			return true, nil
		}
		err = w.branch(int32(i), faults)
	}
	return false, err
}

// branch makes every move from a spot that is a fault, or every one that is not.
func (w *walk) branch(at int32, faults bool) error {
	world := w.reach(at)
	for nth, m := range world.moves() {
		if m.isFault() != faults {
			continue
		}
		next := world.copy()
		next.play(m)
		w.told.Moves++
		fresh := next.violated == nil && w.add(next, spot{from: at, nth: uint16(nth)})
		end := endless
		if fresh && w.opts.Settles > 0 && len(w.spots)%w.opts.Settles == 0 {
			end = firstFirst + ending(w.told.Settled%2)
			w.told.Settled++
			next.settleSmall(end)
		}
		if next.violated != nil {
			b, path := w.way(at)
			return w.counter(b, append(path, nth), end)
		}
	}
	if w.opts.wary {
		if p, _ := world.print(nil); p != w.prints[at] {
			return fmt.Errorf("sim: the moves from spot %d changed it: a copy shares what is written to", at)
		}
	}
	return nil
}

// add adds a world to those that were seen, and reports whether it is new.
func (w *walk) add(s *small, at spot) bool {
	var p print
	p, w.buf = s.print(w.buf)
	if _, known := w.seen[p]; known {
		return false
	}
	w.seen[p] = struct{}{}
	w.spots = append(w.spots, at)
	if w.opts.wary {
		w.prints = append(w.prints, p)
	}
	return true
}

// reach makes the world of a spot again, from the last spot that is on the way
// to this one and to the one that was made before.
func (w *walk) reach(at int32) *small {
	var way []int32
	for i := at; i >= 0; i = w.spots[i].from {
		way = append(way, i)
	}
	slices.Reverse(way)
	same := 0
	for same < len(way) && same < len(w.trail) && w.trail[same].spot == way[same] {
		same++
	}
	w.trail = w.trail[:same]
	for _, i := range way[same:] {
		s := w.spots[i]
		if s.from < 0 {
			w.trail = append(w.trail, step{i, w.roots[-1-s.from].world})
			continue
		}
		next := w.trail[len(w.trail)-1].world.copy()
		next.play(next.moves()[s.nth])
		w.trail = append(w.trail, step{i, next})
	}
	return w.trail[len(w.trail)-1].world
}

// way returns where the way to a spot begins, and its moves.
func (w *walk) way(at int32) (b beginning, path []int) {
	for at >= 0 {
		s := w.spots[at]
		if s.from < 0 {
			b = w.roots[-1-s.from].beginning
			break
		}
		path = append(path, int(s.nth))
		at = s.from
	}
	slices.Reverse(path)
	return b, path
}
