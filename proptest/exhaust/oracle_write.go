package exhaust

import (
	"github.com/rollmend/rollmend/reducer"
	"github.com/rollmend/rollmend/states"
)

// legal says where each event leads: the table of section 4. A state that an
// event stays in leads to itself.
var legal = map[states.State]map[states.Kind]states.State{
	0: {states.KindOpened: states.Pending},
	states.Pending: {
		states.KindDispatched:  states.Pending,
		states.KindDispatchAck: states.Activating,
	},
	states.Activating: {
		states.KindActivationStarted:   states.Activating,
		states.KindActivationCompleted: states.Soaking,
		states.KindActivationDeferred:  states.Deferred,
		states.KindActivationFailed:    states.Failed,
	},
	states.Deferred: {
		states.KindActivationCompleted: states.Soaking,
		states.KindActivationFailed:    states.Failed,
	},
	states.Soaking: {
		states.KindProbeTopologyDeclared: states.Soaking,
		states.KindProbeObservedFirst:    states.Soaking,
		states.KindProbeResult:           states.Soaking,
		states.KindProbeFailureFirst:     states.Soaking,
		states.KindFailed:                states.Failed,
		states.KindConverged:             states.Converged,
	},
	states.Failed: {states.KindRollbackComplete: states.Reverted},
}

// write puts a legal event on top of what the record believes now. The answer
// is the invariant that it breaks, empty where it breaks none; then the record
// is not to be used.
func (r *record) write(ev *reducer.Event) (broken reducer.Invariant) {
	given := r.given(ev)
	switch body := ev.Body.(type) {
	case reducer.Opened:
		broken = r.open(ev, &body)
	case reducer.Dispatched:
		if r.dispatched == 0 {
			r.by(dispatchedStamp)
			r.dispatched = ev.At
		} else {
			r.by(dispatchedOnce)
		}
	case reducer.DispatchAck:
		r.acknowledge(&body, given)
	case reducer.ActivationStarted:
		r.by(startedStamp)
		r.now.stamps[states.StartedAt] = given
	case reducer.ActivationCompleted:
		broken = r.activate(ev, &body, given)
	case reducer.ActivationDeferred:
		r.by(deferredOrderKept)
		r.now.stamps[states.DeferredAt] = given
		r.now.deferredOrder = readOrder(ev.Order)
	case reducer.ActivationFailed:
		r.by(activationFailedStamps)
		r.now.stamps[states.ActivationFailedAt], r.now.stamps[states.FailedAt] = given, given
		r.apply(0)
	case reducer.ProbeObservedFirst:
		r.once(firstProbeOnce, states.FirstProbeAt, given)
	case reducer.ProbeFailureFirst:
		r.once(firstFailureOnce, states.FirstProbeFailureAt, given)
	case reducer.Failed:
		r.by(failedStamp)
		r.now.stamps[states.FailedAt] = given
		r.apply(body.PolicyApplied)
	case reducer.RollbackComplete:
		broken = r.revert(&body, given)
	case reducer.ProbeTopologyDeclared:
		r.declare(body.Probes)
	case reducer.ProbeResult:
		r.result(&body, ev.At)
	case reducer.Converged:
		broken = r.converge(ev, &body)
	}
	if broken == "" {
		r.move(ev, given)
	}
	return broken
}

// given is the event's time as a stamp.
func (r *record) given(ev *reducer.Event) stamp {
	reported := ev.Origin.By == reducer.ByAgent
	switch {
	case reported && ev.Clamped:
		r.by(stampCut)
	case reported:
		r.by(stampReported)
	case ev.Origin.By == reducer.BySynthesis:
		r.by(stampGuessed)
	}
	return stamp{ev.At, reported && !ev.Clamped}
}

func (r *record) open(ev *reducer.Event, body *reducer.Opened) reducer.Invariant {
	if unknown(body.Target) {
		r.by(openingTarget)
		return reducer.ClosureTargetRequired
	}
	r.by(openingWrites)
	r.key, r.wave, r.target, r.policy, r.opened = ev.Key, body.Wave, body.Target, body.Policy, ev.At
	return ""
}

func (r *record) acknowledge(body *reducer.DispatchAck, given stamp) {
	r.now.stamps[states.AckedAt] = given
	if unknown(body.AtDispatch) {
		r.by(ackUnknown)
		return
	}
	r.by(ackKnown)
	r.now.atDispatch, r.now.current = body.AtDispatch, body.AtDispatch
}

func (r *record) activate(ev *reducer.Event, body *reducer.ActivationCompleted, given stamp) reducer.Invariant {
	if !same(body.Observed, r.target) {
		r.by(activatedOffTarget)
		return reducer.NotOnTarget
	}
	r.by(activatedCurrent)
	r.by(activatedClears)
	r.now.stamps[states.ActivatedAt] = given
	r.now.current = body.Observed
	clear(r.now.probes)
	delete(r.now.stamps, states.FirstProbeAt)
	delete(r.now.stamps, states.FirstProbeFailureAt)
	if r.gap && ev.Origin.By == reducer.ByAgent {
		r.by(activationEndsGap)
		r.gap = false
	}
	return ""
}

// apply notes which failure policy the agent went by.
func (r *record) apply(said states.OnFailure) {
	if said == 0 {
		r.by(policyOwn)
		r.now.applied = r.policy.OnFailure
		return
	}
	r.by(policySaid)
	r.now.applied = said
}

func (r *record) revert(body *reducer.RollbackComplete, given stamp) reducer.Invariant {
	switch {
	case unknown(body.RevertedTo):
		r.by(revertedUnknown)
		return reducer.RevertedToUnknown
	case same(body.RevertedTo, r.target):
		r.by(revertedTarget)
		return reducer.RevertedToTarget
	}
	r.by(revertedWrites)
	r.now.stamps[states.RevertedAt] = given
	r.now.current, r.now.revertedTo = body.RevertedTo, body.RevertedTo
	return ""
}

// move takes the record to where its event leads. What stays where it is, and
// the opening, is no transition.
func (r *record) move(ev *reducer.Event, given stamp) {
	from, to := r.now.state, legal[r.now.state][ev.Body.Kind()]
	r.now.state = to
	if to == from || from == 0 {
		return
	}
	if ev.Origin.By != reducer.BySynthesis {
		r.by(lastTransition)
		r.now.lastOrder = readOrder(ev.Order)
		r.now.stamps[states.LastTransitionAt] = given
		return
	}
	r.by(guessedTransition)
	r.now.lastOrder = readOrder(ev.Origin.From.Order)
	if seen := max(ev.Origin.From.At, r.now.stamps[states.LastTransitionAt].at); given.at > seen {
		r.by(transitionNotAhead)
		given.at = seen
	}
	r.now.stamps[states.LastTransitionAt] = given
}

func (r *record) once(by rule, which states.Stamp, given stamp) {
	r.by(by)
	if _, ok := r.now.stamps[which]; !ok {
		r.now.stamps[which] = given
	}
}
