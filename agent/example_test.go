package agent_test

import (
	"fmt"
	"time"

	"github.com/rollmend/rollmend/agent"
	"github.com/rollmend/rollmend/reducer"
	"github.com/rollmend/rollmend/states"
)

// An agent is killed in the middle of its switch. The next process knows the
// journal alone, finds the host on the target, and goes on.
func Example() {
	m, err := agent.New(agent.Config{
		Host: "web-1", Generation: agent.Present, OnFailure: states.RollbackAndHalt,
		BeatEvery: time.Minute, RetryEvery: 10 * time.Second, ProbeEvery: 30 * time.Second, FailAfter: time.Minute,
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	var journal agent.Journal // on disk, in a real agent
	do := func(in agent.Input) {
		var actions []agent.Action
		m, actions = m.Step(in)
		for _, a := range actions {
			switch a := a.(type) {
			case agent.Keep:
				journal = journal.Keep(a.Entry)
				if r, ok := a.Entry.(agent.Report); ok {
					fmt.Printf("keep %d %s\n", r.Event.Seq, r.Event.Kind())
				}
			case agent.Forget:
				journal = journal.Forget(a.Slot)
			case agent.Send:
				fmt.Printf("send %d %s\n", a.Report.Seq, a.Report.Kind())
			case agent.Beat:
				fmt.Printf("beat %s holding %q on %s\n", a.Heartbeat.Order, a.Heartbeat.Rollout, a.Heartbeat.Current)
			case agent.Activate:
				fmt.Println("switch to", a.Target)
			}
		}
	}

	now := states.TimeOf(time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC))
	do(agent.Started{Now: now, Current: "old", BootID: "b1", Journal: journal})
	do(agent.Dispatched{Now: now, Current: "old", Dispatch: agent.Dispatch{
		Rollout: states.Rollout{Channel: "stable", Ref: "a1"}, Target: "new", Soak: time.Minute,
	}})
	fmt.Println("-- killed in the switch --")
	do(agent.Started{Now: now.Add(5 * time.Second), Current: "new", BootID: "b1", Journal: journal})
	do(agent.ProbesDeclared{Now: now.Add(5 * time.Second), Closure: "new", Probes: []reducer.Declaration{}})
	do(agent.Ticked{Now: m.SoakDue(), Current: "new"})

	// Output:
	// beat 1.1 holding "" on old
	// keep 1 DispatchAck
	// keep 2 ActivationStarted
	// send 1 DispatchAck
	// switch to new
	// -- killed in the switch --
	// keep 3 ActivationCompleted
	// beat 1.2 holding "stable@a1" on new
	// send 1 DispatchAck
	// keep 4 ProbeTopologyDeclared
	// keep 5 Converged
	// beat 1.3 holding "" on new
	// send 1 DispatchAck
}
