package proptest

import (
	"slices"
	"time"

	"github.com/rollmend/rollmend/gates"
	"github.com/rollmend/rollmend/reducer"
	"github.com/rollmend/rollmend/states"
	"github.com/rollmend/rollmend/synth"
)

// reportLaws are about a report that its record is behind of: case 5.
var reportLaws = []Property{
	law("a report ahead of its record brings the missing prefix with it", prefixed),
	law("a guessed end is an end against guesses, not against the agent", guessedEnd),
}

// prefixOf is what is missing before a report, as section 5 of the
// specification has it; nil where nothing is, or nothing helps.
func prefixOf(state states.State, kind states.Kind) []states.Kind {
	const (
		ack       = states.KindDispatchAck
		activated = states.KindActivationCompleted
		broke     = states.KindActivationFailed
		failed    = states.KindFailed
	)
	switch kind {
	case states.KindRollbackComplete:
		return map[states.State][]states.Kind{
			states.Pending: {ack, broke}, states.Activating: {broke}, states.Deferred: {broke}, states.Soaking: {failed},
		}[state]
	case states.KindProbeTopologyDeclared, states.KindProbeObservedFirst, states.KindProbeResult,
		states.KindProbeFailureFirst, states.KindFailed, states.KindConverged:
		return map[states.State][]states.Kind{
			states.Pending: {ack, activated}, states.Activating: {activated}, states.Deferred: {activated},
		}[state]
	case states.KindActivationStarted, states.KindActivationCompleted, states.KindActivationDeferred, states.KindActivationFailed:
		return map[states.State][]states.Kind{states.Pending: {ack}}[state]
	}
	return nil
}

func prefixed(d *dice, sys System) error {
	l := anyLook(d, sys)
	rec := l.Record
	if rec.Synthesised() {
		// Where a report belongs among guesses is for late truth.
		return nil
	}
	report := reducer.Event{Key: key, Seq: rec.LastSeq + 1, At: l.Now, Order: anyOrder(d), Body: truthful(anyBody(d, states.Kind(3+pick(d, "kind", 12))))}
	d.told.add("%s", reportNote{report, l.Now})
	f := sys.Ahead(rec, report)
	var kinds []states.Kind
	for _, ev := range f.Events {
		kinds = append(kinds, ev.Kind())
		from := ev.Origin.From
		if ev.Origin.Case != states.ReportAhead || !ev.Synthesised() || from.Seq != report.Seq || from.Order != report.Order || ev.At != report.At {
			return d.broken("the prefix has %+v", ev)
		}
		out, err := sys.Step(rec, ev)
		if err != nil {
			return d.broken("%s does not apply: %v", ev.Kind(), err)
		}
		rec = out.Record
	}
	want := prefixOf(l.Record.State, report.Kind())
	d.met = want != nil
	if !slices.Equal(kinds, want) {
		return d.broken("the prefix is %v, and should be %v", kinds, want)
	}
	if out, err := sys.Step(rec, report); want != nil && (err != nil || out.Disposition != reducer.Applied) {
		return d.broken("behind its prefix the report was %s: %v", out.Disposition, err)
	}
	if (f.Reason == synth.Missed) != (want != nil) {
		return d.broken("the finding is %s", f)
	}
	return nil
}

// guessedEnd lets the agent fail and roll back on a record that was rebuilt as
// converged.
func guessedEnd(d *dice, sys System) error {
	d.met = true
	w := newWorld(d, sys, faults{})
	w.plane.open(w.now, w.policy)
	w.now = w.now.Add(second)
	hb := synth.Heartbeat{Host: key.Host, Current: target, At: w.now}
	if !w.host.first {
		hb.Order = states.Order{Boot: 1, Beat: 3}
	}
	w.deliver(hb)
	if w.plane.rec.State != states.Converged {
		return d.broken("the host ran its target all along, and is %s", w.plane.rec.State)
	}
	w.deliver(hb)
	if w.plane.rec.State != states.Converged {
		return d.broken("a guess moved the end to %s", w.plane.rec.State)
	}
	var quarantined bool
	w.plane.watch = func(_ states.Record, _ reducer.Event, out reducer.Outcome, _ error) {
		quarantined = quarantined || out.Effects.Quarantine.Closure.Is(target)
	}
	at := w.now.Add(time.Duration(pick(d, "seconds", 20)-10) * second)
	fail := reducer.Body(reducer.Failed{})
	if pick(d, "in its activation", 2) == 1 {
		fail = reducer.ActivationFailed{}
	}
	for i, body := range []reducer.Body{fail, reducer.RollbackComplete{RevertedTo: old}} {
		ev := reducer.Event{Key: key, Seq: states.Seq(i + 1), At: at, Order: hb.Order, Body: body}
		got := w.plane.report(w.now, ev, gates.Verdict{})
		if want := [...]states.State{states.Failed, states.Reverted}[i]; w.plane.rec.State != want {
			return d.broken("behind %s it is %s (%s, %v)", ev.Kind(), w.plane.rec.State, got.disposition, got.err)
		}
	}
	if !quarantined {
		return d.broken("nothing was quarantined")
	}
	return nil
}

// truthful makes a body one that an honest agent could send: it keeps to the
// rules about closures.
func truthful(b reducer.Body) reducer.Body {
	switch body := b.(type) {
	case reducer.ActivationCompleted:
		body.Observed = target
		return body
	case reducer.RollbackComplete:
		body.RevertedTo = old
		return body
	case reducer.Converged:
		body.Current = target
		return body
	}
	return b
}
