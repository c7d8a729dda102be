package agent_test

import (
	"testing"

	"github.com/rollmend/rollmend/agent"
	"github.com/rollmend/rollmend/states"
)

// A host whose agent was installed anew: it runs something, and remembers
// nothing.
func TestSnapshot(t *testing.T) {
	snapshot := func(s states.State) agent.Snapshot {
		return agent.Snapshot{
			Rollout: first, State: s, Target: "new", AtDispatch: "old", LastSeq: 20,
			Soak: 5 * minute, OnFailure: states.RollbackAndHalt, LastBoot: 7,
		}
	}
	given := func(h *host, runs states.Closure, s agent.Snapshot) {
		h.runs = runs
		h.start()
		h.acts = nil
		h.replied(s)
	}
	run(t, []life{
		{"Soaking on the target: it runs the probes, soaks to the end it was given, and converges", func(h *host) {
			s := snapshot(states.Soaking)
			s.SoakDueAt = h.now.Add(2 * minute)
			given(h, "new", s)
			h.wantHeld(first, states.Soaking)
			h.wantActs("probe new")
			h.declare("http")
			h.probe("http", states.Pass)
			h.tick(2*minute - second)
			h.wantHeld(first, states.Soaking)
			h.tick(second)
			h.wantReports("21 ProbeTopologyDeclared", "22 ProbeObservedFirst", "23 ProbeResult http pass", "24 Converged")
		}},
		{"Soaking without an end: the soak begins now", func(h *host) {
			given(h, "new", snapshot(states.Soaking))
			diff(h.t, "soak due", h.now.Add(5*minute), h.m.SoakDue())
		}},
		{"Soaking off the target: it is held, and nothing is done to the host", func(h *host) {
			given(h, "other", snapshot(states.Soaking))
			h.tick(10 * minute)
			h.wantReports()
			h.wantHeld(first, states.Soaking)
		}},
		{"Activating off the target: the switch is run again", func(h *host) {
			given(h, "old", snapshot(states.Activating))
			h.wantReports("21 ActivationStarted")
			h.wantActs("activate new")
		}},
		{"Activating on the target: the activation is reported", func(h *host) {
			given(h, "new", snapshot(states.Activating))
			h.wantReports("21 ActivationCompleted on new")
			h.wantActs("probe new")
		}},
		{"Deferred: it waits for the reboot", func(h *host) {
			given(h, "old", snapshot(states.Deferred))
			h.wantHeld(first, states.Deferred)
			h.wantActs("probe old")
			h.reboot("new")
			h.wantReports("21 ActivationCompleted on new")
		}},
		{"Failed under rollback-and-halt, not back yet: it rolls back", func(h *host) {
			given(h, "new", snapshot(states.Failed))
			h.wantActs("roll back to old")
		}},
		{"Failed under rollback-and-halt, back already: it says so", func(h *host) {
			given(h, "old", snapshot(states.Failed))
			h.wantReports("21 RollbackComplete to old")
		}},
		{"Failed under halt: it is held", func(h *host) {
			s := snapshot(states.Failed)
			s.OnFailure = states.Halt
			given(h, "new", s)
			h.wantHeld(first, states.Failed)
			h.wantActs("probe new")
		}},
		{"a snapshot of a rollout that it finished itself is ignored", func(h *host) {
			h.soaking()
			h.converge()
			h.reports, h.acts = nil, nil
			h.runs = "old"
			h.replied(snapshot(states.Activating))
			h.wantHeld(states.Rollout{}, 0)
			h.wantActs()
		}},
		{"a snapshot of a rollout that it left for a newer one is ignored", func(h *host) {
			h.soaking()
			h.dispatch(newer, "newer")
			h.switched("newer")
			h.declare("http")
			h.converge()
			h.acts = nil
			h.replied(snapshot(states.Activating))
			h.wantHeld(states.Rollout{}, 0)
			h.wantActs()
		}},
		{"an agent that holds a rollout takes no snapshot, and counts no boot", func(h *host) {
			h.soaking()
			s := snapshot(states.Soaking)
			s.Rollout = newer
			h.replied(s)
			h.wantHeld(first, states.Soaking)
			diff(h.t, "boot", uint64(1), h.m.Order().Boot)
		}},
		{"a snapshot of a terminal or a pending record is ignored", func(h *host) {
			for _, s := range []states.State{0, states.Pending, states.Converged, states.Reverted} {
				given(h, "old", snapshot(s))
				h.wantHeld(states.Rollout{}, 0)
			}
		}},
		{"boots go on behind the last one that the record has", func(h *host) {
			given(h, "new", snapshot(states.Soaking))
			diff(h.t, "order", states.Order{Boot: 8}, h.m.Order())
			h.tick(minute)
			diff(h.t, "order", states.Order{Boot: 8, Beat: 1}, h.lastBeat().Order)
		}},
		{"the first boot of a lost journal is not taken for the first boot of all", func(h *host) {
			s := snapshot(states.Soaking)
			s.LastBoot = 1
			given(h, "new", s)
			diff(h.t, "boot", uint64(2), h.m.Order().Boot)
		}},
		{"an agent that is told of a beat that it never sent goes on behind it", func(h *host) {
			h.start()
			h.replied() // which proves its count
			h.do(agent.BeatAnswered{Now: h.now, Newest: states.Order{Boot: 1, Beat: 13}})
			diff(h.t, "order", states.Order{Boot: 2}, h.m.Order())
			beats := len(h.beats)
			h.tick(h.m.Wake().Sub(h.now))
			diff(h.t, "beats", beats+1, len(h.beats))
			diff(h.t, "since the beat that counted for nothing", h.cfg.RetryEvery, h.now.Sub(h.beats[beats-1].At))
		}},
		{"an agent that is told of a beat that overtook another of its own does not count anew", func(h *host) {
			h.start()
			h.replied()
			h.tick(minute)
			h.do(agent.BeatAnswered{Now: h.now, Newest: states.Order{Boot: 1, Beat: 2}})
			diff(h.t, "order", states.Order{Boot: 1, Beat: 2}, h.m.Order())
		}},
		{"an agent that knows its boot does not count it again", func(h *host) {
			h.start()
			h.replied()
			s := snapshot(states.Soaking)
			s.LastBoot = 1
			h.replied(s)
			diff(h.t, "boot", uint64(1), h.m.Order().Boot)
		}},
		{"what a snapshot told is still known after a restart", func(h *host) {
			s := snapshot(states.Soaking)
			s.SoakDueAt = h.now.Add(2 * minute)
			given(h, "new", s)
			h.start()
			h.wantHeld(first, states.Soaking)
			diff(h.t, "soak due", s.SoakDueAt, h.m.SoakDue())
			h.declare()
			h.wantReports("21 ProbeTopologyDeclared")
		}},
	})
}
