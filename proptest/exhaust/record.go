package exhaust

import (
	"maps"
	"slices"

	"github.com/rollmend/rollmend/states"
)

// record is what the oracle keeps about a host: the fields of the
// specification's section 2, with maps for what has names and nil for what is
// not there.
type record struct {
	key        states.Key
	wave       states.Wave
	target     states.Closure
	policy     states.Policy
	opened     states.Time
	dispatched states.Time
	lastSeq    states.Seq
	gap        bool
	revision   states.Revision
	now        belief
	guesses    *guesses // nil where the present state was reported
	used       *ruleset // the rules that had a part in what is asked; nil: they are not noted
}

// belief is the part of a record that can be guessed.
type belief struct {
	state         states.State
	stamps        map[states.Stamp]stamp
	atDispatch    states.Closure
	current       states.Closure
	revertedTo    states.Closure
	applied       states.OnFailure
	probes        map[string]states.Probe
	lastOrder     *states.Order
	deferredOrder *states.Order
}

// stamp is a time of the agent's, and whether a report gave it.
type stamp struct {
	at       states.Time
	reported bool
}

// guesses is what a synthesised record rests on.
type guesses struct {
	before belief
	list   []states.Guess
}

// read makes the oracle's record of a stored one, field by field.
func read(r *states.Record) record {
	out := record{
		key: r.Key, wave: r.Wave, target: r.Target, policy: r.Policy, opened: r.Opened, dispatched: r.Dispatched,
		lastSeq: r.LastSeq, gap: r.Gap, revision: r.Revision, now: readBelief(&r.Belief),
	}
	if r.Doubt != nil {
		out.guesses = &guesses{readBelief(&r.Doubt.Before), slices.Clone(r.Doubt.Guesses)}
	}
	return out
}

func readBelief(b *states.Belief) belief {
	out := belief{
		state: b.State, atDispatch: b.AtDispatch, current: b.Current, revertedTo: b.RevertedTo, applied: b.PolicyApplied,
		stamps: map[states.Stamp]stamp{}, probes: map[string]states.Probe{},
		lastOrder: readOrder(b.LastOrder), deferredOrder: readOrder(b.DeferredOrder),
	}
	for i, at := range b.Times {
		if at != 0 {
			out.stamps[states.Stamp(i)] = stamp{at, b.Given>>i&1 == 1}
		}
	}
	for _, p := range b.Probes {
		out.probes[p.Name] = p
	}
	return out
}

// readOrder returns nil where the agent gave no order.
func readOrder(o states.Order) *states.Order {
	if o.Boot == 0 {
		return nil
	}
	return &o
}

// written makes a stored record of the oracle's, field by field.
func (r *record) written() states.Record {
	out := states.Record{
		Key: r.key, Wave: r.wave, Target: r.target, Policy: r.policy, Opened: r.opened, Dispatched: r.dispatched,
		LastSeq: r.lastSeq, Gap: r.gap, Revision: r.revision, Belief: r.now.written(),
	}
	if r.guesses != nil {
		out.Doubt = &states.Doubt{Before: r.guesses.before.written(), Guesses: slices.Clone(r.guesses.list)}
	}
	return out
}

func (b *belief) written() states.Belief {
	out := states.Belief{
		State: b.state, AtDispatch: b.atDispatch, Current: b.current, RevertedTo: b.revertedTo, PolicyApplied: b.applied,
	}
	for i, s := range b.stamps {
		out.Times[i] = s.at
		if s.reported {
			out.Given |= 1 << i
		}
	}
	for _, name := range slices.Sorted(maps.Keys(b.probes)) {
		out.Probes = append(out.Probes, b.probes[name])
	}
	if b.lastOrder != nil {
		out.LastOrder = *b.lastOrder
	}
	if b.deferredOrder != nil {
		out.DeferredOrder = *b.deferredOrder
	}
	return out
}

func (r *record) clone() record {
	out := *r
	out.now = r.now.clone()
	if r.guesses != nil {
		out.guesses = &guesses{r.guesses.before.clone(), slices.Clone(r.guesses.list)}
	}
	return out
}

func (b *belief) clone() belief {
	out := *b
	out.stamps, out.probes = maps.Clone(b.stamps), maps.Clone(b.probes)
	return out
}

// definite is what the record holds without its guesses.
func (r *record) definite() *belief {
	if r.guesses != nil {
		return &r.guesses.before
	}
	return &r.now
}

// same reports whether both closures are known and equal: unknown equals
// nothing, itself included.
func same(c, d states.Closure) bool { return !unknown(c) && !unknown(d) && string(c) == string(d) }

func unknown(c states.Closure) bool { return len(c) == 0 }

// later reports whether one moment of an agent's own order is after another.
func later(o, p *states.Order) bool {
	if o.Boot != p.Boot {
		return o.Boot > p.Boot
	}
	return o.Beat > p.Beat
}
