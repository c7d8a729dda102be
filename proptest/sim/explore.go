package sim

import (
	"cmp"
	"fmt"
	"runtime"
	"slices"
	"sync"
	"time"
)

// ExploreOptions say how much of the small worlds to see. One of States and For
// must be given.
type ExploreOptions struct {
	Worlds  []string // of [SmallWorlds]; nil: all
	Faults  int      // at most on one path
	Cycles  int      // that may pass on one path
	Settles int      // of so many different worlds one is followed to its end; 0: none
	States  int      // different worlds in one walk; 0: no bound
	For     time.Duration

	// Stop is asked now and then whether to end before that; nil: never. It is
	// called by several goroutines at a time.
	Stop func() bool
}

// Explored is a walk of an exploration.
type Explored struct {
	World string
	Walked
}

// String returns how far the walk came, in one line.
func (e Explored) String() string {
	bound := ""
	if e.Whole {
		bound = ", and no more than that"
	}
	return fmt.Sprintf("%s: %d states%s, %d deep from %d beginnings, %d followed to their end",
		e.World, e.States, bound, e.Depth, e.Beginnings, e.Settled)
}

// Explore walks through every small world, and returns the walks in the order of
// [SmallWorlds]. Some walks run at the same time; each gives the same numbers as
// alone. The error is that of the first walk in the order that has one; see
// [Walk].
func Explore(opts ExploreOptions) ([]Explored, error) {
	names, _ := SmallWorlds()
	if opts.Worlds != nil {
		names = opts.Worlds
	}
	var walks []Explored
	for _, name := range names {
		walks = append(walks, Explored{World: name})
	}
	workers := min(runtime.GOMAXPROCS(0), len(walks))
	errs := make([]error, len(walks))
	ends := time.Now().Add(opts.For)
	var mu sync.Mutex
	next := 0
	take := func() (int, time.Duration, bool) {
		mu.Lock()
		defer mu.Unlock()
		if next == len(walks) {
			return 0, 0, false
		}
		rounds := (len(walks) - next + workers - 1) / workers
		next++
		return next - 1, time.Until(ends) / time.Duration(rounds), true
	}
	var all sync.WaitGroup
	for range workers {
		all.Go(func() {
			for {
				i, share, more := take()
				if !more {
					return
				}
				walks[i].Walked, errs[i] = Walk(opts.walk(walks[i], share))
			}
		})
	}
	all.Wait()
	i := slices.IndexFunc(errs, func(err error) bool { return err != nil })
	if i < 0 {
		return walks, nil
	}
	return walks, errs[i]
}

func (o *ExploreOptions) walk(e Explored, share time.Duration) WalkOptions {
	w := WalkOptions{World: e.World, Faults: o.Faults, Cycles: o.Cycles, States: o.States, Settles: o.Settles}
	until := time.Now().Add(share)
	if o.For > 0 || o.Stop != nil {
		w.Stop = func() bool {
			return o.For > 0 && !time.Now().Before(until) || o.Stop != nil && o.Stop()
		}
	}
	return w
}

// Deepest returns how deep all of the walks came.
func Deepest(walks []Explored) int {
	if len(walks) == 0 {
		return 0
	}
	return slices.MinFunc(walks, func(a, b Explored) int { return cmp.Compare(a.Depth, b.Depth) }).Depth
}
