package engine

import (
	"time"

	"github.com/rollmend/rollmend/gates"
	"github.com/rollmend/rollmend/states"
	"github.com/rollmend/rollmend/synth"
)

// slot is what the core keeps of one host, for a million of them: no record,
// but what tells whether a heartbeat needs one.
//
// What the heartbeat of a host in step reads comes first, and close together:
// a slot that is looked up at random costs a trip to memory for every line of
// the cache that it touches.
type slot struct {
	now      entry // of the newest rollout of the host's channel; empty where it has none
	beat     beat
	received states.Time    // when the host last beat, by the control plane's clock
	observed states.Time    // when beat came in; likewise
	answered states.Time    // when its first beat since the start was answered; likewise
	replied  [2]states.Time // the received-at of its last replies since the start, newest first
	asked    states.Time    // received-at of the newest reply that asked for kept reports
	heard    bool           // the agent had one that asked
	behind   bool           // the last one that came in was older than beat
	ready    bool           // the agent had our reply: nothing that it kept is unknown
	queued   bool           // in Core.queue
	waiting  uint8          // a bit per gates.Purpose
	more     []entry        // of other rollouts that still matter; nearly always none

	name      states.Host
	told      states.Closure // what a report since beat said that the host runs
	offTarget states.Time    // see synth.Seen
}

// beat is the newest heartbeat of a host that names a closure.
type beat struct {
	current states.Closure
	holds   *states.Rollout
	at      states.Time
	order   states.Order
	reply   states.Time
	since   states.Time
	failing []string
	queued  int32
}

// entry is what the core keeps of one record.
type entry struct {
	rollout *rollout // nil: no record
	member  int32    // place in the opening's members
	wave    states.Wave
	state   states.State
	bits    uint8
	lastSeq states.Seq
	target  states.Closure
}

const (
	stored      = 1 << iota // the record has a revision other than 0
	synthesised             // it rests on guesses
	done                    // it lets the next wave go
	inFlight
	failing // an enforced probe fails, says the record
)

func (e *entry) is(bit uint8) bool { return e.bits&bit != 0 }

func (e *entry) set(bit uint8, on bool) {
	e.bits &^= bit
	if on {
		e.bits |= bit
	}
}

func (e *entry) key(host states.Host) states.Key {
	return states.Key{Rollout: e.rollout.Rollout, Host: host}
}

// live reports whether a missed transition may be looked for.
func (e *entry) live() bool {
	return e.rollout != nil && e.rollout.superseded == nil
}

// entryOf returns the entry of a record.
func entryOf(r *rollout, member int32, rec *states.Record) entry {
	e := entry{
		rollout: r, member: member, wave: rec.Wave, state: rec.State,
		lastSeq: rec.LastSeq, target: rec.Target,
	}
	e.set(stored, rec.Revision != 0)
	e.set(synthesised, rec.Synthesised())
	e.set(done, rec.Done())
	e.set(inFlight, rec.InFlight())
	e.set(failing, rec.Probes.Failing())
	return e
}

// standing returns what the view counts of an entry.
func (s *slot) standing(e *entry) gates.Standing {
	if e.rollout == nil {
		return gates.Standing{}
	}
	return gates.Standing{
		Key: e.key(s.name), Wave: e.wave, State: e.state,
		Done: e.is(done), InFlight: e.is(inFlight),
		Failing: e.is(failing) || len(s.beat.failing) > 0 && e == &s.now,
	}
}

// seen returns what is known of the host, for synth. What it ran longer ago
// than the bound on silence is not known any more, though the host still beats.
func (s *slot) seen(now states.Time, silence time.Duration) synth.Seen {
	seen := synth.Seen{
		Heartbeat: synth.Heartbeat{
			Host: s.name, Current: s.beat.current, At: s.beat.at, Order: s.beat.order,
			LastReply: s.beat.reply, CurrentSince: s.beat.since,
			Failing: s.beat.failing, Queued: int(s.beat.queued),
		},
		Received:  s.received,
		OffTarget: s.offTarget,
	}
	if now.Sub(s.observed) > silence {
		seen.Heartbeat.Current = ""
	}
	if s.beat.holds != nil {
		seen.Heartbeat.Holds = *s.beat.holds
	}
	return seen
}

// reply takes note of a reply to a heartbeat.
func (s *slot) reply(received, now states.Time) {
	if !s.answered.IsSet() {
		s.answered = now
	}
	if received != s.replied[0] {
		s.replied = [2]states.Time{received, s.replied[0]}
	}
}

// entry finds the slot's entry of a rollout.
func (s *slot) entry(id states.Rollout) *entry {
	if s.now.rollout != nil && s.now.rollout.Rollout == id {
		return &s.now
	}
	for i := range s.more {
		if s.more[i].rollout.Rollout == id {
			return &s.more[i]
		}
	}
	return nil
}
