package reducer

import (
	"fmt"

	"github.com/rollmend/rollmend/states"
)

var soakingRows = []Row{
	{states.Soaking, states.KindProbeTopologyDeclared, states.Soaking, false, "the declared probes exist; their mode counts"},
	{states.Soaking, states.KindProbeObservedFirst, states.Soaking, false, "stamps first probe, once"},
	{states.Soaking, states.KindProbeResult, states.Soaking, false, "updates the probe"},
	{states.Soaking, states.KindProbeFailureFirst, states.Soaking, false, "stamps first probe failure, once"},
	{states.Soaking, states.KindFailed, states.Failed, false, "failed; policy applied := what the agent says, else the record's own"},
	{states.Soaking, states.KindConverged, states.Converged, false, "converged, if the three invariants hold"},
}

func writeTopology(rec *states.Record, b ProbeTopologyDeclared) {
	for _, d := range b.Probes {
		p, _ := rec.Probes.Find(d.Name)
		p.Name, p.Mode, p.Declared = d.Name, d.Mode, true
		rec.Probes = rec.Probes.With(p)
	}
}

func writeProbeResult(rec *states.Record, ev *Event, b ProbeResult) {
	p, _ := rec.Probes.Find(b.Probe)
	p.Name = b.Probe
	if !p.Declared {
		p.Mode = 0 // what results said before does not bind
	}
	p.Mode = max(p.Mode, b.Mode)
	p.Status, p.At, p.Reason = b.Status, ev.At, b.Reason
	p.SinceGap = rec.Gap
	rec.Probes = rec.Probes.With(p)
}

func stampOnce(rec *states.Record, which states.Stamp, ev *Event) {
	if !rec.At(which).IsSet() {
		rec.Set(which, ev.At, ev.definite())
	}
}

func writeFailed(rec *states.Record, ev *Event, b Failed) {
	rec.Set(states.FailedAt, ev.At, ev.definite())
	rec.PolicyApplied = b.PolicyApplied
	if rec.PolicyApplied == 0 {
		rec.PolicyApplied = rec.Policy.OnFailure
	}
}

func writeConverged(rec *states.Record, ev *Event, b Converged) error {
	refuse := func(which Invariant, detail string) error {
		return &InvariantError{Key: rec.Key, Kind: ev.Kind(), Invariant: which, Detail: detail}
	}
	said := b.Current
	if !said.Is(rec.Target) || !rec.Current.Is(rec.Target) {
		return refuse(NotOnTarget, fmt.Sprintf("the host runs %s (the record says %s), the target is %s", said, rec.Current, rec.Target))
	}
	activated, at, ok := attestSoak(rec, ev)
	if !ok {
		return refuse(SoakNotOver, fmt.Sprintf("at %s, the soak ends at %s", ev.At, rec.SoakDue()))
	}
	probes, failing := attestProbes(rec, ev)
	if failing != "" {
		return refuse(EnforcedProbeFailing, fmt.Sprintf("probe %q has not passed", failing))
	}
	rec.Set(states.ActivatedAt, activated, rec.Reported(states.ActivatedAt))
	rec.Set(states.ConvergedAt, at, ev.definite() && at == ev.At)
	rec.Probes = probes
	return nil
}

// attestSoak decides whether the soak is over, and gives the stamps of the
// activation and the convergence that follow from it. Where no report gave the
// activation's stamp, the agent's own Converged is the better witness, also one
// whose time was cut: an agent whose clock is steadily ahead has truly soaked.
// Where one did, a cut time is held against it like any other.
func attestSoak(rec *states.Record, ev *Event) (activated, at states.Time, ok bool) {
	activated = rec.At(states.ActivatedAt)
	switch {
	case ev.Reported() && !rec.Reported(states.ActivatedAt):
		return min(activated, ev.At.Add(-rec.Policy.Soak)), ev.At, true
	case ev.Reported() && ev.At < activated:
		// Another clock stamped it, or cut it: it follows the activation in number.
		return activated, rec.SoakDue(), true
	}
	return activated, ev.At, ev.At >= rec.SoakDue()
}

// attestProbes returns the probes as a convergence leaves them, or the name of
// one that stands against it. After an accepted gap the agent's own Converged
// speaks for the enforced probes whose reports may be what is missing.
func attestProbes(rec *states.Record, ev *Event) (probes states.Probes, failing string) {
	probes = rec.Probes
	for _, p := range rec.Probes {
		if p.Passes() {
			continue
		}
		if !ev.Reported() || !rec.Gap || p.SinceGap {
			return nil, p.Name
		}
		p.Status, p.At, p.Reason = states.Pass, ev.At, ""
		probes = probes.With(p)
	}
	return probes, ""
}
