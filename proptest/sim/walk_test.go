package sim_test

import (
	"flag"
	"testing"
	"time"

	"github.com/rollmend/rollmend/proptest/sim"
)

var (
	walkStates = flag.Int("walk.states", 5500, "how many different states one walk visits; 0: as many as the time allows")
	walkFor    = flag.Duration("walk.for", 0, "how long all walks take; 0: as long as their states take")
	walkFaults = flag.Int("walk.faults", 3, "how many faults at most happen on one path")
	walkCycles = flag.Int("walk.cycles", 3, "how many cycles at most pass on one path")
	walkEnds   = flag.Int("walk.ends", 16, "of how many states one is followed to its end")
	walkWorld  = flag.String("walk.world", "", "one small world alone")
	walkPath   = flag.String("walk.path", "waves/well/3/0.0./1,1", "the path to replay")
)

func TestEveryWayThroughASmallWorldKeepsThePromise(t *testing.T) {
	o := sim.ExploreOptions{
		Faults: *walkFaults, Cycles: *walkCycles, States: *walkStates, Settles: *walkEnds, For: *walkFor,
	}
	if *walkWorld != "" {
		o.Worlds = []string{*walkWorld}
	}
	began := time.Now()
	walks, err := sim.Explore(o)
	states, moves, ends := 0, 0, 0
	for _, e := range walks {
		t.Log(e)
		t.Logf("    by depth %v; synthesised %v; exceptions %v", e.Levels, e.Synthesised, e.Exceptions)
		states, moves, ends = states+e.States, moves+e.Moves, ends+e.Settled
	}
	t.Logf("%d states, %d moves, %d followed to their end, in %s", states, moves, ends, time.Since(began).Round(time.Millisecond))
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range walks {
		if e.States == 0 || e.Moves == 0 || !e.Whole && *walkStates > 0 && e.States < *walkStates {
			t.Errorf("%s ended early", e)
		}
	}
}

// Walks on which something was wrong once, in the library or in what judges it.
func TestWalksThatWereWrongOnceAreRight(t *testing.T) {
	for what, path := range map[string]string{
		"a second heartbeat comes in at the very moment at which the first was answered, a day later by the control plane's clock": "edge/well/7/9.17.back/3,4",
	} {
		if _, timeline, err := sim.ReplayWalk(path); err != nil || len(timeline) == 0 {
			t.Errorf("%s: %v", what, err)
		}
	}
}

func TestReplayWalk(t *testing.T) {
	before, timeline, err := sim.ReplayWalk(*walkPath)
	for _, l := range before {
		t.Log(l)
	}
	t.Log("--- here the walk begins")
	for _, l := range timeline {
		t.Log(l)
	}
	if err != nil {
		t.Fatal(err)
	}
	if len(before) == 0 || len(timeline) == 0 {
		t.Error("nothing happens on it")
	}
}
