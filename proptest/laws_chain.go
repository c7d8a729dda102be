package proptest

import (
	"errors"
	"fmt"

	"github.com/rollmend/rollmend/gates"
	"github.com/rollmend/rollmend/reducer"
	"github.com/rollmend/rollmend/states"
	"github.com/rollmend/rollmend/synth"
)

// chainLaw makes a property of what is concluded from a record and a heartbeat,
// where it is about them.
func chainLaw(name string, when func(l *synth.Look, f synth.Finding) bool, check func(l *synth.Look, f synth.Finding, sys System) error) Property {
	return law(name, func(d *dice, sys System) error {
		l := anyLook(d, sys)
		f := sys.Chain(l)
		if !when(&l, f) {
			return nil
		}
		d.met = true
		if bad := check(&l, f, sys); bad != nil {
			return d.broken("%v\n  the finding is %s", bad, f)
		}
		return nil
	})
}

// The looks that laws are about.
func everyLook(*synth.Look, synth.Finding) bool   { return true }
func chained(_ *synth.Look, f synth.Finding) bool { return len(f.Events) > 0 }

var chainLaws = []Property{
	chainLaw("every case, with its chain and its times, is as the specification has it", everyLook, func(l *synth.Look, f synth.Finding, _ System) error {
		want := expect(l)
		if want.reason != 0 && f.Reason != want.reason {
			return fmt.Errorf("it is %s, and should be %s", f.Reason, want.reason)
		}
		return sameChain(want, f)
	}),
	chainLaw("every finding has a reason, and every chain its evidence", everyLook, func(l *synth.Look, f synth.Finding, _ System) error {
		switch {
		case f.Key != key || f.Reason == 0 || f.Detail == "":
			return fmt.Errorf("key %s, reason %s, detail %q", f.Key, f.Reason, f.Detail)
		case (f.Reason == synth.Missed) != (len(f.Events) > 0):
			return fmt.Errorf("%s with %d events", f.Reason, len(f.Events))
		}
		hb := &l.Seen.Heartbeat
		for _, ev := range f.Events {
			from := states.Observation{At: hb.At, Order: hb.Order, Current: hb.Current}
			if !ev.Synthesised() || ev.Seq != 0 || ev.Origin.Case != f.Case || ev.Origin.From != from {
				return fmt.Errorf("the origin is %+v", ev.Origin)
			}
		}
		return nil
	}),
	chainLaw("a chain applies, and leads where the host is", chained, func(l *synth.Look, f synth.Finding, sys System) error {
		rec := l.Record
		for _, ev := range f.Events {
			out, err := sys.Step(rec, ev)
			if err != nil || out.Disposition != reducer.Applied {
				return fmt.Errorf("%s was %s: %v", ev.Kind(), out.Disposition, err)
			}
			rec = out.Record
		}
		if rec.State != states.Activating && !rec.Current.Is(l.Seen.Heartbeat.Current) {
			return fmt.Errorf("the record says %s on %s", rec.State, rec.Current)
		}
		return nil
	}),
	chainLaw("a heartbeat without a closure is a liveness signal and nothing else", chained, func(l *synth.Look, _ synth.Finding, sys System) error {
		l.Seen.Heartbeat.Current = ""
		return noChain(sys.Chain(*l))
	}),
	chainLaw("an unknown closure never matches", chained, func(l *synth.Look, _ synth.Finding, sys System) error {
		l.Record.AtDispatch = ""
		for _, c := range []states.Closure{"", l.Seen.Heartbeat.Current} {
			l.Seen.Heartbeat.Current = c
			f := sys.Chain(*l)
			if f.Case == states.RollbackUnreported || !c.Known() && len(f.Events) > 0 {
				return fmt.Errorf("running %s gives %s", c, f)
			}
		}
		return nil
	}),
	chainLaw("a stale heartbeat undoes nothing", func(l *synth.Look, _ synth.Finding) bool { return isStale(l) }, func(_ *synth.Look, f synth.Finding, _ System) error {
		return noChain(f)
	}),
	chainLaw("a failing enforced probe keeps a rebuilt record from converging", func(_ *synth.Look, f synth.Finding) bool { return f.Case == states.RecordsLost }, func(l *synth.Look, _ synth.Finding, sys System) error {
		l.Seen.Heartbeat.Failing = []string{"a probe that the record does not know"}
		for _, ev := range sys.Chain(*l).Events {
			if ev.Kind() == states.KindConverged {
				return fmt.Errorf("it converges")
			}
		}
		return nil
	}),
	chainLaw("what an agent holds or did is never gated, and a rebuilt convergence always is", func(_ *synth.Look, f synth.Finding) bool { return f.Case != 0 }, func(l *synth.Look, _ synth.Finding, sys System) error {
		open := *l
		open.Verdict = passed(openGates())
		passed := sys.Chain(open)
		l.Verdict = gates.Verdict{}
		held := sys.Chain(*l)
		switch {
		case held.Case == states.RecordsLost && len(held.Events) > 0:
			return fmt.Errorf("it jumps the queue: %s", held)
		case passed.Case == states.RecordsLost:
			if held.Reason != synth.Held {
				return fmt.Errorf("held it is %s", held)
			}
		case passed.String() != held.String():
			return fmt.Errorf("passed %s, held %s", passed, held)
		}
		return nil
	}),
	chainLaw("under the policy halt no rollback is invented", func(l *synth.Look, _ synth.Finding) bool {
		return l.Record.Applied() == states.Halt && l.Record.State == states.Failed
	}, func(_ *synth.Look, f synth.Finding, _ System) error {
		if f.Case == states.RollbackUnreported {
			return fmt.Errorf("it says that the host rolled back")
		}
		return nil
	}),
	chainLaw("with boots known, only a later boot finishes a deferred activation", func(l *synth.Look, _ synth.Finding) bool {
		return l.Record.State == states.Deferred && l.Record.DeferredOrder.Given() && l.Seen.Heartbeat.Order.Given()
	}, func(l *synth.Look, f synth.Finding, _ System) error {
		r, hb := &l.Record, &l.Seen.Heartbeat
		if f.Case == states.RebootFinished && hb.Order.Boot <= r.DeferredOrder.Boot {
			return fmt.Errorf("deferred in boot %d, seen in boot %d", r.DeferredOrder.Boot, hb.Order.Boot)
		}
		return nil
	}),
	chainLaw("a heartbeat that names another rollout does not rebuild this one", func(l *synth.Look, _ synth.Finding) bool {
		return l.Record.State == states.Pending && !l.Record.Dispatched.IsSet() && l.Seen.Heartbeat.Current.Is(target)
	}, func(l *synth.Look, _ synth.Finding, sys System) error {
		l.Seen.Heartbeat.Holds = other
		return noChain(sys.Chain(*l))
	}),
	chainLaw("nothing leaves a soak or a terminal state by a guess", func(l *synth.Look, _ synth.Finding) bool {
		return l.Record.State == states.Soaking || l.Record.State.Terminal()
	}, func(_ *synth.Look, f synth.Finding, _ System) error {
		return noChain(f)
	}),
	chainLaw("the same look gives the same bytes", everyLook, func(l *synth.Look, f synth.Finding, sys System) error {
		if was, is := fmt.Sprintf("%#v", f), fmt.Sprintf("%#v", sys.Chain(*l)); was != is {
			return errors.New(apartAt(was, is))
		}
		return nil
	}),
}

func noChain(f synth.Finding) error {
	if len(f.Events) > 0 {
		return errors.New("there is a chain")
	}
	return nil
}

func sameChain(want expected, f synth.Finding) error {
	if len(f.Events) != len(want.kinds) {
		return fmt.Errorf("it has %d events, and should have %v", len(f.Events), want.kinds)
	}
	if want.kinds != nil && f.Case != want.why {
		return fmt.Errorf("the case is %s, and should be %s", f.Case, want.why)
	}
	for i, ev := range f.Events {
		at := want.at
		if ev.Kind() == states.KindConverged {
			at = want.end
		}
		if ev.Kind() != want.kinds[i] || ev.At != at {
			return fmt.Errorf("event %d is %s at %s, and should be %s at %s", i, ev.Kind(), ev.At, want.kinds[i], at)
		}
	}
	return nil
}
