package proptest

import (
	"github.com/rollmend/rollmend/gates"
	"github.com/rollmend/rollmend/reducer"
	"github.com/rollmend/rollmend/states"
	"github.com/rollmend/rollmend/synth"
)

// System is what the laws are about: the functions of the pure half. A
// mutation is a System of which one function has a defect. All are needed.
type System struct {
	Step     func(states.Record, reducer.Event) (reducer.Outcome, error)
	Rederive func([]reducer.LogEntry) (states.Record, error)
	Chain    func(synth.Look) synth.Finding
	Ahead    func(states.Record, reducer.Event) synth.Finding
	Evaluate func(*gates.View, ...gates.Ask) []gates.Verdict
	Standing func(*states.Record) gates.Standing
	Track    func(v *gates.View, from, to gates.Standing, released []gates.Wait) []gates.Wait
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
