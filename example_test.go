package rollmend_test

import (
	"context"
	"fmt"
	"time"

	"github.com/benbjohnson/clock"

	"github.com/rollmend/rollmend/adapters/memory"
	"github.com/rollmend/rollmend/engine"
	"github.com/rollmend/rollmend/gates"
	"github.com/rollmend/rollmend/states"
	"github.com/rollmend/rollmend/synth"
)

// The promise in one program: the control plane's database is gone, and one
// heartbeat of each host is enough to see them all again, in the right state.
func Example() {
	ctx := context.Background()
	clk := clock.NewMock()
	clk.Set(time.Unix(1_700_000_000, 0))
	fleet := gates.NewFleet(gates.Plan{
		Ref: "a1b2",
		Hosts: []gates.PlannedHost{
			{Host: "web-1", Channel: "stable", Wave: 0, Target: "new"},
			{Host: "web-2", Channel: "stable", Wave: 1, Target: "new"},
		},
	})

	// A store that has forgotten everything, and a service that starts on it.
	control, err := engine.New(ctx, engine.Options{Store: memory.New(), Clock: clk, Cycle: time.Minute})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer control.Close()
	if _, err := control.Load(ctx, fleet); err != nil {
		fmt.Println(err)
		return
	}

	// The hosts never stopped running the new closure. The second wave beats
	// first, and is held until the first one has proven itself.
	for _, host := range []states.Host{"web-2", "web-1"} {
		clk.Add(time.Second)
		reply, err := control.Heartbeat(ctx, synth.Heartbeat{Host: host, Current: "new", At: states.TimeOf(clk.Now())})
		for _, finding := range reply.Findings {
			fmt.Println(finding.Key.Host, finding.Reason, finding.Case, err)
		}
	}
	for _, host := range []states.Host{"web-1", "web-2"} {
		ex, err := control.Explain(ctx, host)
		if err != nil {
			fmt.Println(err)
			return
		}
		rec := ex.Records[0].Record
		fmt.Println(host, rec.State, "on", rec.Current, "because", rec.LastGuess().Case)
	}
	// Output:
	// web-2 held records-lost <nil>
	// web-1 chain records-lost <nil>
	// web-1 Converged on new because records-lost
	// web-2 Converged on new because records-lost
}
