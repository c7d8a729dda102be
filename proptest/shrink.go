package proptest

import (
	"errors"
	"slices"
)

// shrinkTries bounds how many cases are tried to make one smaller: some seconds
// of lives, far more than a case of a few lines needs.
const shrinkTries = 4000

// shrinker makes a case smaller, choice by choice. The same case ends as the
// same smaller one, on any machine: it has no clock.
type shrinker struct {
	law   Property
	sys   System
	tries int
	best  *dice
	err   *Violation
}

func (p Property) shrink(sys System, choices []int) *Violation {
	s := &shrinker{law: p, sys: sys}
	s.best = replayed(choices)
	if !errors.As(p.try(s.best, sys, 0), &s.err) {
		return &Violation{
			Law: p.Name, Timeline: s.best.told.lines(),
			What: "it is broken once, and is not when the same is tried again: what it is about depends on more than it is given",
		}
	}
	for s.takeTurns() || s.lower() {
		if s.tries >= shrinkTries {
			break
		}
	}
	return s.err
}

// try keeps a case where it breaks the law too and is smaller.
func (s *shrinker) try(choices []int) bool {
	if s.tries >= shrinkTries {
		return false
	}
	s.tries++
	d := replayed(choices)
	var err *Violation
	if !errors.As(s.law.try(d, s.sys, 0), &err) || !s.smaller(d, err) {
		return false
	}
	s.best, s.err = d, err
	return true
}

// smaller reports whether a case is told in fewer lines than the best one, or
// in as many with fewer or lower choices.
func (s *shrinker) smaller(d *dice, err *Violation) bool {
	if now, best := len(err.Timeline), len(s.err.Timeline); now != best {
		return now < best
	}
	if now, best := len(d.made), len(s.best.made); now != best {
		return now < best
	}
	return slices.Compare(d.made, s.best.made) < 0
}

// takeTurns takes turns out of loops, the later ones first, many at once before
// one by one. It reports whether the case became smaller.
func (s *shrinker) takeTurns() (any bool) {
	for i := 0; i < len(s.best.loops); i++ {
		for n := s.turnsOf(i); n > 0; n /= 2 {
			for from := s.turnsOf(i) - n; from >= 0; from-- {
				if s.try(s.without(i, from, n)) {
					any = true
					from = min(from, s.turnsOf(i)-n+1)
				}
			}
		}
	}
	return any
}

// turnsOf counts the turns of a loop of the best case.
func (s *shrinker) turnsOf(i int) int {
	if i >= len(s.best.loops) {
		return 0
	}
	return len(s.best.loops[i].turns) - 1
}

// without returns the best case's choices without some turns of a loop.
func (s *shrinker) without(i, from, n int) []int {
	if from+n > s.turnsOf(i) {
		return s.best.made
	}
	l := s.best.loops[i]
	choices := slices.Clone(s.best.made)
	choices[l.length] = max(0, choices[l.length]-n)
	return slices.Delete(choices, l.turns[from], l.turns[from+n])
}

// lower makes choices lower: the first one, half, one less. It reports whether
// the case became smaller.
func (s *shrinker) lower() (any bool) {
	for i := 0; i < len(s.best.made); i++ {
		for _, to := range []func(int) int{
			func(int) int { return 0 }, func(v int) int { return v / 2 }, func(v int) int { return v - 1 },
		} {
			if i >= len(s.best.made) || s.best.made[i] == 0 {
				break
			}
			choices := slices.Clone(s.best.made)
			choices[i] = to(choices[i])
			if s.try(choices) {
				any = true
			}
		}
	}
	return any
}
