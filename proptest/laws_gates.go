package proptest

import (
	"fmt"
	"slices"

	"pgregory.net/rapid"

	"github.com/rollmend/rollmend/gates"
	"github.com/rollmend/rollmend/reducer"
	"github.com/rollmend/rollmend/states"
)

// gateLaw makes a property of small fleets to which a few things happened.
func gateLaw(name string, check func(t *rapid.T, f *smallFleet) error) Property {
	return Property{Name: name, Check: func(t *rapid.T, sys System) error {
		f := newFleet(t, sys)
		for range pick(t, "changes", 12) {
			f.change(t)
		}
		if err := check(t, f); err != nil {
			f.add("the plan is %+v", f.plan)
			return f.broken("%v", err)
		}
		return nil
	}}
}

var gateLaws = []Property{
	gateLaw("every block of every gate is listed, in their order, as a slow recount has them", func(_ *rapid.T, f *smallFleet) error {
		for _, p := range []gates.Purpose{gates.Dispatch, gates.Synthesis} {
			for _, a := range f.asks(p) {
				if got, want := reasonsOf(f.ask(a).Blocks), f.slow(a, nil); !slices.Equal(got, want) {
					return fmt.Errorf("%s of %s is held by %v, and should be by %v", p, a.Key, got, want)
				}
			}
		}
		return nil
	}),
	gateLaw("counters that followed the records equal those that count them afresh", func(_ *rapid.T, f *smallFleet) error {
		fresh := gates.NewView(gates.NewFleet(f.plan), append([]reducer.Quarantine{}, f.quarantined...))
		for id, open := range f.open {
			if open {
				fresh.Open(id)
			}
		}
		for key := range f.resumed {
			fresh.Resume(key.Rollout, []states.Host{key.Host})
		}
		for i := range f.members {
			f.sys.Track(fresh, gates.Standing{}, f.standing(&f.members[i]), nil)
		}
		for _, a := range f.asks(gates.Dispatch) {
			got, want := f.sys.Evaluate(f.view, a)[0], f.sys.Evaluate(fresh, a)[0]
			if !slices.Equal(reasonsOf(got.Blocks), reasonsOf(want.Blocks)) {
				return fmt.Errorf("%s: followed it is %s, afresh %s", a.Key, got, want)
			}
		}
		return nil
	}),
	gateLaw("how far a rollout is equals a slow recount", func(_ *rapid.T, f *smallFleet) error {
		for id, open := range f.open {
			got, known := f.view.Progress(id)
			if want := f.slowProgress(id); known != open || open && got != want {
				return fmt.Errorf("%s is at %+v, and should be at %+v", id, got, want)
			}
		}
		return nil
	}),
	gateLaw("what is let through in one call overspends no budget", func(_ *rapid.T, f *smallFleet) error {
		var spent []states.Host
		for _, v := range f.sys.Evaluate(f.view, f.once(gates.Dispatch)...) {
			if want := f.slow(v.Ask, spent); v.Passed() != (len(want) == 0) {
				return fmt.Errorf("behind %v, %s is %s, and should be held by %v", spent, v.Ask.Key, v, want)
			}
			if v.Passed() {
				spent = append(spent, v.Ask.Key.Host)
			}
		}
		return nil
	}),
	gateLaw("a host never counts against itself", func(_ *rapid.T, f *smallFleet) error {
		for _, a := range f.asks(gates.Dispatch) {
			alone := !slices.ContainsFunc(f.plan.Budgets, func(b gates.Budget) bool {
				return slices.ContainsFunc(f.flying(b), func(h states.Host) bool { return h != a.Key.Host })
			})
			if v := f.ask(a); alone && heldBy(v, "disruption-budget") {
				return fmt.Errorf("%s is %s", a.Key, v)
			}
		}
		return nil
	}),
	gateLaw("what is not known holds", func(_ *rapid.T, f *smallFleet) error {
		if (gates.Verdict{}).Passed() {
			return fmt.Errorf("the zero verdict passes")
		}
		for _, a := range f.asks(gates.Dispatch) {
			nowhere, unnamed, aimless := a, a, a
			nowhere.Key.Rollout.Ref = "unheard-of"
			unnamed.Key.Host = "unheard-of"
			aimless.Purpose = 0
			for _, v := range []gates.Verdict{
				f.ask(nowhere), f.ask(unnamed), f.ask(aimless), f.sys.Evaluate(nil, a)[0],
				f.sys.Evaluate(gates.NewView(gates.NewFleet(f.plan), nil), a)[0],
				f.sys.Evaluate(gates.NewView(gates.NewFleet(f.plan), []reducer.Quarantine{}), a)[0],
				f.sys.Evaluate(&gates.View{}, a)[0],
			} {
				if v.Passed() || len(v.Blocks) == 0 {
					return fmt.Errorf("%+v is %s", v.Ask, v)
				}
			}
		}
		return nil
	}),
	gateLaw("a rebuilt convergence is held by the gates of order, and by no other", func(_ *rapid.T, f *smallFleet) error {
		for _, a := range f.asks(gates.Dispatch) {
			want := slices.DeleteFunc(reasonsOf(f.ask(a).Blocks), func(r reason) bool {
				return slices.Contains([]string{"halted", "disruption-budget", "compliance-wave"}, r.gate)
			})
			a.Purpose = gates.Synthesis
			if got := reasonsOf(f.ask(a).Blocks); !slices.Equal(got, want) {
				return fmt.Errorf("%s is held by %v, and should be by %v", a.Key, got, want)
			}
		}
		return nil
	}),
	gateLaw("every block says what it is, what holds and what would release it", func(_ *rapid.T, f *smallFleet) error {
		for _, a := range f.asks(gates.Dispatch) {
			for _, b := range f.ask(a).Blocks {
				if b.Gate == "" || b.Scope == "" || b.Why == "" || b.Release == "" || b.Waits.On == 0 {
					return fmt.Errorf("%s has %+v", a.Key, b)
				}
			}
		}
		return nil
	}),
	gateLaw("the same asks give the same bytes", func(_ *rapid.T, f *smallFleet) error {
		asks := f.once(gates.Dispatch)
		was, is := fmt.Sprintf("%#v", f.sys.Evaluate(f.view, asks...)), fmt.Sprintf("%#v", f.sys.Evaluate(f.view, asks...))
		if was != is {
			return fmt.Errorf("%s\n  and then %s", was, is)
		}
		return nil
	}),
	{"whoever may go has been told that the gate he waited for opened", noLostWake},
}

// once returns the asks with each host in one of them alone.
func (f *smallFleet) once(p gates.Purpose) (asks []gates.Ask) {
	for _, a := range f.asks(p) {
		if a.Key.Rollout.Ref == fleetRef {
			asks = append(asks, a)
		}
	}
	return asks
}

func heldBy(v gates.Verdict, gate string) bool {
	return slices.ContainsFunc(v.Blocks, func(b gates.Block) bool { return b.Gate == gate })
}

func (f *smallFleet) slowProgress(id states.Rollout) gates.Progress {
	var p gates.Progress
	last := states.Wave(-1)
	undone := map[states.Wave]bool{}
	for i := range f.members {
		rec := &f.members[i].rec
		if rec.Rollout != id {
			continue
		}
		p.Hosts++
		if rec.State == states.Converged {
			p.Converged++
		}
		if bad(rec.State) && !f.resumed[rec.Key] {
			p.Halting++
		}
		last = max(last, rec.Wave)
		undone[rec.Wave] = undone[rec.Wave] || rec.State != states.Converged && !(rec.State == states.Deferred && rec.Policy.DeferredIsDone)
	}
	for p.CurrentWave <= last && !undone[p.CurrentWave] {
		p.CurrentWave++
	}
	return p
}

// noLostWake lets held hosts wait for their first block as the engine does:
// one is looked at again when that is released, and not before.
func noLostWake(t *rapid.T, sys System) error {
	f := newFleet(t, sys)
	f.add("the plan is %+v", f.plan)
	waits := map[gates.Ask]gates.Wait{}
	look := func(a gates.Ask) {
		delete(waits, a)
		if v := f.ask(a); !v.Passed() {
			waits[a] = v.Blocks[0].Waits
		}
	}
	asks := append(f.asks(gates.Dispatch), f.asks(gates.Synthesis)...)
	for _, a := range asks {
		look(a)
	}
	for range 3 + pick(t, "changes", 12) {
		released := f.change(t)
		for _, a := range asks {
			if wait, waiting := waits[a]; waiting && slices.Contains(released, wait) {
				look(a)
			}
		}
		for _, a := range asks {
			if wait, waiting := waits[a]; waiting && f.ask(a).Passed() {
				return f.broken("the %s of %s may go, and waits for %+v; released was %+v", a.Purpose, a.Key, wait, released)
			}
		}
	}
	return nil
}
