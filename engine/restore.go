package engine

import (
	"cmp"
	"slices"

	"github.com/rollmend/rollmend/adapters"
	"github.com/rollmend/rollmend/gates"
	"github.com/rollmend/rollmend/reducer"
	"github.com/rollmend/rollmend/states"
)

// Restore replaces all that the core knows from its store; what hosts said of
// themselves stays. Every record whose revision is not 0 is to be handed in
// with [Core.Adopt] after it, and then [Core.Restored] called.
func (c *Core) Restore(fleet adapters.Fleet) {
	kept := c.slots
	c.forget()
	c.restoring, c.adopted = true, none
	c.ordering = fleet.Ordering
	newest := map[states.Channel]int{}
	for _, o := range fleet.Openings {
		newest[o.Rollout.Channel] = len(o.Members)
	}
	hosts := 0
	for _, n := range newest {
		hosts += n
	}
	c.reserve(max(hosts, len(kept)))
	for _, o := range fleet.Openings {
		c.open(o)
	}
	for _, r := range fleet.Resumptions {
		c.resume(r)
	}
	c.quarantines = append(c.quarantines, fleet.Quarantines...)
	last := none
	for i := range kept {
		old := &kept[i]
		s := &c.slots[c.slotOf(old.name, &last)]
		s.beat, s.received = old.beat, old.received
		s.answered, s.replied, s.ready = old.answered, old.replied, old.ready
		s.behind, s.waiting, s.planned = old.behind, old.waiting, old.planned
		s.beat.holds = nil
		if old.beat.holds != nil {
			s.beat.holds = c.internRollout(s, *old.beat.holds)
		}
		s.runs(old.current())
		if r := old.rare; r != nil {
			s.ext().told, s.ext().offTarget, s.ext().observed = r.told, r.offTarget, r.observed
			s.ext().failing, s.ext().queued = r.failing, r.queued
			s.tidy()
		}
	}
}

// Adopt takes a stored record in, at the start.
func (c *Core) Adopt(rec states.Record) { c.AdoptOutline(adapters.OutlineOf(&rec)) }

// AdoptOutline does the same for a record in outline.
func (c *Core) AdoptOutline(o adapters.Outline) {
	id, ok := c.findNext(o.Key.Host, &c.adopted)
	if !ok {
		return
	}
	s := &c.slots[id]
	e := s.entry(o.Key.Rollout)
	if e == nil {
		r, known := c.rollouts[o.Key.Rollout]
		if !known || r.superseded != nil && !o.InFlight {
			return
		}
		member, _ := r.find(o.Key.Host)
		s.ext().more = append(s.more(), entryOf(r, member))
		e = &s.rare.more[len(s.rare.more)-1]
	}
	e.wave, e.state, e.lastSeq, e.rec = o.Wave, o.State, o.LastSeq, o.Record
	e.set(stored, true)
	e.set(synthesised, o.Synthesised)
	e.set(done, o.Done)
	e.set(inFlight, o.InFlight)
	e.set(failing, o.Failing)
}

// Restored ends a restoring: what superseded records still hold in budgets is
// settled, and the gates see what is stored.
func (c *Core) Restored() {
	for i := range c.slots {
		if s := &c.slots[i]; s.now.rollout != nil && s.now.state != states.Pending {
			c.acknowledged(s)
		}
	}
	c.rebuildView()
	c.restoring = false
}

// open registers a rollout that is enacted. It supersedes its channel's newest,
// and its members' places in it.
func (c *Core) open(o adapters.Opening) {
	if _, ok := c.rollouts[o.Rollout]; ok {
		return
	}
	r := &rollout{Opening: o}
	if last := c.current[o.Rollout.Channel]; last != nil {
		last.superseded = r
	}
	c.rollouts[o.Rollout] = r
	c.current[o.Rollout.Channel] = r
	c.opened = append(c.opened, r)
	var shared *states.Closure
	last := none
	for i := range o.Members {
		s := &c.slots[c.slotOf(o.Members[i].Host, &last)]
		runs := s.current()
		c.retire(s)
		var rec states.Record
		if r.record(int32(i), &rec) { // a member without a target has no record
			s.now = entryOf(r, int32(i))
			s.now.follow(&rec)
			if shared != nil && shared.Is(*s.now.aim) {
				s.now.aim = shared // neighbours mostly run the same, and that is then read once for all
			}
			shared = s.now.aim
			s.asked, s.heard = 0, false
			if s.rare != nil {
				s.rare.offTarget = 0
			}
		}
		s.runs(runs)
		s.tidy()
	}
}

// retire moves a host's newest entry behind the one that takes its place, as
// far as it still matters.
func (c *Core) retire(s *slot) {
	if e := s.now; e.rollout != nil && (e.rollout.superseded == nil || e.is(inFlight)) {
		s.ext().more = append(s.more(), e)
	}
	s.now = entry{}
	if s.rare != nil {
		s.rare.more = slices.DeleteFunc(s.rare.more, func(e entry) bool {
			return e.rollout.superseded != nil && !e.is(inFlight)
		})
	}
}

// slotOf finds a host's slot, and makes one for a host that is new. Last is the
// slot that was asked for before it: see [Core.findNext].
func (c *Core) slotOf(host states.Host, last *int32) int32 {
	id := *last + 1
	if int(id) >= len(c.slots) || c.slots[id].name != host {
		c.slots, id = c.hosts.slotOf(c.slots, host)
	}
	*last = id
	return id
}

// find returns the place of a host's slot, and whether it has one.
func (c *Core) find(host states.Host) (int32, bool) { return c.hosts.find(c.slots, host) }

// none is the place of no slot, before the first.
const none = int32(-1)

// findNext does the same for who asks for one host after the other: most follow
// each other in slots as they do in an opening, and are not looked for. The last
// one's place is kept in last.
func (c *Core) findNext(host states.Host, last *int32) (int32, bool) {
	id, ok := *last+1, true
	if int(id) >= len(c.slots) || c.slots[id].name != host {
		id, ok = c.find(host)
	}
	if ok {
		*last = id
	}
	return id, ok
}

// findBeat does the same for the host of a heartbeat, and remembers it.
func (c *Core) findBeat(in *Beat) (int32, bool) {
	if id := in.slot - 1; id >= 0 && int(id) < len(c.slots) && c.slots[id].name == in.Heartbeat.Host {
		in.Heartbeat.Host = c.slots[id].name // the same text: next time there is nothing to compare
		return id, true
	}
	id, ok := c.find(in.Heartbeat.Host)
	if ok {
		in.slot, in.Heartbeat.Host = id+1, c.slots[id].name
	}
	return id, ok
}

// reserve makes room for as many hosts at once: doubling a list of a million
// would leave half of it unused.
func (c *Core) reserve(hosts int) {
	if hosts > len(c.slots) {
		c.slots = slices.Grow(c.slots, hosts-len(c.slots))
		c.hosts.reserve(c.slots, hosts)
	}
}

func (c *Core) resume(r adapters.Resumption) {
	if known, ok := c.rollouts[r.Rollout]; ok {
		known.resumed = append(known.resumed, r.Hosts...)
	}
}

// rebuildView builds the gates' view anew from what is known. Who waited for
// something is looked at again: what it waits for now may be something else.
func (c *Core) rebuildView() {
	waited := c.forgetWaits()
	if c.fleet == nil {
		return
	}
	c.view = gates.NewView(c.fleet, c.quarantines)
	for _, r := range c.opened {
		if r.superseded == nil {
			c.view.Open(r.Rollout)
			c.view.Resume(r.Rollout, r.resumed)
		}
	}
	for i := range c.slots {
		s := &c.slots[i]
		c.view.Track(gates.Standing{}, s.standing(&s.now), nil)
		more := s.more()
		for j := range more {
			c.view.Track(gates.Standing{}, s.standing(&more[j]), nil)
		}
	}
	for _, id := range waited {
		c.requeue(id)
	}
}

// quarantine keeps a quarantine, once per channel and closure.
func (c *Core) quarantine(q reducer.Quarantine) {
	i, ok := c.findQuarantine(q.Channel, q.Closure)
	if ok {
		return
	}
	c.quarantines = slices.Insert(c.quarantines, i, q)
	if c.view != nil {
		c.view.Quarantine(q)
	}
}

func (c *Core) findQuarantine(channel states.Channel, closure states.Closure) (int, bool) {
	type place struct {
		channel states.Channel
		closure states.Closure
	}
	return slices.BinarySearchFunc(c.quarantines, place{channel, closure}, func(q reducer.Quarantine, p place) int {
		return cmp.Or(cmp.Compare(q.Channel, p.channel), cmp.Compare(q.Closure, p.closure))
	})
}
