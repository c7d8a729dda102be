package exhaust_test

import (
	"errors"
	"slices"
	"strings"

	"github.com/rollmend/rollmend/proptest"
	"github.com/rollmend/rollmend/proptest/exhaust"
	"github.com/rollmend/rollmend/reducer"
	"github.com/rollmend/rollmend/states"
	"github.com/rollmend/rollmend/synth"
)

// fault is one function of the system made wrong, and the oracle's rule that it
// breaks; one without a rule may show anywhere.
type fault struct {
	rule string
	name string
	make func(*proptest.System)
}

func planted() (out []exhaust.Planted) {
	for _, f := range slices.Concat(formFaults, writeFaults, soakFaults, lateFaults, aheadFaults, lookFaults, caseFaults) {
		p := exhaust.Planted{Name: f.name, Rule: f.rule, System: proptest.Real()}
		f.make(&p.System)
		out = append(out, p)
	}
	return out
}

// stepped is a step and what the real system makes of it. A fault changes out
// and err, or takes the step again from another beginning.
type stepped struct {
	rec  states.Record
	ev   reducer.Event
	out  reducer.Outcome
	err  error
	step func(states.Record, reducer.Event) (reducer.Outcome, error)
}

// steps makes a fault of Step.
func steps(change func(s *stepped)) func(*proptest.System) {
	return func(sys *proptest.System) {
		step := sys.Step
		sys.Step = func(rec states.Record, ev reducer.Event) (reducer.Outcome, error) {
			s := stepped{rec: rec, ev: ev, step: step}
			s.out, s.err = step(rec, ev)
			change(&s)
			return s.out, s.err
		}
	}
}

// gives makes a fault of what an event of a kind that was applied writes.
func gives(kind states.Kind, change func(s *stepped, rec *states.Record)) func(*proptest.System) {
	return steps(func(s *stepped) {
		if s.ev.Kind() == kind && s.out.Disposition == reducer.Applied {
			change(s, &s.out.Record)
		}
	})
}

// other takes the step from a changed beginning. What the change was made with
// does not show: not in the numbers, the policy, the target or the entry.
func (s *stepped) other(change func(rec *states.Record, ev *reducer.Event)) (reducer.Outcome, error) {
	rec, ev := s.rec, s.ev
	change(&rec, &ev)
	out, err := s.step(rec, ev)
	was := &s.out.Record
	out.Record.LastSeq, out.Record.Gap, out.Record.Revision = was.LastSeq, was.Gap, was.Revision
	out.Record.Policy, out.Record.Target = was.Policy, was.Target
	if out.Effects.Entry.Event.Body != nil {
		out.Effects.Entry.Event = s.ev
	}
	return out, err
}

func (s *stepped) again(change func(rec *states.Record, ev *reducer.Event)) {
	s.out, s.err = s.other(change)
}

// more takes the other outcome where more of what was guessed stands in it.
func (s *stepped) more(change func(rec *states.Record, ev *reducer.Event)) {
	if s.out.Disposition != reducer.Absorbed {
		return
	}
	if out, err := s.other(change); len(out.Record.Guesses()) > len(s.out.Record.Guesses()) {
		s.out, s.err = out, err
	}
}

func (s *stepped) broke(which reducer.Invariant) bool {
	var broken *reducer.InvariantError
	return errors.As(s.err, &broken) && broken.Invariant == which
}

func (s *stepped) illegal() bool {
	var refused *reducer.IllegalError
	return errors.As(s.err, &refused)
}

// wellFormed reports whether the step got as far as the table.
func (s *stepped) wellFormed() bool {
	guessable := slices.Contains(guesses, s.ev.Kind())
	return s.rec.State != 0 && s.ev.Body != nil && s.ev.Key == s.rec.Key &&
		(s.ev.Reported() && s.ev.Kind().Agent() || s.ev.Synthesised() && guessable || !s.ev.Reported() && !s.ev.Synthesised() && !s.ev.Kind().Agent())
}

var guesses = []states.Kind{
	states.KindDispatchAck, states.KindActivationCompleted, states.KindActivationFailed,
	states.KindFailed, states.KindRollbackComplete, states.KindConverged,
}

// waved makes the refusal a duplicate.
func (s *stepped) waved() {
	s.err = nil
	s.out.Disposition = reducer.Duplicate
	if e := &s.out.Effects.Entry; e.Event.Body != nil {
		e.Disposition, e.Reason = reducer.Duplicate, ""
	}
}

// soaking reports whether a reported convergence is put to a record that soaks.
func (s *stepped) soaking() bool {
	return s.ev.Kind() == states.KindConverged && s.ev.Reported() && s.ev.Seq > s.rec.LastSeq && s.rec.State == states.Soaking
}

// changed gives the record other guesses.
func changed(rec *states.Record, change func(g *states.Guess)) {
	if rec.Doubt == nil {
		return
	}
	doubt := states.Doubt{Before: rec.Doubt.Before, Guesses: slices.Clone(rec.Doubt.Guesses)}
	for i := range doubt.Guesses {
		change(&doubt.Guesses[i])
	}
	rec.Doubt = &doubt
}

// keptGuesses puts the times that guesses had before a step back.
func keptGuesses(s *stepped, of func(states.Kind) bool) {
	if s.out.Disposition != reducer.Absorbed {
		return
	}
	changed(&s.out.Record, func(g *states.Guess) {
		for _, was := range s.rec.Guesses() {
			if was.Kind == g.Kind && of(g.Kind) {
				g.At = was.At
			}
		}
	})
}

// looked makes a fault of what Chain is handed.
func looked(change func(l *synth.Look)) func(*proptest.System) {
	return func(sys *proptest.System) {
		chain := sys.Chain
		sys.Chain = func(l synth.Look) synth.Finding {
			change(&l)
			return chain(l)
		}
	}
}

// found makes a fault of what Chain answers.
func found(change func(l *synth.Look, f *synth.Finding)) func(*proptest.System) {
	return func(sys *proptest.System) {
		chain := sys.Chain
		sys.Chain = func(l synth.Look) synth.Finding {
			f := chain(l)
			change(&l, &f)
			return f
		}
	}
}

// relooked hands Chain something else where its answer is of some sort.
func relooked(when func(l *synth.Look, f *synth.Finding) bool, change func(l *synth.Look)) func(*proptest.System) {
	return func(sys *proptest.System) {
		chain := sys.Chain
		sys.Chain = func(l synth.Look) synth.Finding {
			f := chain(l)
			if when(&l, &f) {
				change(&l)
				return chain(l)
			}
			return f
		}
	}
}

// renamed makes a finding of one reason one of another.
func renamed(from, to synth.Reason, in ...states.State) func(*proptest.System) {
	return found(func(l *synth.Look, f *synth.Finding) {
		if f.Reason == from && (len(in) == 0 || slices.Contains(in, l.Record.State)) {
			f.Reason = to
		}
	})
}

// forgotten makes nothing of a case.
func forgotten(which states.Case, when func(l *synth.Look, f *synth.Finding) bool) func(*proptest.System) {
	return found(func(l *synth.Look, f *synth.Finding) {
		if f.Reason == synth.Missed && f.Case == which && (when == nil || when(l, f)) {
			f.Reason, f.Case, f.Events, f.Blocks = synth.InStep, 0, nil, nil
		}
	})
}

// prefixed makes a fault of what Ahead answers.
func prefixed(change func(rec *states.Record, f *synth.Finding)) func(*proptest.System) {
	return func(sys *proptest.System) {
		ahead := sys.Ahead
		sys.Ahead = func(rec states.Record, ev reducer.Event) synth.Finding {
			f := ahead(rec, ev)
			change(&rec, &f)
			return f
		}
	}
}

// lacks leaves a kind out of the prefix.
func lacks(kind states.Kind) func(*proptest.System) {
	return prefixed(func(_ *states.Record, f *synth.Finding) {
		f.Events = slices.DeleteFunc(f.Events, func(ev reducer.Event) bool { return ev.Kind() == kind })
	})
}

// invents makes a chain of an answer that says why there is none.
func invents(why string) func(*proptest.System) {
	return prefixed(func(_ *states.Record, f *synth.Finding) {
		if f.Reason == synth.InStep && strings.Contains(f.Detail, why) {
			f.Reason, f.Case = synth.Missed, states.ReportAhead
		}
	})
}

func bothOrders(l *synth.Look) bool {
	return l.Record.LastOrder.Given() && l.Seen.Heartbeat.Order.Given()
}

func moved(l *synth.Look) bool { return l.Record.At(states.LastTransitionAt).IsSet() }

func boots(l *synth.Look) bool {
	return l.Record.DeferredOrder.Given() && l.Seen.Heartbeat.Order.Given()
}

// raw is when the host says that it began to run what it runs.
func raw(l *synth.Look, f *synth.Finding) states.Time {
	if hb := &l.Seen.Heartbeat; hb.CurrentSince.IsSet() && (f.Case != states.HeldByAgent || len(f.Events) > 1) {
		return hb.CurrentSince
	}
	return l.Seen.Heartbeat.At
}

// unbounded stamps a chain by the host's word alone.
func unbounded(when func(*synth.Look) bool) func(*proptest.System) {
	return found(func(l *synth.Look, f *synth.Finding) {
		if f.Case == states.RecordsLost || !when(l) {
			return
		}
		at := raw(l, f)
		for i := range f.Events {
			f.Events[i].At = at
		}
	})
}
