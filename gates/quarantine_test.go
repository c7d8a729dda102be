package gates_test

import (
	"testing"

	"github.com/rollmend/rollmend/gates"
	"github.com/rollmend/rollmend/reducer"
)

// Nothing that was quarantined, and not knowing what is, are not the same.
func TestQuarantinesThatAreNotKnownHoldEverything(t *testing.T) {
	fleet := gates.NewFleet(gates.Plan{
		Ref:   "a1b2",
		Hosts: []gates.PlannedHost{{Host: "web-1", Channel: "stable", Target: "new"}},
	})
	id, _ := fleet.Rollout("stable")
	for _, known := range []bool{false, true} {
		var quarantines []reducer.Quarantine
		if known {
			quarantines = []reducer.Quarantine{}
		}
		view := gates.NewView(fleet, quarantines)
		view.Open(id)
		if v := gates.Evaluate(view, ask(id, "web-1", 0))[0]; v.Passed() != known {
			t.Fatalf("quarantines known: %t; %s", known, v)
		}
	}
}
