package engine

import (
	"fmt"

	"github.com/rollmend/rollmend/adapters"
	"github.com/rollmend/rollmend/gates"
	"github.com/rollmend/rollmend/reducer"
	"github.com/rollmend/rollmend/states"
)

// PlanLoad says what loading a manifest takes: the rollouts to open. Nothing is
// changed by it; enact the acts, then call [Core.Load] with the same manifest.
// The error is a [*StaleManifestError], a [*SupersededRefError] or a
// [*TargetsChangedError].
func (c *Core) PlanLoad(now states.Time, fleet *gates.Fleet) ([]adapters.Act, Loaded, error) {
	plan := fleet.Plan()
	for _, r := range c.opened {
		if r.SignedAt > plan.SignedAt {
			return nil, Loaded{}, &StaleManifestError{SignedAt: plan.SignedAt, Newest: r.SignedAt}
		}
	}
	if c.fleet != nil && c.fleet.Plan().SignedAt > plan.SignedAt {
		return nil, Loaded{}, &StaleManifestError{SignedAt: plan.SignedAt, Newest: c.fleet.Plan().SignedAt}
	}
	var loaded Loaded
	var acts []adapters.Act
	for _, channel := range fleet.Channels() {
		id, ok := fleet.Rollout(channel)
		if !ok {
			continue
		}
		known, open := c.rollouts[id]
		if !open {
			loaded.Opened = append(loaded.Opened, id)
			acts = append(acts, opening(now, id, plan))
			continue
		}
		if known.superseded != nil {
			return nil, Loaded{}, &SupersededRefError{Rollout: id, By: c.current[channel].Rollout}
		}
		if err := sameTargets(known, opening(now, id, plan)); err != nil {
			return nil, Loaded{}, err
		}
		loaded.Already = append(loaded.Already, id)
	}
	return acts, loaded, nil
}

// opening lists the hosts of a channel that have a target.
func opening(now states.Time, id states.Rollout, plan gates.Plan) adapters.Opening {
	o := adapters.Opening{Rollout: id, At: now, SignedAt: plan.SignedAt}
	for _, h := range plan.Hosts {
		if h.Channel == id.Channel && h.Target.Known() {
			o.Members = append(o.Members, adapters.Member{
				Host:   h.Host,
				Opened: reducer.Opened{Wave: h.Wave, Target: h.Target, Policy: h.Policy},
			})
		}
	}
	return o
}

// sameTargets compares an open rollout with what a manifest would open.
func sameTargets(known *rollout, now adapters.Opening) error {
	for at, m := range now.Members {
		i, ok := int32(at), at < len(known.Members) && known.Members[at].Host == m.Host
		if !ok { // nearly always both list the same hosts
			i, ok = known.find(m.Host)
		}
		if !ok {
			return &TargetsChangedError{Rollout: now.Rollout, Host: m.Host, Is: m.Opened.Target}
		}
		if was := known.Members[i].Opened.Target; !was.Is(m.Opened.Target) {
			return &TargetsChangedError{Rollout: now.Rollout, Host: m.Host, Was: was, Is: m.Opened.Target}
		}
	}
	if len(known.Members) != len(now.Members) {
		for _, m := range known.Members {
			if !hasMember(now.Members, m.Host) {
				return &TargetsChangedError{Rollout: now.Rollout, Host: m.Host, Was: m.Opened.Target}
			}
		}
	}
	return nil
}

func hasMember(members []adapters.Member, host states.Host) bool {
	r := rollout{Opening: adapters.Opening{Members: members}}
	_, ok := r.find(host)
	return ok
}

// Load makes a manifest count, after its acts were enacted. Hosts that wait
// for anything are to ask again.
func (c *Core) Load(fleet *gates.Fleet, acts []adapters.Act) {
	c.fleet = fleet
	c.reserve(len(fleet.Plan().Hosts))
	for i := range c.slots {
		c.slots[i].planned = 0
	}
	hosts := fleet.Plan().Hosts         // first, so that slots share their names with the manifest
	last := map[states.Channel]*int32{} // of each channel: an opening lists the hosts of one
	for i := range hosts {
		near, ok := last[hosts[i].Channel]
		if !ok {
			near = new(int32)
			last[hosts[i].Channel] = near
		}
		c.slots[c.slotOf(hosts[i].Host, near)].planned = int32(i + 1)
	}
	for _, act := range acts {
		if o, ok := act.(adapters.Opening); ok {
			c.open(o)
		}
	}
	if len(acts) > 0 {
		c.ordering++
	}
	c.rebuildView()
}

// PlanResume says what resuming a halted rollout takes.
func (c *Core) PlanResume(now states.Time, id states.Rollout, reason string) (adapters.Resumption, error) {
	switch r, ok := c.rollouts[id]; {
	case !c.Ready():
		return adapters.Resumption{}, ErrNotReady
	case reason == "":
		return adapters.Resumption{}, ErrReasonNeeded
	case !ok:
		return adapters.Resumption{}, fmt.Errorf("engine: resume %s: %w", id, adapters.ErrNotFound)
	case r.superseded != nil:
		return adapters.Resumption{}, &SupersededRefError{Rollout: id, By: c.current[id.Channel].Rollout}
	}
	return adapters.Resumption{Rollout: id, At: now, Reason: reason, Hosts: c.view.HaltedBy(id)}, nil
}

// Resume makes an enacted resumption count.
func (c *Core) Resume(r adapters.Resumption) {
	c.ordering++
	c.resume(r)
	c.release([]gates.Wait{c.view.Resume(r.Rollout, r.Hosts)})
}

// PlanClear says what ending a quarantine takes.
func (c *Core) PlanClear(now states.Time, channel states.Channel, closure states.Closure, reason string) (adapters.Clearance, error) {
	if reason == "" {
		return adapters.Clearance{}, ErrReasonNeeded
	}
	if _, ok := c.findQuarantine(channel, closure); !ok {
		return adapters.Clearance{}, fmt.Errorf("engine: clear %s on %s: %w", closure, channel, ErrNotQuarantined)
	}
	return adapters.Clearance{Channel: channel, Closure: closure, At: now, Reason: reason}, nil
}

// Clear makes an enacted clearance count.
func (c *Core) Clear(cl adapters.Clearance) {
	c.ordering++
	if i, ok := c.findQuarantine(cl.Channel, cl.Closure); ok {
		c.quarantines = append(c.quarantines[:i:i], c.quarantines[i+1:]...)
	}
	if c.view != nil {
		c.release([]gates.Wait{c.view.Clear(cl.Channel, cl.Closure)})
	}
}

// PlanImpose says what an operator's quarantine takes.
func (c *Core) PlanImpose(now states.Time, channel states.Channel, closure states.Closure, reason string) (adapters.Imposition, error) {
	if reason == "" {
		return adapters.Imposition{}, ErrReasonNeeded
	}
	return adapters.Imposition{Quarantine: reducer.Quarantine{
		Channel: channel, Closure: closure, Since: now, Why: reason,
	}}, nil
}

// Impose makes an enacted quarantine of an operator count.
func (c *Core) Impose(i adapters.Imposition) {
	c.ordering++
	c.quarantine(i.Quarantine)
}
