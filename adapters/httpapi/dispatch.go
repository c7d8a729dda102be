package httpapi

import (
	"time"

	"github.com/rollmend/rollmend/agent"
	"github.com/rollmend/rollmend/engine"
	"github.com/rollmend/rollmend/states"
)

// dispatch is the body of a 200 to GET /v1/agent/dispatch.
type dispatch struct {
	Hostname   *string    `json:"hostname"`
	RolloutID  *rolloutID `json:"rollout_id"`
	Target     *string    `json:"target_closure"`
	SoakDueAt  *instant   `json:"soak_due_at"`
	EnqueuedAt *instant   `json:"enqueued_at"`
	SoakMs     *int64     `json:"soak_ms,omitzero"`
	OnFailure  onFailure  `json:"on_failure,omitzero"`
}

// dispatchOf gives a dispatch its form on the wire. An agent that does not
// know soak_ms soaks until soak_due_at, so that counts from the sending.
func dispatchOf(d engine.Dispatch) dispatch {
	return dispatch{
		Hostname:   new(string(d.Key.Host)),
		RolloutID:  new(rolloutID(d.Key.Rollout)),
		Target:     new(string(d.Target)),
		SoakDueAt:  new(instant(d.SentAt.Add(d.Policy.Soak))),
		EnqueuedAt: new(instant(d.EnqueuedAt)),
		SoakMs:     new(d.Policy.Soak.Milliseconds()),
		OnFailure:  onFailure(d.Policy.OnFailure),
	}
}

// readDispatch decodes a dispatch as an agent takes it. The error is a
// [*MessageError].
func readDispatch(b []byte, host states.Host) (agent.Dispatch, error) {
	var m dispatch
	r := reader{message: "dispatch"}
	if err := r.read(b, &m); err != nil {
		return agent.Dispatch{}, err
	}
	if states.Host(*m.Hostname) != host {
		return agent.Dispatch{}, r.refuse("hostname", "it is for "+shown(*m.Hostname))
	}
	d := agent.Dispatch{
		Rollout:   states.Rollout(*m.RolloutID),
		Target:    states.Closure(*m.Target),
		SoakDueAt: states.Time(*m.SoakDueAt),
		OnFailure: states.OnFailure(m.OnFailure),
	}
	switch {
	case m.SoakMs == nil:
	case *m.SoakMs == 0:
		d.SoakDueAt = 0 // none is said; what is due by another clock must not stand for it
	default:
		d.Soak = time.Duration(*m.SoakMs) * time.Millisecond
	}
	return d, nil
}
