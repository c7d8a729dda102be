package engine

import (
	"slices"

	"github.com/rollmend/rollmend/gates"
	"github.com/rollmend/rollmend/states"
	"github.com/rollmend/rollmend/synth"
)

// Keys returns the records that are to be in memory to explain a host.
func (c *Core) Keys(host states.Host) []states.Key {
	var keys []states.Key
	id, ok := c.find(host)
	if !ok {
		return nil
	}
	s := &c.slots[id]
	if s.now.rollout != nil {
		keys = append(keys, s.now.key(host))
	}
	more := s.more()
	for i := range more {
		keys = append(keys, more[i].key(host))
	}
	return keys
}

// Explain concludes, for an operator, what is known of a host. It changes
// nothing. Logs are for the caller to add.
func (c *Core) Explain(now states.Time, host states.Host) (Explanation, error) {
	id, ok := c.find(host)
	if !ok {
		return Explanation{}, ErrUnknownHost
	}
	s := &c.slots[id]
	ex := Explanation{Host: host, Seen: s.seen(now, c.opts.Silence)}
	if s.behind {
		// What came last proves nothing, and that is what there is to say.
		ex.Seen.Heartbeat.Current, ex.Seen.Newer = s.current(), true
	}
	for _, key := range c.Keys(host) {
		rec, ok := c.record(key)
		if !ok {
			continue
		}
		e := Explained{Record: rec, Superseded: c.rollouts[key.Rollout].superseded != nil}
		e.Finding = c.conclude(now, rec, ex.Seen)
		if rec.State == states.Pending && c.Ready() {
			e.Verdict = c.opts.Rules.EvaluateOne(c.view, gates.AskOf(gates.Dispatch, &rec))
			e.Withheld = c.withheld(&rec)
		}
		ex.Records = append(ex.Records, e)
	}
	ex.Silent = c.silentInFront(now, s)
	return ex, nil
}

// silentMost bounds how many silent hosts an explanation names: enough to go
// and look, not a list of the fleet.
const silentMost = 20

// silentInFront names hosts that a host waits for and that have not beaten for
// long: those in flight under its budgets, and those of waves in front of it
// that are not done.
func (c *Core) silentInFront(now states.Time, s *slot) (names []states.Host) {
	if c.view == nil || s.now.rollout == nil || s.now.state != states.Pending {
		return nil
	}
	add := func(host states.Host) {
		if len(names) < silentMost && c.silent(now, host) && !slices.Contains(names, host) {
			names = append(names, host)
		}
	}
	for _, other := range c.view.Holders(s.name) {
		add(other)
	}
	for _, m := range s.now.rollout.Members {
		id, _ := c.find(m.Host)
		other := &c.slots[id].now
		if other.rollout == s.now.rollout && other.wave >= 0 && other.wave < s.now.wave && !other.is(done) {
			add(m.Host)
		}
	}
	return names
}

// conclude finds what a heartbeat means for a record without applying it.
func (c *Core) conclude(now states.Time, rec states.Record, seen synth.Seen) synth.Finding {
	look := synth.Look{Record: rec, Seen: seen, Now: now, Bounds: c.bounds()}
	if look.Gated() && c.Ready() {
		look.Verdict = c.opts.Rules.EvaluateOne(c.view, gates.AskOf(gates.Synthesis, &rec))
	}
	return synth.Chain(look)
}

func (c *Core) silent(now states.Time, host states.Host) bool {
	id, ok := c.find(host)
	return !ok || !c.slots[id].received.IsSet() || now.Sub(c.slots[id].received) > c.opts.Silence
}

// Overview describes the fleet for an operator. It reads every host once.
func (c *Core) Overview(now states.Time) Overview {
	o := Overview{Now: now, Quarantines: append(c.quarantines[:0:0], c.quarantines...)}
	if c.fleet != nil {
		plan := c.fleet.Plan()
		o.Ref, o.Hosts = plan.Ref, len(plan.Hosts)
		for _, h := range plan.Hosts {
			if c.silent(now, h.Host) {
				o.Silent++
			}
		}
	}
	counts := map[*rollout]*RolloutView{}
	for _, r := range c.opened {
		counts[r] = &RolloutView{Rollout: r.Rollout, Hosts: len(r.Members), ByState: map[states.State]int{}}
	}
	inFlightNow := map[*rollout]int{}
	for i := range c.slots {
		s := &c.slots[i]
		if r := s.now.rollout; r != nil {
			counts[r].ByState[s.now.state]++
			if s.now.is(inFlight) {
				inFlightNow[r]++
			}
		}
	}
	for _, r := range c.opened {
		v := counts[r]
		v.State = stateOf(r, v, inFlightNow[r])
		if c.view != nil && r.superseded == nil {
			if p, ok := c.view.Progress(r.Rollout); ok {
				v.CurrentWave, v.Halting = p.CurrentWave, c.view.HaltedBy(r.Rollout)
			}
			v.Blocked = c.blocked(r)
		}
		o.Rollouts = append(o.Rollouts, *v)
	}
	return o
}

// blocked returns the gates of order that hold the rollout's first member that
// is still to go.
func (c *Core) blocked(r *rollout) []gates.Block {
	for _, m := range r.Members {
		id, _ := c.find(m.Host)
		s := &c.slots[id]
		if s.now.rollout != r || s.now.state != states.Pending {
			continue
		}
		ask := gates.Ask{Purpose: gates.Dispatch, Key: s.now.key(m.Host), Wave: m.Opened.Wave, Target: m.Opened.Target}
		return c.opts.Rules.Evaluate(c.view, ask)[0].Blocks
	}
	return nil
}

// stateOf derives a rollout's state from its records and its successor.
func stateOf(r *rollout, v *RolloutView, inFlight int) RolloutState {
	n := v.ByState
	bad := n[states.Failed] + n[states.Reverted]
	switch {
	case r.superseded != nil:
		return Superseded
	case n[states.Converged] == v.Hosts:
		return Terminal
	case bad > 0 && inFlight == 0:
		return Halted
	case n[states.Pending] == v.Hosts:
		return Open
	case n[states.Converged]+n[states.Soaking]+n[states.Deferred] == v.Hosts:
		return Converging
	}
	return Active
}
