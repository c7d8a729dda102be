package reducer

import (
	"github.com/rollmend/rollmend/states"
)

// Outcome is what one step gives: the record as it is now, and what must be
// stored because of it, together or not at all.
type Outcome struct {
	Disposition Disposition
	Record      states.Record
	Effects     Effects
}

// Step applies one event to one record. The record that is handed in is not
// changed.
//
// Checks run in a fixed order and the first that fails wins: form, identity,
// number, legality, invariants. A refused report changes nothing but the
// record's last number, and is logged: the outcome is Refused, beside the
// typed error ([*IllegalError], [*InvariantError]). A refused event of another
// origin changes nothing and has no effects. A jump in the agent's numbers is
// taken as a gap that was accepted; putting a report back is the caller's.
func Step(rec states.Record, ev Event) (Outcome, error) {
	if err := wellFormed(&rec, &ev); err != nil {
		return Outcome{Disposition: Refused, Record: rec}, err
	}
	if ev.Reported() && ev.Seq <= rec.LastSeq {
		return Outcome{Disposition: Duplicate, Record: rec}, nil
	}
	heard := rec
	if ev.Reported() {
		hear(&heard, ev.Seq)
	}
	next := heard
	disposition, err := place(&next, ev)
	if disposition == Refused || disposition == Duplicate {
		if !ev.Reported() {
			return Outcome{Disposition: disposition, Record: rec}, err
		}
		next = heard
	}
	if ev.Kind() != states.KindOpened {
		next.Revision++
	}
	entry := LogEntry{Revision: next.Revision, Disposition: disposition, Event: ev}
	if err != nil {
		entry.Reason = err.Error()
	}
	return Outcome{Disposition: disposition, Record: next, Effects: effects(&rec, &next, entry)}, err
}

// wellFormed checks what has to hold before the record's state is looked at.
func wellFormed(rec *states.Record, ev *Event) error {
	switch {
	case ev.Body == nil:
		return ErrNoBody
	case ev.Kind().Agent() == (ev.Origin.By == ByControlPlane):
		return &IllegalError{Key: ev.Key, State: rec.State, Kind: ev.Kind()}
	case ev.Synthesised() && !synthesisable(ev.Kind()):
		return &IllegalError{Key: ev.Key, State: rec.State, Kind: ev.Kind()}
	case rec.State == 0 && ev.Kind() == states.KindOpened:
		return nil
	case rec.State == 0:
		return &IllegalError{Key: ev.Key, Kind: ev.Kind()}
	case ev.Key != rec.Key:
		return &WrongRecordError{Record: rec.Key, Event: ev.Key}
	case ev.Reported() && ev.Seq == 0:
		return ErrNoNumber
	}
	return nil
}

// place writes the event where it belongs: on top of the record, or, for late
// truth, below the guesses that it contradicts or replaces.
func place(rec *states.Record, ev Event) (Disposition, error) {
	r, ok := lookup(rec.State, ev.Kind())
	if !ok {
		return late(rec, ev)
	}
	if r.Once && said(&rec.Belief, ev) {
		return Duplicate, nil
	}
	if ev.Synthesised() {
		return applied(guess(rec, r, ev))
	}
	if err := write(rec, r, ev); err != nil {
		return Refused, err
	}
	makeDefinite(rec)
	return Applied, nil
}

func applied(err error) (Disposition, error) {
	if err != nil {
		return Refused, err
	}
	return Applied, nil
}

// makeDefinite forgets that the record rested on guesses.
func makeDefinite(rec *states.Record) {
	if rec.Synthesised() {
		rec.Before, rec.Guesses = states.Belief{}, states.Guesses{}
	}
}

// write lets a row write, and stamps the transition where there is one.
func write(rec *states.Record, r *row, ev Event) error {
	if err := r.write(rec, ev); err != nil {
		return err
	}
	if r.To == rec.State {
		return nil
	}
	from := rec.State
	rec.State = r.To
	if from != 0 {
		stampTransition(rec, ev)
	}
	return nil
}

// stampTransition keeps when, in the host's own order, the state last changed.
// A convergence that is stamped at the end of a soak still to come is known
// from its observation on, so that a heartbeat in between is not stale.
func stampTransition(rec *states.Record, ev Event) {
	at, order := ev.At, ev.Order
	if ev.Synthesised() {
		order = ev.Origin.From.Order
		at = min(at, max(ev.Origin.From.At, rec.At(states.LastTransitionAt)))
	}
	rec.Set(states.LastTransitionAt, at, ev.definite())
	rec.LastOrder = order
}

// hear takes the report's number. A jump is a gap that was accepted: which
// probes report from here on is counted anew.
func hear(rec *states.Record, seq states.Seq) {
	if seq > rec.LastSeq+1 {
		rec.Gap = true
		unheard := func(p states.Probe) states.Probe { p.SinceGap = false; return p }
		rec.Probes = rec.Probes.Map(unheard)
		rec.Before.Probes = rec.Before.Probes.Map(unheard)
	}
	rec.LastSeq = seq
}

// effects describes the difference between two records.
func effects(from, to *states.Record, entry LogEntry) Effects {
	e := Effects{Entry: entry}
	if from.State == to.State || from.State == 0 {
		return e
	}
	ev := entry.Event
	if to.State == states.Reverted {
		e.Quarantine = quarantine(to, ev)
	}
	e.Transition = Transition{Key: to.Key, From: from.State, To: to.State, At: ev.At}
	return e
}
