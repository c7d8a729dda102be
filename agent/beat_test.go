package agent_test

import (
	"testing"

	"github.com/rollmend/rollmend/agent"
	"github.com/rollmend/rollmend/states"
)

func TestBeat(t *testing.T) {
	run(t, []life{
		{"the first heartbeat comes at once, without what is not known", func(h *host) {
			h.start()
			diff(h.t, "heartbeat", agent.Heartbeat{
				Current: "old", At: h.now, Order: states.Order{Boot: 1, Beat: 1},
			}, h.lastBeat())
		}},
		{"a heartbeat tells what is held, what fails, since when it runs, what waits, and the last reply", func(h *host) {
			h.cfg.FailAfter = 10 * minute
			h.soaking()
			since := h.now
			h.probe("http", states.Fail)
			h.do(agent.BeatAnswered{Now: h.now, ReceivedAt: 4711})
			h.tick(minute)
			diff(h.t, "heartbeat", agent.Heartbeat{
				Rollout: first, Current: "new", At: h.now, Order: states.Order{Boot: 1, Beat: 2},
				LastReply: 4711, CurrentSince: since, FailingProbes: []string{"http"}, Queued: 7,
			}, h.lastBeat())
		}},
		{"the last reply is known after a restart, once a heartbeat vouched for it", func(h *host) {
			h.start()
			h.do(agent.BeatAnswered{Now: h.now, ReceivedAt: 4711})
			h.tick(minute)
			diff(h.t, "last reply", states.Time(4711), h.lastBeat().LastReply)
			h.start()
			diff(h.t, "last reply", states.Time(4711), h.lastBeat().LastReply)
		}},
		{"beats rise through restarts and begin anew with a boot", func(h *host) {
			h.start()
			h.start()
			h.tick(minute)
			diff(h.t, "order", states.Order{Boot: 1, Beat: 3}, h.lastBeat().Order)
			h.reboot("old")
			diff(h.t, "order", states.Order{Boot: 2, Beat: 1}, h.lastBeat().Order)
		}},
		{"a report carries the newest beat before it", func(h *host) {
			h.start()
			h.tick(minute)
			h.dispatch(first, "new")
			diff(h.t, "order", states.Order{Boot: 1, Beat: 2}, h.sent[0].Order)
		}},
		{"heartbeats go by the agent's pace, or by the one that the control plane sets", func(h *host) {
			h.start()
			h.tick(minute - second)
			diff(h.t, "heartbeats", 1, len(h.beats))
			h.tick(second)
			diff(h.t, "heartbeats", 2, len(h.beats))
			h.do(agent.BeatAnswered{Now: h.now, NextBeat: 2 * minute})
			h.tick(2*minute - second)
			diff(h.t, "heartbeats", 2, len(h.beats))
			h.tick(second)
			diff(h.t, "heartbeats", 3, len(h.beats))
		}},
		{"one wrong number does not silence the host for good", func(h *host) {
			h.start()
			h.do(agent.BeatAnswered{Now: h.now, NextBeat: 1000 * 60 * minute})
			h.tick(10 * minute)
			diff(h.t, "heartbeats", 2, len(h.beats))
		}},
		{"a clock that is set back does not silence the host until it has caught up", func(h *host) {
			h.start()
			h.tick(-60 * 60 * second)
			h.tick(minute)
			diff(h.t, "heartbeats", 2, len(h.beats))
		}},
		{"nothing has run since a time that the clock does not show yet", func(h *host) {
			h.start()
			h.runs = "new"
			h.tick(second)
			h.tick(-10 * minute)
			h.tick(minute)
			since := h.now
			diff(h.t, "since", since, h.lastBeat().CurrentSince)
			h.tick(minute)
			diff(h.t, "since", since, h.lastBeat().CurrentSince)
			h.now -= states.Time((5 * minute).Milliseconds())
			h.start() // it was down when the clock was set back again
			diff(h.t, "since", h.now, h.lastBeat().CurrentSince)
		}},
		{"a failing probe is named though no rollout is held", func(h *host) {
			h.start()
			h.declare("http")
			h.probe("http", states.Fail)
			h.tick(minute)
			diff(h.t, "failing", []string{"http"}, h.lastBeat().FailingProbes)
			h.runs = "other"
			h.tick(minute)
			diff(h.t, "failing", []string(nil), h.lastBeat().FailingProbes)
		}},
		{"a closure that cannot be read is unknown for now, not changed", func(h *host) {
			h.start()
			h.runs = "new"
			h.tick(second)
			since := h.now
			h.runs = ""
			h.tick(minute)
			diff(h.t, "current", states.Closure(""), h.lastBeat().Current)
			diff(h.t, "since", states.Time(0), h.lastBeat().CurrentSince)
			h.runs = "new"
			h.tick(minute)
			diff(h.t, "since", since, h.lastBeat().CurrentSince)
		}},
	})
}

func TestFirstGeneration(t *testing.T) {
	run(t, []life{
		{"it soaks again what it finished, when an older control plane gives it back", func(h *host) {
			h.cfg.Generation = agent.First
			h.start()
			h.soaking()
			h.converge()
			h.settle()
			h.reports = nil
			h.replied(agent.Snapshot{Rollout: first, State: states.Soaking, Target: "new", AtDispatch: "old", SoakDueAt: h.now, LastSeq: 5})
			h.wantHeld(first, states.Soaking)
			h.declare("http")
			h.wantReports("8 ProbeTopologyDeclared", "9 ProbeResult http pass", "10 Converged")
		}},
		{"it holds nothing after a restart, and sends what was not acknowledged", func(h *host) {
			h.cfg.Generation = agent.First
			h.soaking()
			h.answer(agent.ReportAnswered{Answer: agent.Told})
			h.sent, h.reports, h.acts = nil, nil, nil
			h.start()
			h.wantHeld(states.Rollout{}, 0)
			h.wantSent("stable@a1 2 ActivationStarted")
			h.wantActs("probe new")
		}},
		{"it deletes what was acknowledged, and keeps nothing else", func(h *host) {
			h.cfg.Generation = agent.First
			h.soaking()
			diff(h.t, "kept", 4, len(h.journal))
			h.settle()
			diff(h.t, "kept", 0, len(h.journal))
		}},
		{"its heartbeat has the rollout, the closure and the time alone", func(h *host) {
			h.cfg.Generation, h.cfg.FailAfter = agent.First, 10*minute
			h.soaking()
			h.probe("http", states.Fail)
			h.do(agent.BeatAnswered{Now: h.now, ReceivedAt: 4711})
			h.tick(minute)
			diff(h.t, "heartbeat", agent.Heartbeat{Rollout: first, Current: "new", At: h.now}, h.lastBeat())
			diff(h.t, "order", states.Order{}, h.sent[0].Order)
		}},
		{"it knows neither the soak's length nor the policy from the dispatch", func(h *host) {
			h.cfg.Generation = agent.First
			h.start()
			h.do(agent.Dispatched{Now: h.now, Current: "old", Dispatch: agent.Dispatch{
				Rollout: first, Target: "new", Soak: 5 * minute, SoakDueAt: h.now.Add(minute), OnFailure: states.Halt,
			}})
			due := h.now.Add(minute)
			h.tick(10 * second)
			h.switched("new")
			diff(h.t, "soak due", due, h.m.SoakDue())
		}},
		{"it ignores a request for a replay", func(h *host) {
			h.cfg.Generation = agent.First
			h.soaking()
			h.settle()
			h.do(agent.BeatAnswered{Now: h.now, Replay: []agent.Replay{{Rollout: first, From: 1}}})
			diff(h.t, "queued", 0, h.m.Queued())
		}},
		{"after a restart it goes on from a snapshot, behind its number", func(h *host) {
			h.cfg.Generation = agent.First
			h.soaking()
			h.settle()
			h.start()
			h.reports = nil
			h.replied(agent.Snapshot{Rollout: first, State: states.Soaking, Target: "new", SoakDueAt: h.now.Add(minute), LastSeq: 4, LastBoot: 3})
			h.declare()
			h.tick(minute)
			h.wantReports("5 ProbeTopologyDeclared", "6 Converged")
		}},
		{"after a restart it takes the dispatch again of what it does not know to have finished", func(h *host) {
			h.cfg.Generation = agent.First
			h.start()
			h.dispatch(first, "new")
			h.answer(agent.ReportAnswered{Answer: agent.Told})
			h.start()
			h.acts, h.reports = nil, nil
			h.dispatch(first, "new")
			h.wantReports("3 DispatchAck at old", "4 ActivationStarted")
			h.wantActs("activate new")
		}},
		{"after a restart it takes the dispatch again also where its first acknowledgement still waits", func(h *host) {
			h.cfg.Generation = agent.First
			h.start()
			h.dispatch(first, "new")
			h.runs = "new" // the switch ended the agent
			h.start()
			h.reports = nil
			h.dispatch(first, "new")
			h.wantReports("3 DispatchAck at new", "4 ActivationCompleted on new")
			h.wantHeld(first, states.Soaking)
		}},
		{"a convergence that waits in its queue says that the rollout is finished", func(h *host) {
			h.cfg.Generation = agent.First
			h.soaking()
			h.converge()
			h.start()
			h.replied(agent.Snapshot{Rollout: first, State: states.Soaking, Target: "new", LastSeq: 4})
			h.wantHeld(states.Rollout{}, 0)
		}},
	})
}
