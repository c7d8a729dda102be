package reducer_test

import (
	"fmt"
	"time"

	"github.com/rollmend/rollmend/reducer"
	"github.com/rollmend/rollmend/states"
)

func Example() {
	key := states.Key{Rollout: states.Rollout{Channel: "stable", Ref: "a1b2"}, Host: "web-1"}
	opened := reducer.Event{
		Key: key, Origin: reducer.Origin{By: reducer.ByControlPlane}, At: 1_000,
		Body: reducer.Opened{Target: "new", Policy: states.Policy{Soak: 5 * time.Second, OnFailure: states.RollbackAndHalt}},
	}
	out, err := reducer.Step(states.Record{}, opened)
	fmt.Println(out.Record.State, err)

	for seq, body := range []reducer.Body{
		reducer.DispatchAck{AtDispatch: "old"},
		reducer.ActivationCompleted{Observed: "new"},
		reducer.Converged{Current: "new"}, // after two seconds of a soak of five
	} {
		at := states.Time(2_000 + 1_000*seq)
		out, err = reducer.Step(out.Record, reducer.Event{Key: key, Seq: states.Seq(seq + 1), At: at, Body: body})
		fmt.Println(body.Kind(), out.Disposition, out.Record.State)
	}
	fmt.Println(err)
	// Output:
	// Pending <nil>
	// DispatchAck applied Activating
	// ActivationCompleted applied Soaking
	// Converged refused Soaking
	// reducer: stable@a1b2/web-1: Converged refused (soak-not-over): at 1970-01-01T00:00:04.000Z, the soak ends at 1970-01-01T00:00:08.000Z
}

// The whole protocol, as data.
func ExampleRows() {
	for row := range reducer.Rows() {
		if row.From == states.Activating {
			fmt.Println(row.From, row.On, row.To)
		}
	}
	// Output:
	// Activating ActivationStarted Activating
	// Activating ActivationCompleted Soaking
	// Activating ActivationDeferred Deferred
	// Activating ActivationFailed Failed
}

// What must be stored because of a step, in its order.
func ExampleEffects_To() {
	key := states.Key{Rollout: states.Rollout{Channel: "stable", Ref: "a1b2"}, Host: "web-1"}
	failed := states.Record{Key: key, Target: "new", Belief: states.Belief{State: states.Failed, AtDispatch: "old"}}
	out, _ := reducer.Step(failed, reducer.Event{
		Key: key, Seq: 1, At: 9_000, Body: reducer.RollbackComplete{RevertedTo: "old"},
	})
	_ = out.Effects.To(printer{})
	// Output:
	// log RollbackComplete applied
	// quarantine new on stable: probes failed; web-1 went back to old
	// transition Failed -> Reverted
}

type printer struct{}

func (printer) Log(e reducer.LogEntry) error {
	fmt.Println("log", e.Event.Kind(), e.Disposition)
	return nil
}

func (printer) Quarantine(q reducer.Quarantine) error {
	fmt.Printf("quarantine %s on %s: %s\n", q.Closure, q.Channel, q.Why)
	return nil
}

func (printer) Transition(t reducer.Transition) error {
	fmt.Println("transition", t.From, "->", t.To)
	return nil
}
