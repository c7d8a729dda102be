package exhaust

import (
	"fmt"

	"github.com/rollmend/rollmend/proptest"
)

// Planted is a system with one fault, and the rule of the oracle that it
// breaks. A fault without a rule may show anywhere.
type Planted struct {
	Name   string
	Rule   string
	System proptest.System
}

// Caught says how a planted fault showed.
type Caught struct {
	Planted
	Shown     uint64      // how many answers differed that the rule has a part in, of those that were looked at
	First     *Difference // the first of them; nil where there is none
	Elsewhere *Difference // the first that the rule has no part in; nil where there is none

	rule rule // where Rule is given
	turn int
}

// A fault is put to every question of its rule until it has shown so often, and
// to one in so many of all the others.
const (
	shownEnough = 20
	elsewhere   = 199
)

// Plant does what [Run] does, and puts the same questions to systems with
// faults: what it says of them is in their order. The error says that a rule is
// not known, or what [Run] says of the system without a fault.
func Plant(sys proptest.System, planted []Planted, opts Options) ([]Caught, Report, error) {
	all := make([]Caught, len(planted))
	pointers := make([]*Caught, len(planted))
	for i, p := range planted {
		which, ok := ruleNamed(p.Rule)
		if !ok && p.Rule != "" {
			return nil, Report{}, fmt.Errorf("exhaust: %q breaks the rule %q, which is none of the oracle's", p.Name, p.Rule)
		}
		all[i] = Caught{Planted: p, rule: which}
		pointers[i] = &all[i]
	}
	r, err := newRun(sys, opts, pointers)
	if err != nil {
		return nil, Report{}, err
	}
	err = r.all()
	return all, r.told(), err
}

// due reports whether the fault is put to a question.
func (c *Caught) due(q *question) bool {
	c.turn++
	return c.part(q) && c.Shown < shownEnough || c.turn%elsewhere == 0
}

// part reports whether the fault's rule has a part in a question's answer.
func (c *Caught) part(q *question) bool { return c.Rule == "" || q.rules.has(c.rule) }

func (c *Caught) caught(q *question, d *Difference) {
	if !c.part(q) {
		if c.Elsewhere == nil {
			c.Elsewhere = d
		}
		return
	}
	c.Shown++
	if c.First == nil {
		c.First = d
	}
}
