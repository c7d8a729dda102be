package sim_test

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/rollmend/rollmend/proptest/sim"
)

// A walk that finds nothing says something only if it would have found it.
func TestAWalkFindsEveryDefectThatIsPlanted(t *testing.T) {
	for _, d := range sim.Defects {
		t.Run(d.Name, func(t *testing.T) {
			o := sim.WalkOptions{Faults: 2, Cycles: 3, States: 30_000, Settles: 16}
			d.Plant(&o)
			told, err := sim.Walk(o)
			var c *sim.Counterexample
			if !errors.As(err, &c) {
				t.Fatalf("not found in %d states, %d moves deep: %v", told.States, told.Depth, err)
			}
			t.Logf("in %d states: %v", told.States, c)
			if c.Steps > 3 {
				t.Errorf("the shortest way to it has %d moves", c.Steps)
			}
		})
	}
}

func TestTheSameWalkFindsTheSameStates(t *testing.T) {
	names, _ := sim.SmallWorlds()
	for _, name := range names {
		t.Run(name, func(t *testing.T) {
			o := sim.WalkOptions{World: name, Faults: 2, Cycles: 2, States: 700, Settles: 5}
			first, err := sim.Walk(o)
			if err != nil {
				t.Fatal(err)
			}
			sim.Wary(&o)
			second, err := sim.Walk(o)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(first, second); diff != "" {
				t.Error(diff)
			}
		})
	}
}
