package engine

import (
	"slices"

	"github.com/rollmend/rollmend/adapters"
	"github.com/rollmend/rollmend/gates"
	"github.com/rollmend/rollmend/reducer"
	"github.com/rollmend/rollmend/states"
	"github.com/rollmend/rollmend/synth"
)

// Batch is one round's decisions: changes to commit, and the replies to give
// once they are.
type Batch struct {
	Changes []adapters.Change // in the order in which they were decided, each key once
	Replies []Reply           // one per input, at its place; to be read after Settle

	// Wake names hosts whose dispatch may have become possible: a caller that
	// has one of them waiting asks again with a Poll. To be read after Settle.
	Wake []states.Host

	now    states.Time
	inputs []Input
	staged []*staged
	byKey  map[states.Key]*staged
	closes bool

	repeats []int // inputs that are sent a dispatch again
}

// Reply answers one input.
type Reply struct {
	Beat     HeartbeatReply // to a Beat
	Report   ReportReply    // to a Report
	Dispatch *Dispatch      // to a Poll; nil: there is none for now
	Err      error

	// Again says that the input was not decided, because somebody else changed
	// what it was decided on, or what it needs was not in memory: put it into a
	// later round. Later says the same of a poll that only has to wait its turn.
	Again, Later bool
}

// staged is a record as this round has it so far.
type staged struct {
	change adapters.Change
	inputs []int // whose replies wait for it
}

// at returns the record as the round has it so far.
func (b *Batch) at(c *Core, key states.Key) (states.Record, bool) {
	if s, ok := b.byKey[key]; ok {
		return s.change.Record, true
	}
	return c.record(key)
}

// stage adds one step's outcome to the round, the first of so many of its
// record. input is the place of the input whose reply waits for it, negative
// for none.
func (b *Batch) stage(c *Core, input int, base *states.Record, out *reducer.Outcome, steps int, gated bool) {
	s, ok := b.byKey[base.Key]
	if !ok {
		s = &staged{change: adapters.Change{Expect: base.Revision}}
		if b.byKey == nil {
			b.byKey = map[states.Key]*staged{}
		}
		b.byKey[base.Key] = s
		b.staged = append(b.staged, s)
	}
	s.change.Record = out.Record
	s.change.Effects = append(slices.Grow(s.change.Effects, steps), out.Effects)
	if gated {
		s.change.Guard = c.ordering
	}
	if closes(base, out) {
		s.change.Closes, b.closes = true, true
	}
	b.waitsFor(input, s)
}

// waitsFor makes an input's reply wait for a record.
func (b *Batch) waitsFor(input int, s *staged) {
	if input >= 0 && (len(s.inputs) == 0 || s.inputs[len(s.inputs)-1] != input) {
		s.inputs = append(s.inputs, input)
	}
}

// closes reports whether a step may close a gate for some other host.
func closes(from *states.Record, out *reducer.Outcome) bool {
	to := &out.Record
	bad := func(s states.State) bool { return s == states.Failed || s == states.Reverted }
	return out.Effects.Quarantine != (reducer.Quarantine{}) ||
		!bad(from.State) && bad(to.State) ||
		from.Done() && !to.Done() ||
		from.State == states.Converged && to.State != states.Converged ||
		!from.InFlight() && to.InFlight() ||
		!from.Probes.Failing() && to.Probes.Failing()
}

// look puts a host's newest heartbeat to one of its records, and stages what
// was missed.
func (c *Core) look(b *Batch, input int, id int32, key states.Key, seen synth.Seen) (synth.Finding, bool) {
	rec, ok := b.at(c, key)
	if !ok {
		return synth.Finding{}, false
	}
	look := synth.Look{Record: rec, Seen: seen, Now: b.now, Bounds: c.bounds()}
	finding := synth.Chain(look)
	gated := finding.Reason == synth.Held
	if gated {
		look.Verdict = c.opts.Rules.EvaluateOne(c.view, gates.AskOf(gates.Synthesis, &rec))
		finding = synth.Chain(look)
		if finding.Reason == synth.Held {
			c.wait(id, look.Verdict)
		}
	}
	c.apply(b, input, rec, finding.Events, gated)
	return finding, true
}

// apply steps a record through a chain and stages every step. It returns the
// record as it is then.
func (c *Core) apply(b *Batch, input int, rec states.Record, events []reducer.Event, gated bool) states.Record {
	for i := range events {
		out, err := reducer.Step(rec, events[i])
		if err != nil {
			// The record moved on meanwhile: what was missed is no longer.
			return rec
		}
		b.stage(c, input, &rec, &out, len(events)-i, gated)
		rec = out.Record
	}
	return rec
}
