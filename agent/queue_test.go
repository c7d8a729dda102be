package agent_test

import (
	"testing"

	"github.com/rollmend/rollmend/agent"
	"github.com/rollmend/rollmend/reducer"
	"github.com/rollmend/rollmend/states"
)

func TestQueue(t *testing.T) {
	applied := agent.ReportAnswered{Answer: agent.Told, Disposition: reducer.Applied}
	run(t, []life{
		{"reports are sent in order, the next after the answer to the last", func(h *host) {
			h.soaking()
			h.wantSent("stable@a1 1 DispatchAck at old")
			h.answer(applied)
			h.wantSent("stable@a1 2 ActivationStarted")
			diff(h.t, "queued", 3, h.m.Queued())
		}},
		{"a report without an answer is sent again", func(h *host) {
			h.soaking()
			h.sent = nil
			h.tick(9 * second)
			h.wantSent()
			h.tick(second)
			h.wantSent("stable@a1 1 DispatchAck at old")
		}},
		{"a clock that is set back does not hold a report until it has caught up", func(h *host) {
			h.soaking()
			h.tick(-60 * minute)
			h.sent = nil
			h.tick(10 * second)
			h.wantSent("stable@a1 1 DispatchAck at old")
		}},
		{"a refused report does not block what is behind it", func(h *host) {
			h.soaking()
			h.answer(agent.ReportAnswered{Answer: agent.Told, Disposition: reducer.Refused})
			h.wantSent("stable@a1 1 DispatchAck at old", "stable@a1 2 ActivationStarted")
		}},
		{"a report without a record does not block what is behind it", func(h *host) {
			h.soaking()
			h.answer(agent.ReportAnswered{Answer: agent.NoRecord})
			h.wantSent("stable@a1 1 DispatchAck at old", "stable@a1 2 ActivationStarted")
		}},
		{"a control plane that is not ready is left alone for as long as it asked", func(h *host) {
			h.soaking()
			h.answer(agent.ReportAnswered{Answer: agent.NotNow, After: 30 * second})
			h.sent = nil
			h.tick(29 * second)
			h.wantSent()
			h.tick(second)
			h.wantSent("stable@a1 1 DispatchAck at old")
		}},
		{"one wrong number does not silence the queue for good", func(h *host) {
			h.soaking()
			h.answer(agent.ReportAnswered{Answer: agent.NotNow, After: 1000 * minute})
			h.sent = nil
			h.tick(100 * second)
			h.wantSent("stable@a1 1 DispatchAck at old")
		}},
		{"a report that is put back is sent again behind what is missing", func(h *host) {
			h.soaking()
			h.settle()
			h.probe("http", states.Pass)
			h.sent = nil
			h.answer(agent.ReportAnswered{Answer: agent.PutBack, From: 2})
			for range 3 {
				h.answer(applied)
			}
			h.wantSent("stable@a1 2 ActivationStarted",
				"stable@a1 3 ActivationCompleted on new", "stable@a1 4 ProbeTopologyDeclared", "stable@a1 5 ProbeObservedFirst")
		}},
		{"a report whose gap cannot be filled is sent again as it is", func(h *host) {
			h.runs = "new"
			h.start()
			h.replied(agent.Snapshot{Rollout: first, State: states.Activating, Target: "new", LastSeq: 20})
			h.answer(agent.ReportAnswered{Answer: agent.PutBack, From: 3})
			h.wantSent("stable@a1 21 ActivationCompleted on new", "stable@a1 21 ActivationCompleted on new")
			diff(h.t, "queued", 1, h.m.Queued())
		}},
		{"a report that is put back again and again is not sent in a circle", func(h *host) {
			h.soaking()
			h.answer(agent.ReportAnswered{Answer: agent.PutBack, From: 1})
			h.answer(agent.ReportAnswered{Answer: agent.PutBack, From: 1})
			h.wantSent("stable@a1 1 DispatchAck at old", "stable@a1 1 DispatchAck at old")
			h.tick(10 * second)
			h.wantSent("stable@a1 1 DispatchAck at old")
		}},
		{"an answer to what is not on its way is not heard", func(h *host) {
			h.soaking()
			h.do(agent.ReportAnswered{Now: h.now, Rollout: first, Seq: 3, Answer: agent.Told})
			h.do(agent.ReportAnswered{Now: h.now, Rollout: newer, Seq: 1, Answer: agent.Told})
			h.do(agent.ReportAnswered{Now: h.now, Rollout: first, Seq: 1})
			diff(h.t, "queued", 4, h.m.Queued())
		}},
		{"two rollouts with the same numbers do not hide each other", func(h *host) {
			h.soaking()
			h.dispatch(newer, "newer")
			h.wantSent("stable@a1 1 DispatchAck at old", "stable@b2 1 DispatchAck at new")
			h.do(agent.ReportAnswered{Now: h.now, Rollout: newer, Seq: 1, Answer: agent.Told})
			h.wantSent("stable@b2 2 ActivationStarted")
		}},
		{"what a wiped control plane asks for is sent again from there on", func(h *host) {
			h.soaking()
			h.settle()
			h.sent = nil
			h.do(agent.BeatAnswered{Now: h.now, Replay: []agent.Replay{{Rollout: first, From: 3}, {Rollout: third, From: 1}}})
			h.settle()
			h.wantSent("stable@a1 3 ActivationCompleted on new", "stable@a1 4 ProbeTopologyDeclared")
		}},
		{"a replay that was asked for is still owed after a kill", func(h *host) {
			h.soaking()
			h.settle()
			h.do(agent.BeatAnswered{Now: h.now, ReceivedAt: 77, Replay: []agent.Replay{{Rollout: first, From: 1}}})
			h.start()
			diff(h.t, "queued", 4, h.lastBeat().Queued)
		}},
		{"a replay of the rollout before the last is served too", func(h *host) {
			h.soaking()
			h.converge()
			h.settle()
			h.dispatch(newer, "newer")
			h.settle()
			h.sent = nil
			h.do(agent.BeatAnswered{Now: h.now, Replay: []agent.Replay{{Rollout: first, From: 7}}})
			h.wantSent("stable@a1 7 Converged")
		}},
	})
}
