package sim_test

import (
	"flag"
	"testing"
	"time"

	"github.com/rollmend/rollmend/proptest/sim"
)

var (
	walkStates = flag.Int("walk.states", 4000, "how many different states of each small world to visit")
	walkFaults = flag.Int("walk.faults", 2, "how many faults at most happen on one path")
	walkCycles = flag.Int("walk.cycles", 3, "how many cycles at most pass on one path")
	walkEnds   = flag.Int("walk.ends", 8, "of how many states one is followed to its end")
	walkWorld  = flag.String("walk.world", "", "one small world alone")
	walkPath   = flag.String("walk.path", "", "the path to replay")
)

func TestEveryWayThroughASmallWorldKeepsThePromise(t *testing.T) {
	names, about := sim.SmallWorlds()
	for i, name := range names {
		if *walkWorld != "" && name != *walkWorld {
			continue
		}
		t.Run(name, func(t *testing.T) {
			began := time.Now()
			told, err := sim.Walk(sim.WalkOptions{
				World: name, Faults: *walkFaults, Cycles: *walkCycles, States: *walkStates, Settles: *walkEnds,
			})
			t.Logf("%s: %d states, %d moves, depth %d (%v) from %d beginnings, %d followed to their end, %s",
				about[i], told.States, told.Moves, told.Depth, told.Levels, told.Beginnings, told.Settled, time.Since(began).Round(time.Millisecond))
			t.Logf("synthesised %v", told.Synthesised)
			t.Logf("exceptions %v", told.Exceptions)
			if err != nil {
				t.Fatal(err)
			}
		})
	}
}

func TestReplayWalk(t *testing.T) {
	path := *walkPath
	if path == "" {
		path = "waves/well/3/0.0/1,1"
	}
	before, timeline, err := sim.ReplayWalk(path)
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
