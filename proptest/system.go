package proptest

import (
	"github.com/rollmend/rollmend/adapters"
	"github.com/rollmend/rollmend/gates"
	"github.com/rollmend/rollmend/reducer"
	"github.com/rollmend/rollmend/states"
	"github.com/rollmend/rollmend/synth"
)

// System is what the laws are about: the functions of the pure half, and what a
// user adds. A mutation is a System of which one function has a defect. All
// functions are needed: begin with [Real] and replace what is yours.
type System struct {
	Step     func(states.Record, reducer.Event) (reducer.Outcome, error)
	Rederive func([]reducer.LogEntry) (states.Record, error)
	Chain    func(synth.Look) synth.Finding
	Ahead    func(states.Record, reducer.Event) synth.Finding
	Evaluate func(*gates.View, ...gates.Ask) []gates.Verdict
	Standing func(*states.Record) gates.Standing
	Track    func(v *gates.View, from, to gates.Standing, released []gates.Wait) []gates.Wait

	// Gates makes the gates of one's own, which are asked behind ours, for a
	// fleet of this plan; nil: there are none. It is called once a case.
	Gates func(gates.Plan) []gates.Gate

	// Open opens an empty store of one's own; nil: one of adapters/memory.
	Open func() (adapters.Store, error)

	// Reopen closes a store and opens it with what it held, where the control
	// plane starts anew; nil: the store is used on.
	Reopen func(adapters.Store) (adapters.Store, error)
}

// rules are the gates to ask for a fleet of a plan.
func (sys System) rules(p gates.Plan) gates.Rules {
	if sys.Gates == nil {
		return gates.Rules{}
	}
	return gates.Rules{Own: sys.Gates(p)}
}

// Real returns the system as it is.
func Real() System {
	return System{
		Step:     reducer.Step,
		Rederive: reducer.Rederive,
		Chain:    synth.Chain,
		Ahead:    synth.Ahead,
		Evaluate: gates.Evaluate,
		Standing: gates.StandingOf,
		Track:    (*gates.View).Track,
	}
}
