package states

import "iter"

// State is a record's stage. The zero value is invalid.
type State uint8

// The states, in the order of the road that a rollout takes.
const (
	Pending    State = iota + 1 // the record is open; the agent has not acknowledged
	Activating                  // acknowledged; the switch runs or has run, unconfirmed
	Deferred                    // staged for the next boot: done for ordering, not verified
	Soaking                     // runs the target; probes run; the soak window is open
	Converged                   // soak over, enforced probes pass, on the target; terminal
	Failed                      // activation failed, or probes failed long enough
	Reverted                    // back on the closure that it had at dispatch; terminal
	stateEnd
)

// The array's length is the number of states, so that a state without a name
// does not compile.
var stateNames = [...]string{"invalid", "Pending", "Activating", "Deferred", "Soaking", "Converged", "Failed", "Reverted"}

var _ = [1]struct{}{}[int(stateEnd)-len(stateNames)]

// States lists every state, in the order of the road.
func States() iter.Seq[State] { return upTo(stateEnd) }

// ParseState reads the name that [State.String] writes. The error is a
// [*NameError].
func ParseState(s string) (State, error) { return parse[State]("state", s, stateNames[:]) }

// Live reports whether a missed transition may still be found for the state:
// every one but the two terminal ones.
func (s State) Live() bool { return s.Valid() && !s.Terminal() }

// Terminal reports whether only a new rollout leaves the state.
func (s State) Terminal() bool { return s == Converged || s == Reverted }

// Valid reports whether s is one of the seven.
func (s State) Valid() bool { return s > 0 && s < stateEnd }

// String returns the state's name, which is its name on the wire.
func (s State) String() string { return name(s, stateNames[:]) }
