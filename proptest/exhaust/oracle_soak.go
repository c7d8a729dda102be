package exhaust

import (
	"github.com/rollmend/rollmend/reducer"
	"github.com/rollmend/rollmend/states"
)

// declare makes the declared probes exist; those that have reported keep their
// result.
func (b *belief) declare(probes []reducer.Declaration) {
	for _, d := range probes {
		p := b.probes[d.Name]
		p.Name, p.Mode, p.Declared = d.Name, d.Mode, true
		b.probes[d.Name] = p
	}
}

// result updates a probe. A declared mode is not lowered by it.
func (b *belief) result(body *reducer.ProbeResult, at states.Time, gap bool) {
	p, known := b.probes[body.Probe]
	p.Name = body.Probe
	if !known || !p.Declared || body.Mode > p.Mode {
		p.Mode = body.Mode
	}
	p.Status, p.At, p.Reason, p.SinceGap = body.Status, at, body.Reason, gap
	b.probes[body.Probe] = p
}

// converge holds the three invariants against a convergence, and stamps it.
func (r *record) converge(ev *reducer.Event, body *reducer.Converged) reducer.Invariant {
	b := &r.now
	reported := ev.Origin.By == reducer.ByAgent
	if !same(body.Current, r.target) || !same(b.current, r.target) {
		return reducer.NotOnTarget
	}
	soak := states.Time(r.policy.Soak.Milliseconds())
	activated := b.stamps[states.ActivatedAt]
	converged := stamp{ev.At, reported && !ev.Clamped}
	if ev.At < activated.at+soak {
		switch {
		case reported && !activated.reported:
			b.stamps[states.ActivatedAt] = stamp{ev.At - soak, false}
		case reported && !ev.Clamped && ev.At < activated.at:
			converged = stamp{activated.at + soak, false} // another clock stamped it
		default:
			return reducer.SoakNotOver
		}
	}
	for name, p := range b.probes {
		if p.Mode != states.Enforce || p.Status == states.Pass {
			continue
		}
		if !reported || !r.gap || p.SinceGap {
			return reducer.EnforcedProbeFailing
		}
		p.Status, p.At, p.Reason = states.Pass, ev.At, "" // what was lost in the gap is attested
		b.probes[name] = p
	}
	b.stamps[states.ConvergedAt] = converged
	return ""
}
