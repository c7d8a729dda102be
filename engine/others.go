package engine

import (
	"github.com/rollmend/rollmend/adapters"
	"github.com/rollmend/rollmend/reducer"
	"github.com/rollmend/rollmend/states"
)

// This file is about other writers: control planes that share the store.

// Follow takes in what other writers stored: the ordering revision, the
// quarantines in force, and the records that they changed, all read at one
// moment. A core that follows lets hosts go that others made room for; one
// that does not is only late. It is not to be called between a
// [Core.Decide] and its [Core.Settle]. What others enacted takes a
// [Core.Restore].
func (c *Core) Follow(ordering adapters.Ordering, quarantines []reducer.Quarantine, changed []states.Record) {
	for _, q := range quarantines {
		c.quarantine(q)
	}
	for i := range changed {
		rec := &changed[i]
		if _, known := c.rollouts[rec.Rollout]; !known {
			c.foreign = true
			continue
		}
		kept := *rec
		c.resident(&kept)
		c.follow(rec)
		c.leave(rec.Key, c.entryOf(rec.Key))
	}
	c.ordering = ordering
}

// Foreign reports whether a record was provided of a rollout that this core has
// not heard of: another writer opened it, so the fleet must be read again, with
// [Core.Restore], before anything is decided.
func (c *Core) Foreign() bool { return c.foreign }

// Overtaken reports whether others enacted or closed something beside the acts
// that were just enacted, so that the fleet, as it was read after them, must be
// taken in with [Core.Restore] before anything is decided. It is to be asked
// before the acts are made to count.
func (c *Core) Overtaken(fleet adapters.Fleet, acts []adapters.Act) bool {
	if fleet.Ordering != c.ordering+1 {
		return true
	}
	for _, act := range acts {
		if !enacted(&fleet, act) {
			return true // somebody else did the same before, and by another clock
		}
	}
	return false
}

// enacted reports whether a fleet holds this very act.
func enacted(fleet *adapters.Fleet, act adapters.Act) bool {
	switch a := act.(type) {
	case adapters.Opening:
		for i := range fleet.Openings {
			if fleet.Openings[i].Rollout == a.Rollout {
				return fleet.Openings[i].At == a.At
			}
		}
	case adapters.Resumption:
		for _, r := range fleet.Resumptions {
			if r.Rollout == a.Rollout && r.At == a.At && r.Reason == a.Reason {
				return true
			}
		}
	case adapters.Imposition:
		for _, q := range fleet.Quarantines {
			if q == a.Quarantine {
				return true
			}
		}
	case adapters.Clearance:
		for _, cl := range fleet.Clearances {
			if cl == a {
				return true
			}
		}
	}
	return false
}

// Repeats lists the records whose dispatches, marked before, the batch hands out
// again. No commit guards those: before they go out, these records and then the
// store's ordering revision are to be read and given to [Core.Confirm].
func (b *Batch) Repeats() []states.Key {
	var keys []states.Key
	for _, i := range b.repeats {
		keys = append(keys, b.Replies[i].Dispatch.Key)
	}
	return keys
}

// Confirm holds back the batch's repeated dispatches that another writer has
// heard of since, and all of them where one has closed a gate. It reports
// whether the fleet must be read again. It is to be called after [Core.Settle],
// with the ordering revision and the records of [Batch.Repeats], in their order,
// as the store has them then; a record that could not be read is zero.
func (c *Core) Confirm(b *Batch, ordering adapters.Ordering, records []states.Record) (reread bool) {
	closed := ordering != c.ordering
	for n, i := range b.repeats {
		key, rec := b.Replies[i].Dispatch.Key, &records[n]
		moved := rec.State != states.Pending
		if moved {
			c.doubt(key)
		}
		if closed || moved {
			b.Replies[i] = Reply{Later: true}
		}
	}
	return closed
}
