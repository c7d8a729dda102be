package reducer

import (
	"fmt"

	"github.com/rollmend/rollmend/states"
)

var failedRows = []Row{
	{states.Failed, states.KindRollbackComplete, states.Reverted, false, "reverted; current := reverted-to; the target is quarantined on the channel"},
}

func writeRollbackComplete(rec *states.Record, ev *Event, b RollbackComplete) error {
	to := b.RevertedTo
	switch {
	case !to.Known():
		return &InvariantError{
			Key: rec.Key, Kind: ev.Kind(), Invariant: RevertedToUnknown,
			Detail: "it does not say what the host went back to",
		}
	case to.Is(rec.Target):
		return &InvariantError{
			Key: rec.Key, Kind: ev.Kind(), Invariant: RevertedToTarget,
			Detail: fmt.Sprintf("%s is what was rolled out", to),
		}
	}
	rec.Set(states.RevertedAt, ev.At, ev.definite())
	rec.Current, rec.RevertedTo = to, to
	return nil
}

// quarantine describes why a closure is kept off its channel from now on.
func quarantine(rec *states.Record, ev *Event) Quarantine {
	return Quarantine{
		Channel: rec.Rollout.Channel,
		Closure: rec.Target,
		Since:   ev.At,
		Why:     whyBad(rec),
		Rollout: rec.Rollout,
		Host:    rec.Host,
	}
}

// whyBad says in one line what went wrong on the host. It is put together in
// one piece, which is the one allocation of its step.
func whyBad(rec *states.Record) string {
	buf := make([]byte, 0, 128)
	if rec.At(states.ActivationFailedAt).IsSet() {
		buf = append(buf, "the activation failed"...)
	} else {
		buf = appendFailing(append(buf, "probes failed"...), rec.Probes)
	}
	buf = append(append(append(buf, "; "...), rec.Host...), " went back to "...)
	return string(append(buf, rec.RevertedTo...))
}

func appendFailing(buf []byte, probes states.Probes) []byte {
	sep := ": "
	for _, p := range probes {
		if p.Mode == states.Enforce && p.Status == states.Fail {
			buf = append(append(buf, sep...), p.Name...)
			sep = ", "
		}
	}
	return buf
}
