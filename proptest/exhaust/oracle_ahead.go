package exhaust

import (
	"github.com/rollmend/rollmend/reducer"
	"github.com/rollmend/rollmend/states"
	"github.com/rollmend/rollmend/synth"
)

// missing is what lies before a report, by the state that the record is in:
// case 5 of the specification.
func missing(state states.State, kind states.Kind) []states.Kind {
	ack, activated := states.KindDispatchAck, states.KindActivationCompleted
	switch kind {
	case states.KindActivationStarted, states.KindActivationCompleted, states.KindActivationDeferred, states.KindActivationFailed:
		if state == states.Pending {
			return []states.Kind{ack}
		}
	case states.KindProbeTopologyDeclared, states.KindProbeObservedFirst, states.KindProbeResult,
		states.KindProbeFailureFirst, states.KindFailed, states.KindConverged:
		switch state {
		case states.Pending:
			return []states.Kind{ack, activated}
		case states.Activating, states.Deferred:
			return []states.Kind{activated}
		}
	case states.KindRollbackComplete:
		switch state {
		case states.Pending:
			return []states.Kind{ack, states.KindActivationFailed}
		case states.Activating, states.Deferred:
			return []states.Kind{states.KindActivationFailed}
		case states.Soaking:
			return []states.Kind{states.KindFailed}
		}
	}
	return nil
}

// ahead is case 5: a report that is legal only later on the road.
func ahead(r *record, report *reducer.Event) conclusion {
	none := conclusion{reason: synth.InStep}
	if alone := step(r, report); !alone.refusal.illegal {
		return none
	}
	state := r.now.state
	// A guessed end is an end against guesses, not against the agent.
	if r.guesses != nil && (state == states.Converged || state == states.Reverted) {
		below := r.below(len(r.guesses.list) - 1)
		state = below.now.state
	}
	from := states.Observation{At: report.At, Order: report.Order, Current: shows(report), Seq: report.Seq}
	out := conclusion{reason: synth.Missed, why: states.ReportAhead}
	rec := *r
	for _, kind := range missing(state, report.Body.Kind()) {
		ev := synthesised(&rec, kind, states.ReportAhead, from, report.At)
		got := step(&rec, &ev)
		if got.refusal != (refusal{}) {
			return none
		}
		rec = got.record
		out.events = append(out.events, ev)
	}
	// A report that would be refused all the same has no prefix.
	if len(out.events) == 0 || step(&rec, report).disposition == reducer.Refused {
		return none
	}
	return out
}

// shows is the closure that a report says the host runs.
func shows(report *reducer.Event) states.Closure {
	switch body := report.Body.(type) {
	case reducer.DispatchAck:
		return body.AtDispatch
	case reducer.ActivationCompleted:
		return body.Observed
	case reducer.RollbackComplete:
		return body.RevertedTo
	case reducer.Converged:
		return body.Current
	}
	return ""
}
