package engine

import (
	"time"

	"github.com/rollmend/rollmend/gates"
	"github.com/rollmend/rollmend/states"
	"github.com/rollmend/rollmend/synth"
)

// slot is what the core keeps of one host, for a million of them: no record,
// but what tells whether a heartbeat needs one. What few hosts have is in rare.
//
// A slot that is looked up at random costs a trip to memory for every line of
// the cache that it touches, so it is small, and what the heartbeat of a host in
// step reads lies together.
type slot struct {
	name     states.Host
	now      entry // of the newest rollout of the host's channel; empty where it has none
	beat     beat
	received states.Time    // when the host last beat, by the control plane's clock
	answered states.Time    // when its first beat since the start was answered; likewise
	replied  [2]states.Time // the received-at of its last replies since the start, newest first
	asked    states.Time    // received-at of the newest reply that asked for kept reports
	rare     *rare          // nil: nothing of it

	planned  int32 // place in the manifest, plus 1; 0: it does not list the host
	changed  int32 // where in its batch the host's last change is, plus 1; 0: none is on its way
	batch    uint8 // whose change that is; see Batch.owner
	onTarget bool  // beat's closure is the target of the newest rollout
	behind   bool  // the last beat that came in was older than beat
	ready    bool  // the agent had our reply: nothing that it kept is unknown
	heard    bool  // the agent had a reply that asked for what it kept
	queued   bool  // in Core.queue
	later    bool  // a heartbeat came in that waits for a change of the host to be stored
	waiting  uint8 // a bit per gates.Purpose
}

// beat is the newest heartbeat of a host that names a closure. Which closure,
// says [slot.current], and when it came in, [slot.observed].
type beat struct {
	holds *states.Rollout // shared; nil: none
	at    states.Time
	order states.Order
	reply states.Time
	since states.Time
}

// rare is what nearly every host has nothing of.
type rare struct {
	current   states.Closure // of the newest heartbeat, where it is not on the target
	told      states.Closure // what a report since that beat said that the host runs
	offTarget states.Time    // see synth.Seen
	observed  states.Time    // when beat came in, where the host has beaten since
	failing   []string       // of the newest heartbeat
	queued    int32          // likewise
	more      []entry        // of other rollouts that still matter
}

// entry is what the core keeps of one record.
type entry struct {
	rollout *rollout        // nil: no record
	aim     *states.Closure // what the host shall run; one for all hosts that shall run the same
	rec     *states.Record  // as committed, where it is in memory; never written to
	lastSeq states.Seq
	member  int32 // place in the opening's members
	wave    states.Wave
	state   states.State
	bits    uint8
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

// target returns what the record's host shall run.
func (e *entry) target() states.Closure {
	if e.aim == nil {
		return ""
	}
	return *e.aim
}

// live reports whether a missed transition may be looked for.
func (e *entry) live() bool {
	return e.rollout != nil && e.rollout.superseded == nil
}

// known reports whether [Core.recordOf] returns a record, without making it.
func (e *entry) known() bool { return e.rec != nil || !e.is(stored) }

// follow takes over what is stored of the record.
func (e *entry) follow(rec *states.Record) {
	e.wave, e.state, e.lastSeq = rec.Wave, rec.State, rec.LastSeq
	e.set(stored, rec.Revision != 0)
	e.set(synthesised, rec.Synthesised())
	e.set(done, rec.Done())
	e.set(inFlight, rec.InFlight())
	e.set(failing, rec.Probes.Failing())
}

// entryOf returns the entry of a rollout's member.
func entryOf(r *rollout, member int32) entry {
	return entry{rollout: r, member: member, aim: &r.Members[member].Opened.Target}
}

// ext returns the slot's rare part, and makes one where there is none.
func (s *slot) ext() *rare {
	if s.rare == nil {
		s.rare = &rare{}
	}
	return s.rare
}

// tidy drops the rare part where nothing is in it any more.
func (s *slot) tidy() {
	if r := s.rare; r != nil && !r.current.Known() && !r.told.Known() && !r.offTarget.IsSet() && !r.observed.IsSet() &&
		len(r.failing) == 0 && r.queued == 0 && len(r.more) == 0 {
		s.rare = nil
	}
}

// more returns the entries of other rollouts than the newest.
func (s *slot) more() []entry {
	if s.rare == nil {
		return nil
	}
	return s.rare.more
}

// current returns what the host runs by its newest heartbeat.
func (s *slot) current() states.Closure {
	switch {
	case s.onTarget:
		return s.now.target()
	case s.rare != nil:
		return s.rare.current
	}
	return ""
}

// runs keeps what the host runs. A million hosts on their targets keep no text
// of their own.
func (s *slot) runs(closure states.Closure) {
	if s.onTarget = closure.Is(s.now.target()); s.onTarget {
		closure = ""
	}
	if s.rare != nil || closure.Known() {
		s.ext().current = closure
	}
}

// told returns what a report since the newest heartbeat said that the host runs.
func (s *slot) told() states.Closure {
	if s.rare == nil {
		return ""
	}
	return s.rare.told
}

// failing returns the probes that fail by the newest heartbeat.
func (s *slot) failing() []string {
	if s.rare == nil {
		return nil
	}
	return s.rare.failing
}

// observed returns when the newest heartbeat that names a closure came in.
func (s *slot) observed() states.Time {
	if s.rare != nil && s.rare.observed.IsSet() {
		return s.rare.observed
	}
	return s.received
}

// waits returns how many reports wait at the host, by its newest heartbeat.
func (s *slot) waits() int {
	if s.rare == nil {
		return 0
	}
	return int(s.rare.queued)
}

// standing returns what the view counts of an entry.
func (s *slot) standing(e *entry) gates.Standing {
	if e.rollout == nil {
		return gates.Standing{}
	}
	return gates.Standing{
		Key: e.key(s.name), Wave: e.wave, State: e.state,
		Done: e.is(done), InFlight: e.is(inFlight),
		Failing: e.is(failing) || e == &s.now && len(s.failing()) > 0,
	}
}

// seen fills in what is known of the host, for synth. What it ran longer ago
// than the bound on silence is not known any more, though the host still beats.
func (s *slot) seen(now states.Time, silence time.Duration) synth.Seen {
	seen := synth.Seen{
		Heartbeat: synth.Heartbeat{
			Host: s.name, Current: s.current(), At: s.beat.at, Order: s.beat.order,
			LastReply: s.beat.reply, CurrentSince: s.beat.since,
			Failing: s.failing(), Queued: s.waits(),
		},
		Received: s.received,
	}
	if s.rare != nil {
		seen.OffTarget = s.rare.offTarget
	}
	if now.Sub(s.observed()) > silence {
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
	more := s.more()
	for i := range more {
		if more[i].rollout.Rollout == id {
			return &more[i]
		}
	}
	return nil
}

// eachLive calls f for each record of a host that a missed transition is
// looked for in, drift of the finished ones included.
func (s *slot) eachLive(f func(*entry)) {
	if s.now.live() {
		f(&s.now)
	}
	more := s.more()
	for i := range more {
		if more[i].live() {
			f(&more[i])
		}
	}
}
