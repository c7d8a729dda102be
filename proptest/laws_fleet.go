package proptest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/rollmend/rollmend/adapters"
	"github.com/rollmend/rollmend/gates"
	"github.com/rollmend/rollmend/scenario"
	"github.com/rollmend/rollmend/states"
)

// fleetLives is the longest life of a fleet.
const fleetLives = 80

// Rule is what a gate of one's own is for, said a second time: slowly, and so
// that it is obviously right.
type Rule struct {
	// Name is a sentence, such as "edge waits for half of stable".
	Name string

	// Holds reports whether a host has to wait. The fleet is as it was before the
	// pass in which the host asked: gates see what is stored, never what is being
	// decided.
	Holds func(f *Fleet, ask gates.Ask) bool
}

// NoGateViolated is the law of gates: what is dispatched, and a convergence that
// is rebuilt, is held by none, neither by ours, which are counted anew, nor by
// the rules.
func NoGateViolated(rules ...Rule) Property {
	return law("nothing is dispatched, and no lost convergence rebuilt, while a gate holds it", func(d *dice, sys System) error {
		l, err := newFleetLife(d, sys)
		if err != nil {
			return err
		}
		l.passed = func(f *Fleet, ask gates.Ask, spent []states.Host) error {
			d.met = true
			if ask.Purpose == gates.Synthesis {
				spent = nil
			}
			return judge(f, ask, spent, rules)
		}
		for range d.times("length", 1, fleetLives) {
			if err := l.act(); err != nil {
				return err
			}
		}
		return nil
	})
}

// judge says which gate or rule holds an ask that was let through.
func judge(f *Fleet, ask gates.Ask, spent []states.Host, rules []Rule) error {
	what := "dispatched"
	if ask.Purpose == gates.Synthesis {
		what = "taken for converged"
	}
	for _, r := range f.slow(ask, spent) {
		return fmt.Errorf("%s is %s, and the gate %s holds it", ask.Key.Host, what, r.gate)
	}
	for _, r := range rules {
		if r.Holds(f, ask) {
			return fmt.Errorf("%s is %s, and the rule holds it: %s", ask.Key.Host, what, r.Name)
		}
	}
	return nil
}

// AnyOrder is the law of one cycle: after a wipe, the order in which the hosts
// of a fleet beat does not matter. Under gates of one's own, which may wait for
// what nobody watches, they go on beating while anything changes.
func AnyOrder() Property {
	return law("a fleet whose records are lost is the same again in whatever order its hosts beat", func(d *dice, sys System) error {
		l, err := newFleetLife(d, sys)
		if err != nil {
			return err
		}
		for range d.times("length", 0, 20) {
			if err := l.act(); err != nil {
				return err
			}
		}
		if _, err := l.do("wipe"); err != nil {
			return err
		}
		twin := l.control(sys, nil).Begin(context.Background())
		if err := replay(twin, l.done); err != nil {
			return d.broken("the same steps are done once, and once not: %v", err)
		}
		beats := l.beats()
		mixed := slices.Clone(beats)
		for i := range mixed {
			j := i + pick(d, "next to beat", len(mixed)-i)
			mixed[i], mixed[j] = mixed[j], mixed[i]
		}
		d.told.add("# in one order")
		for _, line := range beats {
			said, err := l.do(line)
			if err != nil {
				return err
			}
			d.met = d.met || slices.ContainsFunc(said, func(s string) bool { return strings.HasSuffix(s, "held  (records-lost)") })
		}
		d.told.add("# and in another")
		for _, line := range mixed {
			d.told.add("# %s", line)
		}
		if err := replay(twin, mixed); err != nil {
			return d.broken("%v", err)
		}
		if sys.Gates != nil {
			if err := errors.Join(l.goOn(l.session, beats), l.goOn(twin, mixed)); err != nil {
				return d.broken("%v", err)
			}
		}
		return l.sameRecords(l.session.Store(), twin.Store(), "in one order", "in the other")
	})
}

// goOn lets hosts beat again while that changes anything: each time, it frees
// one of them at least.
func (l *fleetLife) goOn(s *scenario.Session, beats []string) error {
	for range beats {
		before, err := l.read(s.Store())
		if err != nil {
			return err
		}
		if err := replay(s, beats); err != nil {
			return err
		}
		after, err := l.read(s.Store())
		if err != nil {
			return err
		}
		same := func(a, b states.Record) bool { return a.Equal(&b) }
		if slices.EqualFunc(before.Records, after.Records, same) {
			return nil
		}
	}
	return nil
}

// beats is a heartbeat of each host, now.
func (l *fleetLife) beats() (lines []string) {
	for _, h := range l.hosts {
		hb := h.beat(l.now)
		lines = append(lines, scenario.BeatLine(&hb, l.now))
	}
	return lines
}

func replay(s *scenario.Session, lines []string) error {
	for _, line := range lines {
		if _, err := s.Do(line); err != nil {
			return err
		}
	}
	return nil
}

// sameRecords compares two stores that hold the same fleet.
func (l *fleetLife) sameRecords(a, b adapters.Store, nameA, nameB string) error {
	one, err := l.read(a)
	if err != nil {
		return l.dice.broken("%v", err)
	}
	two, err := l.read(b)
	if err != nil {
		return l.dice.broken("%v", err)
	}
	for i := range one.Records {
		if i >= len(two.Records) || !one.Records[i].Equal(&two.Records[i]) {
			return l.dice.broken("%s it is\n%s\nand %s\n%s", nameA, strings.Join(showOf(&one.Records[i]), "\n"),
				nameB, strings.Join(showOf(&two.Records[min(i, len(two.Records)-1)]), "\n"))
		}
	}
	return nil
}

// SameAsMemory is the law of stores: whatever happens to a fleet, a store holds
// what adapters/memory holds.
func SameAsMemory() Property {
	return law("a store holds what the store of adapters/memory holds", func(d *dice, sys System) error {
		l, err := newFleetLife(d, sys)
		if err != nil {
			return err
		}
		ours := sys
		ours.Open, ours.Reopen = nil, nil
		twin, told := l.control(ours, nil).Begin(context.Background()), 0
		for range d.times("length", 1, fleetLives) {
			if err := l.act(); err != nil {
				return err
			}
			if err := replay(twin, l.done[told:]); err != nil {
				return d.broken("adapters/memory: %v", err)
			}
			told = len(l.done)
		}
		if l.session.Store() == nil {
			return nil // nothing but declarations
		}
		d.met = true
		if what := difference(l.session.Store(), twin.Store()); what != "" {
			return d.broken("%s", what)
		}
		return nil
	})
}
