package engine

import (
	"slices"

	"github.com/rollmend/rollmend/adapters"
	"github.com/rollmend/rollmend/reducer"
	"github.com/rollmend/rollmend/states"
	"github.com/rollmend/rollmend/synth"
)

// redriveMost bounds how many waiting hosts one round looks at again, so that
// a gate that opens for a whole fleet does not hold up everybody's replies;
// beside few inputs it may be more.
const redriveMost = 1000

// redriven returns how many waiting hosts a round with so many inputs looks at
// again.
func (c *Core) redriven(inputs int) int {
	return min(len(c.queue), max(redriveMost, 2*redriveMost-inputs))
}

// Decide takes a round's inputs. Heartbeats and reports come first, in their
// order; then hosts that waited for something which came; polls last, in one
// pass, so that they count against each other's budgets. now is the control
// plane's clock.
func (c *Core) Decide(now states.Time, inputs []Input) *Batch {
	c.batches++
	b := &Batch{
		now: now, inputs: inputs, number: c.batches, Replies: make([]Reply, len(inputs)),
		visited: c.visited,
	}
	c.takeRoom(b)
	if len(inputs) > 0 {
		for _, id := range c.retry {
			c.requeue(id)
		}
		c.retry = nil
	}
	var polls []int
	for i, in := range inputs {
		c.touchBeats(inputs, i)
		switch in := in.(type) {
		case *Beat:
			c.decideBeat(b, i, in)
		case Beat:
			c.decideBeat(b, i, &in)
		case Report:
			c.decideReport(b, i, in)
		case Poll:
			polls = append(polls, i)
		}
	}
	c.redrive(b)
	c.decidePolls(b, polls)
	b.alone = b.closes() || len(polls) > 0
	c.visited = nil
	clear(c.absent)
	return b
}

// decideBeat notes a heartbeat, and puts it to the host's live records.
func (c *Core) decideBeat(b *Batch, i int, in *Beat) {
	reply := &b.Replies[i]
	if !c.Ready() {
		reply.Err = ErrNotReady
		return
	}
	reply.Beat = HeartbeatReply{ReceivedAt: in.Received, NextBeat: pace(in.Heartbeat.Host, in.Received, c.opts.Cycle)}
	id, ok := c.findBeat(in)
	if !ok {
		return
	}
	s := &c.slots[id]
	if s.later = c.onItsWay(b, id); s.later {
		reply.Later = true
		return
	}
	hb := in.Heartbeat
	c.clamp(&hb.At, b.now)
	c.clamp(&hb.CurrentSince, b.now)
	seen := c.note(id, &hb, in.Received, b.now)
	if seen.Newer && hb.Order.Given() {
		reply.Beat.Newest = s.beat.order
	}
	s.eachLive(func(e *entry) {
		finding, ok := c.look(b, i, id, e, &seen, nil)
		if !ok {
			reply.Again = true
			return
		}
		if finding.Reason != synth.InStep {
			b.tell(&reply.Beat, &finding)
		}
	})
	if s.now.state == states.Pending {
		b.Wake = append(b.Wake, s.name)
	}
}

// onItsWay reports whether a host has a change in an earlier batch that is not
// settled yet: nothing is decided on it before.
func (c *Core) onItsWay(b *Batch, id int32) bool {
	s := &c.slots[id]
	return s.changed != 0 && s.batch != b.owner()
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
	id, ok := c.find(ev.Key.Host)
	if !ok {
		reply.Err = adapters.ErrNotFound
		return
	}
	if c.onItsWay(b, id) {
		reply.Later = true
		return
	}
	rec, ok := b.at(c, id, ev.Key)
	switch {
	case !ok && c.absent[ev.Key]:
		reply.Err = adapters.ErrNotFound // another control plane forgot its rollout
		return
	case !ok:
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
	c.apply(b, i, id, &rec, synth.Ahead(rec, ev).Events, false)
	was := baseOf(&rec)
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
		if s := b.find(c, id, ev.Key.Rollout); s != nil {
			s.waitsFor(i)
		}
		if out.Disposition != reducer.Duplicate {
			reply.Err = err
		}
		return
	}
	b.stage(c, i, id, was, &out.Record, []reducer.Effects{out.Effects}, false)
	c.lookAtAll(b, i, id)
}

// tell adds a finding to a reply. Nearly every reply of a batch has one or none,
// so they lie together.
func (b *Batch) tell(reply *HeartbeatReply, f *synth.Finding) {
	if len(reply.Findings) > 0 {
		reply.Findings = append(reply.Findings, *f)
		return
	}
	if len(b.findings) == cap(b.findings) {
		b.findings = make([]synth.Finding, 0, max(1, len(b.inputs)))
	}
	b.findings = append(b.findings, *f)
	reply.Findings = b.findings[len(b.findings)-1 : len(b.findings) : len(b.findings)]
}

// lookAtAll puts a host's newest heartbeat to its live records again. One that
// is not in memory is looked at with the next beat.
func (c *Core) lookAtAll(b *Batch, input int, id int32) {
	s := &c.slots[id]
	seen := s.seen(b.now, c.opts.Silence)
	s.eachLive(func(e *entry) { _, _ = c.look(b, input, id, e, &seen, c.events) })
}

// redrive looks again at hosts that wait for something which came.
func (c *Core) redrive(b *Batch) {
	n := c.redriven(len(b.inputs))
	looked := c.queue[:n]
	c.queue = c.queue[n:]
	if len(c.queue) == 0 {
		c.queue = nil
	}
	for i, id := range looked {
		c.touchSlots(looked, i)
		s := &c.slots[id]
		s.queued = false
		if c.onItsWay(b, id) {
			c.requeue(id)
			continue
		}
		c.lookAtAll(b, -1, id)
		b.Wake = append(b.Wake, s.name)
	}
}
