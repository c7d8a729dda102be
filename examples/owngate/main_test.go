package main

import (
	"testing"

	"github.com/rollmend/rollmend/gates"
	"github.com/rollmend/rollmend/proptest"
	"github.com/rollmend/rollmend/states"
)

// halfOfStable is what the gate is for, counted from the records.
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

func TestGate(t *testing.T) {
	sys := proptest.Real()
	sys.Gates = func(gates.Plan) []gates.Gate { return rules.Own }
	proptest.Run(t, sys, proptest.GateLaws(halfOfStable)...)
}

func Example_main() {
	main()
	// Output:
	// # The edge follows half of stable.
	// rollout stable@a1b2 target=new soak=10s
	// host stable-1 stable-2 runs=old
	// rollout edge@a1b2 target=new soak=10s
	// host edge-1 runs=old
	// dispatch edge-1
	// ----
	// edge-1  not dispatched
	//   block       share (edge behind 50 % of stable)
	//
	// dispatch stable-1
	// ack stable-1 seq=1
	// activated stable-1 seq=2
	// wait 10s
	// converged stable-1 seq=3
	// poll edge-1
	// ----
	// stable-1  Pending -> Activating
	// stable-1  Activating -> Soaking
	// stable-1  Soaking -> Converged
	// edge-1  dispatched new
}
