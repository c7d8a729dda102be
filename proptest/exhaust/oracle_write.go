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
func (r *record) write(ev *reducer.Event) reducer.Invariant {
	reported := ev.Origin.By == reducer.ByAgent
	given := stamp{ev.At, reported && !ev.Clamped}
	b := &r.now
	switch body := ev.Body.(type) {
	case reducer.Opened:
		if unknown(body.Target) {
			return reducer.ClosureTargetRequired
		}
		r.key, r.wave, r.target, r.policy, r.opened = ev.Key, body.Wave, body.Target, body.Policy, ev.At
	case reducer.Dispatched:
		if r.dispatched == 0 {
			r.dispatched = ev.At
		}
	case reducer.DispatchAck:
		b.stamps[states.AckedAt] = given
		if !unknown(body.AtDispatch) {
			b.atDispatch, b.current = body.AtDispatch, body.AtDispatch
		}
	case reducer.ActivationStarted:
		b.once(states.StartedAt, given)
	case reducer.ActivationCompleted:
		if !same(body.Observed, r.target) {
			return reducer.NotOnTarget
		}
		b.stamps[states.ActivatedAt] = given
		b.current = body.Observed
		clear(b.probes)
		delete(b.stamps, states.FirstProbeAt)
		delete(b.stamps, states.FirstProbeFailureAt)
		r.gap = r.gap && !reported
	case reducer.ActivationDeferred:
		b.stamps[states.DeferredAt] = given
		b.deferredOrder = readOrder(ev.Order)
	case reducer.ActivationFailed:
		b.stamps[states.ActivationFailedAt], b.stamps[states.FailedAt] = given, given
		b.applied = r.policy.OnFailure
	case reducer.ProbeObservedFirst:
		b.once(states.FirstProbeAt, given)
	case reducer.ProbeFailureFirst:
		b.once(states.FirstProbeFailureAt, given)
	case reducer.Failed:
		b.stamps[states.FailedAt] = given
		b.applied = r.policy.OnFailure
		if body.PolicyApplied != 0 {
			b.applied = body.PolicyApplied
		}
	case reducer.RollbackComplete:
		if unknown(body.RevertedTo) {
			return reducer.RevertedToUnknown
		}
		if same(body.RevertedTo, r.target) {
			return reducer.RevertedToTarget
		}
		b.stamps[states.RevertedAt] = given
		b.current, b.revertedTo = body.RevertedTo, body.RevertedTo
	case reducer.ProbeTopologyDeclared:
		b.declare(body.Probes)
	case reducer.ProbeResult:
		b.result(&body, ev.At, r.gap)
	case reducer.Converged:
		if broken := r.converge(ev, &body); broken != "" {
			return broken
		}
	}
	r.move(ev, given)
	return ""
}

// move takes the record to where its event leads. What stays where it is, and
// the opening, is no transition.
func (r *record) move(ev *reducer.Event, given stamp) {
	to := legal[r.now.state][ev.Body.Kind()]
	if to == r.now.state {
		return
	}
	opening := r.now.state == 0
	r.now.state = to
	if opening {
		return
	}
	r.now.lastOrder = readOrder(ev.Order)
	if ev.Origin.By == reducer.BySynthesis {
		// What is stamped ahead of its observation is known from that on.
		seen := max(ev.Origin.From.At, r.now.stamps[states.LastTransitionAt].at)
		given.at = min(given.at, seen)
		r.now.lastOrder = readOrder(ev.Origin.From.Order)
	}
	r.now.stamps[states.LastTransitionAt] = given
}

func (b *belief) once(which states.Stamp, given stamp) {
	if _, ok := b.stamps[which]; !ok {
		b.stamps[which] = given
	}
}
