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

// prefixRules are the rules of case 5, by the event that is missing.
var prefixRules = map[states.Kind]rule{
	states.KindDispatchAck:         prefixAck,
	states.KindActivationCompleted: prefixActivated,
	states.KindActivationFailed:    prefixActivationFailed,
	states.KindFailed:              prefixFailed,
}

// ahead is case 5: a report that is legal only later on the road.
func ahead(r *record, report *reducer.Event) conclusion {
	none := conclusion{reason: synth.InStep}
	quiet := *r // a step leaves the record as it is
	quiet.used = nil
	if alone := step(&quiet, report); !alone.refusal.illegal {
		r.by(noPrefix)
		return none
	}
	state := r.now.state
	if r.guesses != nil && (state == states.Converged || state == states.Reverted) {
		r.by(roadBeforeGuessedEnd)
		below := r.below(len(r.guesses.list) - 1)
		state = below.now.state
	}
	kinds := missing(state, report.Body.Kind())
	if len(kinds) == 0 {
		r.by(noPrefix)
		return none
	}
	from := states.Observation{At: report.At, Order: report.Order, Current: shows(report), Seq: report.Seq}
	out := conclusion{reason: synth.Missed, why: states.ReportAhead}
	for _, kind := range kinds {
		ev := synthesised(r, kind, states.ReportAhead, from, report.At)
		got := step(&quiet, &ev)
		quiet = got.record
		out.events = append(out.events, ev)
		if got.refusal != (refusal{}) {
			r.by(refusedAllTheSame)
			return none
		}
	}
	if step(&quiet, report).disposition == reducer.Refused {
		r.by(refusedAllTheSame)
		return none
	}
	r.by(prefixStamped)
	r.by(prefixNamesReport)
	for _, kind := range kinds {
		r.by(prefixRules[kind])
	}
	return out
}

// shows is the closure that a report says the host runs.
func shows(report *reducer.Event) states.Closure {
	switch body := report.Body.(type) {
	case reducer.ActivationCompleted:
		return body.Observed
	case reducer.RollbackComplete:
		return body.RevertedTo
	case reducer.Converged:
		return body.Current
	}
	return ""
}
