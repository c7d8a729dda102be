package sim

import (
	"fmt"
	"slices"

	"github.com/rollmend/rollmend/gates"
	"github.com/rollmend/rollmend/states"
)

// held answers, the slow way and from the records alone, which gates hold a
// record, as section 7 of the specification has them. It shares no code with
// package gates.
func (c *checks) held(w *world, plan gates.Plan, rec *states.Record, dispatch bool) (by []string) {
	id := rec.Rollout
	if id.Ref != plan.Ref {
		return []string{"not the rollout of the manifest"}
	}
	for _, q := range c.fleet.Quarantines {
		if q.Channel == id.Channel && q.Closure.Is(rec.Target) {
			by = append(by, "quarantine")
		}
	}
	for _, e := range plan.ChannelEdges {
		if e.Gated == id.Channel && !c.allConverged(plan, e.Gates) {
			by = append(by, "channel-edges")
		}
	}
	for _, other := range c.members(plan, id.Channel) {
		earlier := other.Wave < rec.Wave
		if earlier && !(other.State == states.Converged || other.State == states.Deferred) {
			by = append(by, "wave-promotion")
		}
		if dispatch && earlier && other.Probes.Failing() {
			by = append(by, "compliance-wave")
		}
		bad := other.State == states.Failed || other.State == states.Reverted
		if dispatch && bad && !c.resumed(id, other.Host) {
			by = append(by, "halted")
		}
		for _, e := range plan.HostEdges {
			if e.Gated == rec.Host && e.Gates == other.Host && other.State != states.Converged && other.State != states.Deferred {
				by = append(by, "host-edges")
			}
		}
	}
	if dispatch {
		by = append(by, c.overBudget(w, plan, rec)...)
	}
	return by
}

// members returns the records of a channel's hosts in a plan's rollout, those
// that the store has nothing of as their opening gives them.
func (c *checks) members(plan gates.Plan, channel states.Channel) (recs []states.Record) {
	for _, h := range plan.Hosts {
		if h.Channel == channel {
			recs = append(recs, c.record(plan, h))
		}
	}
	return recs
}

func (c *checks) record(plan gates.Plan, h gates.PlannedHost) states.Record {
	key := states.Key{Rollout: states.Rollout{Channel: h.Channel, Ref: plan.Ref}, Host: h.Host}
	if rec, ok := c.records[key]; ok {
		return rec
	}
	return states.Record{
		Key: key, Wave: h.Wave, Target: h.Target, Policy: h.Policy,
		Belief: states.Belief{State: states.Pending},
	}
}

func (c *checks) allConverged(plan gates.Plan, channel states.Channel) bool {
	for _, rec := range c.members(plan, channel) {
		if rec.State != states.Converged {
			return false
		}
	}
	return true
}

func (c *checks) resumed(id states.Rollout, host states.Host) bool {
	for _, r := range c.fleet.Resumptions {
		if r.Rollout == id && slices.Contains(r.Hosts, host) {
			return true
		}
	}
	return false
}

func (c *checks) overBudget(w *world, plan gates.Plan, rec *states.Record) (by []string) {
	for _, b := range plan.Budgets {
		if !slices.Contains(b.Hosts, rec.Host) {
			continue
		}
		var others []states.Host
		for _, h := range plan.Hosts {
			other := c.record(plan, h)
			flying := other.State == states.Activating || other.State == states.Soaking ||
				other.State == states.Pending && other.Dispatched != 0
			flying = flying || c.superseded(w, other)
			if flying && other.Host != rec.Host && slices.Contains(b.Hosts, other.Host) {
				others = append(others, other.Host)
			}
		}
		if len(others) >= b.MaxInFlight {
			by = append(by, fmt.Sprintf("disruption-budget, by %v", others))
		}
	}
	return by
}

// superseded reports whether a host surely holds its place by a record of an
// earlier rollout: one in flight, where the host acknowledged no newer rollout,
// and never said that it holds another one or runs something else.
func (c *checks) superseded(w *world, newest states.Record) bool {
	h := w.hostNamed(newest.Host)
	// Newest first: with the first that was acknowledged, all before it let go.
	for _, o := range slices.Backward(c.fleet.Openings) {
		key := states.Key{Rollout: o.Rollout, Host: newest.Host}
		old, ok := c.records[key]
		switch {
		case !ok:
			continue
		case !old.InFlight() || key == newest.Key:
			if old.State != states.Pending {
				return false
			}
			continue
		}
		movedOn := func(s said) bool {
			return s.Rollout != key.Rollout && !s.Rollout.IsZero() ||
				!s.Current.Is(old.Target) && !s.Current.Is(old.AtDispatch)
		}
		if !slices.ContainsFunc(h.truth.beats, movedOn) {
			return true
		}
		if old.State != states.Pending {
			return false
		}
	}
	return false
}
