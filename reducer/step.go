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
func Step(rec states.Record, ev Event) (out Outcome, err error) {
	out.Record = rec
	out.Disposition, err = step(&out.Record, &ev, &out.Effects, nil)
	return out, err
}

// step applies an event to a record in place; one that changes nothing but the
// number, or nothing at all, leaves the rest as it was. A record is big, so it is
// not kept to be put back: whoever refuses an event has written nothing of it.
func step(rec *states.Record, ev *Event, effects *Effects, own *owner) (disposition Disposition, err error) {
	if err := wellFormed(rec, ev); err != nil {
		return Refused, err
	}
	if ev.Reported() {
		if ev.Seq <= rec.LastSeq {
			return Duplicate, nil
		}
		hear(rec, ev.Seq)
	}
	from := rec.State
	disposition, err = place(rec, ev, own)
	if disposition == Refused && !ev.Reported() {
		return disposition, err
	}
	if from != 0 {
		rec.Revision++
	}
	fill(effects, disposition, from, rec, ev)
	if err != nil {
		effects.Entry.Reason = err.Error()
	}
	return disposition, err
}

// wellFormed checks what has to hold before the record's state is looked at.
func wellFormed(rec *states.Record, ev *Event) error {
	if ev.Body == nil {
		return ErrNoBody
	}
	if ev.Origin.By > BySynthesis {
		return ErrNoOrigin
	}
	kind := ev.Body.Kind()
	switch {
	case kind.Agent() == (ev.Origin.By == ByControlPlane),
		ev.Synthesised() && !synthesisable(kind):
		return &IllegalError{Key: ev.Key, State: rec.State, Kind: kind}
	case rec.State == 0 && kind != states.KindOpened:
		return &IllegalError{Key: ev.Key, Kind: kind}
	case rec.State != 0 && ev.Key != rec.Key:
		return &WrongRecordError{Record: rec.Key, Event: ev.Key}
	case ev.Reported() && ev.Seq == 0:
		return ErrNoNumber
	}
	return nil
}

// place writes the event where it belongs: on top of the record, or, for late
// truth, below the guesses that it contradicts or replaces. One that is refused
// or a duplicate leaves the record as it was.
func place(rec *states.Record, ev *Event, own *owner) (Disposition, error) {
	r, ok := lookup(rec.State, ev.Kind())
	if !ok {
		return late(rec, ev)
	}
	if r.Once && said(rec, ev) {
		return Duplicate, nil
	}
	if ev.Synthesised() {
		return applied(guess(rec, r, ev, own))
	}
	if err := write(rec, r, ev); err != nil {
		return Refused, err
	}
	rec.Doubt = nil
	return Applied, nil
}

func applied(err error) (Disposition, error) {
	if err != nil {
		return Refused, err
	}
	return Applied, nil
}

// hear takes the report's number. A jump is a gap that was accepted: which
// probes report from here on is counted anew.
func hear(rec *states.Record, seq states.Seq) {
	if seq > rec.LastSeq+1 {
		rec.Gap = true
		unheard := func(p states.Probe) states.Probe { p.SinceGap = false; return p }
		rec.Probes = rec.Probes.Map(unheard)
		if rec.Synthesised() {
			doubt := *rec.Doubt
			doubt.Before.Probes = doubt.Before.Probes.Map(unheard)
			rec.Doubt = &doubt
		}
	}
	rec.LastSeq = seq
}

// fill describes what must be stored: the entry, and the difference between
// the record as it was and as it is.
func fill(e *Effects, disposition Disposition, from states.State, to *states.Record, ev *Event) {
	e.Entry.Revision, e.Entry.Disposition, e.Entry.Event = to.Revision, disposition, *ev
	if from == to.State || from == 0 {
		return
	}
	if to.State == states.Reverted {
		e.Quarantine = quarantine(to, ev)
	}
	e.Transition = Transition{From: from, To: to.State, At: ev.At}
}
