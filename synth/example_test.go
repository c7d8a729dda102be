package synth_test

import (
	"fmt"
	"time"

	"github.com/rollmend/rollmend/reducer"
	"github.com/rollmend/rollmend/states"
	"github.com/rollmend/rollmend/synth"
)

// The agent restarted in the middle of the switch, and its report never left
// the host. Its next heartbeat tells.
func ExampleChain() {
	rec := states.Record{
		Key:    states.Key{Rollout: states.Rollout{Channel: "stable", Ref: "a1b2"}, Host: "web-1"},
		Target: "new",
		Policy: states.Policy{Soak: time.Minute},
		Opened: 1_000,
		Belief: states.Belief{State: states.Activating, AtDispatch: "old", Current: "old"},
	}
	look := synth.Look{
		Record: rec,
		Seen: synth.Seen{
			Heartbeat: synth.Heartbeat{Host: "web-1", Current: "new", At: 60_000},
			Received:  60_000,
		},
		Now:    60_000,
		Bounds: synth.Bounds{Silence: 3 * time.Minute, Skew: 5 * time.Minute},
	}
	finding := synth.Chain(look)
	fmt.Println(finding)
	for _, ev := range finding.Events {
		out, _ := reducer.Step(look.Record, ev)
		fmt.Println(ev.Kind(), "->", out.Record.State)
		look.Record = out.Record
	}
	fmt.Println(synth.Chain(look).Reason)
	// Output:
	// stable@a1b2/web-1: chain (agent-restarted): the host runs the target, and nothing said that the activation completed
	// ActivationCompleted -> Soaking
	// in-step
}

// A report that belongs further along the road than its record is.
func ExampleAhead() {
	key := states.Key{Rollout: states.Rollout{Channel: "stable", Ref: "a1b2"}, Host: "web-1"}
	wiped := states.Record{Key: key, Target: "new", Opened: 1_000, Belief: states.Belief{State: states.Pending}}
	report := reducer.Event{
		Key: key, Seq: 7, At: 60_000,
		Body: reducer.ProbeResult{Probe: "http", Mode: states.Enforce, Status: states.Pass},
	}
	for _, ev := range synth.Ahead(wiped, report).Events {
		fmt.Println(ev.Kind(), ev.Origin.Case)
	}
	// Output:
	// DispatchAck report-ahead
	// ActivationCompleted report-ahead
}
