package main

import (
	"testing"

	"github.com/rollmend/rollmend/adapters"
	"github.com/rollmend/rollmend/adapters/storetest"
	"github.com/rollmend/rollmend/proptest"
)

// What a store owes to several writers, one change at a time.
func TestContract(t *testing.T) {
	storetest.Run(t, func(testing.TB) storetest.Fixture {
		return storetest.Fixture{
			Open:  func(testing.TB) adapters.Store { return newFoldingStore() },
			Close: func(testing.TB, adapters.Store) {},
		}
	})
}

// What it owes to the life of a fleet.
func TestLaws(t *testing.T) {
	sys := proptest.Real()
	sys.Open = open
	proptest.Run(t, sys, proptest.StoreLaws()...)
}

func Example_main() {
	main()
	// Output:
	// # The control plane starts anew in the middle of a rollout.
	// rollout stable@a1b2 target=new soak=10s
	// host web-1 runs=old
	// dispatch web-1
	// ack web-1 seq=1
	// restart
	// activated web-1 seq=2
	// log web-1
	// ----
	// web-1  Pending -> Activating
	// web-1  Activating -> Soaking
	// 0  Opened target=new wave=0  at=0s  (control-plane)
	// 1  Dispatched  at=0s  (control-plane)
	// 2  DispatchAck closure=old  at=0s  (report 1, applied)
	// 3  ActivationCompleted observed=new  at=0s  (report 2, applied)
}
