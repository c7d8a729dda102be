package reducer

import "github.com/rollmend/rollmend/states"

// write lets an event write to a record in which it is legal, and stamps the
// transition where there is one. Arms look before they write: an event that is
// refused has written nothing.
func write(rec *states.Record, r *Row, ev *Event) error {
	if err := writeBody(rec, ev); err != nil {
		return err
	}
	if r.To == rec.State {
		return nil
	}
	from := rec.State
	rec.State = r.To
	if from != 0 {
		stampTransition(rec, ev)
	}
	return nil
}

// writeBody calls what the event's arm writes. It is a switch, not a function
// per row, so that neither record nor event leaves the stack.
func writeBody(rec *states.Record, ev *Event) error {
	switch b := ev.Body.(type) {
	case Opened:
		return writeOpened(rec, ev, b)
	case Dispatched:
		writeDispatched(rec, ev)
	case DispatchAck:
		writeDispatchAck(rec, ev, b)
	case ActivationStarted:
		writeActivationStarted(rec, ev)
	case ActivationCompleted:
		return writeActivationCompleted(rec, ev, b)
	case ActivationDeferred:
		writeActivationDeferred(rec, ev)
	case ActivationFailed:
		writeActivationFailed(rec, ev)
	case ProbeTopologyDeclared:
		writeTopology(rec, b)
	case ProbeObservedFirst:
		stampOnce(rec, states.FirstProbeAt, ev)
	case ProbeResult:
		writeProbeResult(rec, ev, b)
	case ProbeFailureFirst:
		stampOnce(rec, states.FirstProbeFailureAt, ev)
	case Failed:
		writeFailed(rec, ev, b)
	case RollbackComplete:
		return writeRollbackComplete(rec, ev, b)
	case Converged:
		return writeConverged(rec, ev, b)
	}
	return nil
}

// stampTransition keeps when, in the host's own order, the state last changed.
// A convergence that is stamped at the end of a soak still to come is known
// from its observation on, so that a heartbeat in between is not stale.
func stampTransition(rec *states.Record, ev *Event) {
	at, order := ev.At, ev.Order
	if ev.Synthesised() {
		order = ev.Origin.From.Order
		at = min(at, max(ev.Origin.From.At, rec.At(states.LastTransitionAt)))
	}
	rec.Set(states.LastTransitionAt, at, ev.definite())
	rec.LastOrder = order
}
