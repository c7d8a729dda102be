package sim

import (
	"time"

	"github.com/rollmend/rollmend/agent"
	"github.com/rollmend/rollmend/states"
)

const (
	// restlessMost bounds how many moves one moment takes until nothing is left
	// to do: two hosts have at most some thirty reports.
	restlessMost = 400

	// settleCycles is how many cycles a small world is followed for after its
	// last fault: two hosts one after the other, each with a switch, a soak and a
	// rollback, behind one that went silent.
	settleCycles = 14
)

// ending says whether a world is followed until nothing happens any more, and
// which host then goes first.
type ending int

const (
	endless ending = iota
	firstFirst
	lastFirst
)

// endings are how a path names them.
var endings = [...]string{endless: "", firstFirst: "end", lastFirst: "back"}

// settleSmall lets everything that can still happen without a fault happen, and
// checks that records and hosts then agree, as soon as they have to.
func (s *small) settleSmall(e ending) {
	s.left, s.backwards = 0, e == lastFirst
	s.note("world", noFaultAnyMore)
	for i := range s.tasks {
		s.tasks[i].cut = false
	}
	for _, p := range s.planes { // clocks that differ go on being a fault
		p.clockOff = s.planes[0].clockOff
	}
	for len(s.flight) > 0 && s.violated == nil {
		for i := range s.planes {
			if !s.open(i) {
				s.play(move{verb: planeGoesOn, plane: int8(i)})
			}
		}
		s.play(move{verb: arrives})
	}
	s.rest(life{})
	for n := 1; n <= settleCycles && s.violated == nil; n++ {
		s.pass(cycle)
		s.rest(life{})
		for i, ph := range s.newest().Hosts {
			h := s.hosts[i]
			if time.Duration(n)*cycle+pass < s.bound(h) {
				continue
			}
			if rec := s.checks.record(s.newest(), ph); !s.agrees(h, rec) {
				state, known := standing(h.journal, rec.Rollout)
				s.violate(recordsAgree, "%s, %d cycles after the last fault: %s", rec.Key, n, hostLine(h, rec, state, known))
				return
			}
		}
	}
	if s.violated == nil {
		s.livenessSmall()
	}
}

// rest makes moves that are no fault until nothing is left to do at this moment,
// as the life has them.
func (s *small) rest(l life) {
	play := func(m move) {
		if l.turn != nil {
			m = l.turn(m)
		}
		s.play(m)
		if l.made != nil {
			l.made(m)
		}
	}
	for n := 0; n < restlessMost && s.violated == nil; n++ {
		if m, ok := s.urgent(); ok {
			play(m)
			continue
		}
		again := false
		for i, h := range s.hosts {
			before := h.machine.Queued()
			if h.up && !h.machine.Busy() {
				play(move{verb: polls, host: int8(i)})
				again = again || h.machine.Queued() != before || h.machine.Busy()
			}
		}
		if !again {
			return
		}
	}
	if s.violated == nil {
		s.violate(allowedHappens, "after %d moves there is still something to do at once", restlessMost)
	}
}

// urgent returns the first move that an undisturbed life makes now; of several
// reports all.
func (s *small) urgent() (move, bool) {
	best := move{}
	consider := func(m move) {
		if m.verb < polls && (best.verb == 0 || m.verb < best.verb) {
			best = m
		}
	}
	for i := range s.planes {
		s.planeMoves(int8(i), consider)
	}
	for i := range s.hosts {
		if s.backwards {
			i = len(s.hosts) - 1 - i
		}
		s.hostMoves(int8(i), consider)
	}
	return best, best.verb != 0
}

// livenessSmall checks, when nothing happens any more, that nothing could.
func (s *small) livenessSmall() {
	plan := s.newest()
	for i, ph := range plan.Hosts {
		h := s.hosts[i]
		rec := s.checks.record(plan, ph)
		if s.staleByClock(h, &rec) {
			continue
		}
		state, known := standing(h.journal, rec.Rollout)
		wrong := func(why string) {
			s.violate(allowedHappens, "%s %s: %s", rec.Key, why, hostLine(h, rec, state, known))
		}
		onTarget := h.runs.Is(rec.Target)
		held := h.machine.Held()
		switch {
		case h.machine.Queued() > 0:
			wrong("has reports that are not taken")
		case rec.State == states.Pending && onTarget && !held.IsZero() && held != rec.Rollout:
		case rec.State == states.Pending && len(s.checks.held(s.world, plan, &rec, !onTarget)) == 0 && !s.mayHold(h, &rec):
			wrong("waits, and nothing holds it")
		case (rec.State == states.Activating || rec.State == states.Deferred || rec.State == states.Soaking) && onTarget &&
			!(h.config.Generation == agent.First && h.machine.SoakDue() > h.at()): // it was told when by a clock that was ahead
			wrong("does not end")
		}
	}
}
