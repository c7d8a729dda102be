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
	case e.state != states.Converged && e.state != states.Soaking:
		return HeartbeatReply{}, false
	case len(hb.Failing) > 0 || len(s.failing()) > 0 || !hb.Current.Is(e.target()):
		return HeartbeatReply{}, false
	case !held && !(holds && e.state == states.Converged):
		return HeartbeatReply{}, false
	case hb.At > now.Add(c.opts.Skew) || hb.CurrentSince > now.Add(c.opts.Skew) || c.older(s, hb, now):
		return HeartbeatReply{}, false
	case holds && e.state != states.Converged && c.wantsReplay(s, hb):
		return HeartbeatReply{}, false
	}
	c.keep(s, hb, in.Received)
	s.reply(in.Received, now)
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
	older := s.current().Known() && c.older(s, hb, now)
	if !hb.Current.Known() || older {
		// It says that the host lives, and nothing else.
		if at := s.observed(); at.IsSet() {
			s.ext().observed = at
		}
		s.received = max(s.received, received)
		s.behind = older
		seen := s.seen(now, c.opts.Silence)
		seen.Heartbeat, seen.Newer = *hb, older
		return seen
	}
	e := &s.now
	before := s.standing(e)
	c.keep(s, hb, received)
	if e.rollout != nil && !s.onTarget {
		s.ext().offTarget = max(s.ext().offTarget, hb.At)
	}
	// Of what the view counts, a heartbeat changes whether probes fail, and no more.
	if after := s.standing(e); c.view != nil && after.Failing != before.Failing {
		c.release(c.view.Track(before, after, nil))
	}
	c.letGo(s)
	return s.seen(now, c.opts.Silence)
}

// older reports whether a newer heartbeat of the host is known. What is known is
// cut like what comes in: it may have come in before this control plane's clock
// was set back.
func (c *Core) older(s *slot, hb *synth.Heartbeat, now states.Time) bool {
	known := synth.Heartbeat{At: s.beat.at, Order: s.beat.order}
	c.clamp(&known.At, now)
	return known.After(hb)
}

// keep overwrites the host's newest heartbeat.
func (c *Core) keep(s *slot, hb *synth.Heartbeat, received states.Time) {
	if received < s.received && s.answered.IsSet() {
		s.answered = received // the clock was set back: the answer was before now
	}
	s.ready = s.ready || c.had(s, hb.LastReply, received)
	s.heard = s.heard || s.asked.IsSet() && hb.LastReply == s.asked
	s.received = received
	s.behind = false
	s.beat.at, s.beat.order = hb.At, hb.Order
	s.beat.reply, s.beat.since = hb.LastReply, hb.CurrentSince
	s.beat.holds = c.internRollout(s, hb.Holds)
	s.runs(hb.Current)
	if s.rare != nil || len(hb.Failing) > 0 || hb.Queued > 0 {
		r := s.ext()
		r.told, r.failing, r.queued, r.observed = "", hb.Failing, int32(hb.Queued), 0
		s.tidy()
	}
}

// had reports whether an agent had a reply that was given since this process
// started. The last ones of this process are known, whatever the clock shows now
// and did then. Of those of others the time tells; one from the future is of an
// older process, whose clock was ahead.
func (c *Core) had(s *slot, reply, received states.Time) bool {
	switch {
	case !reply.IsSet():
		// It does not say: what comes in after the first was answered has had it.
		return s.answered.IsSet() && received > s.answered
	case reply == s.replied[0] || reply == s.replied[1]:
		return true
	}
	return c.opts.Shared && reply >= c.opts.Started && reply <= received
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
func (c *Core) letGo(s *slot) {
	more := s.more()
	for i := range more {
		e := &more[i]
		if e.rollout.superseded == nil || !e.is(inFlight) {
			continue
		}
		rec := e.rec
		if rec == nil {
			rec = &states.Record{} // what it had at dispatch is unknown: it may run that
		}
		if c.movedOn(s, e.rollout, rec) {
			c.drop(s, i)
			return
		}
	}
}

// movedOn reports whether a host has left a superseded rollout behind, by its
// newest heartbeat: it holds a newer one, or runs neither of the record's
// closures.
func (c *Core) movedOn(s *slot, r *rollout, rec *states.Record) bool {
	if s.beat.holds != nil {
		if newer, known := c.rollouts[*s.beat.holds]; known && c.after(newer, r) {
			return true
		}
	}
	runs := s.current()
	return runs.Known() && rec.AtDispatch.Known() && !runs.Is(rec.Target) && !runs.Is(rec.AtDispatch)
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
	return !s.asked.IsSet() || hb.LastReply.IsSet() && !s.heard && hb.LastReply != s.asked
}
