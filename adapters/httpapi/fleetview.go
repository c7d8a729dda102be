package httpapi

import (
	"github.com/rollmend/rollmend/engine"
	"github.com/rollmend/rollmend/gates"
	"github.com/rollmend/rollmend/reducer"
	"github.com/rollmend/rollmend/states"
)

// fleetView is the body of GET /v1/fleet.
type fleetView struct {
	Now         instant          `json:"now"`
	Ref         string           `json:"ref,omitzero"`
	Hosts       int              `json:"hosts"`
	Silent      int              `json:"silent"`
	Rollouts    []rolloutView    `json:"rollouts"`
	Quarantines []quarantineView `json:"quarantines"`
}

type rolloutView struct {
	RolloutID   rolloutID      `json:"rolloutId"`
	State       string         `json:"state"`
	Hosts       int            `json:"hosts"`
	ByState     map[string]int `json:"byState"`
	CurrentWave int32          `json:"currentWave"`
	Halting     []states.Host  `json:"halting,omitempty"`
	Blocked     []blockView    `json:"blocked,omitempty"`
}

type quarantineView struct {
	Channel   states.Channel `json:"channel"`
	Closure   string         `json:"closure"`
	Since     instant        `json:"since"`
	Why       string         `json:"why"`
	RolloutID rolloutID      `json:"rolloutId,omitzero"` // absent where an operator set it
	Hostname  states.Host    `json:"hostname,omitzero"`
}

// blockView is one reason to hold, with what would release it.
type blockView struct {
	Gate    string `json:"gate"`
	Scope   string `json:"scope"`
	Why     string `json:"why"`
	Release string `json:"release"`
}

func fleetViewOf(o engine.Overview) fleetView {
	v := fleetView{
		Now:         instant(o.Now),
		Ref:         string(o.Ref),
		Hosts:       o.Hosts,
		Silent:      o.Silent,
		Rollouts:    make([]rolloutView, len(o.Rollouts)),
		Quarantines: make([]quarantineView, len(o.Quarantines)),
	}
	for i, r := range o.Rollouts {
		v.Rollouts[i] = rolloutViewOf(r)
	}
	for i, q := range o.Quarantines {
		v.Quarantines[i] = quarantineViewOf(q)
	}
	return v
}

func rolloutViewOf(r engine.RolloutView) rolloutView {
	v := rolloutView{
		RolloutID:   rolloutID(r.Rollout),
		State:       r.State.String(),
		Hosts:       r.Hosts,
		ByState:     map[string]int{},
		CurrentWave: int32(r.CurrentWave),
		Halting:     r.Halting,
		Blocked:     blockViews(r.Blocked),
	}
	for s := range states.States() {
		if n := r.ByState[s]; n > 0 {
			v.ByState[s.String()] = n
		}
	}
	return v
}

func quarantineViewOf(q reducer.Quarantine) quarantineView {
	return quarantineView{
		Channel:   q.Channel,
		Closure:   string(q.Closure),
		Since:     instant(q.Since),
		Why:       q.Why,
		RolloutID: rolloutID(q.Rollout),
		Hostname:  q.Host,
	}
}

func blockViews(blocks []gates.Block) []blockView {
	out := make([]blockView, len(blocks))
	for i, b := range blocks {
		out[i] = blockView{Gate: b.Gate, Scope: b.Scope, Why: b.Why, Release: b.Release}
	}
	return out
}
