package sim

import (
	"github.com/rollmend/rollmend/agent"
	"github.com/rollmend/rollmend/engine"
	"github.com/rollmend/rollmend/states"
)

// heard is what a control plane's process was told by a host.
type heard struct {
	newest   said
	any      bool // a heartbeat that names a closure came in
	answered bool // the process has replied to it
	ready    bool // the agent had a reply of this process
}

// hears takes note of a heartbeat that comes in.
func (p *plane) hears(h *host, s said) {
	k := p.known[h.name]
	if k == nil {
		k = &heard{}
		p.known[h.name] = k
	}
	latest := p.at().Add(skew) // whatever is later is cut
	s.At, k.newest.At = min(s.At, latest), min(k.newest.At, latest)
	if !s.Current.Known() || k.any && older(s, k.newest) {
		return
	}
	k.ready = k.ready || h.truth.hadSince(s.LastReply, p.started) ||
		!s.LastReply.IsSet() && k.answered // that it came in later needs no clock
	k.newest, k.any = s, true
}

// older orders heartbeats as the control plane is to order them.
func older(a, b said) bool {
	if a.Order.Given() && b.Order.Given() {
		return b.Order.After(a.Order)
	}
	return b.At > a.At
}

// answers takes note that a heartbeat of the host is answered.
func (p *plane) answers(h *host, received states.Time) {
	h.truth.replies = append(h.truth.replies, given{received: received, at: p.now})
	if len(h.truth.replies) > beatsKept {
		h.truth.replies = h.truth.replies[1:]
	}
	if k := p.known[h.name]; k != nil {
		k.answered = true
	}
}

// dispatched checks a dispatch that is about to be sent.
func (c *checks) dispatched(p *plane, h *host, d *engine.Dispatch) {
	wrong := func(why string) { p.violate(nobodyDisturbed, "%s is sent %s: %s", h.name, d.Key.Rollout, why) }
	k, decided := p.knew[h.name]
	if now := p.known[h.name]; !decided && now != nil {
		k = *now
	}
	switch {
	case p.loaded < 0 || d.Key.Rollout.Ref != p.plan().Ref:
		wrong("the manifest that counts brings another rollout")
	case !k.any:
		wrong("it has not beaten since this control plane started")
	case k.newest.Current.Is(d.Target):
		wrong("its newest heartbeat says that it runs the target")
	case k.newest.Rollout == d.Key.Rollout:
		wrong("its newest heartbeat says that the agent holds the rollout")
	case k.newest.Queued > 0:
		wrong("its newest heartbeat says that reports wait")
	case !k.ready && len(p.planes) > 1 && p.skewed:
		p.report.Exceptions["replicas whose clocks differ take another's older reply for one since their start"]++
	case !k.ready:
		wrong("the agent has not had a reply of this control plane")
	}
	rec := c.records[d.Key]
	if rec.State != states.Pending || !rec.Dispatched.IsSet() {
		p.violate(nothingMissing, "%s is sent out, and the store does not say so", d.Key)
	}
	if blocks := c.held(p.world, p.plan(), &rec, true); len(blocks) > 0 {
		p.violate(noGatePassed, "%s is dispatched, held by %v", d.Key, blocks)
	}
}

// checkDisturbance checks a switch that is about to begin.
func (h *host) checkDisturbance(to states.Closure) {
	id := h.machine.Held()
	d := h.truth.of(id)
	switch {
	case to.Is(h.runs):
		h.violate(nobodyDisturbed, "%s is switched to %s, which it runs", h.name, to)
	case h.config.Generation == agent.First || d.lost:
		// It does not know what it did before.
	case d.kinds[states.KindRollbackComplete] || d.kinds[states.KindConverged]:
		h.violate(nobodyDisturbed, "%s is switched to %s of %s, with which it was done", h.name, to, id)
	}
}
