package reducer

import (
	"github.com/rollmend/rollmend/states"
)

// onward is the step that is synthesised to leave a state on the way to a
// report; back is the same on the way to a report of a rollback, which lies
// behind a failure. A state without an entry has no way on.
var (
	onward = [stateCount]states.Kind{
		states.Pending:    states.KindDispatchAck,
		states.Activating: states.KindActivationCompleted,
		states.Deferred:   states.KindActivationCompleted,
	}
	back = [stateCount]states.Kind{
		states.Pending:    states.KindDispatchAck,
		states.Activating: states.KindActivationFailed,
		states.Deferred:   states.KindActivationFailed,
		states.Soaking:    states.KindFailed,
	}
)

// Road returns the events that lie between a record and one of that kind, in
// their order: what has to be synthesised so that it becomes legal. It is
// empty where the event has its place already, and where no road leads to it.
func Road(rec states.Record, kind states.Kind) []states.Kind {
	steps := &onward
	if kind == states.KindRollbackComplete {
		steps = &back
	}
	var road []states.Kind
	state := roadhead(&rec)
	for range states.MaxGuesses {
		if _, ok := lookup(state, kind); ok {
			return road
		}
		r, ok := lookup(state, steps[state])
		if !ok {
			return nil
		}
		road = append(road, steps[state])
		state = r.To
	}
	return nil
}

// roadhead returns the state that a road begins in. A guessed end is no end
// against the agent: the road begins in front of it.
func roadhead(rec *states.Record) states.State {
	if !rec.Synthesised() || !rec.State.Terminal() {
		return rec.State
	}
	scratch := *rec
	rewind(&scratch, len(rec.Guesses())-1)
	return scratch.State
}

// synthesisable reports whether a chain can hold events of that kind: those
// that change the state, but for a deferral, which no observation can tell.
func synthesisable(kind states.Kind) bool {
	switch kind {
	case states.KindDispatchAck, states.KindActivationCompleted, states.KindActivationFailed,
		states.KindFailed, states.KindRollbackComplete, states.KindConverged:
		return true
	}
	return false
}

// Synthesise makes the event of that kind that an observation bears witness
// to. Only the kinds that a chain can hold have a body here; another gives an
// event without one, which [Step] refuses.
func Synthesise(rec *states.Record, kind states.Kind, why states.Case, from states.Observation, at states.Time) Event {
	ev := Event{
		Key:    rec.Key,
		Origin: Origin{By: BySynthesis, Case: why, From: from},
		At:     at,
	}
	switch kind {
	case states.KindDispatchAck:
		// Unknown never matches, so no rollback can be derived from it.
		ev.Body = DispatchAck{}
	case states.KindActivationCompleted:
		ev.Body = ActivationCompleted{Observed: rec.Target}
	case states.KindActivationFailed:
		ev.Body = ActivationFailed{}
	case states.KindFailed:
		ev.Body = Failed{}
	case states.KindRollbackComplete:
		ev.Body = RollbackComplete{RevertedTo: from.Current}
	case states.KindConverged:
		ev.Body = Converged{Current: rec.Target}
	}
	return ev
}
