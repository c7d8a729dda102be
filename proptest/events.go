package proptest

import (
	"slices"
	"time"

	"github.com/rollmend/rollmend/reducer"
	"github.com/rollmend/rollmend/states"
)

// anyEvent draws an event that may or may not be legal for a record: of every
// kind, from anybody, with numbers and times around those of the record.
func anyEvent(d *dice, rec *states.Record, now states.Time) reducer.Event {
	ev := reducer.Event{
		Key:  key,
		At:   now.Add([...]time.Duration{0, 0, -2 * second, -30 * second, 20 * second, 70 * second}[pick(d, "at", 6)]),
		Body: anyBody(d, states.Kind(2+pick(d, "kind", 13))),
	}
	if likely := onward[rec.State]; likely != nil && pick(d, "onward", 2) == 1 {
		ev.Body = anyBody(d, likely[pick(d, "kind", len(likely))])
		if pick(d, "truthful", 3) < 2 {
			ev.Body = truthful(ev.Body)
		}
	}
	switch by := pick(d, "by", 4); {
	case by == 3 && slices.Contains(guessable, ev.Kind()):
		from := states.Observation{At: ev.At, Order: anyOrder(d), Current: anyClosure(d)}
		why := states.AgentRestarted
		if pick(d, "from a report", 2) == 1 {
			why, from.Seq = states.ReportAhead, rec.LastSeq+1
		}
		return reducer.Synthesise(rec, ev.Kind(), why, from, ev.At)
	case !ev.Kind().Agent():
		ev.Origin.By = reducer.ByControlPlane
	default:
		ev.Seq = max(1, rec.LastSeq+[...]states.Seq{1, 1, 1, 0, 2, 3}[pick(d, "number", 6)])
		ev.Order = anyOrder(d)
		ev.Clamped = seldom(d, "cut", 8)
	}
	return ev
}

// guessable is what a chain can hold.
var guessable = []states.Kind{
	states.KindDispatchAck, states.KindActivationCompleted, states.KindActivationFailed,
	states.KindFailed, states.KindRollbackComplete, states.KindConverged,
}

// anyOrder draws a small order, or none.
func anyOrder(d *dice) states.Order {
	boot := uint64(pick(d, "boot", 4))
	if boot == 0 {
		return states.Order{}
	}
	return states.Order{Boot: boot, Beat: uint64(pick(d, "beat", 4))}
}

// anyClosure draws a closure, or that it is not known.
func anyClosure(d *dice) states.Closure {
	return [...]states.Closure{target, old, elsewhere, ""}[pick(d, "closure", 4)]
}

func anyProbe(d *dice) (name string, mode states.Mode) {
	return [...]string{"http", "disk"}[pick(d, "probe", 2)], [...]states.Mode{states.Enforce, states.Observe, states.Disabled}[pick(d, "mode", 3)]
}

// onward is what leads a record on, so that lawless runs get far.
var onward = map[states.State][]states.Kind{
	states.Pending:    {states.KindDispatchAck},
	states.Activating: {states.KindActivationCompleted, states.KindActivationCompleted, states.KindActivationDeferred, states.KindActivationFailed},
	states.Deferred:   {states.KindActivationCompleted, states.KindActivationFailed},
	states.Soaking:    {states.KindConverged, states.KindConverged, states.KindProbeResult, states.KindProbeTopologyDeclared, states.KindFailed},
	states.Failed:     {states.KindRollbackComplete},
	states.Converged:  {states.KindFailed, states.KindRollbackComplete},
}

func anyBody(d *dice, kind states.Kind) reducer.Body {
	name, mode := "", states.Mode(0)
	switch kind {
	case states.KindProbeTopologyDeclared, states.KindProbeObservedFirst, states.KindProbeResult, states.KindProbeFailureFirst:
		name, mode = anyProbe(d)
	}
	switch kind {
	case states.KindDispatched:
		return reducer.Dispatched{}
	case states.KindDispatchAck:
		return reducer.DispatchAck{AtDispatch: anyClosure(d)}
	case states.KindActivationStarted:
		return reducer.ActivationStarted{Method: "switch"}
	case states.KindActivationCompleted:
		return reducer.ActivationCompleted{Observed: anyClosure(d)}
	case states.KindActivationDeferred:
		return reducer.ActivationDeferred{Component: "kernel"}
	case states.KindActivationFailed:
		return reducer.ActivationFailed{ExitCode: 1}
	case states.KindProbeTopologyDeclared:
		return reducer.ProbeTopologyDeclared{Probes: []reducer.Declaration{{Name: name, Mode: mode}}}
	case states.KindProbeObservedFirst:
		return reducer.ProbeObservedFirst{Probe: name, Mode: mode}
	case states.KindProbeResult:
		return reducer.ProbeResult{Probe: name, Mode: mode, Status: states.Status(1 + pick(d, "status", 2))}
	case states.KindProbeFailureFirst:
		return reducer.ProbeFailureFirst{Probe: name, Mode: mode}
	case states.KindFailed:
		return reducer.Failed{PolicyApplied: states.OnFailure(pick(d, "applied", 3))}
	case states.KindRollbackComplete:
		return reducer.RollbackComplete{RevertedTo: anyClosure(d)}
	}
	return reducer.Converged{Current: anyClosure(d)}
}
