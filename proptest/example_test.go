package proptest_test

import (
	"fmt"

	"github.com/rollmend/rollmend/gates"
	"github.com/rollmend/rollmend/proptest"
	"github.com/rollmend/rollmend/states"
)

// halfFirst is a gate of one's own: no host of edge goes before half of stable
// has converged. It has a defect.
type halfFirst struct{}

func (halfFirst) Name() string { return "half-first" }

func (halfFirst) Hold(view *gates.View, ask gates.Ask) (gates.Block, bool) {
	stable, planned := view.Fleet().Rollout("stable")
	if ask.Key.Rollout.Channel != "edge" || !planned {
		return gates.Block{}, false
	}
	progress, open := view.Progress(stable)
	return gates.Block{
		Scope:   "edge behind half of stable",
		Why:     fmt.Sprintf("%d of %d hosts have converged", progress.Converged, progress.Hosts),
		Release: "half of stable converged",
	}, !open || progress.Converged < progress.Hosts/2 // half of one host is none
}

// halfOfStable is the same rule once more: slow, and obviously right.
var halfOfStable = proptest.Rule{
	Name: "edge waits for half of stable",
	Holds: func(fleet *proptest.Fleet, ask gates.Ask) bool {
		if ask.Key.Rollout.Channel != "edge" {
			return false
		}
		all, converged := 0, 0
		for _, rec := range fleet.In(states.Rollout{Channel: "stable", Ref: fleet.Plan.Ref}) {
			all++
			if rec.State == states.Converged {
				converged++
			}
		}
		return 2*converged < all
	},
}

// homeMade is our system with the gate behind ours.
func homeMade() proptest.System {
	sys := proptest.Real()
	sys.Gates = func(gates.Plan) []gates.Gate { return []gates.Gate{halfFirst{}} }
	return sys
}

// A gate of one's own rounds down. In a test, the one line
//
//	proptest.Run(t, homeMade(), proptest.GateLaws(halfOfStable)...)
//
// fails with the timeline below, the seed, and the command that shows it again.
func Example() {
	found, broken := proptest.NoGateViolated(halfOfStable).Find(homeMade(), 1, 10_000)
	if broken {
		fmt.Print(found.Text())
	}
	// Output:
	// # Broken: nothing is dispatched, and no lost convergence rebuilt, while a gate holds it.
	// rollout edge@a1b2 target=new-edge
	// host edge-0 runs=new-edge
	// rollout stable@a1b2 target=new-stable
	// host stable-0 runs=old
	// beat edge-0 runs=new-edge boot=1 beat=1
	// ----
	// edge-0 is taken for converged, and the rule holds it: edge waits for half of stable
}
