package engine

import (
	"errors"

	"github.com/rollmend/rollmend/adapters"
	"github.com/rollmend/rollmend/reducer"
	"github.com/rollmend/rollmend/states"
)

// Settle takes what became of a batch's changes: a result for each, or the
// error that the whole commit ended with. After it the batch's replies are to
// be given. now is the control plane's clock. It reports whether the fleet
// itself must be read again, with [Core.Restore], because another writer
// raised the ordering revision.
func (c *Core) Settle(b *Batch, results []adapters.Result, commitErr error, now states.Time) (reread bool) {
	raised := false
	for i, s := range b.staged {
		err := commitErr
		if err == nil {
			err = results[i].Err
		}
		if err == nil {
			raised = raised || s.change.Closes
			c.committed(s)
			continue
		}
		var conflict *adapters.ConflictError
		stale := errors.As(err, &conflict)
		if stale && conflict.Guard != 0 {
			reread = true
		}
		if stale || errors.Is(err, adapters.ErrUnknownOutcome) {
			c.doubt(s.change.Record.Key)
		}
		c.lookAgain(s.change.Record.Host, stale)
		for _, input := range s.inputs {
			if stale {
				b.Replies[input].Again = true
			} else {
				b.Replies[input].Err = err
			}
		}
	}
	if raised {
		c.ordering++
	}
	c.settleBeats(b, now)
	for _, s := range b.staged {
		c.leave(s.change.Record.Key)
	}
	for _, key := range c.visited {
		c.leave(key)
	}
	c.visited = nil
	clear(c.absent)
	return reread
}

// committed makes a change count.
func (c *Core) committed(s *staged) {
	rec := &s.change.Record
	if rec.State.Terminal() {
		delete(c.records, rec.Key) // nothing is decided on it until the host reports again
	} else {
		c.records[rec.Key] = *rec
	}
	for i := range s.change.Effects {
		// The view takes quarantines alone; its other counters follow the record.
		_ = s.change.Effects[i].To(viewSink{c})
	}
	if rec.State != states.Pending {
		delete(c.refused, rec.Key)
	}
	c.follow(rec)
	if id, ok := c.hosts[rec.Host]; ok {
		c.slots[id].asked, c.slots[id].heard = 0, false
		if heard(s) {
			c.slots[id].told = rec.Current
		}
	}
}

// heard reports whether a change holds a report that says what the host runs.
func heard(s *staged) bool {
	for i := range s.change.Effects {
		entry := &s.change.Effects[i].Entry
		if !entry.Event.Reported() || entry.Disposition > reducer.Absorbed {
			continue
		}
		switch entry.Event.Kind() {
		case states.KindActivationCompleted, states.KindRollbackComplete, states.KindConverged:
			return true
		}
	}
	return false
}

// lookAgain queues a host whose change did not get in: at once where another
// writer was faster, with the next input where the store is in trouble.
func (c *Core) lookAgain(host states.Host, now bool) {
	id, ok := c.hosts[host]
	switch {
	case !ok:
	case now:
		c.requeue(id)
	default:
		c.retry = append(c.retry, id)
	}
}

// doubt forgets a record that another writer may have changed; it is read
// again before it is decided on.
func (c *Core) doubt(key states.Key) {
	delete(c.records, key)
	if id, ok := c.hosts[key.Host]; ok {
		if e := c.slots[id].entry(key.Rollout); e != nil {
			e.set(stored, true)
		}
	}
}

// settleBeats completes the replies to heartbeats from what is committed now.
func (c *Core) settleBeats(b *Batch, now states.Time) {
	for i, in := range b.inputs {
		beat, ok := in.(Beat)
		reply := &b.Replies[i]
		if !ok || reply.Err != nil || reply.Again {
			continue
		}
		id, known := c.hosts[beat.Heartbeat.Host]
		if !known {
			continue
		}
		s := &c.slots[id]
		s.reply(beat.Received, now)
		if holds := beat.Heartbeat.Holds; !holds.IsZero() {
			if rec, ok := c.record(states.Key{Rollout: holds, Host: s.name}); ok {
				reply.Beat.ReplayFrom = rec.LastSeq + 1
			} else if e := s.entry(holds); e != nil {
				reply.Beat.ReplayFrom = e.lastSeq + 1
			}
			continue
		}
		c.rehydrate(s, &beat, &reply.Beat)
	}
}

// rehydrate gives an agent that holds no rollout what it needs to go on, and
// asks for what it has kept.
func (c *Core) rehydrate(s *slot, in *Beat, reply *HeartbeatReply) {
	c.eachLive(s, func(key states.Key) {
		rec, ok := c.record(key)
		if !ok {
			return
		}
		if rec.State.Live() && rec.State != states.Pending {
			reply.Snapshots = append(reply.Snapshots, Snapshot{
				Record: rec, LastBoot: max(s.beat.order.Boot, rec.LastOrder.Boot),
			})
		}
	})
	if c.wantsReplay(s, &in.Heartbeat) {
		reply.Replay = append(reply.Replay, Replay{Rollout: s.now.rollout.Rollout, From: s.now.lastSeq + 1})
		s.asked = in.Received
	}
}
