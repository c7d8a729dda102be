package proptest

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/rollmend/rollmend/reducer"
	"github.com/rollmend/rollmend/states"
)

// stepped is one step that was taken.
type stepped struct {
	before states.Record
	event  reducer.Event
	out    reducer.Outcome
	err    error
	plane  *plane
	now    states.Time // the control plane's clock
}

// stepLaw makes a property of what has to hold for every step that it is about:
// of honest lives under every fault, and of records that get whatever events
// there are.
func stepLaw(name string, when func(stepped) bool, check func(stepped) error) Property {
	return law(name, func(d *dice, sys System) error {
		var wrong error
		w := newWorld(d, sys, faults{first: true, skew: true, wild: true, wipes: true, loses: true, overtakes: true})
		w.plane.watch = func(before states.Record, ev reducer.Event, out reducer.Outcome, err error) {
			s := stepped{before, ev, out, err, w.plane, w.now}
			if wrong != nil || !when(s) {
				return
			}
			d.met = true
			if bad := check(s); bad != nil {
				wrong = d.broken("%s in %s: %v", ev.Kind(), before.State, bad)
			}
		}
		if pick(d, "honest", 2) == 0 {
			for range d.times("length", 10, 50) {
				if w.act(); wrong != nil {
					break
				}
			}
			return wrong
		}
		for range d.times("length", 1, 20) {
			if w.put(anyEvent(d, &w.plane.rec, w.now.Add(second))); wrong != nil {
				break
			}
		}
		return wrong
	})
}

// The steps that laws are about.
func everyStep(stepped) bool   { return true }
func guessing(s stepped) bool  { return s.event.Synthesised() }
func reporting(s stepped) bool { return s.event.Reported() }
func (s *stepped) reverted() bool {
	return s.before.State != states.Reverted && s.out.Record.State == states.Reverted
}

func became(d reducer.Disposition) func(stepped) bool {
	return func(s stepped) bool { return s.out.Disposition == d }
}

var stepLaws = []Property{
	stepLaw("a synthesised event never takes a number", guessing, func(s stepped) error {
		r := &s.out.Record
		if r.LastSeq != s.before.LastSeq || r.Gap && !s.before.Gap {
			return fmt.Errorf("the last number was %d, and is %d", s.before.LastSeq, r.LastSeq)
		}
		return nil
	}),
	stepLaw("the log alone rebuilds the record, at any point in it", everyStep, func(s stepped) error {
		got, err := s.plane.sys.Rederive(s.plane.log)
		if err != nil {
			return err
		}
		if !got.Equal(&s.out.Record) {
			return fmt.Errorf("the log gives\n%s\nnot\n%s", strings.Join(showOf(&got), "\n"), strings.Join(showOf(&s.out.Record), "\n"))
		}
		return nil
	}),
	stepLaw("every report but a retransmit is logged once, and takes its number", reporting, func(s stepped) error {
		entry := s.out.Effects.Entry
		switch fresh := s.event.Seq > s.before.LastSeq; {
		case !fresh:
			if s.out.Disposition != reducer.Duplicate || entry.Event.Body != nil || !s.out.Record.Equal(&s.before) {
				return fmt.Errorf("a retransmit was %s", s.out.Disposition)
			}
			return nil
		case s.out.Record.LastSeq != s.event.Seq || s.out.Record.Revision != s.before.Revision+1:
			return fmt.Errorf("last number %d, revision %d", s.out.Record.LastSeq, s.out.Record.Revision)
		case entry.Event.Seq != s.event.Seq || entry.Disposition != s.out.Disposition || entry.Revision != s.out.Record.Revision:
			return fmt.Errorf("the entry is %+v", entry)
		}
		return nil
	}),
	stepLaw("a refused report changes nothing but the last number and says why", became(reducer.Refused), func(s stepped) error {
		if s.err == nil || s.event.Reported() && s.out.Effects.Entry.Reason == "" {
			return errors.New("no reason is given")
		}
		return onlyNumbersDiffer(s.before, s.out.Record)
	}),
	stepLaw("what is said again changes nothing but the last number", became(reducer.Duplicate), func(s stepped) error {
		return onlyNumbersDiffer(s.before, s.out.Record)
	}),
	stepLaw("no reported terminal state moves back", func(s stepped) bool { return s.before.State.Terminal() && !s.before.Synthesised() }, func(s stepped) error {
		if s.out.Record.State != s.before.State {
			return fmt.Errorf("%s was reported, and became %s", s.before.State, s.out.Record.State)
		}
		return nil
	}),
	stepLaw("a transition is an effect exactly where the state changed", func(s stepped) bool { return s.before.State != 0 }, func(s stepped) error {
		got, r := s.out.Effects.Transition, &s.out.Record
		want := reducer.Transition{}
		if s.before.State != r.State {
			want = reducer.Transition{From: s.before.State, To: r.State, At: s.event.At}
		}
		if got != want {
			return fmt.Errorf("%s to %s has the transition %+v", s.before.State, r.State, got)
		}
		return nil
	}),
	stepLaw("a closure is quarantined exactly where its host reverted", func(s stepped) bool { return s.reverted() || s.out.Effects.Quarantine != reducer.Quarantine{} }, func(s stepped) error {
		got, r := s.out.Effects.Quarantine, &s.out.Record
		reverted := s.reverted()
		if reverted != (got != reducer.Quarantine{}) {
			return fmt.Errorf("%s to %s has the quarantine %+v", s.before.State, r.State, got)
		}
		if reverted && !(got.Closure.Is(target) && got.Channel == rollout.Channel && got.Host == key.Host && got.Rollout == rollout && got.Why != "") {
			return fmt.Errorf("the quarantine is %+v", got)
		}
		return nil
	}),
	stepLaw("the old closure's probes do not reach into the new one's soak", func(s stepped) bool {
		return s.out.Disposition == reducer.Applied && s.event.Kind() == states.KindActivationCompleted
	}, func(s stepped) error {
		r := &s.out.Record
		if len(r.Probes) > 0 || r.At(states.FirstProbeAt).IsSet() || r.At(states.FirstProbeFailureAt).IsSet() {
			return fmt.Errorf("the soak begins with probes %v", r.Probes)
		}
		return nil
	}),
	stepLaw("a host soaks and converges on its target alone", func(s stepped) bool {
		return s.out.Record.State == states.Soaking || s.out.Record.State == states.Converged
	}, func(s stepped) error {
		r := &s.out.Record
		if !r.Current.Is(r.Target) {
			return fmt.Errorf("%s on %s", r.State, r.Current)
		}
		return nil
	}),
	stepLaw("a soak that a report began is served before the host converges", func(s stepped) bool {
		return s.out.Record.State == states.Converged && s.out.Record.Reported(states.ActivatedAt)
	}, func(s stepped) error {
		r := &s.out.Record
		if r.At(states.ConvergedAt) < r.At(states.ActivatedAt).Add(r.Policy.Soak) {
			return fmt.Errorf("activated at %s, converged at %s, soak %s", r.At(states.ActivatedAt), r.At(states.ConvergedAt), r.Policy.Soak)
		}
		return nil
	}),
	stepLaw("no host converges past an enforced probe that has not passed, unless the agent attests it after a gap", func(s stepped) bool {
		return s.out.Record.State == states.Converged && s.before.State != states.Converged && len(s.out.Record.Probes) > 0
	}, func(s stepped) error {
		for _, p := range s.out.Record.Probes {
			if p.Mode == states.Enforce && p.Status != states.Pass {
				return fmt.Errorf("probe %+v", p)
			}
		}
		for _, p := range s.before.Probes {
			jumped := s.event.Reported() && (s.before.Gap || s.event.Seq > s.before.LastSeq+1)
			if s.before.State == states.Soaking && p.Mode == states.Enforce && p.Status != states.Pass && !jumped {
				return fmt.Errorf("probe %+v was turned into a pass", p)
			}
		}
		return nil
	}),
	stepLaw("a reported convergence is accepted exactly where the three invariants hold", func(s stepped) bool {
		return s.event.Kind() == states.KindConverged && s.event.Reported() && s.event.Seq > s.before.LastSeq && s.before.State == states.Soaking
	}, func(s stepped) error {
		said, _ := s.event.Body.(reducer.Converged)
		want := mayConverge(s.before, s.event, said)
		if got := s.out.Disposition == reducer.Applied; got != want {
			return fmt.Errorf("it was %s (%v)", s.out.Disposition, s.err)
		}
		return nil
	}),
	stepLaw("a time that was cut, or that no agent gave, does not count as reported", func(s stepped) bool {
		return (!s.event.Reported() || s.event.Clamped) && s.before.Stamps != s.out.Record.Stamps
	}, func(s stepped) error {
		r := &s.out.Record
		for which := range states.AllStamps() {
			below := s.before.Before()
			gained := r.Reported(which) && (!s.before.Reported(which) || r.At(which) != s.before.At(which))
			if gained && !below.Reported(which) {
				return fmt.Errorf("the stamp %s counts as reported", which)
			}
		}
		return nil
	}),
	stepLaw("step does not write to the record that it is handed", func(s stepped) bool { return len(s.before.Probes)+len(s.before.Before().Probes) > 0 }, func(s stepped) error {
		// What a step wrote into shared memory shows as soon as it is taken twice.
		probes, below := slices.Clone(s.before.Probes), slices.Clone(s.before.Before().Probes)
		_, _ = s.plane.sys.Step(s.before, s.event)
		if !slices.Equal(probes, s.before.Probes) || !slices.Equal(below, s.before.Before().Probes) {
			return fmt.Errorf("probes %v became %v", probes, s.before.Probes)
		}
		return nil
	}),
	stepLaw("the same record and event give the same bytes", everyStep, func(s stepped) error {
		again, err := s.plane.sys.Step(s.before, s.event)
		was, is := dump(s.out, s.err), dump(again, err)
		if was != is {
			return errors.New(apartAt(was, is))
		}
		return nil
	}),
	stepLaw("a step that is taken twice is a retransmit", func(s stepped) bool { return s.event.Reported() && s.out.Effects.Entry.Event.Body != nil }, func(s stepped) error {
		again, err := s.plane.sys.Step(s.out.Record, s.event)
		if again.Disposition != reducer.Duplicate || err != nil || !again.Record.Equal(&s.out.Record) {
			return fmt.Errorf("it is %s (%v)", again.Disposition, err)
		}
		return nil
	}),
}

// mayConverge reads the three invariants of section 4.
func mayConverge(r states.Record, ev reducer.Event, said reducer.Converged) bool {
	jumped := ev.Seq > r.LastSeq+1
	for _, p := range r.Probes {
		attested := jumped || r.Gap && !p.SinceGap
		if p.Mode == states.Enforce && p.Status != states.Pass && !attested {
			return false
		}
	}
	activated := r.At(states.ActivatedAt)
	otherClock := ev.At < activated
	served := !r.Reported(states.ActivatedAt) || otherClock || ev.At >= activated.Add(r.Policy.Soak)
	return served && said.Current.Is(r.Target) && r.Current.Is(r.Target)
}

// dump writes an outcome out whole, what it points to included.
func dump(out reducer.Outcome, err error) string {
	var doubt states.Doubt
	if out.Record.Synthesised() {
		doubt = *out.Record.Doubt
	}
	out.Record.Doubt = nil
	return fmt.Sprintf("%#v %#v %v", out, doubt, err)
}

// onlyNumbersDiffer compares records but for what hearing a report changes.
func onlyNumbersDiffer(before, after states.Record) error {
	plain := func(r states.Record) states.Record {
		unheard := func(p states.Probe) states.Probe { p.SinceGap = false; return p }
		r.LastSeq, r.Gap, r.Revision = 0, false, 0
		r.Probes = r.Probes.Map(unheard)
		if r.Synthesised() {
			doubt := *r.Doubt
			doubt.Before.Probes = doubt.Before.Probes.Map(unheard)
			r.Doubt = &doubt
		}
		return r
	}
	b, a := plain(before), plain(after)
	if !b.Equal(&a) {
		return fmt.Errorf("it was\n%s\nand is\n%s", strings.Join(showOf(&before), "\n"), strings.Join(showOf(&after), "\n"))
	}
	return nil
}
