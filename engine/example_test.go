package engine_test

import (
	"context"
	"fmt"
	"time"

	"github.com/benbjohnson/clock"

	"github.com/rollmend/rollmend/adapters/memory"
	"github.com/rollmend/rollmend/engine"
	"github.com/rollmend/rollmend/gates"
	"github.com/rollmend/rollmend/reducer"
	"github.com/rollmend/rollmend/states"
	"github.com/rollmend/rollmend/synth"
)

// One host on its way from the dispatch to the convergence.
func ExampleEngine() {
	ctx := context.Background()
	clk := clock.NewMock() // a service uses adapters.WallClock
	clk.Set(time.Unix(1_700_000_000, 0))
	now := func() states.Time { return states.TimeOf(clk.Now()) }

	eng, err := engine.New(ctx, engine.Options{Store: memory.New(), Clock: clk, Cycle: time.Minute})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer eng.Close()
	loaded, err := eng.Load(ctx, gates.NewFleet(gates.Plan{
		Ref: "a1b2",
		Hosts: []gates.PlannedHost{{
			Host: "web-1", Channel: "stable", Target: "new",
			Policy: states.Policy{Soak: time.Minute, OnFailure: states.RollbackAndHalt},
		}},
	}))
	fmt.Println("opened", loaded.Opened, err)

	// Nothing is dispatched before the agent had a reply of this control plane.
	hb := synth.Heartbeat{Host: "web-1", Current: "old", At: now()}
	reply, _ := eng.Heartbeat(ctx, hb)
	hb.LastReply = reply.ReceivedAt
	_, _ = eng.Heartbeat(ctx, hb)
	dispatch, ok, err := eng.Dispatch(ctx, "web-1", 0)
	fmt.Println("dispatched", dispatch.Target, ok, err)

	for i, body := range []reducer.Body{
		reducer.DispatchAck{AtDispatch: "old"},
		reducer.ActivationCompleted{Observed: "new"},
		reducer.Converged{Current: "new"},
	} {
		clk.Add(time.Minute)
		r, err := eng.Report(ctx, engine.Report{Event: reducer.Event{Key: dispatch.Key, Seq: states.Seq(i + 1), At: now(), Body: body}})
		fmt.Println(body.Kind(), r.Disposition, err)
	}
	// Output:
	// opened [stable@a1b2] <nil>
	// dispatched new true <nil>
	// DispatchAck applied <nil>
	// ActivationCompleted applied <nil>
	// Converged applied <nil>
}
