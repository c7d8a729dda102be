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
	for i := range b.staged {
		s := &b.staged[i]
		c.slots[s.id].changed = 0
		err := commitErr
		if err == nil {
			err = results[i].Err
		}
		if err == nil {
			raised = raised || b.Changes[i].Closes
			c.committed(s, &b.Changes[i])
			continue
		}
		var conflict *adapters.ConflictError
		stale := errors.As(err, &conflict)
		if stale && conflict.Guard != 0 {
			reread = true
		}
		if stale || errors.Is(err, adapters.ErrUnknownOutcome) {
			c.doubt(b.Changes[i].Record.Key)
		}
		c.lookAgain(s.id, stale)
		s.eachInput(func(input int) {
			if stale {
				b.Replies[input].Again = true
			} else {
				b.Replies[input].Err = err
			}
		})
	}
	if raised {
		c.ordering++
	}
	c.settleBeats(b, now)
	for i := range b.staged {
		key := &b.Changes[i].Record.Key
		c.leave(*key, c.slots[b.staged[i].id].entry(key.Rollout))
	}
	for _, key := range b.visited {
		c.leave(key, c.entryOf(key))
	}
	return reread
}

// committed makes a change count.
func (c *Core) committed(s *staged, change *adapters.Change) {
	rec := &change.Record
	slot := &c.slots[s.id]
	e := slot.entry(rec.Rollout)
	if e == nil {
		e = c.takesPlace(slot, rec)
	}
	switch {
	case e == nil && rec.State.Terminal():
		delete(c.strays, rec.Key)
	case e == nil:
		kept := *rec
		c.strays[rec.Key] = &kept
	case rec.State.Terminal():
		e.rec = nil // nothing is decided on it until the host reports again
	default:
		kept := *rec
		e.rec = &kept
	}
	if s.spreads {
		// The view takes quarantines alone; its other counters follow the record.
		for i := range change.Effects {
			_ = change.Effects[i].To(viewSink{c})
		}
	}
	if rec.State != states.Pending && len(c.refused) > 0 {
		delete(c.refused, rec.Key)
	}
	if e != nil {
		c.followed(slot, e, rec)
	}
	slot.asked, slot.heard = 0, false
	if heard(change) {
		slot.ext().told = rec.Current
	}
}

// heard reports whether a change holds a report that says what the host runs.
func heard(change *adapters.Change) bool {
	for i := range change.Effects {
		entry := &change.Effects[i].Entry
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
func (c *Core) lookAgain(id int32, now bool) {
	if now {
		c.requeue(id)
	} else {
		c.retry = append(c.retry, id)
	}
}

// doubt forgets a record that another writer may have changed; it is read
// again before it is decided on.
func (c *Core) doubt(key states.Key) {
	delete(c.strays, key)
	if e := c.entryOf(key); e != nil {
		e.rec = nil
		e.set(stored, true)
	}
}

// settleBeats completes the replies to heartbeats from what is committed now.
func (c *Core) settleBeats(b *Batch, now states.Time) {
	for i, in := range b.inputs {
		beat := beatOf(in)
		reply := &b.Replies[i]
		if beat == nil || reply.Err != nil || reply.Again || reply.Later {
			continue
		}
		id, known := c.findBeat(beat)
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
		c.rehydrate(s, beat, b.now, &reply.Beat)
	}
}

// rehydrate gives an agent that holds no rollout what it needs to go on, and
// asks for what it has kept. now is when its heartbeat was decided.
func (c *Core) rehydrate(s *slot, in *Beat, now states.Time, reply *HeartbeatReply) {
	s.eachLive(func(e *entry) {
		rec := e.rec
		if rec == nil {
			return // a record that is its opening alone is Pending
		}
		if rec.State.Live() && rec.State != states.Pending {
			reply.Snapshots = append(reply.Snapshots, Snapshot{
				Record: *rec, SoakDueAt: c.soakDue(rec, in.Heartbeat.At, now), LastBoot: max(s.beat.order.Boot, rec.LastOrder.Boot),
			})
		}
	})
	if c.wantsReplay(s, &in.Heartbeat) {
		c.askFor(s, in, reply)
	}
}

// soakDue returns when a soak ends by the clock of the agent, which shows at. A
// guessed activation bears a time of that clock too, unless the clocks were so
// far apart that it was cut: then nobody knows since when the host soaks by the
// agent's clock, and it soaks from now on. So it does where the activation is
// still to come for longer than the soak: that clock was set back since, and as
// when it is while an agent soaks, a convergence before it attests its soak.
func (c *Core) soakDue(rec *states.Record, at, now states.Time) states.Time {
	if over := at.Add(rec.Policy.Soak); over < rec.At(states.ActivatedAt) {
		return over
	}
	bound := at
	if !rec.Reported(states.ActivatedAt) && (c.clamp(&bound, now) || c.cut(rec)) {
		return at.Add(rec.Policy.Soak)
	}
	return rec.SoakDue()
}

// cut reports whether a record's activation surely bears a time that was cut: it
// lies before what came before it.
func (c *Core) cut(rec *states.Record) bool {
	activated := rec.At(states.ActivatedAt)
	return activated < rec.At(states.AckedAt) ||
		rec.Dispatched.IsSet() && activated < rec.Dispatched.Add(-c.opts.Skew)
}
