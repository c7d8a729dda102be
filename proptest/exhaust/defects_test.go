package exhaust_test

import (
	"github.com/rollmend/rollmend/proptest"
	"github.com/rollmend/rollmend/reducer"
	"github.com/rollmend/rollmend/states"
	"github.com/rollmend/rollmend/synth"
)

// defect is a system of which one function is wrong.
type defect struct {
	name string
	make func(*proptest.System)
}

// fed makes a defect of what Step is handed.
func fed(change func(rec *states.Record, ev *reducer.Event)) func(*proptest.System) {
	return func(sys *proptest.System) {
		step := sys.Step
		sys.Step = func(rec states.Record, ev reducer.Event) (reducer.Outcome, error) {
			change(&rec, &ev)
			return step(rec, ev)
		}
	}
}

// gives makes a defect of what Step answers.
func gives(change func(rec *states.Record, ev *reducer.Event, out *reducer.Outcome)) func(*proptest.System) {
	return func(sys *proptest.System) {
		step := sys.Step
		sys.Step = func(rec states.Record, ev reducer.Event) (reducer.Outcome, error) {
			out, err := step(rec, ev)
			change(&rec, &ev, &out)
			return out, err
		}
	}
}

// looked makes a defect of what Chain is handed.
func looked(change func(l *synth.Look)) func(*proptest.System) {
	return func(sys *proptest.System) {
		chain := sys.Chain
		sys.Chain = func(l synth.Look) synth.Finding {
			change(&l)
			return chain(l)
		}
	}
}

// found makes a defect of what Chain answers.
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

// prefixed makes a defect of what Ahead answers.
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

func forgotten(which states.Case) func(*proptest.System) {
	return found(func(_ *synth.Look, f *synth.Finding) {
		if f.Case == which {
			f.Reason, f.Case, f.Events, f.Blocks = synth.InStep, 0, nil, nil
		}
	})
}

// restated is a kind of event whose stamp a defect touches.
func restated(ev *reducer.Event, out *reducer.Outcome, kind states.Kind, disposition reducer.Disposition) bool {
	return ev.Kind() == kind && out.Disposition == disposition
}

var stepDefects = []defect{
	{"a synthesised event takes a number", gives(func(_ *states.Record, ev *reducer.Event, out *reducer.Outcome) {
		if ev.Synthesised() && out.Disposition == reducer.Applied {
			out.Record.LastSeq++
		}
	})},
	{"a refused report does not take its number", gives(func(rec *states.Record, _ *reducer.Event, out *reducer.Outcome) {
		if out.Disposition == reducer.Refused {
			out.Record.LastSeq = rec.LastSeq
		}
	})},
	{"a refused report forgets its gap", gives(func(rec *states.Record, _ *reducer.Event, out *reducer.Outcome) {
		if out.Disposition == reducer.Refused {
			out.Record.Gap = rec.Gap
		}
	})},
	{"a retransmit is applied again", fed(func(rec *states.Record, ev *reducer.Event) {
		if ev.Reported() && ev.Seq != 0 && ev.Seq == rec.LastSeq {
			ev.Seq++
		}
	})},
	{"a refusal gives no reason", gives(func(_ *states.Record, _ *reducer.Event, out *reducer.Outcome) { out.Effects.Entry.Reason = "" })},
	{"a second acknowledgement stamps again", gives(func(_ *states.Record, ev *reducer.Event, out *reducer.Outcome) {
		if restated(ev, out, states.KindDispatchAck, reducer.Duplicate) {
			out.Record.Set(states.AckedAt, ev.At, true)
		}
	})},
	{"a second start stamps again", gives(func(_ *states.Record, ev *reducer.Event, out *reducer.Outcome) {
		if restated(ev, out, states.KindActivationStarted, reducer.Duplicate) {
			out.Record.Set(states.StartedAt, ev.At, true)
		}
	})},
	{"an absorbed report's transition is not stored", gives(func(_ *states.Record, _ *reducer.Event, out *reducer.Outcome) {
		if out.Disposition == reducer.Absorbed {
			out.Effects.Transition = reducer.Transition{}
		}
	})},
	{"a late rollback quarantines once more", gives(func(_ *states.Record, ev *reducer.Event, out *reducer.Outcome) {
		if restated(ev, out, states.KindRollbackComplete, reducer.Absorbed) {
			out.Effects.Quarantine = reducer.Quarantine{Closure: out.Record.Target}
		}
	})},
	{"a guessed rollback quarantines nothing", gives(func(_ *states.Record, ev *reducer.Event, out *reducer.Outcome) {
		if ev.Synthesised() {
			out.Effects.Quarantine = reducer.Quarantine{}
		}
	})},
	{"a time that was cut counts as reported", fed(func(_ *states.Record, ev *reducer.Event) { ev.Clamped = false })},
	{"the soak is not held against a convergence", fed(func(rec *states.Record, ev *reducer.Event) {
		if ev.Kind() == states.KindConverged {
			rec.Policy.Soak = 0
		}
	})},
	{"a gap attests nothing", fed(func(rec *states.Record, ev *reducer.Event) {
		if ev.Kind() == states.KindConverged {
			rec.Gap = false
		}
	})},
	{"a failed probe that reported since the gap is attested", fed(func(rec *states.Record, ev *reducer.Event) {
		if ev.Kind() == states.KindConverged {
			rec.Probes = rec.Probes.Map(func(p states.Probe) states.Probe { p.SinceGap = false; return p })
		}
	})},
	{"an unknown closure at dispatch is stored over a known one", gives(func(_ *states.Record, ev *reducer.Event, out *reducer.Outcome) {
		if restated(ev, out, states.KindDispatchAck, reducer.Duplicate) {
			out.Record.AtDispatch = ""
		}
	})},
	{"the agent's word on its policy is not heard", gives(func(rec *states.Record, ev *reducer.Event, out *reducer.Outcome) {
		if ev.Kind() == states.KindFailed && out.Record.State == states.Failed {
			out.Record.PolicyApplied = rec.Policy.OnFailure
		}
	})},
	{"a gap survives the activation", gives(func(rec *states.Record, ev *reducer.Event, out *reducer.Outcome) {
		if restated(ev, out, states.KindActivationCompleted, reducer.Applied) {
			out.Record.Gap = rec.Gap
		}
	})},
	{"the order of a deferral is lost", gives(func(_ *states.Record, ev *reducer.Event, out *reducer.Outcome) {
		if ev.Kind() == states.KindActivationDeferred && out.Disposition == reducer.Applied {
			out.Record.DeferredOrder = states.Order{}
		}
	})},
	{"what was guessed behind a late report always falls", gives(func(_ *states.Record, _ *reducer.Event, out *reducer.Outcome) {
		if out.Disposition == reducer.Absorbed && out.Record.Doubt != nil {
			out.Record.Belief, out.Record.Doubt = out.Record.Before(), nil
		}
	})},
	{"a guess's order is lost", gives(func(_ *states.Record, ev *reducer.Event, out *reducer.Outcome) {
		if ev.Synthesised() && out.Disposition == reducer.Applied {
			out.Record.LastOrder = states.Order{}
		}
	})},
	{"a report on top leaves the guesses below in doubt", gives(func(rec *states.Record, ev *reducer.Event, out *reducer.Outcome) {
		if ev.Reported() && out.Disposition == reducer.Applied {
			out.Record.Doubt = rec.Doubt
		}
	})},
	{"it panics on a late failure", gives(func(_ *states.Record, ev *reducer.Event, out *reducer.Outcome) {
		if restated(ev, out, states.KindActivationFailed, reducer.Absorbed) {
			panic("late")
		}
	})},
}

var synthDefects = []defect{
	{"case 1 is forgotten", forgotten(states.AgentRestarted)},
	{"case 2 is forgotten", forgotten(states.RebootFinished)},
	{"case 3 is forgotten", forgotten(states.RecordsLost)},
	{"case 3b is forgotten", forgotten(states.ReportsInFlight)},
	{"case 3c is forgotten", forgotten(states.HeldByAgent)},
	{"case 4 is forgotten", forgotten(states.RollbackUnreported)},
	{"another rollout's heartbeat counts in case 3", looked(func(l *synth.Look) {
		if l.Seen.Heartbeat.Holds != l.Record.Rollout {
			l.Seen.Heartbeat.Holds = states.Rollout{}
		}
	})},
	{"records-lost asks no gate", found(func(_ *synth.Look, f *synth.Finding) {
		if f.Reason == synth.Held {
			f.Reason, f.Blocks = synth.Missed, nil
		}
	})},
	{"a held finding hides its blocks", found(func(_ *synth.Look, f *synth.Finding) { f.Blocks = nil })},
	{"any boot finishes a deferral", looked(func(l *synth.Look) { l.Record.DeferredOrder = states.Order{} })},
	{"current_since is not looked at", looked(func(l *synth.Look) { l.Seen.Heartbeat.CurrentSince = 0 })},
	{"being seen off the target does not count", looked(func(l *synth.Look) { l.Seen.OffTarget = 0 })},
	{"failing probes do not count", looked(func(l *synth.Look) { l.Seen.Heartbeat.Failing = nil })},
	{"a rollback is invented under halt", looked(func(l *synth.Look) { l.Record.PolicyApplied = states.RollbackAndHalt })},
	{"an older beat than the newest counts", looked(func(l *synth.Look) { l.Seen.Newer = false })},
	{"beats are ordered by clock alone", looked(func(l *synth.Look) { l.Seen.Heartbeat.Order = states.Order{} })},
	{"a beat at the very last transition is stale", looked(func(l *synth.Look) {
		if l.Seen.Heartbeat.At == l.Record.At(states.LastTransitionAt) {
			l.Seen.Heartbeat.At--
		}
	})},
	{"silence begins a moment early", looked(func(l *synth.Look) { l.Bounds.Silence-- })},
	{"the bound on clocks is not given", looked(func(l *synth.Look) { l.Bounds.Skew = 0 })},
	{"two unknown closures are the same", looked(func(l *synth.Look) {
		if l.Seen.Heartbeat.Current == "" && l.Record.AtDispatch == "" {
			l.Seen.Heartbeat.Current, l.Record.AtDispatch = "none", "none"
		}
	})},
	{"a rollback to what runs is invented", looked(func(l *synth.Look) {
		if l.Record.State == states.Failed && l.Record.AtDispatch.Is(l.Record.Target) {
			l.Record.Target = "something else"
		}
	})},
	{"a chain hides its observation", found(func(_ *synth.Look, f *synth.Finding) {
		for i := range f.Events {
			f.Events[i].Origin.From.Current = ""
		}
	})},
	{"drift is not named", found(func(_ *synth.Look, f *synth.Finding) {
		if f.Reason == synth.Drift {
			f.Reason = synth.InStep
		}
	})},
	{"a reboot into the old closure is not named", found(func(_ *synth.Look, f *synth.Finding) {
		if f.Reason == synth.DeferredNotBooted {
			f.Reason = synth.InStep
		}
	})},
	{"the prefix lacks the activation", prefixed(func(_ *states.Record, f *synth.Finding) { f.Events = f.Events[:min(1, len(f.Events))] })},
	{"a guessed end is an end against the agent", prefixed(func(rec *states.Record, f *synth.Finding) {
		if rec.State == states.Converged {
			f.Reason, f.Case, f.Events = synth.InStep, 0, nil
		}
	})},
	{"the prefix forgets which report it was made for", prefixed(func(_ *states.Record, f *synth.Finding) {
		for i := range f.Events {
			f.Events[i].Origin.From.Seq = 0
		}
	})},
}
