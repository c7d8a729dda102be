package engine

import (
	"github.com/rollmend/rollmend/gates"
	"github.com/rollmend/rollmend/states"
	"github.com/rollmend/rollmend/synth"
)

// InStep takes the heartbeat of a host about which there is nothing to decide,
// which is nearly every one, and answers it: nothing is stored, nothing is
// allocated, unless the agent is asked for what it has kept. It reports false,
// and does nothing, for any other.
func (c *Core) InStep(in *Beat, now states.Time) (HeartbeatReply, bool) {
	id, ok := c.findBeat(in)
	if !ok || !c.Ready() {
		return HeartbeatReply{}, false
	}
	s, hb := &c.slots[id], &in.Heartbeat
	e := &s.now
	holds := hb.Holds == states.Rollout{}
	held := e.rollout != nil && hb.Holds == e.rollout.Rollout
	switch {
	case e.rollout == nil || len(s.more()) > 0:
		return HeartbeatReply{}, false
	case len(hb.Failing) > 0 || len(s.failing()) > 0 || !hb.Current.Is(e.target()):
		return HeartbeatReply{}, false
	case !held && !(holds && e.state == states.Converged):
		return HeartbeatReply{}, false
	case e.state != states.Converged && e.state != states.Soaking:
		return HeartbeatReply{}, false
	case hb.At > now.Add(c.opts.Skew) || hb.CurrentSince > now.Add(c.opts.Skew) || c.older(s, hb):
		return HeartbeatReply{}, false
	case holds && e.state != states.Converged && c.wantsReplay(s, hb):
		return HeartbeatReply{}, false
	}
	c.keep(s, hb, in.Received)
	if !s.answered.IsSet() {
		s.answered = now
	}
	reply := HeartbeatReply{ReceivedAt: in.Received, NextBeat: pace(s.name, in.Received, c.opts.Cycle)}
	switch {
	case held:
		reply.ReplayFrom = e.lastSeq + 1
	case c.wantsReplay(s, hb):
		c.askFor(s, in, &reply)
	}
	return reply, true
}

// note keeps what a heartbeat says, where it is the newest of its host, and
// returns what is known of the host now.
func (c *Core) note(id int32, hb *synth.Heartbeat, received, now states.Time) synth.Seen {
	s := &c.slots[id]
	older := s.current().Known() && c.older(s, hb)
	if !hb.Current.Known() || older {
		// It says that the host lives, and nothing else.
		s.received = max(s.received, received)
		s.behind = older
		seen := s.seen(now, c.opts.Silence)
		seen.Heartbeat, seen.Newer = *hb, older
		return seen
	}
	e := &s.now
	before := s.standing(e)
	c.keep(s, hb, received)
	if e.rollout != nil && !s.beat.onTarget {
		s.ext().offTarget = max(s.ext().offTarget, hb.At)
	}
	if c.view != nil {
		c.release(c.view.Track(before, s.standing(e), nil))
	}
	c.letGo(s, hb)
	return s.seen(now, c.opts.Silence)
}

// older reports whether a newer heartbeat of the host is known.
func (c *Core) older(s *slot, hb *synth.Heartbeat) bool {
	known := synth.Heartbeat{At: s.beat.at, Order: s.beat.order}
	return known.After(hb)
}

// keep overwrites the host's newest heartbeat.
func (c *Core) keep(s *slot, hb *synth.Heartbeat, received states.Time) {
	// From an agent that does not say which reply it had, one that was received
	// after the first was answered is taken as having had it.
	s.ready = s.ready || hb.LastReply >= c.opts.Started ||
		!hb.LastReply.IsSet() && s.answered.IsSet() && received > s.answered
	s.received = max(s.received, received)
	s.observed, s.behind = s.received, false
	s.beat.at, s.beat.order = hb.At, hb.Order
	s.beat.reply, s.beat.since = hb.LastReply, hb.CurrentSince
	s.beat.holds = c.internRollout(s, hb.Holds)
	s.runs(hb.Current)
	if s.rare != nil || len(hb.Failing) > 0 || hb.Queued > 0 {
		r := s.ext()
		r.told, r.failing, r.queued = "", hb.Failing, int32(hb.Queued)
		s.tidy()
	}
}

func (c *Core) internRollout(s *slot, id states.Rollout) *states.Rollout {
	if id.IsZero() {
		return nil
	}
	if s.beat.holds != nil && *s.beat.holds == id {
		return s.beat.holds
	}
	if r, ok := c.rollouts[id]; ok {
		return &r.Rollout
	}
	unknown := id
	return &unknown
}

// letGo gives back the places that superseded records of a host hold in its
// budgets, once the host has moved on from them.
func (c *Core) letGo(s *slot, hb *synth.Heartbeat) {
	more := s.more()
	for i := range more {
		e := &more[i]
		if e.rollout.superseded == nil || !e.is(inFlight) {
			continue
		}
		newer, known := c.rollouts[hb.Holds]
		movedOn := known && c.after(newer, e.rollout)
		left := e.rec != nil && !hb.Current.Is(e.target()) && !hb.Current.Is(e.rec.AtDispatch) && e.rec.AtDispatch.Known()
		if movedOn || left {
			c.drop(s, i)
			return
		}
	}
}

// after reports whether a rollout was opened after another of its channel.
func (c *Core) after(r, other *rollout) bool {
	for next := other.superseded; next != nil; next = next.superseded {
		if next == r {
			return true
		}
	}
	return false
}

// drop forgets a superseded entry of a host.
func (c *Core) drop(s *slot, i int) {
	e := s.rare.more[i]
	if c.view != nil {
		c.release(c.view.Track(s.standing(&e), gates.Standing{}, nil))
	}
	s.rare.more = append(s.rare.more[:i:i], s.rare.more[i+1:]...)
	s.tidy()
}

// askFor asks in a reply for the reports that an agent has kept.
func (c *Core) askFor(s *slot, in *Beat, reply *HeartbeatReply) {
	reply.Replay = append(reply.Replay, Replay{Rollout: s.now.rollout.Rollout, From: s.now.lastSeq + 1})
	s.asked = in.Received
}

// wantsReplay reports whether the reply to a heartbeat of an agent that holds
// no rollout should ask for the reports that it has kept: until an answer shows
// that the agent had the question.
func (c *Core) wantsReplay(s *slot, hb *synth.Heartbeat) bool {
	e := &s.now
	if e.rollout == nil || e.state.Terminal() && !e.is(synthesised) {
		return false
	}
	return !s.asked.IsSet() || hb.LastReply.IsSet() && hb.LastReply < s.asked
}
