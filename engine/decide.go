package engine

import (
	"slices"

	"github.com/rollmend/rollmend/reducer"
	"github.com/rollmend/rollmend/states"
	"github.com/rollmend/rollmend/synth"
)

// redriveMost bounds how many waiting hosts one round looks at again, so that
// a gate that opens for a whole fleet does not hold up everybody's replies.
const redriveMost = 1000

// Decide takes a round's inputs. Heartbeats and reports come first, in their
// order; then hosts that waited for something which came; polls last, in one
// pass, so that they count against each other's budgets. now is the control
// plane's clock.
func (c *Core) Decide(now states.Time, inputs []Input) *Batch {
	b := &Batch{now: now, inputs: inputs, Replies: make([]Reply, len(inputs))}
	if len(inputs) > 0 {
		for _, id := range c.retry {
			c.requeue(id)
		}
		c.retry = nil
	}
	var polls []int
	for i, in := range inputs {
		switch in := in.(type) {
		case Beat:
			c.decideBeat(b, i, in)
		case Report:
			c.decideReport(b, i, in)
		case Poll:
			polls = append(polls, i)
		}
	}
	c.redrive(b)
	c.decidePolls(b, polls)
	for _, s := range b.staged {
		b.Changes = append(b.Changes, s.change)
	}
	return b
}

// decideBeat notes a heartbeat, and puts it to the host's live records.
func (c *Core) decideBeat(b *Batch, i int, in Beat) {
	reply := &b.Replies[i]
	if !c.Ready() {
		reply.Err = ErrNotReady
		return
	}
	reply.Beat = HeartbeatReply{ReceivedAt: in.Received, NextBeat: c.opts.Cycle}
	id, ok := c.hosts[in.Heartbeat.Host]
	if !ok {
		return
	}
	hb := in.Heartbeat
	c.clamp(&hb.At, b.now)
	c.clamp(&hb.CurrentSince, b.now)
	seen := c.note(id, &hb, in.Received, b.now)
	s := &c.slots[id]
	if seen.Newer && hb.Order.Given() {
		reply.Beat.Newest = s.beat.order
	}
	c.eachLive(s, func(key states.Key) {
		finding, ok := c.look(b, i, id, key, seen)
		if !ok {
			reply.Again = true
			return
		}
		if finding.Reason != synth.InStep {
			reply.Beat.Findings = append(reply.Beat.Findings, finding)
		}
	})
	if s.now.state == states.Pending {
		b.Wake = append(b.Wake, s.name)
	}
}

// eachLive calls f for each record of a host that a missed transition is
// looked for in, drift of the finished ones included.
func (c *Core) eachLive(s *slot, f func(states.Key)) {
	if s.now.live() {
		f(s.now.key(s.name))
	}
	for i := range s.more {
		if s.more[i].live() {
			f(s.more[i].key(s.name))
		}
	}
}

// decideReport steps a record by a report, with the prefix that the record
// misses in front of it, and puts the host's newest heartbeat to its records
// again.
func (c *Core) decideReport(b *Batch, i int, in Report) {
	ev := in.Event
	reply := &b.Replies[i]
	if !c.Ready() {
		reply.Err = ErrNotReady
		return
	}
	if err := c.member(ev.Key); err != nil {
		reply.Err = err
		return
	}
	rec, ok := b.at(c, ev.Key)
	if !ok {
		reply.Again = true
		return
	}
	ev.Clamped = c.clamp(&ev.At, b.now)
	if ev.Seq > rec.LastSeq+1 && !slices.Contains(c.visited, ev.Key) {
		// What is missing may have come in at another control plane: read first.
		c.doubt(ev.Key)
		reply.Again = true
		return
	}
	said, err := c.gap(&rec, &ev, in.LostFrom)
	if err != nil {
		reply.Err = err
		return
	}
	reply.Report.Reason = said
	rec = c.apply(b, i, rec, synth.Ahead(rec, ev).Events, false)
	out, err := reducer.Step(rec, ev)
	reply.Report.Disposition = out.Disposition
	switch {
	case out.Disposition == reducer.Refused:
		reply.Report.Reason = err.Error()
	case ev.Kind() == states.KindDispatchAck && c.refused[ev.Key] != "":
		reply.Report.Reason = "acknowledged after its dispatch was revoked: " + c.refused[ev.Key]
	}
	if out.Effects.Entry.Event.Body == nil {
		// A retransmit, or not a report at all: nothing to store. What it repeats
		// may be waiting in this very round.
		if s, ok := b.byKey[ev.Key]; ok {
			b.waitsFor(i, s)
		}
		if out.Disposition != reducer.Duplicate {
			reply.Err = err
		}
		return
	}
	b.stage(c, i, &rec, &out, 1, false)
	id, known := c.hosts[ev.Key.Host]
	if !known {
		return
	}
	s := &c.slots[id]
	seen := s.seen(b.now, c.opts.Silence)
	c.eachLive(s, func(key states.Key) {
		// A record that is not in memory is looked at with the next beat.
		_, _ = c.look(b, i, id, key, seen)
	})
}

// redrive looks again at hosts that wait for something which came.
func (c *Core) redrive(b *Batch) {
	n := min(len(c.queue), redriveMost)
	for _, id := range c.queue[:n] {
		s := &c.slots[id]
		s.queued = false
		seen := s.seen(b.now, c.opts.Silence)
		c.eachLive(s, func(key states.Key) {
			// A record that is not in memory is looked at with the next beat.
			_, _ = c.look(b, -1, id, key, seen)
		})
		b.Wake = append(b.Wake, s.name)
	}
	c.queue = c.queue[n:]
	if len(c.queue) == 0 {
		c.queue = nil
	}
}
