package codec

import (
	"time"

	"github.com/rollmend/rollmend/reducer"
	"github.com/rollmend/rollmend/states"
)

// body writes what an event says; its kind was written before. It reports
// whether it knows the body's type: no body at all is fine.
func (w *writer) body(body reducer.Body) bool {
	switch b := body.(type) {
	case nil, reducer.Dispatched:
	case reducer.Opened:
		w.opened(&b)
	case reducer.DispatchAck:
		w.string(string(b.AtDispatch))
	case reducer.ActivationStarted:
		w.string(b.Method)
	case reducer.ActivationCompleted:
		w.string(string(b.Observed))
		w.int(int64(b.ExitCode))
	case reducer.ActivationDeferred:
		w.string(b.Component)
	case reducer.ActivationFailed:
		w.int(int64(b.ExitCode))
		w.string(b.StderrTail)
	case reducer.ProbeTopologyDeclared:
		w.declarations(b.Probes)
	case reducer.ProbeObservedFirst:
		w.string(b.Probe)
		w.byte(byte(b.Mode))
	case reducer.ProbeResult:
		w.result(&b)
	case reducer.ProbeFailureFirst:
		w.string(b.Probe)
		w.byte(byte(b.Mode))
	case reducer.Failed:
		w.int(int64(b.Duration))
		w.byte(byte(b.PolicyApplied))
		w.strings(b.Failing)
	case reducer.RollbackComplete:
		w.string(string(b.RevertedTo))
		w.int(int64(b.ExitCode))
	case reducer.Converged:
		w.string(string(b.Current))
	default:
		return false
	}
	return true
}

func (r *reader) body(kind states.Kind) reducer.Body {
	switch kind {
	case states.KindOpened:
		return r.opened()
	case states.KindDispatched:
		return reducer.Dispatched{}
	case states.KindDispatchAck:
		return reducer.DispatchAck{AtDispatch: states.Closure(r.string())}
	case states.KindActivationStarted:
		return reducer.ActivationStarted{Method: r.string()}
	case states.KindActivationCompleted:
		return reducer.ActivationCompleted{Observed: states.Closure(r.string()), ExitCode: int(r.int())}
	case states.KindActivationDeferred:
		return reducer.ActivationDeferred{Component: r.string()}
	case states.KindActivationFailed:
		return reducer.ActivationFailed{ExitCode: int(r.int()), StderrTail: r.string()}
	case states.KindProbeTopologyDeclared:
		return reducer.ProbeTopologyDeclared{Probes: r.declarations()}
	case states.KindProbeObservedFirst:
		return reducer.ProbeObservedFirst{Probe: r.string(), Mode: enum[states.Mode](r)}
	case states.KindProbeResult:
		return r.result()
	case states.KindProbeFailureFirst:
		return reducer.ProbeFailureFirst{Probe: r.string(), Mode: enum[states.Mode](r)}
	case states.KindFailed:
		return reducer.Failed{
			Duration:      time.Duration(r.int()),
			PolicyApplied: enum[states.OnFailure](r),
			Failing:       r.strings(),
		}
	case states.KindRollbackComplete:
		return reducer.RollbackComplete{RevertedTo: states.Closure(r.string()), ExitCode: int(r.int())}
	case states.KindConverged:
		return reducer.Converged{Current: states.Closure(r.string())}
	}
	return nil
}

func (w *writer) opened(o *reducer.Opened) {
	w.int(int64(o.Wave))
	w.string(string(o.Target))
	w.policy(o.Policy)
}

func (r *reader) opened() reducer.Opened {
	return reducer.Opened{Wave: states.Wave(r.int()), Target: states.Closure(r.string()), Policy: r.policy()}
}

func (w *writer) strings(list []string) {
	w.uint(uint64(len(list)))
	for _, s := range list {
		w.string(s)
	}
}

func (r *reader) strings() []string {
	n := r.count(1)
	if n == 0 {
		return nil
	}
	list := make([]string, n)
	for i := range list {
		list[i] = r.string()
	}
	return list
}

// minDeclaration is the least that a declaration takes: a byte a part.
const minDeclaration = 3

func (w *writer) declarations(list []reducer.Declaration) {
	w.uint(uint64(len(list)))
	for _, d := range list {
		w.string(d.Name)
		w.string(d.Kind)
		w.byte(byte(d.Mode))
	}
}

func (r *reader) declarations() []reducer.Declaration {
	n := r.count(minDeclaration)
	if n == 0 {
		return nil
	}
	list := make([]reducer.Declaration, n)
	for i := range list {
		list[i] = reducer.Declaration{Name: r.string(), Kind: r.string(), Mode: enum[states.Mode](r)}
	}
	return list
}

// minSubResult is the least that a sub-result takes: a byte a part.
const minSubResult = 6

func (w *writer) result(b *reducer.ProbeResult) {
	w.string(b.Probe)
	w.byte(byte(b.Mode))
	w.byte(byte(b.Status))
	w.string(b.Reason)
	w.uint(uint64(len(b.Sub)))
	for i := range b.Sub {
		s := &b.Sub[i]
		w.string(s.ControlID)
		w.byte(byte(s.Status))
		w.string(s.Framework)
		w.string(s.Article)
		w.byte(byte(s.EffectiveMode))
		w.string(s.OverrideReason)
	}
}

func (r *reader) result() reducer.ProbeResult {
	b := reducer.ProbeResult{
		Probe:  r.string(),
		Mode:   enum[states.Mode](r),
		Status: enum[states.Status](r),
		Reason: r.string(),
	}
	if n := r.count(minSubResult); n > 0 {
		b.Sub = make([]reducer.SubResult, n)
		for i := range b.Sub {
			b.Sub[i] = reducer.SubResult{
				ControlID:      r.string(),
				Status:         enum[states.Status](r),
				Framework:      r.string(),
				Article:        r.string(),
				EffectiveMode:  enum[states.Mode](r),
				OverrideReason: r.string(),
			}
		}
	}
	return b
}
