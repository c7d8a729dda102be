package synth_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/rollmend/rollmend/gates"
	"github.com/rollmend/rollmend/reducer"
	"github.com/rollmend/rollmend/states"
	"github.com/rollmend/rollmend/synth"
)

const (
	opened = states.Time(1_000_000)
	skew   = 5 * time.Minute
)

var key = states.Key{Rollout: states.Rollout{Channel: "stable", Ref: "a1b2"}, Host: "web-1"}

// in returns a record in a state, on the road from old to new.
func in(state states.State) states.Record {
	rec := states.Record{
		Key: key, Target: "new", Opened: opened,
		Policy: states.Policy{Soak: time.Minute, OnFailure: states.RollbackAndHalt},
		Belief: states.Belief{State: state, Current: "old"},
	}
	if state > states.Pending {
		rec.AtDispatch = "old"
	}
	return rec
}

// chain asks what a heartbeat that just arrived means for a record.
func chain(rec states.Record, hb synth.Heartbeat) synth.Finding {
	return synth.Chain(look(rec, hb))
}

func look(rec states.Record, hb synth.Heartbeat) synth.Look {
	return synth.Look{
		Record: rec,
		Seen:   synth.Seen{Heartbeat: hb, Received: opened},
		Now:    opened,
		Bounds: synth.Bounds{Silence: 3 * time.Minute, Skew: skew},
	}
}

// unheld is the verdict of gates that let a host go.
func unheld(t *testing.T) gates.Verdict {
	t.Helper()
	fleet := gates.NewFleet(gates.Plan{Ref: "a1b2", Hosts: []gates.PlannedHost{{Host: "web-1", Channel: "stable", Target: "new"}}})
	view := gates.NewView(fleet, []reducer.Quarantine{})
	view.Open(key.Rollout)
	verdict := gates.Evaluate(view, gates.Ask{Purpose: gates.Synthesis, Key: key, Target: "new"})[0]
	if !verdict.Passed() {
		t.Fatal(verdict)
	}
	return verdict
}

func wants(t *testing.T, what string, f synth.Finding, reason synth.Reason, detail string) {
	t.Helper()
	if f.Reason != reason || !strings.Contains(f.Detail, detail) {
		t.Errorf("%s: %s; want %s with %q", what, f, reason, detail)
	}
}

func TestARecordThatIsNotOpenedIsInStep(t *testing.T) {
	f := chain(states.Record{Key: key}, synth.Heartbeat{Current: "new", At: opened})
	wants(t, "not opened", f, synth.InStep, "not open")
}

func TestADeferral(t *testing.T) {
	staged := states.Order{Boot: 3, Beat: 7}
	for _, c := range []struct {
		what     string
		deferred states.Order
		hb       synth.Heartbeat
		want     synth.Reason
	}{
		{"a beat that gives no boot is believed on the target", staged, synth.Heartbeat{Current: "new"}, synth.Missed},
		{"a deferral that gave no boot cannot be compared", states.Order{}, synth.Heartbeat{Current: "old", Order: staged}, synth.InStep},
		{"a later boot on the old closure did not take it", staged, synth.Heartbeat{Current: "old", Order: states.Order{Boot: 4, Beat: 1}}, synth.DeferredNotBooted},
		{"a later boot on a third closure says nothing of it", staged, synth.Heartbeat{Current: "third", Order: states.Order{Boot: 4, Beat: 1}}, synth.InStep},
	} {
		rec := in(states.Deferred)
		rec.DeferredOrder = c.deferred
		c.hb.At = opened
		wants(t, c.what, chain(rec, c.hb), c.want, "")
	}
}

func TestAFailedHostOnWhatItShallRun(t *testing.T) {
	for _, c := range []struct {
		what       string
		atDispatch states.Closure
		runs       states.Closure
		want       synth.Reason
	}{
		{"back", "old", "old", synth.Missed},
		{"still on the target", "old", "new", synth.InStep},
		{"on the target that it had at dispatch", "new", "new", synth.InStep},
		{"on neither", "old", "third", synth.Drift},
		{"off the target, and nobody knows from where it came", "", "old", synth.Drift},
	} {
		rec := in(states.Failed)
		rec.AtDispatch = c.atDispatch
		wants(t, c.what, chain(rec, synth.Heartbeat{Current: c.runs, At: opened}), c.want, "")
	}
}

func TestAHostAtTheEndOfItsRoad(t *testing.T) {
	for _, c := range []struct {
		state states.State
		runs  states.Closure
		want  synth.Reason
	}{
		{states.Converged, "new", synth.InStep},
		{states.Converged, "old", synth.Drift},
		{states.Reverted, "old", synth.InStep},
		{states.Reverted, "new", synth.Drift},
	} {
		wants(t, c.state.String(), chain(in(c.state), synth.Heartbeat{Current: c.runs, At: opened}), c.want, "")
	}
}

func TestStampsOfRecordsThatWereLost(t *testing.T) {
	const minute = states.Time(60_000)
	for _, c := range []struct {
		what   string
		hb     synth.Heartbeat
		off    states.Time
		acked  states.Time
		events int
		detail string
	}{
		{"a beat from after the opening", synth.Heartbeat{At: opened + minute}, 0, opened, 3, "all along"},
		{"a beat by a clock that is slow", synth.Heartbeat{At: opened - minute}, 0, opened - minute, 3, "all along"},
		{"a beat by a clock that stands before its beginning", synth.Heartbeat{At: -1, LastReply: opened}, 0, -1, 3, "all along"},
		{"a soak that is over to the millisecond", synth.Heartbeat{At: opened, CurrentSince: opened - minute}, 0, opened - minute, 3, "all along"},
		{"a soak that lacks a millisecond", synth.Heartbeat{At: opened, CurrentSince: opened - minute + 1}, 0, opened - minute + 1, 2, "not for as long as the soak"},
		{"another closure was seen since", synth.Heartbeat{At: opened + minute}, opened + 1, opened + 1, 2, "not for as long as the soak"},
		{"another closure was seen, by a clock that showed the very opening", synth.Heartbeat{At: opened + 1}, opened, opened, 2, "not for as long as the soak"},
		{"another closure was seen, by a clock that is slow", synth.Heartbeat{At: opened - 1}, opened - 2, opened, 2, "not for as long as the soak"},
		{"another closure was seen, by a clock that was put right since", synth.Heartbeat{At: opened + minute - 1}, opened - 60*minute, opened, 2, "not for as long as the soak"},
		{"another closure was seen, and a soak ago", synth.Heartbeat{At: opened + minute}, opened - 1, opened, 3, "all along"},
		{"another closure was seen while it says that it ran this one", synth.Heartbeat{At: opened + 3*minute, CurrentSince: opened + 2}, opened + 5, opened + 5, 3, "all along"},
		{"another closure was seen when it says that it began to run this one", synth.Heartbeat{At: opened + minute, CurrentSince: opened - 5}, opened - 5, opened - 5, 3, "all along"},
		{"another closure was seen before it began to run this one", synth.Heartbeat{At: opened + 3*minute, CurrentSince: opened + 2}, opened + 1, opened + 2, 3, "all along"},
		{"a probe fails", synth.Heartbeat{At: opened, Failing: []string{"http"}}, 0, opened, 2, "enforced probes fail"},
	} {
		c.hb.Current = "new"
		l := look(in(states.Pending), c.hb)
		l.Seen.OffTarget, l.Verdict = c.off, unheld(t)
		f := synth.Chain(l)
		wants(t, c.what, f, synth.Missed, c.detail)
		if len(f.Events) != c.events || f.Events[0].At != c.acked {
			t.Errorf("%s: %d events from %s on, want %d from %s on", c.what, len(f.Events), f.Events[0].At, c.events, c.acked)
		}
	}
}

func TestWhatIsOlderThanTheRecordProvesNothing(t *testing.T) {
	bound := opened.Add(-skew)
	beat := states.Order{Boot: 2, Beat: 5}
	after := func(order states.Order) states.Record {
		rec := in(states.Activating)
		rec.Set(states.LastTransitionAt, opened, true)
		rec.LastOrder = order
		return rec
	}
	guessed := func(from states.Observation) states.Record {
		rec := after(beat)
		rec.Doubt = &states.Doubt{Before: rec.Belief, Guesses: []states.Guess{{Kind: states.KindDispatchAck, Case: states.HeldByAgent, From: from}}}
		return rec
	}
	sent := in(states.Pending)
	sent.Dispatched = opened
	for _, c := range []struct {
		what string
		rec  states.Record
		hb   synth.Heartbeat
		want synth.Reason
	}{
		{"from before the opening", in(states.Pending), synth.Heartbeat{At: bound - 1}, synth.Stale},
		{"from the opening less the bound", in(states.Pending), synth.Heartbeat{At: bound}, synth.InStep},
		{"a slow clock that knows a reply from before", in(states.Pending), synth.Heartbeat{At: bound - 1, LastReply: bound - 1}, synth.Stale},
		{"a slow clock that knows a later reply", in(states.Pending), synth.Heartbeat{At: bound - 1, LastReply: bound}, synth.InStep},
		{"the old closure, from before a dispatch", sent, synth.Heartbeat{At: bound - 1}, synth.Stale},
		{"the target, from before a dispatch", sent, synth.Heartbeat{At: bound - 1, Current: "new"}, synth.DispatchedOnTarget},
		{"older by the clock, and the record has no order", after(states.Order{}), synth.Heartbeat{At: opened - 1, Order: beat}, synth.Stale},
		{"newer by the clock, and the beat has no order", after(beat), synth.Heartbeat{At: opened}, synth.InStep},
		{"older by the clock, and the beat has no order", after(beat), synth.Heartbeat{At: opened - 1}, synth.Stale},
		{"newer by the order, older by the clock", after(beat), synth.Heartbeat{At: opened - 1, Order: states.Order{Boot: 2, Beat: 6}}, synth.InStep},
		{"the beat that the transition came after", after(beat), synth.Heartbeat{At: opened, Order: beat}, synth.Stale},
		{"the beat that the transition was guessed from", guessed(states.Observation{Order: beat}), synth.Heartbeat{At: opened, Order: beat}, synth.InStep},
		{"the beat before the report that it was guessed from", guessed(states.Observation{Order: beat, Seq: 4}), synth.Heartbeat{At: opened, Order: beat}, synth.Stale},
	} {
		if !c.hb.Current.Known() {
			c.hb.Current = "old"
		}
		wants(t, c.what, chain(c.rec, c.hb), c.want, "")
	}
}

func TestOneHeartbeatIsAfterAnother(t *testing.T) {
	first, second := states.Order{Boot: 1, Beat: 1}, states.Order{Boot: 1, Beat: 2}
	for _, c := range []struct {
		what string
		h, g synth.Heartbeat
		want bool
	}{
		{"by the order, against the clock", synth.Heartbeat{At: 1, Order: second}, synth.Heartbeat{At: 2, Order: first}, true},
		{"by the clock, where the first gives no order", synth.Heartbeat{At: 2, Order: first}, synth.Heartbeat{At: 3}, false},
		{"by the clock, where the second gives no order", synth.Heartbeat{At: 3}, synth.Heartbeat{At: 2, Order: first}, true},
		{"taken at once", synth.Heartbeat{At: 2}, synth.Heartbeat{At: 2}, false},
	} {
		if got := c.h.After(&c.g); got != c.want {
			t.Errorf("%s: %v", c.what, got)
		}
	}
}

// A control plane's clock that was ahead, and was set right since, left times
// behind that lie in the future. They bound no more than the present does.
func TestTimesFromTheFutureBoundNoMoreThanThePresent(t *testing.T) {
	const hour = states.Time(3_600_000)
	ahead := in(states.Pending)
	ahead.Opened = opened + hour
	sent := ahead
	sent.Dispatched = opened + hour
	moved := in(states.Activating)
	moved.Set(states.LastTransitionAt, opened+hour, true)
	bound := opened.Add(skew)
	for _, c := range []struct {
		what string
		rec  states.Record
		at   states.Time
		want synth.Reason
	}{
		{"an opening to come, and a beat from now", ahead, opened, synth.InStep},
		{"an opening to come, and a beat at the bound", ahead, opened.Add(-skew), synth.InStep},
		{"an opening to come, and a beat from before the bound", ahead, opened.Add(-skew) - 1, synth.Stale},
		{"a transition to come, and a beat that was cut", moved, bound, synth.InStep},
		{"a transition to come, and a beat from before it", moved, bound - 1, synth.Stale},
	} {
		wants(t, c.what, chain(c.rec, synth.Heartbeat{Current: "old", At: c.at}), c.want, "")
	}
	f := chain(sent, synth.Heartbeat{Current: "new", At: opened - 1})
	if wants(t, "a dispatch to come", f, synth.Missed, "on the way"); len(f.Events) != 2 || f.Events[0].At != opened {
		t.Errorf("a dispatch to come: %v", f.Events)
	}
	l := look(ahead, synth.Heartbeat{Current: "new", At: opened + 1})
	l.Verdict = unheld(t)
	if f := synth.Chain(l); len(f.Events) != 3 || f.Events[0].At != opened {
		t.Errorf("records lost under an opening to come: %v", f.Events)
	}
}

// What a chain rests on is the heartbeat, as far as late truth needs it.
func TestAChainRestsOnItsHeartbeat(t *testing.T) {
	order := states.Order{Boot: 4, Beat: 2}
	f := chain(in(states.Activating), synth.Heartbeat{Current: "new", At: opened + 5, Order: order, CurrentSince: opened + 3})
	if len(f.Events) != 1 {
		t.Fatal(f)
	}
	want := reducer.Event{
		Key: key, At: opened + 3, Body: reducer.ActivationCompleted{Observed: "new"},
		Origin: reducer.Origin{
			By: reducer.BySynthesis, Case: states.AgentRestarted,
			From: states.Observation{At: opened + 5, Order: order, Current: "new"},
		},
	}
	if diff := cmp.Diff(want, f.Events[0]); diff != "" {
		t.Error(diff)
	}
}

// The gates need be asked where a look is gated, and nowhere else: there alone
// the finding depends on what they say.
func TestTheVerdictCountsWhereALookIsGated(t *testing.T) {
	gated, other := 0, 0
	for state := range states.States() {
		for _, dispatched := range []states.Time{0, opened} {
			for _, holds := range []states.Rollout{{}, key.Rollout, {Channel: "stable", Ref: "other"}} {
				for _, current := range []states.Closure{"", "old", "new", "third"} {
					rec := in(state)
					rec.Dispatched = dispatched
					l := look(rec, synth.Heartbeat{Current: current, At: opened, Holds: holds})
					held := synth.Chain(l)
					is := l.Gated()
					l.Verdict = unheld(t)
					passed := synth.Chain(l)
					if l.Gated() != is {
						t.Errorf("%s: whether it is gated depends on the verdict", held)
					}
					if differ := held.Reason != passed.Reason; differ != is {
						t.Errorf("%s, dispatched at %s, holds %s, runs %q: gated %t, held %s, passed %s", state, dispatched, holds, current, is, held.Reason, passed.Reason)
					}
					if is {
						gated++
					} else {
						other++
					}
				}
			}
		}
	}
	if gated != 1 || other == 0 {
		t.Errorf("%d looks are gated, %d are not", gated, other)
	}
}
