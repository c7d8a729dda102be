package proptest

import (
	"time"

	"github.com/rollmend/rollmend/states"
	"github.com/rollmend/rollmend/synth"
)

// anyLook draws a record that a life or a lawless run of events led to, and
// whatever heartbeat its host may have sent.
func anyLook(d *dice, sys System) synth.Look {
	w := newWorld(d, sys, faults{first: true, wipes: true, loses: true, overtakes: true})
	if pick(d, "honest", 2) == 0 {
		for range d.times("length", 0, 25) {
			w.act()
		}
	} else {
		for range d.times("length", 0, 8) {
			w.put(anyEvent(d, &w.plane.rec, w.now.Add(second)))
		}
	}
	w.now = w.now.Add(second)
	hb := synth.Heartbeat{
		Host:    key.Host,
		Holds:   [...]states.Rollout{{}, rollout, other}[pick(d, "holds", 3)],
		Current: [...]states.Closure{target, target, old, elsewhere, ""}[pick(d, "runs", 5)],
		At:      w.now.Add([...]time.Duration{0, 0, second, -30 * second, -20 * time.Minute}[pick(d, "at", 5)]),
		Order:   anyOrder(d),
	}
	if pick(d, "fresh order", 2) == 1 {
		hb.Order = states.Order{Boot: max(1, w.plane.rec.LastOrder.Boot), Beat: w.plane.rec.LastOrder.Beat + uint64(pick(d, "beats on", 3))}
	}
	if pick(d, "current_since", 2) == 1 {
		hb.CurrentSince = hb.At.Add(-time.Duration(pick(d, "seconds", 100)) * second)
	}
	if seldom(d, "a probe fails", 4) {
		hb.Failing = []string{"http"}
	}
	l := synth.Look{
		Record: w.plane.rec,
		Seen:   synth.Seen{Heartbeat: hb, Received: w.now, Newer: seldom(d, "newer known", 10)},
		Now:    w.now, Bounds: synth.Bounds{Silence: silence, Skew: skewBound},
	}
	if seldom(d, "seen off target", 3) {
		l.Seen.OffTarget = hb.At.Add(-10 * second)
	}
	if seldom(d, "silent", 12) {
		l.Seen.Received = [...]states.Time{0, w.now.Add(-silence - second)}[pick(d, "how", 2)]
	}
	if pick(d, "gates", 3) < 2 {
		l.Verdict = passed(w.gates)
	}
	w.say("%s", beatNote{hb, w.now})
	d.told.add("#   received %s, off target %s, newer known %t, gates open %t", l.Seen.Received, l.Seen.OffTarget, l.Seen.Newer, l.Verdict.Passed())
	d.told.add("%s", recordNote{l.Record})
	return l
}

// expected is what the specification demands of a look: its case and the
// events with their times, or none.
type expected struct {
	reason synth.Reason // 0: any that has no chain
	why    states.Case
	kinds  []states.Kind
	at     states.Time // of the events, but for a convergence
	end    states.Time // of the convergence
}

// expect reads section 5 of the specification, line by line.
func expect(l *synth.Look) expected {
	hb, r := &l.Seen.Heartbeat, &l.Record
	switch {
	case !l.Seen.Received.IsSet() || l.Now.Sub(l.Seen.Received) > silence:
		return expected{reason: synth.Silent}
	case !hb.Current.Known():
		return expected{reason: synth.ClosureUnknown}
	case isStale(l):
		return expected{}
	}
	onTarget := hb.Current.Is(r.Target)
	when := hb.At
	if hb.CurrentSince.IsSet() {
		when = hb.CurrentSince
	}
	floor := r.Opened
	if r.At(states.LastTransitionAt).IsSet() {
		floor = r.At(states.LastTransitionAt)
	}
	when = max(when, floor)
	ackAndActivated := []states.Kind{states.KindDispatchAck, states.KindActivationCompleted}
	activated := []states.Kind{states.KindActivationCompleted}
	switch r.State {
	case states.Pending:
		switch {
		case hb.Holds == r.Rollout && onTarget:
			return expected{synth.Missed, states.HeldByAgent, ackAndActivated, when, 0}
		case hb.Holds == r.Rollout:
			return expected{synth.Missed, states.HeldByAgent, ackAndActivated[:1], max(hb.At, floor), 0}
		case onTarget && r.Dispatched.IsSet():
			return expected{synth.Missed, states.ReportsInFlight, ackAndActivated, when, 0}
		case onTarget && hb.Holds.IsZero():
			return expectLost(l)
		}
	case states.Activating:
		if onTarget {
			return expected{synth.Missed, states.AgentRestarted, activated, when, 0}
		}
	case states.Deferred:
		given := hb.Order.Given() && r.DeferredOrder.Given()
		later := hb.Order.Boot > r.DeferredOrder.Boot
		switch {
		case onTarget && (!given || later):
			return expected{synth.Missed, states.RebootFinished, activated, when, 0}
		case given && later && hb.Current.Is(r.AtDispatch):
			return expected{reason: synth.DeferredNotBooted}
		}
	case states.Soaking, states.Converged:
		if !onTarget {
			return expected{reason: synth.Drift}
		}
	case states.Failed:
		return expectFailed(l, when)
	case states.Reverted:
		if onTarget {
			return expected{reason: synth.Drift}
		}
	}
	return expected{reason: synth.InStep}
}

// expectLost is case 3.
func expectLost(l *synth.Look) expected {
	hb, r := &l.Seen.Heartbeat, &l.Record
	if !l.Verdict.Passed() {
		return expected{reason: synth.Held}
	}
	from, judged := min(hb.At, r.Opened), false
	if hb.CurrentSince.IsSet() {
		from, judged = hb.CurrentSince, true
	}
	if off := l.Seen.OffTarget; off.IsSet() && (!judged || off > from) {
		from, judged = max(off, r.Opened), true // it came in after the opening
	}
	due := from.Add(r.Policy.Soak)
	want := expected{synth.Missed, states.RecordsLost, []states.Kind{states.KindDispatchAck, states.KindActivationCompleted}, from, 0}
	if len(hb.Failing) == 0 && (!judged || due <= hb.At) {
		want.kinds = append(want.kinds, states.KindConverged)
		want.end = max(hb.At, due)
	}
	return want
}

// expectFailed is case 4.
func expectFailed(l *synth.Look, when states.Time) expected {
	hb, r := &l.Seen.Heartbeat, &l.Record
	applied := r.PolicyApplied
	if applied == 0 {
		applied = r.Policy.OnFailure
	}
	switch {
	case !hb.Current.Is(r.Target) && !hb.Current.Is(r.AtDispatch):
		return expected{reason: synth.Drift}
	case applied == states.Halt:
		return expected{reason: synth.Halted}
	case hb.Current.Is(r.AtDispatch) && !r.AtDispatch.Is(r.Target):
		return expected{synth.Missed, states.RollbackUnreported, []states.Kind{states.KindRollbackComplete}, when, 0}
	}
	return expected{reason: synth.InStep}
}

// isStale reads section 6.3.
func isStale(l *synth.Look) bool {
	hb, r := &l.Seen.Heartbeat, &l.Record
	last := r.At(states.LastTransitionAt)
	switch {
	case l.Seen.Newer:
		return true
	case !last.IsSet():
		return hb.At < r.Opened.Add(-skewBound)
	case r.LastOrder.Given() && hb.Order.Given():
		// The transition may itself have been concluded from this heartbeat.
		newest := r.LastGuess()
		same := newest.From.Seq == 0 && newest.From.Order == hb.Order && r.LastOrder == hb.Order
		return !hb.Order.After(r.LastOrder) && !same
	}
	return hb.At < last
}
