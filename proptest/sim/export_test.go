package sim

import (
	"slices"

	"github.com/rollmend/rollmend/adapters"
	"github.com/rollmend/rollmend/gates"
	"github.com/rollmend/rollmend/reducer"
	"github.com/rollmend/rollmend/states"
	"github.com/rollmend/rollmend/synth"
)

// Defect is something wrong that can be planted around the core of a small
// world.
type Defect struct {
	Name  string
	World string
	seams seams
}

// Wary makes a walk look after each state whether copies of it share what is
// written to.
func Wary(o *WalkOptions) { o.wary = true }

// Plant makes a walk go through a world with the defect.
func (d *Defect) Plant(o *WalkOptions) {
	o.World, o.seams = d.World, &d.seams
}

// Defects are the ways in which control planes and agents of this sort are
// known to go wrong.
var Defects = []Defect{
	{"a reply before its commit", "waves", seams{early: true}},
	{"a core that does not wait for its first reply to be heard", "replicas", seams{
		onStart: func(states.Time) states.Time { return 1 },
	}},
	{"heartbeats without the rollout that the agent holds", "waves", seams{
		onBeat: func(hb *synth.Heartbeat) { hb.Holds = states.Rollout{} },
	}},
	{"heartbeats without the reports that wait", "waves", seams{
		onBeat: func(hb *synth.Heartbeat) { hb.Queued = 0 },
	}},
	{"a store that stores no quarantine", "waves", seams{
		onChanges: func(changes []adapters.Change) []adapters.Change {
			return changed(changes, func(c *adapters.Change) {
				for i := range c.Effects {
					c.Effects[i].Quarantine = reducer.Quarantine{}
				}
			})
		},
	}},
	{"a store that compares no ordering revision", "replicas", seams{
		onChanges: func(changes []adapters.Change) []adapters.Change {
			return changed(changes, func(c *adapters.Change) { c.Guard = 0 })
		},
	}},
	{"a manifest whose edges are not read", "edge", seams{
		onPlan: func(p gates.Plan) gates.Plan { p.ChannelEdges = nil; return p },
	}},
	{"a manifest whose budgets are not read", "budget", seams{
		onPlan: func(p gates.Plan) gates.Plan { p.Budgets = nil; return p },
	}},
}

// changed returns other changes, and leaves those that the core has as they
// are.
func changed(changes []adapters.Change, change func(*adapters.Change)) []adapters.Change {
	out := slices.Clone(changes)
	for i := range out {
		out[i].Effects = slices.Clone(out[i].Effects)
		change(&out[i])
	}
	return out
}
