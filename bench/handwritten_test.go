package bench_test

import (
	"errors"

	"github.com/rollmend/rollmend/reducer"
	"github.com/rollmend/rollmend/states"
)

var (
	errOtherRecord = errors.New("the event is of another record")
	errIllegal     = errors.New("the event is illegal in the record's state")
	errRefused     = errors.New("an invariant does not hold")
)

// byHand is what one would write without a library: the transitions of the
// trace as a switch, with the same record and the same effects. It knows
// nothing of late truth, of synthesised events and of gaps, and it has no table
// to draw or to test.
func byHand(rec states.Record, ev reducer.Event) (out reducer.Outcome, err error) {
	switch {
	case ev.Key != rec.Key:
		return reducer.Outcome{Disposition: reducer.Refused, Record: rec}, errOtherRecord
	case ev.Seq <= rec.LastSeq:
		return reducer.Outcome{Disposition: reducer.Duplicate, Record: rec}, nil
	}
	out.Record = rec
	next := &out.Record
	next.LastSeq = ev.Seq
	next.Revision++
	switch body := ev.Body.(type) {
	case reducer.DispatchAck:
		if rec.State != states.Pending {
			return refuse(rec, ev, errIllegal)
		}
		next.Set(states.AckedAt, ev.At, true)
		next.AtDispatch, next.Current = body.AtDispatch, body.AtDispatch
		next.State = states.Activating
	case reducer.ActivationCompleted:
		if rec.State != states.Activating && rec.State != states.Deferred {
			return refuse(rec, ev, errIllegal)
		}
		if !body.Observed.Is(rec.Target) {
			return refuse(rec, ev, errRefused)
		}
		next.Set(states.ActivatedAt, ev.At, true)
		next.Current = body.Observed
		next.Probes = nil
		next.Clear(states.FirstProbeAt)
		next.Clear(states.FirstProbeFailureAt)
		next.State = states.Soaking
	case reducer.ActivationDeferred:
		if rec.State != states.Activating {
			return refuse(rec, ev, errIllegal)
		}
		next.Set(states.DeferredAt, ev.At, true)
		next.DeferredOrder = ev.Order
		next.State = states.Deferred
	case reducer.ActivationFailed:
		if rec.State != states.Activating && rec.State != states.Deferred {
			return refuse(rec, ev, errIllegal)
		}
		next.Set(states.ActivationFailedAt, ev.At, true)
		next.Set(states.FailedAt, ev.At, true)
		next.PolicyApplied = rec.Policy.OnFailure
		next.State = states.Failed
	case reducer.Failed:
		if rec.State != states.Soaking {
			return refuse(rec, ev, errIllegal)
		}
		next.Set(states.FailedAt, ev.At, true)
		next.PolicyApplied = body.PolicyApplied
		next.State = states.Failed
	case reducer.RollbackComplete:
		if rec.State != states.Failed {
			return refuse(rec, ev, errIllegal)
		}
		if !body.RevertedTo.Known() || body.RevertedTo.Is(rec.Target) {
			return refuse(rec, ev, errRefused)
		}
		next.Set(states.RevertedAt, ev.At, true)
		next.Current, next.RevertedTo = body.RevertedTo, body.RevertedTo
		next.State = states.Reverted
		out.Effects.Quarantine = reducer.Quarantine{
			Channel: rec.Rollout.Channel, Closure: rec.Target, Since: ev.At,
			Why:     "probes failed; " + string(rec.Host) + " went back to " + string(body.RevertedTo),
			Rollout: rec.Rollout, Host: rec.Host,
		}
	case reducer.Converged:
		if rec.State != states.Soaking {
			return refuse(rec, ev, errIllegal)
		}
		if !body.Current.Is(rec.Target) || !rec.Current.Is(rec.Target) || ev.At < rec.SoakDue() || !allPass(rec.Probes) {
			return refuse(rec, ev, errRefused)
		}
		next.Set(states.ConvergedAt, ev.At, true)
		next.State = states.Converged
	default:
		return refuse(rec, ev, errIllegal)
	}
	next.Set(states.LastTransitionAt, ev.At, true)
	next.LastOrder = ev.Order
	out.Disposition = reducer.Applied
	out.Effects.Entry = reducer.LogEntry{Revision: next.Revision, Disposition: reducer.Applied, Event: ev}
	out.Effects.Transition = reducer.Transition{From: rec.State, To: next.State, At: ev.At}
	return out, nil
}

// refuse consumes the report's number and logs it, and changes nothing else.
func refuse(rec states.Record, ev reducer.Event, why error) (reducer.Outcome, error) {
	rec.LastSeq = ev.Seq
	rec.Revision++
	entry := reducer.LogEntry{Revision: rec.Revision, Disposition: reducer.Refused, Reason: why.Error(), Event: ev}
	return reducer.Outcome{Disposition: reducer.Refused, Record: rec, Effects: reducer.Effects{Entry: entry}}, why
}

func allPass(probes states.Probes) bool {
	for i := range probes {
		if !probes[i].Passes() {
			return false
		}
	}
	return true
}
