package httpapi

import "github.com/rollmend/rollmend/states"

// recordView is a record in whole, for an operator.
type recordView struct {
	RolloutID rolloutID      `json:"rolloutId"`
	Channel   states.Channel `json:"channel"`
	Wave      int32          `json:"wave"`
	State     state          `json:"state"`
	Evidence  string         `json:"evidence"` // "reported" or "synthesised"
	Guesses   []guessView    `json:"guesses,omitempty"`
	Before    string         `json:"stateBeforeGuesses,omitzero"`

	Target        string    `json:"targetClosure"`
	AtDispatch    string    `json:"currentClosureAtDispatch,omitzero"`
	Current       string    `json:"currentClosure,omitzero"`
	RevertedTo    string    `json:"revertedToClosure,omitzero"`
	SoakMs        int64     `json:"soakMs"`
	OnFailure     onFailure `json:"onFailure"`
	Deferred      bool      `json:"deferredIsDone"`
	PolicyApplied onFailure `json:"policyApplied,omitzero"`

	OpenedAt     instant              `json:"openedAt"`
	DispatchedAt instant              `json:"dispatchedAt,omitzero"`
	SoakDueAt    instant              `json:"soakDueAt"`
	Stamps       map[string]stampView `json:"stamps"`
	Probes       []probeView          `json:"probes"`
	LastEventSeq uint64               `json:"lastEventSeq"`
	Gap          bool                 `json:"gapAccepted,omitzero"`
	Revision     uint64               `json:"revision"`
}

// stampView is a time of the agent's, and whether a report gave it.
type stampView struct {
	At       instant `json:"at"`
	Reported bool    `json:"reported"`
}

type probeView struct {
	Name     string  `json:"name"`
	Mode     mode    `json:"mode"`
	Declared bool    `json:"declared"`
	Status   string  `json:"status"` // "none" where it never reported
	At       instant `json:"observedAt,omitzero"`
	Reason   string  `json:"failureReason,omitzero"`
}

// guessView is one synthesised event that the record rests on.
type guessView struct {
	Kind kind    `json:"kind"`
	Case string  `json:"case"`
	At   instant `json:"at"`
	From string  `json:"from"` // the observation, in one line
}

func recordViewOf(r *states.Record) recordView {
	v := recordView{
		RolloutID:     rolloutID(r.Rollout),
		Channel:       r.Rollout.Channel,
		Wave:          int32(r.Wave),
		State:         state(r.State),
		Evidence:      "reported",
		Target:        string(r.Target),
		AtDispatch:    string(r.AtDispatch),
		Current:       string(r.Current),
		RevertedTo:    string(r.RevertedTo),
		SoakMs:        r.Policy.Soak.Milliseconds(),
		OnFailure:     onFailure(r.Policy.OnFailure),
		Deferred:      r.Policy.DeferredIsDone,
		PolicyApplied: onFailure(r.PolicyApplied),
		OpenedAt:      instant(r.Opened),
		DispatchedAt:  instant(r.Dispatched),
		SoakDueAt:     instant(r.SoakDue()),
		Stamps:        map[string]stampView{},
		Probes:        make([]probeView, len(r.Probes)),
		LastEventSeq:  uint64(r.LastSeq),
		Gap:           r.Gap,
		Revision:      uint64(r.Revision),
	}
	if r.Synthesised() {
		v.Evidence, v.Before = "synthesised", r.Before().State.String()
	}
	for _, g := range r.Guesses() {
		v.Guesses = append(v.Guesses, guessView{Kind: kind(g.Kind), Case: g.Case.String(), At: instant(g.At), From: g.From.String()})
	}
	for s := range states.AllStamps() {
		if at := r.At(s); at.IsSet() {
			v.Stamps[s.String()] = stampView{At: instant(at), Reported: r.Reported(s)}
		}
	}
	for i, p := range r.Probes {
		v.Probes[i] = probeView{Name: p.Name, Mode: mode(p.Mode), Declared: p.Declared, Status: p.Status.String(), At: instant(p.At), Reason: p.Reason}
	}
	return v
}
