package agent_test

import (
	"strings"
	"testing"

	"github.com/rollmend/rollmend/agent"
	"github.com/rollmend/rollmend/reducer"
	"github.com/rollmend/rollmend/states"
)

func TestDispatch(t *testing.T) {
	run(t, []life{
		{"a dispatch is acknowledged and begun before the host is touched", func(h *host) {
			h.start()
			h.wantActs("probe old")
			h.dispatch(first, "new")
			h.wantReports("1 DispatchAck at old", "2 ActivationStarted")
			h.wantActs("activate new")
			h.wantSent("stable@a1 1 DispatchAck at old")
			h.wantHeld(first, states.Activating)
		}},
		{"a switch that leads to the target begins the soak and runs the probes", func(h *host) {
			h.start()
			h.dispatch(first, "new")
			h.wantActs("probe old", "activate new")
			h.switched("new")
			h.wantReports("1 DispatchAck at old", "2 ActivationStarted", "3 ActivationCompleted on new")
			h.wantActs("probe new")
			h.wantHeld(first, states.Soaking)
		}},
		{"a dispatch of what runs already disturbs nobody", func(h *host) {
			h.runs = "new"
			h.start()
			h.dispatch(first, "new")
			h.wantReports("1 DispatchAck at new", "2 ActivationCompleted on new")
			h.wantActs("probe new", "probe new")
		}},
		{"a dispatch of the rollout that is held is acknowledged again and nothing more", func(h *host) {
			h.soaking()
			h.settle()
			h.reports, h.acts = nil, nil
			h.dispatch(first, "new")
			h.wantReports("5 DispatchAck at old")
			h.wantActs()
			h.wantHeld(first, states.Soaking)
		}},
		{"an acknowledgement that still waits is not said twice", func(h *host) {
			h.soaking()
			h.reports = nil
			h.dispatch(first, "new")
			h.wantReports()
		}},
		{"a control plane that dispatches for ever is given the newest acknowledgement again", func(h *host) {
			h.soaking()
			h.settle()
			for range 3 * agent.MaxAcks {
				h.dispatch(first, "new")
				h.settle()
			}
			h.sent, h.reports = nil, nil
			h.dispatch(first, "new")
			h.wantReports()
			h.wantSent("stable@a1 11 DispatchAck at old")
		}},
		{"a dispatch of a rollout that was finished is acknowledged again and nothing more", func(h *host) {
			h.soaking()
			h.converge()
			h.settle()
			h.runs = "old" // an operator went back by hand
			h.reports, h.acts = nil, nil
			h.dispatch(first, "new")
			h.wantReports("8 DispatchAck at old")
			h.wantActs("probe old")
			h.wantHeld(states.Rollout{}, 0)
		}},
		{"a dispatch of a rollout that was left for a newer one never leads back", func(h *host) {
			h.soaking()
			h.settle()
			h.dispatch(newer, "newer")
			h.switched("newer")
			h.settle()
			h.reports, h.acts = nil, nil
			h.dispatch(first, "new")
			h.wantReports("5 DispatchAck at old")
			h.wantActs()
			h.wantHeld(newer, states.Soaking)
		}},
		{"a newer dispatch takes over from a soak", func(h *host) {
			h.soaking()
			h.reports, h.acts = nil, nil
			h.dispatch(newer, "newer")
			h.wantReports("1 DispatchAck at new", "2 ActivationStarted")
			h.wantActs("activate newer")
			h.wantHeld(newer, states.Activating)
		}},
		{"a dispatch during a switch is not heard until the switch is over", func(h *host) {
			h.start()
			h.dispatch(first, "new")
			h.reports, h.acts = nil, nil
			diff(h.t, "busy", true, h.m.Busy())
			h.dispatch(newer, "newer")
			h.wantReports()
			h.wantActs()
			h.switched("new")
			h.dispatch(newer, "newer")
			h.wantHeld(newer, states.Activating)
		}},
		{"a dispatch without a target is not heard", func(h *host) {
			h.start()
			h.dispatch(first, "")
			h.wantReports()
		}},
		{"a failed switch reports the end of its errors", func(h *host) {
			h.start()
			h.dispatch(first, "new")
			stderr := "begin" + strings.Repeat("x", agent.MaxStderr)
			h.do(agent.SwitchFinished{Now: h.now, Current: "old", ExitCode: 4, Stderr: stderr})
			for _, e := range h.journal {
				if r, ok := e.(agent.Report); ok && r.Event.Kind() == states.KindActivationFailed {
					diff(h.t, "body", reducer.ActivationFailed{ExitCode: 4, StderrTail: stderr[len("begin"):]}, r.Event.Body.(reducer.ActivationFailed))
					return
				}
			}
			h.t.Error("no ActivationFailed in the journal")
		}},
		{"an exit code is not judged: what runs counts", func(h *host) {
			h.start()
			h.dispatch(first, "new")
			h.runs = "new"
			h.do(agent.SwitchFinished{Now: h.now, Current: "new", ExitCode: 4})
			h.wantHeld(first, states.Soaking)
		}},
		{"a switch after which nobody can say what runs has failed", func(h *host) {
			h.start()
			h.dispatch(first, "new")
			h.acts = nil
			h.do(agent.SwitchFinished{Now: h.now})
			h.wantHeld(first, states.Failed)
			h.wantActs("roll back to old")
		}},
	})
}

func TestDeferral(t *testing.T) {
	deferred := func(h *host) {
		h.start()
		h.dispatch(first, "new")
		h.do(agent.SwitchDeferred{Now: h.now, Current: "old", Component: "kernel"})
		h.wantReports("1 DispatchAck at old", "2 ActivationStarted", "3 ActivationDeferred")
		h.acts = nil
	}
	run(t, []life{
		{"a deferred activation is completed by a later boot on the target", func(h *host) {
			deferred(h)
			h.reboot("new")
			h.wantReports("4 ActivationCompleted on new")
			h.wantHeld(first, states.Soaking)
		}},
		{"the target in the boot of the deferral completes nothing", func(h *host) {
			deferred(h)
			h.runs = "new"
			h.tick(second)
			h.start()
			h.wantReports()
			h.wantHeld(first, states.Deferred)
		}},
		{"a later boot into what ran before completes nothing, and switches nothing", func(h *host) {
			deferred(h)
			h.reboot("old")
			h.wantReports()
			h.wantActs("probe old")
			h.wantHeld(first, states.Deferred)
		}},
		{"a boot that the system does not name is not taken for a later one", func(h *host) {
			deferred(h)
			h.boot, h.runs = "", "new"
			h.start()
			h.wantHeld(first, states.Deferred)
		}},
	})
}
