package proptest

import (
	"errors"
	"fmt"
	"slices"

	"github.com/rollmend/rollmend/gates"
	"github.com/rollmend/rollmend/reducer"
	"github.com/rollmend/rollmend/states"
)

// gateLaw makes a property of small fleets to which a few things happened.
func gateLaw(name string, check func(d *dice, f *smallFleet) error) Property {
	return law(name, func(d *dice, sys System) error {
		f := newFleet(d, sys)
		for range d.times("changes", 0, 12) {
			f.change(d)
		}
		if err := check(d, f); err != nil {
			return d.broken("%v", err)
		}
		return nil
	})
}

var gateLaws = []Property{
	gateLaw("every block of every gate is listed, in their order, as a slow recount has them", func(d *dice, f *smallFleet) error {
		for _, p := range []gates.Purpose{gates.Dispatch, gates.Synthesis} {
			for _, a := range f.asks(p) {
				d.met = true
				if got, want := reasonsOf(f.ask(a).Blocks), f.slow(a, nil); !slices.Equal(got, want) {
					return fmt.Errorf("%s of %s is held by %v, and should be by %v", p, a.Key, got, want)
				}
			}
		}
		return nil
	}),
	gateLaw("counters that followed the records equal those that count them afresh", func(d *dice, f *smallFleet) error {
		fresh := f.viewBy(f.sys)
		d.met = f.changed
		for _, a := range f.asks(gates.Dispatch) {
			got, want := f.evaluate(f.view, a)[0], f.evaluate(fresh, a)[0]
			if !slices.Equal(reasonsOf(got.Blocks), reasonsOf(want.Blocks)) {
				return fmt.Errorf("%s: followed it is %s, afresh %s", a.Key, got, want)
			}
		}
		return nil
	}),
	gateLaw("how far a rollout is equals a slow recount", func(d *dice, f *smallFleet) error {
		for _, id := range f.Open {
			d.met = true
			got, known := f.view.Progress(id)
			if want := f.slowProgress(id); !known || got != want {
				return fmt.Errorf("%s is at %+v, and should be at %+v", id, got, want)
			}
		}
		return nil
	}),
	gateLaw("what is let through in one call overspends no budget", func(d *dice, f *smallFleet) error {
		var spent []states.Host
		for _, v := range f.evaluate(f.view, f.Asks(gates.Dispatch)...) {
			if want := f.slow(v.Ask, spent); v.Passed() != (len(want) == 0) {
				return fmt.Errorf("behind %v, %s is %s, and should be held by %v", spent, v.Ask.Key, v, want)
			}
			d.met = d.met || len(spent) > 0 && heldBy(v, "disruption-budget")
			if v.Passed() {
				spent = append(spent, v.Ask.Key.Host)
			}
		}
		return nil
	}),
	gateLaw("a host never counts against itself", func(d *dice, f *smallFleet) error {
		for _, a := range f.asks(gates.Dispatch) {
			alone := !slices.ContainsFunc(f.Plan.Budgets, func(b gates.Budget) bool {
				return slices.ContainsFunc(f.flying(b), func(h states.Host) bool { return h != a.Key.Host })
			})
			d.met = d.met || alone && f.flies(a.Key.Host)
			if v := f.ask(a); alone && heldBy(v, "disruption-budget") {
				return fmt.Errorf("%s is %s", a.Key, v)
			}
		}
		return nil
	}),
	gateLaw("what is not known holds", func(d *dice, f *smallFleet) error {
		if (gates.Verdict{}).Passed() {
			return fmt.Errorf("the zero verdict passes")
		}
		for _, a := range f.asks(gates.Dispatch) {
			d.met = true
			nowhere, unnamed, aimless := a, a, a
			nowhere.Key.Rollout.Ref = "unheard-of"
			unnamed.Key.Host = "unheard-of"
			aimless.Purpose = 0
			for _, v := range []gates.Verdict{
				f.ask(nowhere), f.ask(unnamed), f.ask(aimless), f.evaluate(nil, a)[0],
				f.evaluate(gates.NewView(gates.NewFleet(f.Plan), nil), a)[0],
				f.evaluate(gates.NewView(gates.NewFleet(f.Plan), []reducer.Quarantine{}), a)[0],
				f.evaluate(&gates.View{}, a)[0],
			} {
				if v.Passed() || len(v.Blocks) == 0 {
					return fmt.Errorf("%+v is %s", v.Ask, v)
				}
			}
		}
		return nil
	}),
	gateLaw("a rebuilt convergence is held by the gates of order, and by no other", func(d *dice, f *smallFleet) error {
		for _, a := range f.asks(gates.Dispatch) {
			want := slices.DeleteFunc(reasonsOf(f.ask(a).Blocks), func(r reason) bool {
				return slices.Contains([]string{"halted", "disruption-budget", "compliance-wave"}, r.gate)
			})
			d.met = d.met || len(want) > 0
			a.Purpose = gates.Synthesis
			if got := reasonsOf(f.ask(a).Blocks); !slices.Equal(got, want) {
				return fmt.Errorf("%s is held by %v, and should be by %v", a.Key, got, want)
			}
		}
		return nil
	}),
	gateLaw("every block says what it is, what holds and what would release it", func(d *dice, f *smallFleet) error {
		for _, a := range f.asks(gates.Dispatch) {
			for _, b := range f.ask(a).Blocks {
				d.met = true
				silent := b.Waits.On == 0 && isOurs(b.Gate)
				if b.Gate == "" || b.Scope == "" || b.Why == "" || b.Release == "" || silent {
					return fmt.Errorf("%s has %+v", a.Key, b)
				}
			}
		}
		return nil
	}),
	gateLaw("the same asks give the same bytes", func(d *dice, f *smallFleet) error {
		asks := f.Asks(gates.Dispatch)
		d.met = len(asks) > 0
		was, is := fmt.Sprintf("%#v", f.evaluate(f.view, asks...)), fmt.Sprintf("%#v", f.evaluate(f.view, asks...))
		if was != is {
			return errors.New(apartAt(was, is))
		}
		return nil
	}),
	law("whoever may go has been told that the gate he waited for opened", noLostWake),
}

// flies reports whether a host of a budget is in flight.
func (f *smallFleet) flies(host states.Host) bool {
	return slices.ContainsFunc(f.Plan.Budgets, func(b gates.Budget) bool { return slices.Contains(f.flying(b), host) })
}

// isOurs reports whether a gate is one of package gates.
func isOurs(gate string) bool {
	for name := range gates.Names() {
		if name == gate {
			return true
		}
	}
	return gate == "unknown"
}

func heldBy(v gates.Verdict, gate string) bool {
	return slices.ContainsFunc(v.Blocks, func(b gates.Block) bool { return b.Gate == gate })
}

func (f *smallFleet) slowProgress(id states.Rollout) gates.Progress {
	var p gates.Progress
	last := states.Wave(-1)
	undone := map[states.Wave]bool{}
	for i := range f.Records {
		rec := &f.Records[i]
		if rec.Rollout != id {
			continue
		}
		p.Hosts++
		if rec.State == states.Converged {
			p.Converged++
		}
		if bad(rec.State) && !slices.Contains(f.Resumed, rec.Key) {
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
func noLostWake(d *dice, sys System) error {
	f := newFleet(d, sys)
	waits := map[gates.Ask]gates.Wait{}
	look := func(a gates.Ask) {
		delete(waits, a)
		// A gate of one's own may wait for nothing that could be watched.
		if v := f.ask(a); !v.Passed() && v.Blocks[0].Waits.On != 0 {
			waits[a] = v.Blocks[0].Waits
		}
	}
	asks := append(f.asks(gates.Dispatch), f.asks(gates.Synthesis)...)
	for _, a := range asks {
		look(a)
	}
	for range d.times("changes", 3, 15) {
		released := f.change(d)
		for _, a := range asks {
			if wait, waiting := waits[a]; waiting && slices.Contains(released, wait) {
				d.met = true
				look(a)
			}
		}
		for _, a := range asks {
			if wait, waiting := waits[a]; waiting && f.ask(a).Passed() {
				return d.broken("the %s of %s may go, and waits for %+v; released was %+v", a.Purpose, a.Key, wait, released)
			}
		}
	}
	return nil
}
