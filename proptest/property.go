package proptest

import (
	"fmt"
	"iter"
	"math/bits"
	"strings"

	"pgregory.net/rapid"
)

// Property is one law: a sentence, and a check of one random case of it.
type Property struct {
	Name string

	// Check draws a case and returns how the system breaks the law in it, nil
	// where it does not. It neither fails nor skips t.
	Check func(t *rapid.T, sys System) error
}

// Laws yields every law, those of one step first, those of the gates last.
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
}

// Search looks for a counterexample among so many cases, those of the seeds
// from the given one on. The same call gives the same answer. A system that
// panics breaks the law.
func (p Property) Search(sys System, from, cases int) (Counterexample, bool) {
	one := rapid.Custom(func(t *rapid.T) error { return p.safely(t, sys) })
	for seed := from; seed < from+cases; seed++ {
		if err := one.Example(seed); err != nil {
			return Counterexample{Seed: seed, Err: err}, true
		}
	}
	return Counterexample{}, false
}

func (p Property) safely(t *rapid.T, sys System) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("it panics: %v", r)
		}
	}()
	return p.Check(t, sys)
}

// pick draws one of n choices, each as likely as the others; the first is the
// one to shrink to.
func pick(t *rapid.T, label string, n int) int {
	return rapid.Custom(func(t *rapid.T) int {
		v := 0
		// Three bits more than are needed, so that the remainder is hardly uneven.
		for range bits.Len(uint(n-1)) + 3 {
			v <<= 1
			if coin.Draw(t, "bit") {
				v++
			}
		}
		return v % n
	}).Draw(t, label)
}

var coin = rapid.Bool()

// seldom is true in one of n draws.
func seldom(t *rapid.T, label string, n int) bool { return pick(t, label, n) == n-1 }

// trace is what happened in a case, oldest first.
type trace []string

func (tr *trace) add(format string, args ...any) { *tr = append(*tr, fmt.Sprintf(format, args...)) }

// broken says how a law was broken, and how it came to it.
func (tr *trace) broken(format string, args ...any) error {
	return fmt.Errorf("%s\n  %s", fmt.Sprintf(format, args...), strings.Join(*tr, "\n  "))
}
