package synth_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/rollmend/rollmend/gates"
	"github.com/rollmend/rollmend/reducer"
	"github.com/rollmend/rollmend/states"
	"github.com/rollmend/rollmend/synth"
)

// Every finding tells an operator in one sentence what was seen and what it
// means, word for word.
func TestWhatAFindingTells(t *testing.T) {
	staged := in(states.Deferred)
	staged.DeferredOrder = states.Order{Boot: 3, Beat: 7}
	sent := in(states.Pending)
	sent.Dispatched = opened
	halting := in(states.Failed)
	halting.PolicyApplied = states.Halt
	turned := in(states.Activating)
	turned.Set(states.LastTransitionAt, opened+1_000, true)
	soaking := in(states.Soaking)
	soaking.Set(states.ActivatedAt, opened, true)

	runs := func(closure states.Closure) synth.Heartbeat { return synth.Heartbeat{Current: closure, At: opened} }
	holds := func(closure states.Closure, rollout states.Rollout) synth.Heartbeat {
		hb := runs(closure)
		hb.Holds = rollout
		return hb
	}
	booted := func(closure states.Closure) synth.Heartbeat {
		hb := runs(closure)
		hb.Order = states.Order{Boot: 4, Beat: 1}
		return hb
	}
	since := func(at states.Time) synth.Heartbeat {
		hb := runs("new")
		hb.CurrentSince = at
		return hb
	}
	failing := runs("new")
	failing.Failing = []string{"http"}
	other := states.Rollout{Channel: "stable", Ref: "0000"}

	for _, c := range []struct {
		rec  states.Record
		hb   synth.Heartbeat
		want string
	}{
		{states.Record{Key: key}, runs("new"), "in-step: the rollout is not open"},
		{in(states.Pending), runs(""), "closure-unknown: the heartbeat does not say what the host runs"},

		{in(states.Pending), holds("new", key.Rollout), "chain (held-by-agent): the agent holds the rollout and runs its target"},
		{in(states.Pending), holds("old", key.Rollout), "chain (held-by-agent): the agent holds the rollout: it acknowledged a dispatch that was forgotten"},
		{sent, runs("old"), "in-step: dispatched, not acknowledged; the host runs old"},
		{in(states.Pending), runs("old"), "in-step: waits for its dispatch; the host runs old"},
		{sent, runs("new"), "chain (reports-in-flight): the host runs the target of our dispatch, its reports are on the way"},
		{in(states.Pending), holds("new", other), "in-step: the host runs the target, but its agent holds stable@0000: that proves nothing for this rollout"},
		{in(states.Pending), runs("new"), "chain (records-lost): the host ran the target all along"},
		{in(states.Pending), failing, "chain (records-lost): the host runs the target, but enforced probes fail on it"},
		{in(states.Pending), since(opened - 1), "chain (records-lost): the host runs the target, but not for as long as the soak"},

		{in(states.Activating), runs("old"), "in-step: acknowledged; the host still runs old"},
		{in(states.Activating), runs("new"), "chain (agent-restarted): the host runs the target, and nothing said that the activation completed"},
		{turned, runs("new"), "stale: it was taken at 1970-01-01T00:16:40.000Z by the host's clock, before the last transition at 1970-01-01T00:16:41.000Z"},
		{in(states.Pending), synth.Heartbeat{Current: "old", At: 1}, "stale: it was taken at 1970-01-01T00:00:00.001Z by the host's clock, before the opening at 1970-01-01T00:16:40.000Z"},
		{sent, synth.Heartbeat{Current: "new", At: 1}, "dispatched-on-target: the host says that it runs the target, and is sent it again: it was taken at 1970-01-01T00:00:00.001Z by the host's clock, before the opening at 1970-01-01T00:16:40.000Z"},

		{staged, runs("new"), "chain (reboot-finished): a reboot finished the activation"},
		{staged, booted("old"), "deferred-not-booted: boot 4 runs old, what the host had at dispatch: the staged closure did not come up"},
		{staged, runs("old"), "in-step: staged for the next boot; the host runs old"},

		{soaking, runs("new"), "in-step: on the target, soaking until 1970-01-01T00:17:40.000Z"},
		{soaking, runs("old"), "drift: Soaking, but the host runs old, not its target new"},
		{in(states.Converged), runs("new"), "in-step: converged"},
		{in(states.Converged), runs("old"), "drift: Converged, but the host runs old, not its target new"},

		{in(states.Failed), runs("third"), "drift: Failed, and the host runs third, which is neither its target nor what it had at dispatch"},
		{halting, runs("new"), "halted: failed under the policy halt; the host runs new and waits for an operator"},
		{in(states.Failed), runs("old"), "chain (rollback-unreported): the host is back on what it had at dispatch, and nothing said so"},
		{in(states.Failed), runs("new"), "in-step: failed; the agent has not gone back yet"},
		{in(states.Reverted), runs("new"), "drift: Reverted, but the host runs the target new"},
		{in(states.Reverted), runs("old"), "in-step: reverted; the host runs old"},
	} {
		l := look(c.rec, c.hb)
		l.Verdict = unheld(t)
		if got := synth.Chain(l).String(); got != "stable@a1b2/web-1: "+c.want {
			t.Errorf("got  %s\nwant %s", got, c.want)
		}
	}
}

func TestWhatASilentOrHeldOrOlderHeartbeatTells(t *testing.T) {
	ordered := in(states.Activating)
	ordered.Set(states.LastTransitionAt, opened, true)
	ordered.LastOrder = states.Order{Boot: 2, Beat: 6}
	for _, c := range []struct {
		change func(*synth.Look)
		want   string
	}{
		{func(l *synth.Look) { l.Seen.Received = 0 }, "silent: the host never beat since this control plane started; the record says Pending on old"},
		{func(l *synth.Look) { l.Now = l.Seen.Received.Add(l.Bounds.Silence) + 1 }, "silent: the host last beat at 1970-01-01T00:16:40.000Z, longer ago than 3m0s"},
		{func(l *synth.Look) { l.Now = l.Seen.Received.Add(l.Bounds.Silence) }, "held (records-lost): the host runs the target; it is taken as converged as soon as its gates open"},
		{
			func(l *synth.Look) {
				l.Verdict.Blocks = []gates.Block{{Gate: "freeze", Scope: "stable", Why: "it is Friday", Release: "Monday"}}
			},
			"held (records-lost): the host runs the target; it is taken as converged as soon as its gates open; freeze (stable): it is Friday; released by Monday",
		},
		{func(l *synth.Look) { l.Seen.Newer = true }, "stale: a newer heartbeat of the host is known"},
		{
			func(l *synth.Look) { l.Record, l.Seen.Heartbeat.Order = ordered, ordered.LastOrder },
			"stale: beat 2.6 came before the last transition, which was after beat 2.6",
		},
	} {
		l := look(in(states.Pending), synth.Heartbeat{Current: "new", At: opened})
		c.change(&l)
		if got := synth.Chain(l).String(); got != "stable@a1b2/web-1: "+c.want {
			t.Errorf("got  %s\nwant %s", got, c.want)
		}
	}
}

// The longest chain of a heartbeat is made in one piece.
func TestAChainTakesNoMoreRoomThanItNeeds(t *testing.T) {
	l := look(in(states.Pending), synth.Heartbeat{Current: "new", At: opened})
	l.Verdict = unheld(t)
	if f := synth.Chain(l); len(f.Events) != 3 || cap(f.Events) != 3 {
		t.Errorf("%d events in the room of %d", len(f.Events), cap(f.Events))
	}
}

// The events of a finding lie in the room that is given for them, and are the
// same as without; of too little room nothing is taken.
func TestTheEventsOfAFindingLieInTheRoomForThem(t *testing.T) {
	l := look(in(states.Pending), synth.Heartbeat{Current: "new", At: opened})
	l.Verdict = unheld(t)
	want := synth.Chain(l).Events
	for n := range 5 {
		l.Room = make([]reducer.Event, n)
		got := synth.Chain(l).Events
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("with room for %d: %s", n, diff)
		}
		if in := n > 0 && &got[0] == &l.Room[0]; in != (n >= len(want)) {
			t.Errorf("%d events in room for %d: %t", len(got), n, in)
		}
	}
}
