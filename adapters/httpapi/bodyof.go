package httpapi

import (
	"time"

	"github.com/rollmend/rollmend/reducer"
)

// bodyOf gives an agent's event its form on the wire; nil where it is none of
// an agent's.
func bodyOf(ev reducer.Event) any {
	h := head{Kind: new(kind(ev.Kind())), Seq: new(uint64(ev.Seq))}
	at := new(instant(ev.At))
	switch b := ev.Body.(type) {
	case reducer.DispatchAck:
		return dispatchAck{head: h, AtDispatch: string(b.AtDispatch), ReceivedAt: at}
	case reducer.ActivationStarted:
		return activationStarted{head: h, StartedAt: at, SwitchMethod: &b.Method}
	case reducer.ActivationCompleted:
		return activationCompleted{head: h, Observed: new(string(b.Observed)), ExitCode: &b.ExitCode, CompletedAt: at}
	case reducer.ActivationDeferred:
		return activationDeferred{head: h, Component: &b.Component, DeferredAt: at}
	case reducer.ActivationFailed:
		return activationFailed{head: h, ExitCode: &b.ExitCode, StderrTail: &b.StderrTail, FailedAt: at}
	case reducer.ProbeTopologyDeclared:
		return probeTopologyDeclared{head: h, Probes: declarationsOf(b.Probes), DeclaredAt: at}
	case reducer.ProbeObservedFirst:
		return probeObservedFirst{head: h, ProbeName: &b.Probe, Mode: new(mode(b.Mode)), ObservedAt: at}
	case reducer.ProbeResult:
		return probeResult{
			head: h, ProbeName: &b.Probe, Mode: new(mode(b.Mode)), Status: new(status(b.Status)), ObservedAt: at,
			FailureReason: b.Reason, SubResults: subResultsOf(b.Sub),
		}
	case reducer.ProbeFailureFirst:
		return probeFailureFirst{head: h, ProbeName: &b.Probe, Mode: new(mode(b.Mode)), FirstFailedAt: at}
	case reducer.Failed:
		return failed{
			head: h, FailedAt: at, DurationSecs: new(uint64(max(0, b.Duration) / time.Second)),
			FailingProbes: &b.Failing, PolicyApplied: new(onFailure(b.PolicyApplied)),
		}
	case reducer.RollbackComplete:
		return rollbackComplete{head: h, RevertedTo: new(string(b.RevertedTo)), ExitCode: &b.ExitCode, CompletedAt: at}
	case reducer.Converged:
		return converged{head: h, ConvergedAt: at, Current: new(string(b.Current))}
	}
	return nil
}

func declarationsOf(probes []reducer.Declaration) *[]declaration {
	out := make([]declaration, len(probes))
	for i, p := range probes {
		out[i] = declaration{ProbeName: new(p.Name), Kind: new(p.Kind), Mode: new(mode(p.Mode))}
	}
	return &out
}

func subResultsOf(sub []reducer.SubResult) []subResult {
	out := make([]subResult, len(sub))
	for i, s := range sub {
		out[i] = subResult{
			ControlID:      new(s.ControlID),
			Status:         new(status(s.Status)),
			Framework:      new(s.Framework),
			Article:        s.Article,
			EffectiveMode:  new(mode(s.EffectiveMode)),
			OverrideReason: s.OverrideReason,
		}
	}
	return out
}
