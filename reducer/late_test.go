package reducer_test

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/rollmend/rollmend/reducer"
	"github.com/rollmend/rollmend/states"
)

// seen is a heartbeat that a guess rests on.
func seen(at states.Time, order states.Order, runs states.Closure) states.Observation {
	return states.Observation{At: at, Order: order, Current: runs}
}

func kinds(rec states.Record) []states.Kind {
	var out []states.Kind
	for _, g := range rec.Guesses() {
		out = append(out, g.Kind)
	}
	return out
}

// A guess behind a report that came late is kept exactly where what it rests on
// was seen after the report, by the order where both give one, else by the clock.
func TestAGuessBehindLateTruthIsKeptWhereItStillRestsOnWhatWasSeen(t *testing.T) {
	boot := func(boot, beat uint64) states.Order { return states.Order{Boot: boot, Beat: beat} }
	for _, c := range []struct {
		what   string
		from   states.Observation
		at     states.Time // of the late acknowledgement
		order  states.Order
		remain bool
	}{
		{"seen after it, by the clock", seen(sec(9), boot(0, 0), "new"), sec(8), boot(0, 0), true},
		{"seen with it, by the clock", seen(sec(9), boot(0, 0), "new"), sec(9), boot(0, 0), true},
		{"seen before it, by the clock", seen(sec(9), boot(0, 0), "new"), sec(9) + 1, boot(0, 0), false},
		{"seen after it, by the order alone", seen(sec(9), boot(1, 3), "new"), sec(99), boot(1, 2), true},
		{"it came after what was seen, by the order alone", seen(sec(9), boot(1, 3), "new"), sec(1), boot(1, 3), false},
		{"only what was seen has an order, and it was after it", seen(sec(9), boot(1, 3), "new"), sec(8), boot(0, 0), true},
		{"only what was seen has an order, and it was before it", seen(sec(9), boot(1, 3), "new"), sec(10), boot(0, 0), false},
		{"only the report has an order, and it was before", seen(sec(9), boot(0, 0), "new"), sec(8), boot(1, 3), true},
		{"only the report has an order, and it was after", seen(sec(9), boot(0, 0), "new"), sec(10), boot(1, 3), false},
	} {
		l := opened(t)
		for _, kind := range []states.Kind{states.KindDispatchAck, states.KindActivationCompleted} {
			l.must(reducer.Synthesise(&l.rec, kind, states.ReportsInFlight, c.from, c.from.At))
		}
		ev := l.next(c.at, reducer.DispatchAck{AtDispatch: "old"})
		ev.Order = c.order
		out, err := l.step(ev)
		if err != nil || out.Disposition != reducer.Absorbed {
			t.Fatalf("%s: %s (%v)", c.what, out.Disposition, err)
		}
		want := states.Activating
		if c.remain {
			want = states.Soaking
		}
		if out.Record.State != want || out.Record.Synthesised() != c.remain || !out.Record.AtDispatch.Is("old") {
			t.Errorf("%s: %s, resting on %v", c.what, out.Record.State, kinds(out.Record))
		}
		if c.remain && out.Record.Doubt.Before.State != states.Activating {
			t.Errorf("%s: before the guess it was %s", c.what, out.Record.Doubt.Before.State)
		}
	}
}

// What is replayed is stamped no earlier than what it stands behind now.
func TestAGuessThatIsReplayedKeepsTheTimesInOrder(t *testing.T) {
	for _, c := range []struct {
		what            string
		late, activated states.Time
	}{
		{"behind an earlier truth", sec(3), sec(5)},
		{"behind a later truth", sec(7), sec(7)},
	} {
		l := opened(t)
		for _, kind := range []states.Kind{states.KindDispatchAck, states.KindActivationCompleted} {
			l.must(reducer.Synthesise(&l.rec, kind, states.ReportsInFlight, seen(sec(9), states.Order{}, "new"), sec(5)))
		}
		out, _ := l.step(l.next(c.late, reducer.DispatchAck{}))
		if got := out.Record.At(states.ActivatedAt); got != c.activated {
			t.Errorf("%s: activated %s, want %s", c.what, got, c.activated)
		}
		if got := out.Record.At(states.AckedAt); got != c.late || !out.Record.Reported(states.AckedAt) {
			t.Errorf("%s: acknowledged %s", c.what, got)
		}
	}
}

// A guessed convergence rests on a heartbeat from after the soak; a later
// activation moves the soak's end.
func TestAGuessedConvergenceIsKeptWhereItsHeartbeatIsBehindTheSoak(t *testing.T) {
	for _, c := range []struct {
		what      string
		activated states.Time // as the late report says
		seen      states.Time
		want      states.State
	}{
		{"a soak that was over with the heartbeat", sec(10), sec(20), states.Converged},
		{"a soak that was over before it", sec(5), sec(20), states.Converged},
		{"a soak that lacked a millisecond", sec(10) + 1, sec(20), states.Soaking},
	} {
		l := reported(t, states.Activating)
		l.must(reducer.Synthesise(&l.rec, states.KindActivationCompleted, states.RecordsLost, seen(c.seen, states.Order{}, "new"), sec(2)))
		l.must(reducer.Synthesise(&l.rec, states.KindConverged, states.RecordsLost, seen(c.seen, states.Order{}, "new"), sec(15)))
		out, err := l.step(l.next(c.activated, reducer.ActivationCompleted{Observed: "new"}))
		if err != nil || out.Disposition != reducer.Absorbed || out.Record.State != c.want {
			t.Errorf("%s: %s in %s (%v)", c.what, out.Disposition, out.Record.State, err)
		}
		if out.Record.At(states.ActivatedAt) != c.activated {
			t.Errorf("%s: activated %s", c.what, out.Record.At(states.ActivatedAt))
		}
		if c.want == states.Converged {
			if got := out.Record.At(states.ConvergedAt); got != c.seen {
				t.Errorf("%s: converged %s, want %s", c.what, got, c.seen)
			}
			if diff := cmp.Diff([]states.Kind{states.KindConverged}, kinds(out.Record)); diff != "" {
				t.Errorf("%s: it rests on\n%s", c.what, diff)
			}
		}
		wantTransition := reducer.Transition{}
		if c.want == states.Soaking {
			wantTransition = reducer.Transition{From: states.Converged, To: states.Soaking, At: c.activated}
		}
		if out.Effects.Transition != wantTransition {
			t.Errorf("%s: %v", c.what, out.Effects.Transition)
		}
	}
}

// A guess that a reboot finished a deferral needs a later boot than that of the
// deferral, once that is known.
func TestAGuessedRebootIsKeptWhereItsBootIsLater(t *testing.T) {
	staged := states.Order{Boot: 3, Beat: 4}
	for _, c := range []struct {
		what  string
		order states.Order // of the deferral
		from  states.Order // of the heartbeat
		want  states.State
	}{
		{"a later boot", staged, states.Order{Boot: 4, Beat: 1}, states.Soaking},
		{"the same boot", staged, states.Order{Boot: 3, Beat: 5}, states.Deferred},
		{"a heartbeat without a boot", staged, states.Order{}, states.Soaking},
		{"a deferral without a boot", states.Order{}, states.Order{Boot: 3, Beat: 5}, states.Soaking},
	} {
		l := reported(t, states.Activating)
		l.must(reducer.Synthesise(&l.rec, states.KindActivationCompleted, states.AgentRestarted, seen(sec(9), c.from, "new"), sec(9)))
		ev := l.next(sec(3), reducer.ActivationDeferred{Component: "kernel"})
		ev.Order = c.order
		out, err := l.step(ev)
		if err != nil || out.Disposition != reducer.Absorbed || out.Record.State != c.want {
			t.Errorf("%s: %s in %s, want %s (%v)", c.what, out.Disposition, out.Record.State, c.want, err)
		}
		if out.Record.DeferredOrder != c.order || out.Record.At(states.DeferredAt) != sec(3) {
			t.Errorf("%s: deferred %s after %s", c.what, out.Record.At(states.DeferredAt), out.Record.DeferredOrder)
		}
	}
}

// The boot of a deferral bounds what finished it, not what came after that.
func TestWhatFollowsAFinishedDeferralNeedsNoLaterBoot(t *testing.T) {
	l := reported(t, states.Activating)
	ev := l.next(sec(2), reducer.ActivationDeferred{Component: "kernel"})
	ev.Order = states.Order{Boot: 3, Beat: 4}
	l.must(ev)
	l.must(reducer.Synthesise(&l.rec, states.KindActivationCompleted, states.ReportAhead, seen(sec(9), states.Order{}, "new"), sec(9)))
	l.must(reducer.Synthesise(&l.rec, states.KindFailed, states.ReportAhead, seen(sec(9), states.Order{Boot: 3, Beat: 9}, "new"), sec(9)))
	out, err := l.step(l.next(sec(5), reducer.ActivationCompleted{Observed: "new"}))
	if err != nil || out.Record.State != states.Failed {
		t.Errorf("%s in %s (%v)", out.Disposition, out.Record.State, err)
	}
}

// What no longer follows from the truth falls, and with it all behind it.
func TestAGuessThatNoLongerHoldsFalls(t *testing.T) {
	lost := seen(sec(30), states.Order{}, "new")
	for _, c := range []struct {
		what string
		body reducer.Body
		want states.State
	}{
		{"the activation failed after all", reducer.ActivationFailed{ExitCode: 1}, states.Failed},
		{"a probe failed after all", reducer.ProbeResult{Probe: "http", Mode: states.Enforce, Status: states.Fail}, states.Soaking},
		{"the soak failed after all", reducer.Failed{}, states.Failed},
	} {
		l := reported(t, states.Activating)
		l.must(reducer.Synthesise(&l.rec, states.KindActivationCompleted, states.RecordsLost, lost, sec(2)))
		l.must(reducer.Synthesise(&l.rec, states.KindConverged, states.RecordsLost, lost, sec(30)))
		out, err := l.step(l.next(sec(4), c.body))
		if err != nil || out.Disposition != reducer.Absorbed || out.Record.State != c.want || out.Record.Synthesised() {
			t.Errorf("%s: %s in %s, resting on %v (%v)", c.what, out.Disposition, out.Record.State, kinds(out.Record), err)
		}
	}
}

// A record whose guesses do not follow from one another is not ours; what
// stands behind one that does not hold is given up with it.
func TestNothingIsReplayedBehindAGuessThatFell(t *testing.T) {
	l := reported(t, states.Soaking)
	l.guessed(states.KindConverged, sec(30))
	doubt := *l.rec.Doubt
	doubt.Guesses = append(doubt.Guesses, states.Guess{Kind: states.KindFailed, Case: states.ReportAhead, At: sec(31), From: seen(sec(31), states.Order{}, "new")})
	l.rec.Doubt = &doubt
	out, err := l.step(l.next(sec(4), reducer.ProbeResult{Probe: "http", Mode: states.Enforce, Status: states.Fail}))
	if err != nil || out.Record.State != states.Soaking || out.Record.Synthesised() {
		t.Errorf("%s in %s, resting on %v (%v)", out.Disposition, out.Record.State, kinds(out.Record), err)
	}
}

func TestLateTruthThatIsRefusedChangesNothing(t *testing.T) {
	l := opened(t)
	for _, kind := range []states.Kind{states.KindDispatchAck, states.KindActivationCompleted, states.KindConverged} {
		l.guessed(kind, sec(20))
		if kind == states.KindActivationCompleted {
			l.rec.Set(states.ActivatedAt, sec(2), false)
		}
	}
	l.refused("an activation of another closure", l.next(sec(2), reducer.ActivationCompleted{Observed: "third"}), &reducer.InvariantError{
		Key: webOne, Kind: states.KindActivationCompleted, Invariant: reducer.NotOnTarget, Detail: "observed third, the target is new",
	})
	prefix := reducer.Synthesise(&l.rec, states.KindActivationCompleted, states.ReportAhead, seen(sec(9), states.Order{}, "third"), sec(9))
	prefix.Body = reducer.ActivationCompleted{Observed: "third"}
	l.refused("what would lie before a report of another closure", prefix, &reducer.InvariantError{
		Key: webOne, Kind: states.KindActivationCompleted, Invariant: reducer.NotOnTarget, Detail: "observed third, the target is new",
	})
	illegal := func(kind states.Kind) error {
		return &reducer.IllegalError{Key: webOne, State: states.Converged, Kind: kind}
	}
	// Only what an agent said may take a guess back, or what has to lie before it.
	guess := reducer.Synthesise(&l.rec, states.KindActivationCompleted, states.AgentRestarted, seen(sec(9), states.Order{}, "new"), sec(9))
	l.refused("another guess", guess, illegal(states.KindActivationCompleted))
	sent := reducer.Event{Key: webOne, Origin: reducer.Origin{By: reducer.ByControlPlane, Case: states.ReportAhead}, At: sec(9), Body: reducer.Dispatched{}}
	l.refused("a dispatch, whatever it claims", sent, illegal(states.KindDispatched))
}

// A start that is said again below a guess is what it is without one.
func TestAStartThatIsSaidAgainBelowAGuessIsADuplicate(t *testing.T) {
	l := reported(t, states.Activating)
	l.says(sec(2), reducer.ActivationStarted{Method: "switch"})
	l.guessed(states.KindActivationCompleted, sec(9))
	was := l.rec
	out, err := l.step(l.next(sec(3), reducer.ActivationStarted{Method: "switch"}))
	was.LastSeq++
	was.Revision++
	if err != nil || out.Disposition != reducer.Duplicate {
		t.Errorf("%s (%v)", out.Disposition, err)
	}
	if diff := cmp.Diff(was, out.Record); diff != "" {
		t.Error(diff)
	}
}

// What is synthesised for a report takes a guessed end back, and is a guess
// itself until the report is applied on top of it.
func TestAPrefixBelowAGuessedEndIsAGuess(t *testing.T) {
	l := reported(t, states.Activating)
	l.guessed(states.KindActivationCompleted, sec(2))
	before := *l.rec.Doubt
	l.guessed(states.KindConverged, sec(20))
	out := l.must(reducer.Synthesise(&l.rec, states.KindFailed, states.ReportAhead, states.Observation{At: sec(21), Seq: 5}, sec(21)))
	if out.Record.State != states.Failed || out.Record.Doubt.Before.State != before.Before.State {
		t.Errorf("%s, before the guesses %s", out.Record.State, out.Record.Doubt.Before.State)
	}
	if diff := cmp.Diff([]states.Kind{states.KindActivationCompleted, states.KindFailed}, kinds(out.Record)); diff != "" {
		t.Error(diff)
	}
}

// The longest road has four steps: a fifth guess is refused.
func TestARecordBearsNoFifthGuess(t *testing.T) {
	l := opened(t)
	for _, kind := range []states.Kind{states.KindDispatchAck, states.KindActivationCompleted, states.KindFailed} {
		l.guessed(kind, sec(2))
	}
	doubt := *l.rec.Doubt
	doubt.Guesses = append(doubt.Guesses[:2:2], doubt.Guesses[1:]...)
	l.rec.Doubt = &doubt
	back := reducer.Synthesise(&l.rec, states.KindRollbackComplete, states.RollbackUnreported, seen(sec(9), states.Order{}, "old"), sec(9))
	l.refused("a fifth guess", back, &reducer.IllegalError{Key: webOne, State: states.Failed, Kind: states.KindRollbackComplete})
}

// When the state last changed is told by what was seen, so that a convergence
// which is stamped at the end of a soak still to come makes no heartbeat stale.
func TestAGuessedTransitionIsKnownFromItsObservationOn(t *testing.T) {
	for _, c := range []struct {
		what     string
		at, seen states.Time
		want     states.Time
	}{
		{"before what was seen", sec(3), sec(9), sec(3)},
		{"with a stamp still to come", sec(12), sec(9), sec(9)},
		{"seen before the last transition", sec(12), sec(1), sec(2)},
	} {
		l := reported(t, states.Soaking)
		l.rec.Policy.Soak = 0
		from := seen(c.seen, states.Order{Boot: 1, Beat: 7}, "new")
		out := l.must(reducer.Synthesise(&l.rec, states.KindConverged, states.RecordsLost, from, c.at))
		if got := out.Record.At(states.LastTransitionAt); got != c.want || out.Record.Reported(states.LastTransitionAt) {
			t.Errorf("%s: %s, want %s; given by a report: %t", c.what, got, c.want, out.Record.Reported(states.LastTransitionAt))
		}
		if out.Record.LastOrder != from.Order || out.Effects.Transition.At != c.at {
			t.Errorf("%s: after beat %s, stored at %s", c.what, out.Record.LastOrder, out.Effects.Transition.At)
		}
	}
	l := reported(t, states.Soaking)
	ev := l.next(sec(20), reducer.Failed{})
	ev.Order = states.Order{Boot: 2, Beat: 5}
	out := l.must(ev)
	if out.Record.At(states.LastTransitionAt) != sec(20) || !out.Record.Reported(states.LastTransitionAt) || out.Record.LastOrder != ev.Order {
		t.Errorf("reported: %s after beat %s", out.Record.At(states.LastTransitionAt), out.Record.LastOrder)
	}
}

// A record that was damaged is refused, whatever is put to it; it takes no
// process down.
func TestADamagedRecordIsRefused(t *testing.T) {
	// Behind a guess that is none, the others still take their places.
	l := opened(t)
	for _, kind := range []states.Kind{states.KindDispatchAck, states.KindActivationCompleted} {
		l.guessed(kind, sec(2))
	}
	l.rec.Doubt = &states.Doubt{Before: l.rec.Doubt.Before, Guesses: append([]states.Guess{{Kind: 200}}, l.rec.Doubt.Guesses...)}
	if out, err := l.step(l.next(sec(5), reducer.ActivationFailed{})); err != nil || out.Record.State != states.Failed {
		t.Errorf("behind a guess that is none: %s in %s (%v)", out.Disposition, out.Record.State, err)
	}

	// One that does not bear its own guesses: nothing is an activation of its target.
	l = reported(t, states.Activating)
	l.guessed(states.KindActivationCompleted, sec(2))
	l.guessed(states.KindConverged, sec(20))
	l.rec.Target = ""
	l.refused("a result below a guess that does not hold", l.next(sec(5), reducer.ProbeResult{Probe: "http"}),
		&reducer.IllegalError{Key: webOne, State: states.Activating, Kind: states.KindProbeResult})

	past := func(k states.Kind) states.Kind { return k + states.KindConverged }
	for what, damage := range map[string]func(*states.Record){
		"a state behind the last":      func(r *states.Record) { r.State = states.Reverted + 1 },
		"a state far behind the last":  func(r *states.Record) { r.State = 200 },
		"a guess of no kind":           func(r *states.Record) { r.Doubt.Guesses[0].Kind = 0 },
		"a guess behind the last kind": func(r *states.Record) { r.Doubt.Guesses[0].Kind = past(1) },
		"a guess far behind it":        func(r *states.Record) { r.Doubt.Guesses[0].Kind = 200 },
		"no guess where there is one":  func(r *states.Record) { r.Doubt.Guesses = nil },
	} {
		for kind := range states.Kinds() {
			l := reported(t, states.Activating)
			l.guessed(states.KindActivationCompleted, sec(2))
			l.guessed(states.KindConverged, sec(20))
			doubt := states.Doubt{Before: l.rec.Doubt.Before, Guesses: append([]states.Guess(nil), l.rec.Doubt.Guesses...)}
			l.rec.Doubt = &doubt
			damage(&l.rec)
			ev := l.next(sec(5), sample[kind])
			if ev.Origin = origin(kind); !kind.Agent() {
				ev.Seq = 0
			}
			out, err := l.step(ev)
			if (err != nil) != (out.Disposition == reducer.Refused) {
				t.Errorf("%s, %s: %s (%v)", what, kind, out.Disposition, err)
			}
			var illegal *reducer.IllegalError
			if err != nil && !errors.As(err, &illegal) {
				t.Errorf("%s, %s: %v", what, kind, err)
			}
		}
	}
}
