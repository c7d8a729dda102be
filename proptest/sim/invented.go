package sim

import (
	"slices"

	"github.com/rollmend/rollmend/agent"
	"github.com/rollmend/rollmend/reducer"
	"github.com/rollmend/rollmend/states"
)

// synthesised checks that a derived event is in the host's true history, or is
// one that the specification names.
func (c *checks) synthesised(p *plane, was *states.Record, ev *reducer.Event) {
	h := p.hostNamed(ev.Key.Host)
	d := h.truth.of(ev.Key.Rollout)
	p.report.Synthesised[ev.Origin.Case.String()]++
	if ev.Origin.From.Seq != 0 {
		c.prefix(p, h, d, was, ev)
		return
	}
	beats := h.truth.showed(ev.Origin.From, p.skewed || h.jumped)
	if len(beats) == 0 {
		p.violate(nothingInvented, "%s: %s rests on a heartbeat that %s never sent: %s", ev.Key, ev.Kind(), h.name, ev.Origin.From)
		return
	}
	wrong := func(why string) {
		p.violate(nothingInvented, "%s: %s as %s: %s", ev.Key, ev.Kind(), ev.Origin.Case, why)
	}
	switch ev.Origin.Case {
	case states.HeldByAgent:
		if !slices.ContainsFunc(beats, func(b said) bool { return b.Rollout == ev.Key.Rollout }) {
			wrong("the agent did not hold the rollout")
		}
	case states.RecordsLost:
		c.lost(p, h, d, was, ev, beats, wrong)
		return
	}
	switch ev.Kind() {
	case states.KindActivationCompleted:
		if !slices.Contains(h.truth.has, was.Target) {
			wrong("the host never ran the target")
		}
	case states.KindRollbackComplete:
		if !d.failed() {
			wrong("the host never failed")
		}
	case states.KindConverged:
		wrong("this case knows of no convergence")
	}
}

// prefix checks what is put in front of a report.
func (c *checks) prefix(p *plane, h *host, d *deeds, was *states.Record, ev *reducer.Event) {
	happened := d.kinds[ev.Kind()]
	switch ev.Kind() {
	case states.KindDispatchAck:
		happened = happened || d.taken || h.config.Generation == agent.First
	case states.KindActivationCompleted:
		happened = happened || slices.Contains(h.truth.has, was.Target)
	case states.KindActivationFailed, states.KindFailed:
		happened = d.failed()
	}
	if !happened {
		p.violate(nothingInvented, "%s: %s in front of report %d, and it never happened", ev.Key, ev.Kind(), ev.Origin.From.Seq)
	}
}

// lost checks case 3. It may say that a host acknowledged and activated what
// it never was asked to: it ran the target all along. It may not say that one
// converged that is known to have ended in another way.
func (c *checks) lost(p *plane, h *host, d *deeds, was *states.Record, ev *reducer.Event, beats []said, wrong func(string)) {
	if !slices.ContainsFunc(beats, func(b said) bool { return b.Rollout.IsZero() }) {
		wrong("the agent held a rollout")
	}
	if blocks := c.held(p.world, p.plan(), was, false); len(blocks) > 0 {
		p.violate(noGatePassed, "%s: %s as %s, held by %v", ev.Key, ev.Kind(), ev.Origin.Case, blocks)
	}
	if ev.Kind() != states.KindConverged || d.kinds[states.KindConverged] {
		return
	}
	switch {
	case !d.kinds[states.KindDispatchAck]:
		p.report.Exceptions["the host ran the target without ever being asked to"]++
	case h.config.Generation == agent.First:
		p.report.Exceptions["an agent of the first generation cannot say that it holds a rollout"]++
	case d.lost:
		p.report.Exceptions["the host was installed anew in the midst of it"]++
	case d.kinds[states.KindRollbackComplete]:
		p.report.Exceptions["the host went back to the target after its rollback; its kept reports put it right"]++
	default:
		wrong("the agent works on it")
	}
}
