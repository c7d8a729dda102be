package proptest

import (
	"errors"
	"fmt"
	"iter"

	"pgregory.net/rapid"
)

// Property is one law: a sentence, and a check of random cases of it.
type Property struct {
	Name string

	// Check draws a case and returns how the system breaks the law in it, nil
	// where it does not: a [*Violation] where the law is one of this package. It
	// neither fails nor skips t.
	Check func(t *rapid.T, sys System) error

	// check is the same with choices that can be replayed; nil for a law of the
	// caller's own. It says d.met where the case had something to judge.
	check func(d *dice, sys System) error
}

// law makes a property of a check.
func law(name string, check func(d *dice, sys System) error) Property {
	p := Property{Name: name, check: check}
	p.Check = func(t *rapid.T, sys System) error {
		if err := check(&dice{rapid: t}, sys); err != nil {
			var v *Violation
			if errors.As(err, &v) {
				v.Law = name
			}
			return err
		}
		return nil
	}
	return p
}

// Laws yields every law of the pure half, those of one step first, those of the
// gates last.
func Laws() iter.Seq[Property] {
	return func(yield func(Property) bool) {
		for _, group := range [...][]Property{stepLaws, lifeLaws, chainLaws, reportLaws, gateLaws} {
			for _, p := range group {
				if !yield(p) {
					return
				}
			}
		}
	}
}

// Counterexample is a case in which a law is broken.
type Counterexample struct {
	Seed int // searching from it with one case finds the same
	Err  error

	choices []int
}

// Text returns the case as a scenario file; see [Violation.Text]. A law of the
// caller's own has its error's text.
func (c Counterexample) Text() string {
	var v *Violation
	if errors.As(c.Err, &v) {
		return v.Text()
	}
	return fmt.Sprint(c.Err)
}

// Search looks for a counterexample among so many cases, those of the seeds
// from the given one on. The same call gives the same answer, on any machine. A
// system that panics breaks the law.
func (p Property) Search(sys System, from, cases int) (Counterexample, bool) {
	found, ok, _ := p.search(sys, from, cases)
	return found, ok
}

// Case looks at the case of one seed. It returns whether there was anything to
// judge in it, and how the system breaks the law, nil where it does not. It is
// for those who count cases for as long as they have time.
func (p Property) Case(sys System, seed int) (met bool, err error) {
	d := seeded(seed)
	err = p.try(d, sys, seed)
	return d.met, err
}

// search also counts the cases that had something to judge.
func (p Property) search(sys System, from, cases int) (found Counterexample, ok bool, met int) {
	for seed := from; seed < from+cases; seed++ {
		d := seeded(seed)
		if err := p.try(d, sys, seed); err != nil {
			return Counterexample{Seed: seed, Err: err, choices: d.made}, true, met
		}
		if d.met {
			met++
		}
	}
	return Counterexample{}, false, met
}

// Find is [Property.Search], and makes what it finds as small as it can. A law
// of the caller's own is made smaller by rapid alone: call its Check from
// rapid.Check.
func (p Property) Find(sys System, from, cases int) (Counterexample, bool) {
	found, ok, _ := p.find(sys, from, cases)
	return found, ok
}

func (p Property) find(sys System, from, cases int) (found Counterexample, ok bool, met int) {
	found, ok, met = p.search(sys, from, cases)
	if ok && p.check != nil {
		found.Err = p.shrink(sys, found.choices)
	}
	return found, ok, met
}

// Reached counts the cases, among those that [Property.Search] would look at,
// in which the law had something to judge. A law that hardly ever has proves
// little. It is 0 for a law of the caller's own.
func (p Property) Reached(sys System, from, cases int) int {
	n := 0
	for seed := from; seed < from+cases; seed++ {
		if met, _ := p.Case(sys, seed); met {
			n++
		}
	}
	return n
}

// try looks at one case.
func (p Property) try(d *dice, sys System, seed int) error {
	if p.check == nil {
		one := rapid.Custom(func(t *rapid.T) error {
			return safely(func() error { return p.Check(t, sys) })
		})
		return one.Example(seed)
	}
	err := safely(func() error { return p.check(d, sys) })
	if err == nil {
		return nil
	}
	v := new(Violation)
	if !errors.As(err, &v) {
		errors.As(d.broken("%v", err), &v)
	}
	v.Law = p.Name
	return v
}

// safely takes a panic for an error.
func safely(check func() error) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("it panics: %v", r)
		}
	}()
	return check()
}
