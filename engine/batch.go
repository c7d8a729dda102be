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

	now     states.Time
	number  uint32 // of the core's batches
	inputs  []Input
	staged  []staged          // one for each of Changes
	effects []reducer.Effects // of the changes, one behind the other, where they were stepped together
	visited []states.Key      // provided for it
	alone   bool

	findings []synth.Finding // of several replies
	repeats  []int           // inputs that are sent a dispatch again
}

// owner tells the batch, in a byte, from those before it that have changes on
// their way: they are few.
func (b *Batch) owner() uint8 { return uint8(b.number) }

// Alone reports whether the batch may close a gate for somebody, or hands
// something out: it is to be committed when all before it are, and settled before
// the next one is decided. Of others several may be committed side by side, in
// any order; they are settled in the order in which they were decided.
func (b *Batch) Alone() bool { return b.alone || len(b.repeats) > 0 }

// Reply answers one input.
type Reply struct {
	Beat     HeartbeatReply // to a Beat
	Report   ReportReply    // to a Report
	Dispatch *Dispatch      // to a Poll; nil: there is none for now
	Err      error

	// Again says that the input was not decided, because somebody else changed
	// what it was decided on, or what it needs was not in memory: put it into a
	// later round. Later says the same of one that only has to wait its turn: a
	// poll in a round that closes a gate, or an input whose host has a change on
	// its way.
	Again, Later bool
}

// staged is what is known of a change beside the change itself.
type staged struct {
	id    int32 // of the host's slot
	next  int32 // where another change of the host is, plus 1; 0: it has no other
	input int   // whose reply waits for it, plus 1; 0: none does
	more  []int // likewise, of the others, which nearly none has

	from    closing // of the record before the round
	spreads bool    // a closure was quarantined
}

// at returns the record as the round has it so far.
func (b *Batch) at(c *Core, id int32, key states.Key) (states.Record, bool) {
	if n := b.place(c, id, key.Rollout); n >= 0 {
		return b.Changes[n].Record, true
	}
	return c.record(key)
}

// of does the same for the record of a host's entry, and puts it where it is
// told to.
func (b *Batch) of(c *Core, id int32, e *entry, rec *states.Record) bool {
	if n := b.place(c, id, e.rollout.Rollout); n >= 0 {
		*rec = b.Changes[n].Record
		return true
	}
	return c.recordOf(e, rec)
}

// find returns what is staged of a host's record, nil where nothing is.
func (b *Batch) find(c *Core, id int32, rollout states.Rollout) *staged {
	if n := b.place(c, id, rollout); n >= 0 {
		return &b.staged[n]
	}
	return nil
}

// place returns where a host's record is staged, negative where it is not.
func (b *Batch) place(c *Core, id int32, rollout states.Rollout) int {
	s := &c.slots[id]
	if s.batch != b.owner() {
		return -1
	}
	for n := s.changed; n != 0; n = b.staged[n-1].next {
		if b.Changes[n-1].Record.Rollout == rollout {
			return int(n - 1)
		}
	}
	return -1
}

// base is what is kept of a record before a round steps it.
type base struct {
	revision states.Revision
	closing  closing
}

func baseOf(rec *states.Record) base { return base{rec.Revision, closingOf(rec)} }

// stage adds to the round what steps made of a record. input is the place of
// the input whose reply waits for it, negative for none. The effects belong to
// the batch from here on.
func (b *Batch) stage(c *Core, input int, id int32, was base, rec *states.Record, effects []reducer.Effects, gated bool) {
	n := b.place(c, id, rec.Rollout)
	if n < 0 {
		n = b.add(c, id, was, rec.Rollout)
	}
	s, change := &b.staged[n], &b.Changes[n]
	change.Record = *rec
	if change.Effects == nil {
		change.Effects = effects
	} else {
		change.Effects = append(change.Effects, effects...)
	}
	if gated {
		change.Guard = c.ordering
	}
	for i := range effects {
		s.spreads = s.spreads || effects[i].Quarantine != (reducer.Quarantine{})
	}
	change.Closes = s.spreads || s.from.closedBy(rec)
	if input >= 0 {
		s.waitsFor(input)
	}
}

// add begins a change of a record.
func (b *Batch) add(c *Core, id int32, was base, rollout states.Rollout) (place int) {
	slot := &c.slots[id]
	if slot.batch != b.owner() {
		slot.batch, slot.changed = b.owner(), 0
	}
	b.staged = append(b.staged, staged{id: id, next: slot.changed, from: was.closing})
	b.Changes = append(b.Changes, adapters.Change{})
	change := &b.Changes[len(b.Changes)-1]
	change.Expect = was.revision
	if e := slot.entry(rollout); e != nil {
		change.Member = e.member + 1
	}
	slot.changed = int32(len(b.staged))
	return len(b.staged) - 1
}

// waitsFor makes an input's reply wait for a record.
func (s *staged) waitsFor(input int) {
	switch n := len(s.more); {
	case s.input == 0:
		s.input = input + 1
	case n == 0 && s.input == input+1, n > 0 && s.more[n-1] == input+1:
		// It does already.
	default:
		s.more = append(s.more, input+1)
	}
}

// eachInput calls f for each input whose reply waits for the change.
func (s *staged) eachInput(f func(input int)) {
	if s.input != 0 {
		f(s.input - 1)
	}
	for _, input := range s.more {
		f(input - 1)
	}
}

// closes reports whether one of the changes so far may close a gate.
func (b *Batch) closes() bool {
	for i := range b.Changes {
		if b.Changes[i].Closes {
			return true
		}
	}
	return false
}

// closing is what gates hold other hosts by.
type closing struct {
	bad, done, converged, inFlight, failing bool
}

func closingOf(rec *states.Record) closing {
	return closing{
		bad:       rec.State == states.Failed || rec.State == states.Reverted,
		done:      rec.Done(),
		converged: rec.State == states.Converged,
		inFlight:  rec.InFlight(),
		failing:   rec.Probes.Failing(),
	}
}

// closedBy reports whether a record that becomes another may close a gate for
// some other host. What it was on the way there nobody sees: a change is
// stored whole.
func (from closing) closedBy(rec *states.Record) bool {
	to := closingOf(rec)
	return !from.bad && to.bad ||
		from.done && !to.done ||
		from.converged && !to.converged ||
		!from.inFlight && to.inFlight ||
		!from.failing && to.failing
}

// look puts a host's newest heartbeat to one of its records, and stages what
// was missed. The finding's events lie in room, as far as it suffices.
func (c *Core) look(b *Batch, input int, id int32, e *entry, seen *synth.Seen, room []reducer.Event) (synth.Finding, bool) {
	look := synth.Look{Seen: *seen, Now: b.now, Bounds: c.bounds(), Room: room}
	if !b.of(c, id, e, &look.Record) {
		return synth.Finding{}, false
	}
	gated := look.Gated()
	if gated {
		ask := gates.AskOf(gates.Synthesis, &look.Record)
		ask.Place = c.slots[id].planned
		look.Verdict = c.opts.Rules.EvaluateOne(c.view, ask)
	}
	finding := synth.Chain(look)
	if finding.Reason == synth.Held {
		c.wait(id, &look.Verdict)
	}
	c.apply(b, input, id, &look.Record, finding.Events, gated)
	return finding, true
}

// apply steps a record through a chain and stages that.
func (c *Core) apply(b *Batch, input int, id int32, rec *states.Record, events []reducer.Event, gated bool) {
	if len(events) == 0 {
		return
	}
	// Where the record moved on meanwhile, what was missed is no longer.
	from, was := b.roomFor(len(events)), baseOf(rec)
	all, _ := reducer.Steps(rec, b.effects, events)
	if b.effects = all; len(all) > from {
		b.stage(c, input, id, was, rec, slices.Clip(all[from:]), gated)
	}
}
