package engine

import (
	"fmt"
	"slices"

	"github.com/rollmend/rollmend/adapters"
	"github.com/rollmend/rollmend/reducer"
	"github.com/rollmend/rollmend/states"
)

// Missing names the records that a round with these inputs needs and that are
// not in memory, each once.
func (c *Core) Missing(inputs []Input) (keys []states.Key) {
	var wanted map[states.Key]bool
	want := func(key states.Key) {
		if c.has(key) || c.absent[key] || wanted[key] {
			return
		}
		if wanted == nil {
			wanted = map[states.Key]bool{}
		}
		wanted[key] = true
		keys = append(keys, key)
	}
	wantHost := func(host states.Host) {
		if id, ok := c.find(host); ok {
			c.wanted(id, want)
		}
	}
	wantBeat := func(in *Beat) {
		if id, ok := c.findBeat(in); ok {
			c.wanted(id, want)
		}
		if holds := in.Heartbeat.Holds; !holds.IsZero() {
			if key := (states.Key{Rollout: holds, Host: in.Heartbeat.Host}); c.member(key) == nil {
				want(key)
			}
		}
	}
	for i, in := range inputs {
		c.expectBeats(inputs, i)
		switch in := in.(type) {
		case *Beat:
			wantBeat(in)
		case Beat:
			wantBeat(&in)
		case Report:
			// Where the rollout is not known, another writer may have opened it.
			if _, known := c.rollouts[in.Event.Key.Rollout]; !known || c.member(in.Event.Key) == nil {
				want(in.Event.Key)
			}
			wantHost(in.Event.Key.Host)
		case Poll:
			wantHost(in.Host)
		}
	}
	for _, id := range c.queue[:c.redriven(len(inputs))] {
		c.wanted(id, want)
	}
	return keys
}

// wanted calls want for each live record of a host that is not in memory.
// What has a change on its way is looked at when that has come to its end.
func (c *Core) wanted(id int32, want func(states.Key)) {
	s := &c.slots[id]
	if s.changed != 0 {
		return
	}
	if s.now.live() && !s.now.known() {
		want(s.now.key(s.name))
	}
	more := s.more()
	for i := range more {
		if e := &more[i]; e.live() && !e.known() {
			want(e.key(s.name))
		}
	}
}

// Provide hands in a record that the store holds, after [Core.Missing] asked
// for it or another writer changed it.
func (c *Core) Provide(rec states.Record) {
	if _, known := c.rollouts[rec.Rollout]; !known {
		c.foreign = true
		return
	}
	c.visited = append(c.visited, rec.Key)
	c.resident(&rec)
	c.follow(&rec)
}

// ProvideAbsent says that the store holds no such record.
func (c *Core) ProvideAbsent(key states.Key) { c.absent[key] = true }

// entryOf finds the entry of a record, nil where it has none.
func (c *Core) entryOf(key states.Key) *entry {
	id, ok := c.find(key.Host)
	if !ok {
		return nil
	}
	return c.slots[id].entry(key.Rollout)
}

// has reports whether [Core.record] returns a record, without making it.
func (c *Core) has(key states.Key) bool {
	if e := c.entryOf(key); e != nil {
		return e.known()
	}
	return c.strays[key] != nil
}

// record returns a record as it is committed, where it is in memory or its
// opening alone gives it.
func (c *Core) record(key states.Key) (rec states.Record, ok bool) {
	if e := c.entryOf(key); e != nil {
		ok = c.recordOf(e, &rec)
		return rec, ok
	}
	if rec := c.strays[key]; rec != nil {
		return *rec, true
	}
	return states.Record{}, false
}

// recordOf does the same for the record of an entry, and puts it where it is
// told to: a record is big enough for each copy to count.
func (c *Core) recordOf(e *entry, rec *states.Record) bool {
	switch {
	case e.rec != nil:
		*rec = *e.rec
		return true
	case e.is(stored):
		return false
	}
	return e.rollout.record(e.member, rec)
}

// record makes the record that the opening gives a member. Those of one opening
// differ in the member alone, so only the first is made from scratch.
func (r *rollout) record(member int32, rec *states.Record) bool {
	m := &r.Members[member]
	if !m.Opened.Target.Known() {
		return false
	}
	if r.model.State == 0 {
		var err error
		if r.model, _, err = r.Record(*m); err != nil {
			return false
		}
	}
	*rec = r.model
	rec.Host, rec.Wave, rec.Target, rec.Policy = m.Host, m.Opened.Wave, m.Opened.Target, m.Opened.Policy
	return true
}

// resident keeps a record as it is committed. It is not written to any more.
func (c *Core) resident(rec *states.Record) {
	if e := c.entryOf(rec.Key); e != nil {
		e.rec = rec
		return
	}
	c.strays[rec.Key] = rec
}

// member reports whether a record exists, by its rollout's opening.
func (c *Core) member(key states.Key) error {
	r, ok := c.rollouts[key.Rollout]
	if !ok {
		return adapters.ErrNotFound
	}
	if e := c.entryOf(key); e != nil {
		return nil
	}
	if _, ok := r.find(key.Host); !ok {
		return adapters.ErrNotFound
	}
	return nil
}

// find returns a host's place among the rollout's members.
func (r *rollout) find(host states.Host) (int32, bool) {
	i, ok := r.Place(host)
	return int32(i), ok
}

// follow makes entry and view agree with a record that is committed.
func (c *Core) follow(rec *states.Record) {
	id, ok := c.find(rec.Host)
	if !ok {
		return
	}
	s := &c.slots[id]
	e := s.entry(rec.Rollout)
	if e == nil {
		e = c.takesPlace(s, rec)
	}
	if e != nil {
		c.followed(s, e, rec)
	}
}

// followed does it for the record of a host's entry.
func (c *Core) followed(s *slot, e *entry, rec *states.Record) {
	before := s.standing(e)
	e.follow(rec)
	if c.view != nil {
		c.released = c.view.Track(before, s.standing(e), c.released[:0])
		c.release(c.released)
	}
	if e == &s.now && rec.State != states.Pending {
		if s.rare != nil {
			s.rare.offTarget = 0 // it is asked for while the record is Pending alone
		}
		c.acknowledged(s)
		s.tidy()
	}
	if e != &s.now && e.rollout.superseded != nil && !e.is(inFlight) {
		if e.rec != nil {
			c.strays[rec.Key] = e.rec // until the round that needs it leaves it
		}
		gone := e.rollout
		s.rare.more = slices.DeleteFunc(s.rare.more, func(m entry) bool { return m.rollout == gone })
		s.tidy()
	}
}

// takesPlace gives a superseded record the entry by which it holds its places
// in budgets, where it did not hold them when it was superseded and does now: a
// reboot went on with what had been deferred, and the host has not moved on to a
// newer rollout. It returns nil for any other.
func (c *Core) takesPlace(s *slot, rec *states.Record) *entry {
	r, known := c.rollouts[rec.Rollout]
	if !known || r.superseded == nil || !rec.InFlight() {
		return nil
	}
	acknowledged := s.now.rollout != nil && s.now.state != states.Pending && c.after(s.now.rollout, r)
	if acknowledged || c.movedOn(s, r, rec) {
		return nil
	}
	member, _ := r.find(rec.Host)
	s.ext().more = append(s.more(), entryOf(r, member))
	return &s.rare.more[len(s.rare.more)-1]
}

// acknowledged gives back the places of superseded records of a host that
// acknowledged a newer one.
func (c *Core) acknowledged(s *slot) {
	for i := len(s.more()) - 1; i >= 0; i-- {
		if r := s.more()[i].rollout; r.superseded != nil && c.after(s.now.rollout, r) {
			c.drop(s, i)
		}
	}
}

// leave forgets the records that only this round needed: those of hosts about
// which there is nothing to decide until they report again.
func (c *Core) leave(key states.Key, e *entry) {
	if len(c.strays) > 0 {
		delete(c.strays, key)
	}
	if e != nil && e.rec != nil && e.rec.State.Terminal() {
		e.rec = nil
	}
}

// putBack remembers the reports of a record that were put back for a gap.
type putBack struct {
	last  states.Seq // the record's last number then
	seqs  []states.Seq
	asked int // of agents that say what they keep: how often it was asked for
}

// putBackMost bounds how many reports of one record are remembered as put
// back. An agent sends one after the other; more than a few means that it does
// not resend, and then the gap is accepted.
const putBackMost = 8

// askedMost bounds how often an agent is asked for reports that it says it
// keeps. Each time it either sends them or the answer was lost on its way, so
// only one that says what is not so comes near it; it must not stand still for
// ever.
const askedMost = 100

// gap puts a report back that leaves a gap: as long as the agent says that it
// keeps what is missing, and once where it does not say. What is said of a gap
// that is accepted comes back as text.
func (c *Core) gap(rec *states.Record, ev *reducer.Event, lostFrom states.Seq) (said string, err error) {
	if ev.Seq <= rec.LastSeq+1 {
		delete(c.gaps, ev.Key)
		return "", nil
	}
	was := c.gaps[ev.Key]
	if was.last != rec.LastSeq {
		was = putBack{last: rec.LastSeq}
	}
	from := rec.LastSeq + 1
	was.asked++
	lost := slices.Contains(was.seqs, ev.Seq) || len(was.seqs) == putBackMost
	if lostFrom != 0 {
		lost = from >= lostFrom || was.asked > askedMost
	}
	if lost {
		delete(c.gaps, ev.Key)
		return fmt.Sprintf("taken without reports %d to %d, which the agent no longer has", rec.LastSeq+1, ev.Seq-1), nil
	}
	if lostFrom == 0 {
		was.seqs = append(was.seqs, ev.Seq)
	}
	c.gaps[ev.Key] = was
	return "", &GapError{Key: ev.Key, From: from, Seq: ev.Seq}
}
