package main

import (
	"context"
	"errors"
	"runtime/debug"
	"time"

	"github.com/rollmend/rollmend/proptest/sim"
)

// worlds looks at every interleaving of small worlds, breadth first, as deep as
// its time allows.
type worlds struct {
	// explore walks through all worlds for so long. The error of one that breaks
	// a promise is a [*violation].
	explore func(ctx context.Context, d time.Duration) ([]sim.Explored, error)
}

const (
	// faultsOfAPath is how many faults a path has at most: a violation that needs
	// more of them is left to the random fleets.
	faultsOfAPath = 3

	// cyclesOfAPath is how many cycles pass on a path at most.
	cyclesOfAPath = 4

	// statesPerEnd is of how many states one is followed until nothing happens
	// any more, which costs as much as some twenty others.
	statesPerEnd = 24
)

// realWorlds walks through every small world.
func realWorlds(ctx context.Context, d time.Duration) ([]sim.Explored, error) {
	// A walk makes little that lasts and much that does not.
	defer debug.SetGCPercent(debug.SetGCPercent(400))
	walks, err := sim.Explore(sim.ExploreOptions{
		Faults: faultsOfAPath, Cycles: cyclesOfAPath, Settles: statesPerEnd, For: max(d, time.Millisecond),
		Stop: func() bool { return ctx.Err() != nil },
	})
	var c *sim.Counterexample
	if errors.As(err, &c) {
		return walks, &violation{what: c.Error(), replay: c.Replay()}
	}
	return walks, err
}

func (worlds) name() string { return "worlds" }

func (worlds) about() string {
	return "every interleaving of two hosts, on two waves, on two channels with an edge, and under a budget of one, with every fault that fits, breadth first from every moment of four lives, without visiting a state twice"
}

func (worlds) share() int { return 10 }

func (worlds) summary(l *ledger) []figure {
	return []figure{
		{what: "different states at most in one run", n: l.Counts["states"]},
		{what: "steps deep, without a gap, where a fault counts for two", n: l.Counts["depth"]},
		{what: "states followed until nothing happened any more", n: l.Counts["ends"]},
	}
}

func (p worlds) run(ctx context.Context, j *job) error {
	if p.explore == nil {
		return errUnbound
	}
	walks, err := p.explore(ctx, j.left())
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if err != nil {
		return err
	}
	states := 0
	for _, w := range walks {
		states += w.States
		j.ledger.add("ends", uint64(w.Settled))
		for list, numbers := range map[string]map[string]int{guessesByCase: w.Synthesised, exceptionsByLimit: w.Exceptions} {
			for name, n := range numbers {
				j.ledger.add(list+name, uint64(n))
			}
		}
	}
	j.ledger.raise("states", uint64(states))
	j.ledger.raise("depth", uint64(sim.Deepest(walks)))
	return j.save()
}

// details lists every case that was synthesised, and every guess that did not
// come true, over all paths.
func (worlds) details(l *ledger) string { return simulated{}.details(l) }
