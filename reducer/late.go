package reducer

import (
	"github.com/rollmend/rollmend/states"
)

// late places an event that is not legal on top of its record.
//
// A synthesised state is provisional. A report that belongs below it is put
// where it belongs on the road, which makes everything below it definite, and
// the guesses behind it are replayed as far as what they rest on still bears
// them. A prefix that is synthesised for a report has the report's weight: it
// too may take a guessed end of the road back.
func late(rec *states.Record, ev *Event) (Disposition, error) {
	below, found := position(rec, ev.Kind())
	mayGoBelow := ev.Reported() || ev.Synthesised() && ev.Origin.Case == states.ReportAhead
	if !found || !mayGoBelow {
		if ev.Reported() && said(rec, ev) {
			return Duplicate, nil
		}
		return Refused, &IllegalError{Key: rec.Key, State: rec.State, Kind: ev.Kind()}
	}
	was := *rec
	rest := was.Guesses()[below:]
	rewind(rec, below)
	r, ok := lookup(rec.State, ev.Kind())
	if !ok {
		// No log leads to a record that does not bear its own guesses.
		state := rec.State
		*rec = was
		return Refused, &IllegalError{Key: rec.Key, State: state, Kind: ev.Kind()}
	}
	if r.Once && said(rec, ev) {
		*rec = was
		return Duplicate, nil
	}
	if ev.Synthesised() {
		err := guess(rec, r, ev, nil)
		if err != nil {
			*rec = was
		}
		return applied(err)
	}
	if err := write(rec, r, ev); err != nil {
		*rec = was
		return Refused, err
	}
	rec.Doubt = nil
	if rest[0].Kind == ev.Kind() {
		rest = rest[1:]
	}
	replay(rec, rest, ev)
	return Absorbed, nil
}

// position returns how many of the record's guesses stay below an event of
// that kind; found is false where it is legal below none of them.
func position(rec *states.Record, kind states.Kind) (below int, found bool) {
	state := rec.Before().State
	for i, g := range rec.Guesses() {
		if _, ok := lookup(state, kind); ok {
			return i, true
		}
		if r, ok := lookup(state, g.Kind); ok {
			state = r.To
		}
	}
	return 0, false
}

// rewind takes a record back to its first n guesses.
func rewind(rec *states.Record, n int) {
	guesses := rec.Guesses()[:n]
	rec.Belief, rec.Doubt = rec.Before(), nil
	for _, g := range guesses {
		// It was written once on this very belief, so it is again.
		if r, ok := lookup(rec.State, g.Kind); ok {
			ev := eventOf(rec, g, g.At)
			_ = guess(rec, r, &ev, nil)
		}
	}
}

// replay puts guesses behind a report that was placed below them, up to the
// first that no longer holds.
func replay(rec *states.Record, rest []states.Guess, report *Event) {
	for _, g := range rest {
		r, ok := lookup(rec.State, g.Kind)
		if !ok || !bears(rec, g, report) {
			return
		}
		at := max(g.At, rec.At(states.LastTransitionAt))
		if g.Kind == states.KindConverged {
			at = g.From.At // it is refused where that is before the soak's end
		}
		ev := eventOf(rec, g, at)
		if guess(rec, r, &ev, nil) != nil {
			return
		}
	}
}

// bears reports whether a guess still rests on its observation behind a report
// that came late.
func bears(rec *states.Record, g states.Guess, report *Event) bool {
	if g.From.Order.Given() && report.Order.Given() {
		// The order of a report is that of the newest beat before it.
		if !g.From.Order.After(report.Order) {
			return false
		}
	} else if g.From.At < report.At {
		return false
	}
	if g.Kind == states.KindActivationCompleted && g.From.Order.Given() {
		// What is staged for the next boot fails without one, too. Any boot is later
		// than that of a deferral that gave none, or that was not.
		return g.From.Order.Boot > rec.DeferredOrder.Boot
	}
	return true
}

// guess writes a synthesised event on top of a record.
func guess(rec *states.Record, r *Row, ev *Event, own *owner) error {
	if len(rec.Guesses()) == states.MaxGuesses {
		return &IllegalError{Key: rec.Key, State: rec.State, Kind: ev.Kind()}
	}
	before := rec.Belief
	if err := write(rec, r, ev); err != nil {
		return err
	}
	own.add(rec, &before, states.Guess{Kind: ev.Kind(), Case: ev.Origin.Case, At: ev.At, From: ev.Origin.From})
	return nil
}

// eventOf makes a guess into the event that it was, at another time.
func eventOf(rec *states.Record, g states.Guess, at states.Time) Event {
	return Synthesise(rec, g.Kind, g.Case, g.From, at)
}

// said reports whether a record already holds what a report says. An activation
// is of the target alone, whatever the host runs since.
func said(rec *states.Record, ev *Event) bool {
	switch body := ev.Body.(type) {
	case DispatchAck:
		return rec.At(states.AckedAt).IsSet()
	case ActivationStarted:
		return rec.At(states.StartedAt).IsSet()
	case ActivationCompleted:
		return rec.At(states.ActivatedAt).IsSet() && body.Observed.Is(rec.Target)
	case ActivationDeferred:
		return rec.At(states.DeferredAt).IsSet()
	case ActivationFailed:
		return rec.At(states.ActivationFailedAt).IsSet()
	case Failed:
		return rec.At(states.FailedAt).IsSet() && !rec.At(states.ActivationFailedAt).IsSet()
	case RollbackComplete:
		return body.RevertedTo.Is(rec.RevertedTo)
	case Converged:
		return rec.At(states.ConvergedAt).IsSet() && body.Current.Is(rec.Current)
	}
	return false
}
