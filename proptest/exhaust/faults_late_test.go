package exhaust_test

import (
	"github.com/rollmend/rollmend/reducer"
	"github.com/rollmend/rollmend/states"
	"github.com/rollmend/rollmend/synth"
)

// lateFaults are of reports that come after their twins.
var lateFaults = []fault{
	{"placed-below", "a late report is illegal", steps(func(s *stepped) {
		if s.out.Disposition == reducer.Absorbed {
			revision := s.out.Record.Revision
			s.out = reducer.Outcome{Disposition: reducer.Refused, Record: s.rec}
			s.out.Record.Revision = revision
			s.err = &reducer.IllegalError{Key: s.rec.Key, State: s.rec.State, Kind: s.ev.Kind()}
		}
	})},
	{"placed-below", "it panics on a late failure", steps(func(s *stepped) {
		if s.ev.Kind() == states.KindActivationFailed && s.out.Disposition == reducer.Absorbed {
			panic("late")
		}
	})},
	{"prefix-weighs", "a prefix has no weight against a guessed end", steps(func(s *stepped) {
		if s.out.Disposition == reducer.Applied && s.ev.Origin.Case == states.ReportAhead {
			out, err := s.other(func(_ *states.Record, ev *reducer.Event) { ev.Origin.Case = states.RecordsLost })
			if err != nil {
				s.out, s.err = out, err
			}
		}
	})},
	{"guess-has-no-weight", "a guess takes a guessed end back", steps(func(s *stepped) {
		if s.wellFormed() && s.ev.Synthesised() && s.illegal() {
			out, err := s.other(func(_ *states.Record, ev *reducer.Event) { ev.Origin.Case = states.ReportAhead })
			if err == nil {
				s.out, s.err = out, err
			}
		}
	})},
	{"stands", "what was guessed behind a late report always falls", steps(func(s *stepped) {
		if s.out.Disposition == reducer.Absorbed && s.out.Record.Doubt != nil {
			s.out.Record.Belief, s.out.Record.Doubt = s.out.Record.Before(), nil
		}
	})},
	{"falls-by-order", "a beat from before a report bears what came after it", steps(func(s *stepped) {
		if s.ev.Kind() != states.KindActivationDeferred && s.rec.LastGuess().From.Order.Given() && s.ev.Order.Given() {
			s.more(func(_ *states.Record, ev *reducer.Event) { ev.Order = states.Order{} })
		}
	})},
	{"falls-by-clock", "a beat that is older by the clock bears what came after it", steps(func(s *stepped) {
		if s.ev.Kind() == states.KindProbeObservedFirst {
			s.more(func(_ *states.Record, ev *reducer.Event) { ev.At = ev.At.Add(-1e15) })
		}
	})},
	{"falls-without-reboot", "any boot finishes a deferral that is told late", steps(func(s *stepped) {
		if s.ev.Kind() == states.KindActivationDeferred && s.rec.LastGuess().From.Order.After(s.ev.Order) && s.ev.Order.Given() {
			s.more(func(_ *states.Record, ev *reducer.Event) { ev.Order.Boot = 0 })
		}
	})},
	{"falls-before-soak", "a convergence stands on less than a soak", steps(func(s *stepped) {
		if s.ev.Kind() != states.KindConverged {
			s.more(func(rec *states.Record, _ *reducer.Event) { rec.Policy.Soak = 0 })
		}
	})},
	{"falls-off-road", "a late failure leaves what was guessed in doubt", steps(func(s *stepped) {
		if s.ev.Kind() == states.KindActivationFailed && s.out.Disposition == reducer.Absorbed && s.rec.LastGuess().Kind != s.ev.Kind() {
			s.out.Record.Doubt = s.rec.Doubt
		}
	})},
	{"times-in-order", "what is replayed keeps its time", steps(func(s *stepped) {
		keptGuesses(s, func(k states.Kind) bool { return k != states.KindConverged })
	})},
	{"converged-moves", "a replayed convergence keeps its time", steps(func(s *stepped) {
		keptGuesses(s, func(k states.Kind) bool { return k == states.KindConverged })
	})},
}

// aheadFaults are of case 5.
var aheadFaults = []fault{
	{"prefix-ack", "the prefix lacks the acknowledgement", lacks(states.KindDispatchAck)},
	{"prefix-activated", "the prefix lacks the activation", lacks(states.KindActivationCompleted)},
	{"prefix-activation-failed", "the prefix lacks the failed activation", lacks(states.KindActivationFailed)},
	{"prefix-failed", "the prefix lacks the failure", lacks(states.KindFailed)},
	{"prefix-stamped", "the prefix is stamped before its report", prefixed(func(_ *states.Record, f *synth.Finding) {
		for i := range f.Events {
			f.Events[i].At--
		}
	})},
	{"prefix-names-report", "the prefix forgets which report it was made for", prefixed(func(_ *states.Record, f *synth.Finding) {
		for i := range f.Events {
			f.Events[i].Origin.From.Seq = 0
		}
	})},
	{"road-before-guessed-end", "a guessed end is an end against the agent", prefixed(func(rec *states.Record, f *synth.Finding) {
		if rec.State == states.Converged {
			f.Reason, f.Case, f.Events = synth.InStep, 0, nil
		}
	})},
	{"refused-all-the-same", "a report that is refused has a prefix", invents("would be refused")},
	{"no-prefix", "a report that has its place has a prefix", invents("needs nothing before it")},
}
