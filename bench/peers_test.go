package bench_test

import (
	"context"

	"github.com/looplab/fsm"
	"github.com/qmuntal/stateless"

	"github.com/rollmend/rollmend/reducer"
	"github.com/rollmend/rollmend/states"
)

// leads yields the transitions of our table, for the peers to be made from.
func leads(yield func(from states.State, on states.Kind, to states.State)) {
	for row := range reducer.Rows() {
		if row.From != 0 && row.To != row.From {
			yield(row.From, row.On, row.To)
		}
	}
}

// newStateless returns a machine of qmuntal/stateless over a state that is kept
// outside of it, in the mode that fires at once. States and triggers are bytes,
// which it takes without allocating.
func newStateless(state *states.State) *stateless.StateMachine {
	m := stateless.NewStateMachineWithExternalStorage(
		func(context.Context) (stateless.State, error) { return *state, nil },
		func(_ context.Context, s stateless.State) error { *state = s.(states.State); return nil },
		stateless.FiringImmediate,
	)
	leads(func(from states.State, on states.Kind, to states.State) { m.Configure(from).Permit(on, to) })
	return m
}

// newLooplab returns a machine of looplab/fsm, which keeps its state itself and
// names states and events by strings.
func newLooplab() *fsm.FSM {
	var events fsm.Events
	leads(func(from states.State, on states.Kind, to states.State) {
		events = append(events, fsm.EventDesc{Name: on.String(), Src: []string{from.String()}, Dst: to.String()})
	})
	return fsm.NewFSM(states.Pending.String(), events, nil)
}
