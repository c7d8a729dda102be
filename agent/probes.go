package agent

import (
	"slices"

	"github.com/rollmend/rollmend/reducer"
	"github.com/rollmend/rollmend/states"
)

// MaxProbeChanges is how many results of probes are reported during one soak.
// A probe that flaps while the control plane is away would otherwise fill the
// journal; beyond the bound only the last results are told, at the end of the
// soak.
const MaxProbeChanges = 256

// looks reports whether the probes are run now and then: not while the host
// is between two closures.
func (m *Machine) looks() bool { return m.doing == idle && m.current.Known() }

// look runs the probes where it is time to.
func (t *turn) look() {
	if !t.m.looks() || t.now < t.m.nextProbes {
		return
	}
	t.m.nextProbes = t.now.Add(t.m.cfg.ProbeEvery)
	t.outward = append(t.outward, RunProbes{Closure: t.m.current})
}

// enter takes the declaration, and reports it where the soak has not heard it.
func (in ProbesDeclared) enter(t *turn) {
	if !in.Closure.Is(t.m.current) {
		return
	}
	t.m.probes = declare(t.m.probes, in.Probes)
	w := t.soaking()
	if w == nil || w.told.declared && slices.Equal(w.told.topology, in.Probes) {
		return
	}
	t.report(w, reducer.ProbeTopologyDeclared{Probes: slices.Clone(in.Probes)})
}

// declare returns the probes as they are once these were declared: results
// stay, and what was declared before and is not any more goes.
func declare(probes states.Probes, declared []reducer.Declaration) states.Probes {
	var out states.Probes
	for _, p := range probes {
		if !p.Declared {
			out = out.With(p)
		}
	}
	for _, d := range declared {
		p, _ := probes.Find(d.Name)
		p.Name, p.Mode, p.Declared = d.Name, d.Mode, true
		out = out.With(p)
	}
	return out
}

// enter takes a result. Its time is the first at which the probe gave this
// result, so that a failure's age is that of its report.
func (in ProbeReported) enter(t *turn) {
	if !in.Closure.Is(t.m.current) || in.Status != states.Pass && in.Status != states.Fail {
		return
	}
	p, _ := t.m.probes.Find(in.Name)
	p.Name, p.Mode = in.Name, max(p.Mode, in.Mode)
	if p.Mode != states.Observe && p.Mode != states.Enforce {
		return
	}
	if p.Status != in.Status {
		p.Status, p.At = in.Status, t.now
	}
	p.Reason = in.Reason
	t.m.probes = t.m.probes.With(p)
	w := t.soaking()
	if w == nil {
		return
	}
	if !w.told.observed {
		t.report(w, reducer.ProbeObservedFirst{Probe: p.Name, Mode: p.Mode})
	}
	if p.Status == states.Fail && !w.told.failed {
		t.report(w, reducer.ProbeFailureFirst{Probe: p.Name, Mode: p.Mode})
	}
	if w.told.changes < MaxProbeChanges {
		t.tell(w, p, in.Sub)
	}
}

// soaking returns the held work where its soak runs, on its target.
func (t *turn) soaking() *work {
	w := t.m.held()
	if w == nil || w.state != states.Soaking || !w.Target.Is(t.m.current) {
		return nil
	}
	return w
}

// tell reports a result where it is another one than was last told.
func (t *turn) tell(w *work, p states.Probe, sub []reducer.SubResult) {
	said, _ := w.told.results.Find(p.Name)
	if p.Status == 0 || p.Status == said.Status {
		return
	}
	t.report(w, reducer.ProbeResult{Probe: p.Name, Mode: p.Mode, Status: p.Status, Reason: p.Reason, Sub: slices.Clone(sub)})
}

// tellUnsaid reports the results that the bound kept back, so that the end of
// a soak never rests on what the control plane has not heard.
func (t *turn) tellUnsaid(w *work) {
	for _, p := range t.m.probes {
		t.tell(w, p, nil)
	}
}

// notAfter returns probes none of whose results is from the future, as it is
// where the clock was set back: a failure that goes on goes on from now.
func notAfter(probes states.Probes, now states.Time) states.Probes {
	return probes.Map(func(p states.Probe) states.Probe { p.At = min(p.At, now); return p })
}
