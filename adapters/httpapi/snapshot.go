package httpapi

import (
	"time"

	"github.com/rollmend/rollmend/agent"
	"github.com/rollmend/rollmend/engine"
	"github.com/rollmend/rollmend/states"
)

// snapshot is a record as an agent needs it that has lost its own state.
type snapshot struct {
	RolloutID             *rolloutID `json:"rolloutId"`
	Hostname              *string    `json:"hostname"`
	Channel               *string    `json:"channel"`
	State                 *state     `json:"state"`
	Target                *string    `json:"targetClosure"`
	AtDispatch            string     `json:"currentClosureAtDispatch,omitzero"`
	Current               string     `json:"currentClosure,omitzero"`
	DispatchedAt          instant    `json:"dispatchedAt,omitzero"`
	DispatchAckedAt       instant    `json:"dispatchAckedAt,omitzero"`
	ActivationStartedAt   instant    `json:"activationStartedAt,omitzero"`
	ActivationCompletedAt instant    `json:"activationCompletedAt,omitzero"`
	SoakDueAt             instant    `json:"soakDueAt,omitzero"`
	LastEventSeq          *uint64    `json:"lastEventSeq"`
	SoakMs                int64      `json:"soakMs"`
	OnFailure             onFailure  `json:"onFailure,omitzero"`
	LastBoot              uint64     `json:"lastBoot,omitzero"`
}

// snapshotOf gives a record its form on the wire.
func snapshotOf(s engine.Snapshot) snapshot {
	rec := &s.Record
	return snapshot{
		RolloutID:             new(rolloutID(rec.Rollout)),
		Hostname:              new(string(rec.Host)),
		Channel:               new(string(rec.Rollout.Channel)),
		State:                 new(state(rec.State)),
		Target:                new(string(rec.Target)),
		AtDispatch:            string(rec.AtDispatch),
		Current:               string(rec.Current),
		DispatchedAt:          instant(rec.Dispatched),
		DispatchAckedAt:       instant(rec.At(states.AckedAt)),
		ActivationStartedAt:   instant(rec.At(states.StartedAt)),
		ActivationCompletedAt: instant(rec.At(states.ActivatedAt)),
		SoakDueAt:             instant(s.SoakDueAt),
		LastEventSeq:          new(uint64(rec.LastSeq)),
		SoakMs:                rec.Policy.Soak.Milliseconds(),
		OnFailure:             onFailure(rec.Policy.OnFailure),
		LastBoot:              s.LastBoot,
	}
}

// agent gives a snapshot as an agent takes it.
func (s *snapshot) agent() agent.Snapshot {
	return agent.Snapshot{
		Rollout:    states.Rollout(*s.RolloutID),
		State:      states.State(*s.State),
		Target:     states.Closure(*s.Target),
		AtDispatch: states.Closure(s.AtDispatch),
		SoakDueAt:  states.Time(s.SoakDueAt),
		LastSeq:    states.Seq(*s.LastEventSeq),
		Soak:       time.Duration(s.SoakMs) * time.Millisecond,
		OnFailure:  states.OnFailure(s.OnFailure),
		LastBoot:   s.LastBoot,
	}
}
