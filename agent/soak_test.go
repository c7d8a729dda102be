package agent_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/rollmend/rollmend/agent"
	"github.com/rollmend/rollmend/reducer"
	"github.com/rollmend/rollmend/states"
)

func TestSoak(t *testing.T) {
	run(t, []life{
		{"a soak lasts its full length from the agent's own activation", func(h *host) {
			h.start()
			h.dispatch(first, "new")
			h.tick(4 * minute) // the switch takes long
			h.switched("new")
			h.declare("http")
			h.probe("http", states.Pass)
			h.reports = nil
			h.tick(5*minute - 1*second)
			h.wantReports()
			h.tick(second)
			h.wantReports("7 Converged")
			h.wantHeld(states.Rollout{}, 0)
		}},
		{"a soak whose length was not said ends when the dispatch said", func(h *host) {
			h.start()
			h.do(agent.Dispatched{Now: h.now, Current: "old", Dispatch: agent.Dispatch{
				Rollout: first, Target: "new", SoakDueAt: h.now.Add(minute),
			}})
			due := h.now.Add(minute)
			h.tick(10 * second)
			h.switched("new")
			diff(h.t, "soak due", due, h.m.SoakDue())
		}},
		{"a soak starts over when the clock is set back by more than its length", func(h *host) {
			h.soaking()
			h.probe("http", states.Pass)
			h.reports = nil
			h.tick(-24 * 60 * minute)
			h.tick(5*minute - second)
			h.wantReports()
			h.tick(second)
			h.wantReports("7 Converged")
		}},
		{"a soak starts over, too, where the clock was set back while the agent was down", func(h *host) {
			h.soaking()
			h.now = h.now.Add(-24 * 60 * minute)
			h.start()
			h.declare("http")
			h.probe("http", states.Pass)
			h.reports = nil
			h.tick(5*minute - second)
			h.wantReports()
			h.tick(second)
			h.wantReports("7 Converged")
		}},
		{"a soak is waited out when the clock is set back by less than its length", func(h *host) {
			h.soaking()
			h.probe("http", states.Pass)
			due := h.m.SoakDue()
			h.tick(-4 * minute)
			diff(h.t, "soak due", due, h.m.SoakDue())
		}},
		{"where there is no soak, nobody waits for a clock that was set back", func(h *host) {
			h.start()
			h.do(agent.Dispatched{Now: h.now, Current: "old", Dispatch: agent.Dispatch{Rollout: first, Target: "new"}})
			h.switched("new")
			h.tick(-10 * minute)
			h.reports = nil
			h.declare("http")
			h.probe("http", states.Pass)
			if last := h.reports[len(h.reports)-1]; !strings.Contains(last, "Converged") {
				h.t.Errorf("it last reports %s", last)
			}
		}},
		{"a probe that fails goes on failing when the clock is set back", func(h *host) {
			h.soaking()
			h.probe("http", states.Fail)
			h.reports = nil
			h.tick(-60 * minute)
			h.tick(20 * second)
			h.wantReports("8 Failed http after 20s, rollback-and-halt")
		}},
		{"a declared probe that never reported holds the convergence", func(h *host) {
			h.soaking()
			h.reports = nil
			h.tick(6 * minute)
			h.wantReports()
			h.probe("http", states.Pass)
			h.wantReports("5 ProbeObservedFirst", "6 ProbeResult http pass", "7 Converged")
		}},
		{"probes that nobody declared hold the convergence, none at all do not", func(h *host) {
			h.start()
			h.dispatch(first, "new")
			h.switched("new")
			h.tick(6 * minute)
			h.wantHeld(first, states.Soaking)
			h.declare()
			h.wantHeld(states.Rollout{}, 0)
		}},
		{"a probe that only observes never gates", func(h *host) {
			h.soaking()
			h.probe("http", states.Pass)
			h.do(agent.ProbeReported{Now: h.now, Closure: "new", Name: "disk", Mode: states.Observe, Status: states.Fail})
			h.tick(6 * minute)
			h.wantHeld(states.Rollout{}, 0)
		}},
		{"a declared mode is not lowered by a result", func(h *host) {
			h.soaking()
			h.do(agent.ProbeReported{Now: h.now, Closure: "new", Name: "http", Mode: states.Observe, Status: states.Fail})
			h.reports = nil
			h.tick(20 * second)
			h.wantReports("8 Failed http after 20s, rollback-and-halt")
		}},
		{"a disabled probe is not heard of, and a result that is none is not a result", func(h *host) {
			h.soaking()
			h.reports = nil
			h.do(agent.ProbeReported{Now: h.now, Closure: "new", Name: "disk", Mode: states.Disabled, Status: states.Fail})
			h.do(agent.ProbeReported{Now: h.now, Closure: "new", Name: "http", Mode: states.Enforce})
			h.wantReports()
		}},
		{"a result of the old closure is not heard", func(h *host) {
			h.soaking()
			h.reports = nil
			h.do(agent.ProbeReported{Now: h.now, Closure: "old", Name: "http", Mode: states.Enforce, Status: states.Pass})
			h.do(agent.ProbesDeclared{Now: h.now, Closure: "old"})
			h.tick(6 * minute)
			h.wantReports()
			h.wantHeld(first, states.Soaking)
		}},
		{"passes from before the activation do not count", func(h *host) {
			h.runs = "new"
			h.start()
			h.declare("http")
			h.probe("http", states.Pass)
			h.dispatch(first, "new")
			h.declare("http")
			h.tick(6 * minute)
			h.wantHeld(first, states.Soaking)
		}},
		{"a result is reported when it changes, not each time", func(h *host) {
			h.soaking()
			h.reports = nil
			h.probe("http", states.Pass)
			h.probe("http", states.Pass)
			h.probe("http", states.Fail)
			h.probe("http", states.Fail)
			h.probe("http", states.Pass)
			h.wantReports("5 ProbeObservedFirst", "6 ProbeResult http pass",
				"7 ProbeFailureFirst", "8 ProbeResult http fail", "9 ProbeResult http pass")
		}},
		{"a probe that flaps for ever does not fill the journal, and its last result is told", func(h *host) {
			h.soaking()
			for range agent.MaxProbeChanges {
				h.probe("http", states.Fail)
				h.probe("http", states.Pass)
			}
			h.probe("http", states.Fail)
			h.reports = nil
			h.tick(20 * second)
			h.wantReports("263 ProbeResult http fail", "264 Failed http after 20s, rollback-and-halt")
		}},
		{"a host that drifted off the target does not converge", func(h *host) {
			h.soaking()
			h.probe("http", states.Pass)
			h.runs = "other"
			h.tick(6 * minute)
			h.wantHeld(first, states.Soaking)
		}},
		{"after a restart a pass has to be seen again", func(h *host) {
			h.soaking()
			h.probe("http", states.Pass)
			h.now = h.now.Add(6 * minute)
			h.start()
			h.wantHeld(first, states.Soaking)
			h.reports = nil
			h.probe("http", states.Pass)
			h.wantReports("7 Converged")
		}},
	})
}

func TestFailure(t *testing.T) {
	failing := func(h *host) {
		h.soaking()
		h.probe("http", states.Fail)
		h.reports, h.acts = nil, nil
	}
	run(t, []life{
		{"a failure that lasts is reported, then the host is rolled back", func(h *host) {
			failing(h)
			h.tick(19 * second)
			h.wantReports()
			h.tick(second)
			h.wantReports("8 Failed http after 20s, rollback-and-halt")
			h.wantActs("roll back to old")
			h.runs = "old"
			h.do(agent.RollbackFinished{Now: h.now, Current: "old"})
			h.wantReports("9 RollbackComplete to old")
			h.wantHeld(states.Rollout{}, 0)
		}},
		{"a failure that passes begins anew the next time", func(h *host) {
			failing(h)
			h.tick(15 * second)
			h.probe("http", states.Pass)
			h.probe("http", states.Fail)
			h.tick(15 * second)
			h.wantHeld(first, states.Soaking)
		}},
		{"a restart does not begin the time of a failure anew", func(h *host) {
			failing(h)
			h.now = h.now.Add(15 * second)
			h.start()
			h.wantReports()
			h.tick(5 * second)
			h.wantReports("8 Failed http after 20s, rollback-and-halt")
		}},
		{"under halt a failed host stays, and is named until a newer dispatch", func(h *host) {
			h.cfg.OnFailure = states.Halt
			failing(h)
			h.tick(minute)
			h.wantReports("8 Failed http after 1m0s, halt")
			h.wantActs("probe new")
			diff(h.t, "named", first, h.lastBeat().Rollout)
			h.start()
			h.wantHeld(first, states.Failed)
			h.dispatch(newer, "newer")
			h.wantHeld(newer, states.Activating)
		}},
		{"the dispatch's policy counts more than the agent's own", func(h *host) {
			h.start()
			h.do(agent.Dispatched{Now: h.now, Current: "old", Dispatch: agent.Dispatch{
				Rollout: first, Target: "new", OnFailure: states.Halt,
			}})
			h.acts = nil
			h.switched("broken")
			h.wantActs("probe broken")
			h.wantHeld(first, states.Failed)
		}},
		{"a switch that failed without leaving the old closure needs no rollback to be reported", func(h *host) {
			h.start()
			h.dispatch(first, "new")
			h.reports, h.acts = nil, nil
			h.switched("old")
			h.wantReports("3 ActivationFailed", "4 RollbackComplete to old")
			h.wantHeld(states.Rollout{}, 0)
		}},
		{"without a closure to go back to there is only standing still, and it is said", func(h *host) {
			h.runs = "new"
			h.start()
			h.dispatch(first, "new")
			h.declare("http")
			h.probe("http", states.Fail)
			h.reports, h.acts = nil, nil
			h.tick(20 * second)
			h.wantReports("7 Failed http after 20s, halt")
			h.wantActs()
		}},
		{"an agent that is killed in its rollback finishes it when it comes back", func(h *host) {
			failing(h)
			h.tick(20 * second)
			h.wantActs("roll back to old")
			h.start()
			h.wantActs("roll back to old")
			h.wantHeld(first, states.Failed)
		}},
		{"an agent that is killed after its rollback reports it when it comes back", func(h *host) {
			failing(h)
			h.tick(20 * second)
			h.runs = "old"
			h.reports, h.acts = nil, nil
			h.start()
			h.wantReports("9 RollbackComplete to old")
			h.wantActs("probe old")
		}},
		{"a rollback that leaves the host on the target is tried a few times, not for ever", func(h *host) {
			failing(h)
			h.tick(20 * second)
			for range 2 * agent.MaxRollbacks {
				h.do(agent.RollbackFinished{Now: h.now, Current: "new", ExitCode: 1})
			}
			h.wantActs("roll back to old", "roll back to old", "roll back to old")
			h.wantHeld(first, states.Failed)
		}},
		{"a rollback that leads elsewhere is reported as what it was", func(h *host) {
			failing(h)
			h.tick(20 * second)
			h.reports = nil
			h.do(agent.RollbackFinished{Now: h.now, Current: "older"})
			h.wantReports("9 RollbackComplete to older")
		}},
		{"the end of a rollback that nobody began is not heard", func(h *host) {
			failing(h)
			h.do(agent.RollbackFinished{Now: h.now, Current: "old"})
			h.do(agent.SwitchFinished{Now: h.now, Current: "new"})
			h.do(agent.SwitchDeferred{Now: h.now, Current: "new"})
			h.wantReports()
			h.wantHeld(first, states.Soaking)
		}},
	})
}

func TestAConvergenceThatIsRefusedIsTriedAgainFromTheSnapshot(t *testing.T) {
	h := newHost(t)
	h.soaking()
	h.converge()
	for h.newest.Kind() != states.KindConverged {
		h.answer(agent.ReportAnswered{Answer: agent.Told, Disposition: reducer.Applied})
	}
	h.answer(agent.ReportAnswered{Answer: agent.Told, Disposition: reducer.Refused})
	for range 2 {
		h.sent = nil
		h.do(agent.BeatAnswered{Now: h.now, Replay: []agent.Replay{{Rollout: first, From: 6}}})
		h.answer(agent.ReportAnswered{Answer: agent.Told, Disposition: reducer.Applied})
		h.wantSent("stable@a1 6 ProbeResult http pass") // what was refused is not said again,
		h.start()                                       // nor after a restart
	}
	h.wantHeld(states.Rollout{}, 0)
	h.reports, h.acts = nil, nil

	due := h.now.Add(minute)
	h.replied(agent.Snapshot{Rollout: first, State: states.Soaking, Target: "new", AtDispatch: "old", SoakDueAt: due, LastSeq: 7})
	h.wantHeld(first, states.Soaking)
	h.wantActs("probe new")
	h.declare("http")
	h.probe("http", states.Pass)
	h.start()
	h.wantHeld(first, states.Soaking)
	h.probe("http", states.Pass)
	h.tick(minute)
	h.wantReports("8 ProbeTopologyDeclared", "9 ProbeObservedFirst", "10 ProbeResult http pass", "11 Converged")
	h.settle()
	h.replied(agent.Snapshot{Rollout: first, State: states.Soaking, Target: "new"})
	h.wantHeld(states.Rollout{}, 0)
}

// A record may have gone back to before the activation. Its agent has the reports
// that bring it on; a host that was taken off the target since is not switched
// again by what the control plane has forgotten.
func TestARefusedConvergenceDoesNotSwitchAHostAgain(t *testing.T) {
	for _, c := range []struct {
		runs  states.Closure
		held  states.Rollout
		state states.State
	}{
		{"old", states.Rollout{}, 0},
		{"", states.Rollout{}, 0},
		{"new", first, states.Soaking},
	} {
		t.Run("it runs "+c.runs.String(), func(t *testing.T) {
			h := newHost(t)
			h.soaking()
			h.converge()
			for h.newest.Kind() != states.KindConverged {
				h.answer(agent.ReportAnswered{Answer: agent.Told, Disposition: reducer.Applied})
			}
			h.answer(agent.ReportAnswered{Answer: agent.Told, Disposition: reducer.Refused})
			h.runs = c.runs
			h.start()
			h.acts, h.sent = nil, nil
			h.do(agent.BeatAnswered{
				Now:       h.now,
				Snapshots: []agent.Snapshot{{Rollout: first, State: states.Activating, Target: "new", AtDispatch: "old", LastSeq: 2}},
				Replay:    []agent.Replay{{Rollout: first, From: 3}},
			})
			h.wantHeld(c.held, c.state)
			if slices.Contains(h.acts, "activate new") {
				t.Error("the host is switched")
			}
			h.wantSent("stable@a1 3 ActivationCompleted on new")
		})
	}
}

func TestAConvergenceThatIsRefusedForEverDoesNotFillTheJournal(t *testing.T) {
	h := newHost(t)
	h.soaking()
	h.converge()
	for range agent.MaxKept {
		for h.m.Queued() > 0 {
			h.answer(agent.ReportAnswered{Answer: agent.Told, Disposition: reducer.Refused})
		}
		h.replied(agent.Snapshot{Rollout: first, State: states.Soaking, Target: "new", SoakDueAt: h.now})
		if h.m.Held().IsZero() {
			break
		}
		h.declare("http")
		h.probe("http", states.Pass)
	}
	h.wantHeld(states.Rollout{}, 0)
	if n := len(h.journal); n > agent.MaxKept+10 {
		t.Errorf("%d entries are kept", n)
	}
}

func TestARefusedConvergenceIsNotSaidAgain(t *testing.T) {
	refused := func(t *testing.T) (*host, reducer.Event) {
		h := newHost(t)
		h.soaking()
		h.converge()
		for h.newest.Kind() != states.KindConverged {
			h.answer(agent.ReportAnswered{Answer: agent.Told, Disposition: reducer.Applied})
		}
		ev := h.newest
		h.answer(agent.ReportAnswered{Answer: agent.Told, Disposition: reducer.Refused})
		return h, ev
	}
	t.Run("nor where its removal was cut off", func(t *testing.T) {
		h, ev := refused(t)
		h.journal = h.journal.Keep(agent.Report{Event: ev})
		h.start()
		h.sent = nil
		h.do(agent.BeatAnswered{Now: h.now, Replay: []agent.Replay{{Rollout: first, From: 6}}})
		h.answer(agent.ReportAnswered{Answer: agent.Told, Disposition: reducer.Applied})
		h.wantSent("stable@a1 6 ProbeResult http pass")
	})
	t.Run("nor is its number given to another", func(t *testing.T) {
		h, _ := refused(t)
		h.start()
		h.replied(agent.Snapshot{Rollout: first, State: states.Soaking, Target: "new", SoakDueAt: h.now, LastSeq: 6})
		h.reports = nil
		h.declare("http")
		h.wantReports("8 ProbeTopologyDeclared")
	})
}
