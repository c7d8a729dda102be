package engine

import (
	"fmt"
	"slices"
	"strings"

	"github.com/rollmend/rollmend/adapters"
	"github.com/rollmend/rollmend/gates"
	"github.com/rollmend/rollmend/reducer"
	"github.com/rollmend/rollmend/states"
)

// Missing names the records that a round with these inputs needs and that are
// not in memory, each once.
func (c *Core) Missing(inputs []Input) []states.Key {
	var keys []states.Key
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
		if id, ok := c.hosts[host]; ok {
			c.eachLive(&c.slots[id], want)
		}
	}
	for _, in := range inputs {
		switch in := in.(type) {
		case Beat:
			wantHost(in.Heartbeat.Host)
			if key := (states.Key{Rollout: in.Heartbeat.Holds, Host: in.Heartbeat.Host}); c.member(key) == nil {
				want(key)
			}
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
	for _, id := range c.queue[:min(len(c.queue), redriveMost)] {
		c.eachLive(&c.slots[id], want)
	}
	return keys
}

// Provide hands in a record that the store holds, after [Core.Missing] asked
// for it or another writer changed it.
func (c *Core) Provide(rec states.Record) {
	if _, known := c.rollouts[rec.Rollout]; !known {
		c.foreign = true
		return
	}
	c.visited = append(c.visited, rec.Key)
	c.records[rec.Key] = rec
	c.follow(&rec)
}

// ProvideAbsent says that the store holds no such record.
func (c *Core) ProvideAbsent(key states.Key) { c.absent[key] = true }

// has reports whether [Core.record] returns a record, without making it.
func (c *Core) has(key states.Key) bool {
	if _, ok := c.records[key]; ok {
		return true
	}
	id, ok := c.hosts[key.Host]
	if !ok {
		return false
	}
	e := c.slots[id].entry(key.Rollout)
	return e != nil && !e.is(stored)
}

// record returns a record as it is committed, where it is in memory or its
// opening alone gives it.
func (c *Core) record(key states.Key) (states.Record, bool) {
	if rec, ok := c.records[key]; ok {
		return rec, true
	}
	id, ok := c.hosts[key.Host]
	if !ok {
		return states.Record{}, false
	}
	e := c.slots[id].entry(key.Rollout)
	if e == nil || e.is(stored) {
		return states.Record{}, false
	}
	rec, _, err := e.rollout.Record(e.rollout.Members[e.member])
	return rec, err == nil
}

// member reports whether a record exists, by its rollout's opening.
func (c *Core) member(key states.Key) error {
	r, ok := c.rollouts[key.Rollout]
	if !ok {
		return adapters.ErrNotFound
	}
	if _, ok := r.find(key.Host); !ok {
		return adapters.ErrNotFound
	}
	return nil
}

// find returns a host's place among the rollout's members.
func (r *rollout) find(host states.Host) (int32, bool) {
	i, ok := slices.BinarySearchFunc(r.Members, host, func(m adapters.Member, h states.Host) int {
		return strings.Compare(string(m.Host), string(h))
	})
	return int32(i), ok
}

// follow makes entry and view agree with a record that is committed.
func (c *Core) follow(rec *states.Record) {
	id, ok := c.hosts[rec.Host]
	if !ok {
		return
	}
	s := &c.slots[id]
	e := s.entry(rec.Rollout)
	var before gates.Standing
	switch {
	case e != nil:
		before = s.standing(e)
		*e = entryOf(e.rollout, e.member, rec)
	case c.inFlightAgain(s, rec):
		r := c.rollouts[rec.Rollout]
		member, _ := r.find(rec.Host)
		s.more = append(s.more, entryOf(r, member, rec))
		e = &s.more[len(s.more)-1]
	default:
		return
	}
	if c.view != nil {
		c.release(c.view.Track(before, s.standing(e), nil))
	}
	if e == &s.now && rec.State != states.Pending {
		c.acknowledged(s)
	}
	if e != &s.now && e.rollout.superseded != nil && !e.is(inFlight) {
		s.more = slices.DeleteFunc(s.more, func(m entry) bool { return m.rollout == e.rollout })
	}
}

// inFlightAgain reports whether a superseded record takes a place in its
// budgets that it did not hold when it was superseded: a reboot went on with what
// had been deferred, and the host has not moved on to a newer rollout.
func (c *Core) inFlightAgain(s *slot, rec *states.Record) bool {
	r, known := c.rollouts[rec.Rollout]
	if !known || r.superseded == nil || !rec.InFlight() {
		return false
	}
	acknowledged := s.now.rollout != nil && s.now.state != states.Pending && c.after(s.now.rollout, r)
	return !acknowledged && !c.movedOn(s, r, rec)
}

// acknowledged gives back the places of superseded records of a host that
// acknowledged a newer one.
func (c *Core) acknowledged(s *slot) {
	for i := len(s.more) - 1; i >= 0; i-- {
		if s.more[i].rollout.superseded != nil && c.after(s.now.rollout, s.more[i].rollout) {
			c.drop(s, i)
		}
	}
}

// leave forgets the records that only this round needed: those of hosts about
// which there is nothing to decide until they report again.
func (c *Core) leave(key states.Key) {
	rec, ok := c.records[key]
	if !ok {
		return
	}
	id, known := c.hosts[key.Host]
	if !known || rec.State.Terminal() || c.slots[id].entry(key.Rollout) == nil {
		delete(c.records, key)
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
