package proptest_test

import (
	"errors"
	"fmt"
	"time"

	"github.com/rollmend/rollmend/proptest"
	"github.com/rollmend/rollmend/reducer"
	"github.com/rollmend/rollmend/states"
)

// stepping makes a defect of Step: what happens to the outcome.
func stepping(change func(rec states.Record, ev reducer.Event, out *reducer.Outcome, err error) error) func(*proptest.System) {
	return func(sys *proptest.System) {
		step := sys.Step
		sys.Step = func(rec states.Record, ev reducer.Event) (reducer.Outcome, error) {
			out, err := step(rec, ev)
			return out, change(rec, ev, &out, err)
		}
	}
}

// before makes a defect of Step: what it is handed.
func before(change func(rec *states.Record, ev *reducer.Event)) func(*proptest.System) {
	return func(sys *proptest.System) {
		step := sys.Step
		sys.Step = func(rec states.Record, ev reducer.Event) (reducer.Outcome, error) {
			change(&rec, &ev)
			return step(rec, ev)
		}
	}
}

// stepMutations are defects that show in a single step.
var stepMutations = []mutation{
	{
		"a synthesised event takes the next number", "a synthesised event never takes a number",
		stepping(func(_ states.Record, ev reducer.Event, out *reducer.Outcome, err error) error {
			if ev.Synthesised() && err == nil {
				out.Record.LastSeq++
			}
			return err
		}),
	},
	{
		"a revision is not counted", "the log alone rebuilds the record, at any point in it",
		stepping(func(rec states.Record, _ reducer.Event, out *reducer.Outcome, err error) error {
			if out.Disposition == reducer.Absorbed {
				out.Record.Revision = rec.Revision
			}
			return err
		}),
	},
	{
		"a synthesised event is logged as reported", "the log alone rebuilds the record, at any point in it",
		stepping(func(_ states.Record, _ reducer.Event, out *reducer.Outcome, err error) error {
			out.Effects.Entry.Event.Origin.Case = 0
			out.Effects.Entry.Event.Origin.From = states.Observation{}
			return err
		}),
	},
	{
		"a retransmit is applied again", "every report but a retransmit is logged once, and takes its number",
		before(func(rec *states.Record, ev *reducer.Event) {
			if ev.Reported() && ev.Seq <= rec.LastSeq {
				ev.Seq = rec.LastSeq + 1
			}
		}),
	},
	{
		"a refused report does not take its number", "every report but a retransmit is logged once, and takes its number",
		stepping(func(rec states.Record, _ reducer.Event, out *reducer.Outcome, err error) error {
			if out.Disposition == reducer.Refused {
				out.Record = rec
			}
			return err
		}),
	},
	{
		"a refused report is logged without its reason", "a refused report changes nothing but the last number and says why",
		stepping(func(_ states.Record, _ reducer.Event, out *reducer.Outcome, err error) error {
			out.Effects.Entry.Reason = ""
			return err
		}),
	},
	{
		"a refused report leaves its closure behind", "a refused report changes nothing but the last number and says why",
		stepping(func(_ states.Record, ev reducer.Event, out *reducer.Outcome, err error) error {
			if body, ok := ev.Body.(reducer.ActivationCompleted); ok && err != nil {
				out.Record.Current = body.Observed
			}
			return err
		}),
	},
	{
		"a second acknowledgement stamps again", "what is said again changes nothing but the last number",
		stepping(func(_ states.Record, ev reducer.Event, out *reducer.Outcome, err error) error {
			if out.Disposition == reducer.Duplicate && ev.Kind() == states.KindDispatchAck {
				out.Record.Set(states.AckedAt, ev.At, true)
			}
			return err
		}),
	},
	{
		"a failure moves a reported convergence", "no reported terminal state moves back",
		stepping(func(rec states.Record, ev reducer.Event, out *reducer.Outcome, err error) error {
			if rec.State == states.Converged && ev.Kind() == states.KindFailed {
				out.Record.State = states.Failed
				return nil
			}
			return err
		}),
	},
	{
		"a transition is not stored", "a transition is an effect exactly where the state changed",
		stepping(func(_ states.Record, _ reducer.Event, out *reducer.Outcome, err error) error {
			if out.Disposition == reducer.Absorbed {
				out.Effects.Transition = reducer.Transition{}
			}
			return err
		}),
	},
	{
		"a rollback that nobody reported quarantines nothing", "a closure is quarantined exactly where its host reverted",
		stepping(func(_ states.Record, ev reducer.Event, out *reducer.Outcome, err error) error {
			if ev.Synthesised() {
				out.Effects.Quarantine = reducer.Quarantine{}
			}
			return err
		}),
	},
	{
		"probes survive the activation", "the old closure's probes do not reach into the new one's soak",
		stepping(func(_ states.Record, ev reducer.Event, out *reducer.Outcome, err error) error {
			if ev.Kind() == states.KindActivationCompleted && err == nil {
				out.Record.Probes = states.Probes{{Name: "http", Mode: states.Enforce, Status: states.Pass}}
			}
			return err
		}),
	},
	{
		"the observed closure is not compared", "a host soaks and converges on its target alone",
		stepping(func(rec states.Record, ev reducer.Event, out *reducer.Outcome, err error) error {
			if _, ok := ev.Body.(reducer.ActivationCompleted); !ok || err == nil || rec.State != states.Activating {
				return err
			}
			out.Record.State, out.Record.Current = states.Soaking, "elsewhere"
			return nil
		}),
	},
	{"the soak is measured from the opening", "a soak that a report began is served before the host converges", fromOpening},
	{
		"a failing probe is overlooked", "no host converges past an enforced probe that has not passed, unless the agent attests it after a gap",
		before(func(rec *states.Record, ev *reducer.Event) {
			if ev.Kind() == states.KindConverged {
				rec.Probes = rec.Probes.Map(func(p states.Probe) states.Probe { p.Status = states.Pass; return p })
			}
		}),
	},
	{
		"a gap attests nothing", "a reported convergence is accepted exactly where the three invariants hold",
		stepping(func(rec states.Record, ev reducer.Event, out *reducer.Outcome, err error) error {
			if ev.Kind() == states.KindConverged && ev.Reported() && out.Disposition == reducer.Applied && len(rec.Probes) > 0 && !passes(rec.Probes) {
				out.Disposition = reducer.Refused
				return errors.New("a probe has not passed")
			}
			return err
		}),
	},
	{
		"a convergence does not attest its soak", "a reported convergence is accepted exactly where the three invariants hold",
		stepping(func(rec states.Record, ev reducer.Event, out *reducer.Outcome, err error) error {
			if ev.Kind() == states.KindConverged && ev.At < rec.SoakDue() && out.Disposition == reducer.Applied {
				out.Disposition = reducer.Refused
				return errors.New("the soak is not over")
			}
			return err
		}),
	},
	{"a reported convergence is accepted whenever it comes", "a reported convergence is accepted exactly where the three invariants hold", fromOpening},
	{
		"a time that was cut counts as reported", "a time that was cut, or that no agent gave, does not count as reported",
		before(func(_ *states.Record, ev *reducer.Event) { ev.Clamped = false }),
	},
	{
		"a guess counts as reported", "a time that was cut, or that no agent gave, does not count as reported",
		stepping(func(_ states.Record, ev reducer.Event, out *reducer.Outcome, err error) error {
			if ev.Synthesised() && err == nil {
				out.Record.Set(states.LastTransitionAt, ev.At, true)
			}
			return err
		}),
	},
	{
		"a step writes into shared probes", "step does not write to the record that it is handed",
		before(func(rec *states.Record, ev *reducer.Event) {
			if len(rec.Probes) > 0 && ev.Kind() == states.KindProbeResult {
				rec.Probes[0].Reason += "again"
			}
		}),
	},
	{"a step depends on what came before it", "the same record and event give the same bytes", forgetful},
	{
		"a report that came last is taken twice", "a step that is taken twice is a retransmit",
		before(func(rec *states.Record, ev *reducer.Event) {
			if ev.Reported() && ev.Seq == rec.LastSeq {
				rec.LastSeq--
			}
		}),
	},
}

func passes(probes states.Probes) bool {
	for _, p := range probes {
		if !p.Passes() {
			return false
		}
	}
	return true
}

// fromOpening lets a convergence through whose soak is over only if it began
// when the rollout was opened.
func fromOpening(sys *proptest.System) {
	step := sys.Step
	sys.Step = func(rec states.Record, ev reducer.Event) (reducer.Outcome, error) {
		out, err := step(rec, ev)
		var refused *reducer.InvariantError
		if !errors.As(err, &refused) || refused.Invariant != reducer.SoakNotOver {
			return out, err
		}
		early := rec
		early.Set(states.ActivatedAt, rec.Opened, false)
		out, err = step(early, ev)
		out.Record.Set(states.ActivatedAt, rec.At(states.ActivatedAt), rec.Reported(states.ActivatedAt))
		return out, err
	}
}

// forgetful numbers the reasons of refusals as they come.
func forgetful(sys *proptest.System) {
	step, n := sys.Step, 0
	sys.Step = func(rec states.Record, ev reducer.Event) (reducer.Outcome, error) {
		out, err := step(rec, ev)
		n++
		if err != nil {
			out.Effects.Entry.Reason += fmt.Sprint(n)
		}
		return out, err
	}
}

// reducerMutations are defects that show in whole lives.
var reducerMutations = []mutation{
	{
		"late truth is refused", "late truth is never refused and never lost",
		stepping(func(rec states.Record, ev reducer.Event, out *reducer.Outcome, err error) error {
			if out.Disposition != reducer.Absorbed {
				return err
			}
			last := out.Record.LastSeq
			out.Disposition, out.Record = reducer.Refused, rec
			out.Record.LastSeq = last
			return &reducer.IllegalError{Key: rec.Key, State: rec.State, Kind: ev.Kind()}
		}),
	},
	{
		"late truth is taken and forgotten", "whether or not it was guessed first, the reports of a finished life give the same record",
		stepping(func(rec states.Record, _ reducer.Event, out *reducer.Outcome, err error) error {
			if out.Disposition == reducer.Absorbed {
				last := out.Record.LastSeq
				out.Record = rec
				out.Record.LastSeq = last
			}
			return err
		}),
	},
	{
		"late truth counts as one more guess", "what lies below the guesses is what the reports alone gave, at any moment",
		stepping(func(rec states.Record, _ reducer.Event, out *reducer.Outcome, err error) error {
			if out.Disposition == reducer.Absorbed {
				out.Record.Doubt = rec.Doubt
			}
			return err
		}),
	},
	{
		"a late failure does not undo a guessed convergence", "a guessed end is an end against guesses, not against the agent",
		stepping(func(rec states.Record, _ reducer.Event, out *reducer.Outcome, err error) error {
			if rec.Synthesised() && rec.State == states.Converged && out.Disposition == reducer.Absorbed {
				out.Record.State = states.Converged
			}
			return err
		}),
	},
	{
		"a late rollback quarantines nothing", "a guessed end is an end against guesses, not against the agent",
		stepping(func(_ states.Record, ev reducer.Event, out *reducer.Outcome, err error) error {
			if ev.Seq > 1 {
				out.Effects.Quarantine = reducer.Quarantine{}
			}
			return err
		}),
	},
	{
		"a transition is stamped ahead of its time", "a time from the future stamps at most now and the bound",
		stepping(func(_ states.Record, _ reducer.Event, out *reducer.Outcome, err error) error {
			if out.Record.State == states.Failed {
				out.Record.Set(states.FailedAt, out.Record.At(states.LastTransitionAt).Add(time.Hour), false)
			}
			return err
		}),
	},
}
