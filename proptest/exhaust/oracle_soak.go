package exhaust

import (
	"github.com/rollmend/rollmend/reducer"
	"github.com/rollmend/rollmend/states"
)

// declare makes the declared probes exist; those that have reported keep their
// result.
func (r *record) declare(probes []reducer.Declaration) {
	for _, d := range probes {
		p := r.now.probes[d.Name]
		r.by(declaredExists)
		if p.Status != 0 {
			r.by(declaredKeepsResult)
		}
		p.Name, p.Mode, p.Declared = d.Name, d.Mode, true
		r.now.probes[d.Name] = p
	}
}

// result updates a probe. A declared mode is not lowered by it; a higher one
// counts, so that nothing that gates is waved through.
func (r *record) result(body *reducer.ProbeResult, at states.Time) {
	p := r.now.probes[body.Probe]
	r.by(resultUpdates)
	if p.Declared && body.Mode < p.Mode {
		r.by(modeNotLowered)
	} else {
		p.Mode = body.Mode
	}
	if r.gap {
		r.by(resultSinceGap)
	}
	p.Name, p.Status, p.At, p.Reason, p.SinceGap = body.Probe, body.Status, at, body.Reason, r.gap
	r.now.probes[body.Probe] = p
}

// converge holds the three invariants against a convergence, and stamps it.
func (r *record) converge(ev *reducer.Event, body *reducer.Converged) reducer.Invariant {
	reported := ev.Origin.By == reducer.ByAgent
	if !same(body.Current, r.target) || !same(r.now.current, r.target) {
		r.by(convergedOffTarget)
		return reducer.NotOnTarget
	}
	converged, ok := r.soak(ev, reported)
	if !ok {
		return reducer.SoakNotOver
	}
	for name, p := range r.now.probes {
		switch {
		case p.Status == states.Pass:
			continue
		case p.Mode != states.Enforce:
			r.by(observeNeverGates)
			continue
		case !reported || !r.gap || p.SinceGap:
			r.by(probeHeld)
			return reducer.EnforcedProbeFailing
		}
		r.by(probeGapAttested)
		p.Status, p.At, p.Reason = states.Pass, ev.At, "" // what was lost in the gap is attested
		r.now.probes[name] = p
	}
	r.now.stamps[states.ConvergedAt] = converged
	return ""
}

// soak decides whether the soak is over, and when the host converged.
func (r *record) soak(ev *reducer.Event, reported bool) (converged stamp, over bool) {
	length := states.Time(r.policy.Soak.Milliseconds())
	activated := r.now.stamps[states.ActivatedAt]
	converged = stamp{ev.At, reported && !ev.Clamped}
	switch {
	case ev.At >= activated.at+length:
		return converged, true
	case reported && !activated.reported:
		r.by(soakAttested)
		if ev.Clamped {
			r.by(cutSoakAttested)
		}
		r.now.stamps[states.ActivatedAt] = stamp{ev.At - length, false}
		return converged, true
	case reported && ev.At < activated.at:
		r.by(otherClock)
		return stamp{activated.at + length, false}, true
	}
	r.by(soakNotOver)
	return stamp{}, false
}
