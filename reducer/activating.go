package reducer

import (
	"fmt"

	"github.com/rollmend/rollmend/states"
)

var activatingRows = []Row{
	{states.Activating, states.KindActivationStarted, states.Activating, true, "stamps activation started, once"},
	{states.Activating, states.KindActivationCompleted, states.Soaking, false, "activated; current := observed; probes cleared"},
	{states.Activating, states.KindActivationDeferred, states.Deferred, false, "deferred; current stays"},
	{states.Activating, states.KindActivationFailed, states.Failed, false, "activation failed and failed; policy applied := the record's own"},
}

func writeActivationStarted(rec *states.Record, ev *Event) {
	rec.Set(states.StartedAt, ev.At, ev.definite())
}

func writeActivationCompleted(rec *states.Record, ev *Event, b ActivationCompleted) error {
	observed := b.Observed
	if !observed.Is(rec.Target) {
		return &InvariantError{
			Key: rec.Key, Kind: ev.Kind(), Invariant: NotOnTarget,
			Detail: fmt.Sprintf("observed %s, the target is %s", observed, rec.Target),
		}
	}
	rec.Set(states.ActivatedAt, ev.At, ev.definite())
	rec.Current = observed
	// The old closure's passes must not satisfy the new one's soak.
	rec.Probes = nil
	rec.Clear(states.FirstProbeAt)
	rec.Clear(states.FirstProbeFailureAt)
	if ev.Reported() {
		// What is missing came before, and was about the old closure.
		rec.Gap = false
	}
	return nil
}

func writeActivationDeferred(rec *states.Record, ev *Event) {
	rec.Set(states.DeferredAt, ev.At, ev.definite())
	rec.DeferredOrder = ev.Order
}

func writeActivationFailed(rec *states.Record, ev *Event) {
	rec.Set(states.ActivationFailedAt, ev.At, ev.definite())
	rec.Set(states.FailedAt, ev.At, ev.definite())
	rec.PolicyApplied = rec.Policy.OnFailure
}
