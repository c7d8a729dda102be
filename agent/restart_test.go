package agent_test

import (
	"testing"

	"github.com/rollmend/rollmend/agent"
	"github.com/rollmend/rollmend/reducer"
	"github.com/rollmend/rollmend/states"
)

func TestRestart(t *testing.T) {
	run(t, []life{
		{"an agent that was killed in its switch and runs the target says so late", func(h *host) {
			h.start()
			h.dispatch(first, "new")
			h.reports, h.acts = nil, nil
			h.runs = "new"
			h.now = h.now.Add(minute)
			h.start()
			h.wantReports("3 ActivationCompleted on new")
			h.wantActs("probe new")
			diff(h.t, "soak due", h.now.Add(5*minute), h.m.SoakDue())
		}},
		{"an agent that was killed in its switch and does not run the target switches again", func(h *host) {
			h.start()
			h.dispatch(first, "new")
			h.reports, h.acts = nil, nil
			h.start()
			h.wantReports("3 ActivationStarted")
			h.wantActs("activate new")
		}},
		{"a switch that is cut off again and again counts as failed", func(h *host) {
			h.start()
			h.dispatch(first, "new")
			for range agent.MaxStarts - 1 {
				h.start()
			}
			h.reports, h.acts = nil, nil
			h.start()
			h.wantReports("7 ActivationFailed", "8 RollbackComplete to old")
			h.wantActs("probe old")
		}},
		{"a dispatch that was taken but not acknowledged is forgotten, and comes again", func(h *host) {
			h.soaking()
			h.journal = h.journal.Keep(agent.Taken{Rollout: newer, Nth: 2, State: states.Pending, Target: "newer", AtDispatch: "new", OnFailure: states.Halt})
			h.start()
			h.wantHeld(first, states.Soaking)
			diff(h.t, "of the newer", 0, len(of(h.journal, newer)))
			h.reports = nil
			h.dispatch(newer, "newer")
			h.wantReports("1 DispatchAck at new", "2 ActivationStarted")
		}},
		{"reports and what was acknowledged are kept until a newer rollout but one is acknowledged", func(h *host) {
			h.soaking()
			h.converge()
			h.settle()
			h.dispatch(newer, "newer")
			h.switched("newer")
			h.settle()
			diff(h.t, "of the first", 9, len(of(h.journal, first)))
			h.dispatch(third, "third")
			diff(h.t, "of the first", 0, len(of(h.journal, first)))
			diff(h.t, "of the newer", 5, len(of(h.journal, newer)))
		}},
		{"reports that were not answered outlive the rollouts after them", func(h *host) {
			h.soaking()
			h.dispatch(newer, "newer")
			h.switched("newer")
			h.dispatch(third, "third")
			diff(h.t, "of the first", 5, len(of(h.journal, first)))
			h.start()
			h.sent = nil
			h.start()
			h.wantSent("stable@a1 1 DispatchAck at old", "stable@b2 1 DispatchAck at new", "stable@c3 1 DispatchAck at newer")
		}},
		{"reports whose rollout is not in the journal are sent, and do not hide the one that is held", func(h *host) {
			h.soaking()
			h.settle()
			h.journal = h.journal.Keep(agent.Report{Event: reducer.Event{
				Key: states.Key{Rollout: third, Host: "web-1"}, Seq: 8, At: h.now, Body: reducer.ActivationStarted{Method: "switch"},
			}})
			h.sent = nil
			h.start()
			h.wantHeld(first, states.Soaking)
			h.wantSent("stable@c3 8 ActivationStarted")
			h.dispatch(third, "third")
			h.wantReports("1 DispatchAck at old", "2 ActivationStarted", "3 ActivationCompleted on new", "4 ProbeTopologyDeclared",
				"9 DispatchAck at new", "10 ActivationStarted")
			h.wantHeld(third, states.Activating)
			h.journal = h.journal.Forget(agent.Slot{Kind: agent.KindReport, Rollout: third, Seq: 9}).
				Forget(agent.Slot{Kind: agent.KindReport, Rollout: third, Seq: 10})
			h.start()
			h.wantHeld(first, states.Soaking)
		}},
		{"nothing is done before the journal was read", func(h *host) {
			m, err := agent.New(h.cfg)
			diff(h.t, "error", nil, err)
			m, actions := m.Step(agent.Ticked{Now: h.now, Current: "old"})
			diff(h.t, "actions", 0, len(actions))
			diff(h.t, "wake", states.Time(0), m.Wake())
		}},
	})
}

// of returns the entries of one rollout.
func of(j agent.Journal, r states.Rollout) (out []agent.Entry) {
	for _, e := range j {
		if e.Slot().Rollout == r {
			out = append(out, e)
		}
	}
	return out
}
