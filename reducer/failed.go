package reducer

import (
	"fmt"
	"strings"

	"github.com/rollmend/rollmend/states"
)

var failedRows = []row{
	{Row{states.Failed, states.KindRollbackComplete, states.Reverted, false, "reverted; current := reverted-to; the target is quarantined on the channel"}, writeRollbackComplete},
}

func writeRollbackComplete(rec *states.Record, ev Event) error {
	to := ev.Body.(RollbackComplete).RevertedTo
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
func quarantine(rec *states.Record, ev Event) Quarantine {
	why := "the activation failed"
	if !rec.At(states.ActivationFailedAt).IsSet() {
		why = "probes failed"
		if names := failingNames(rec.Probes); names != "" {
			why += ": " + names
		}
	}
	return Quarantine{
		Channel: rec.Rollout.Channel,
		Closure: rec.Target,
		Since:   ev.At,
		Why:     fmt.Sprintf("%s; %s went back to %s", why, rec.Host, rec.RevertedTo),
		Rollout: rec.Rollout,
		Host:    rec.Host,
	}
}

func failingNames(probes states.Probes) string {
	var names []string
	for _, p := range probes {
		if p.Mode == states.Enforce && p.Status == states.Fail {
			names = append(names, p.Name)
		}
	}
	return strings.Join(names, ", ")
}
