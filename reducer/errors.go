package reducer

import (
	"errors"
	"fmt"

	"github.com/rollmend/rollmend/states"
)

// ErrNoNumber says that a reported event has no sequence number. Agents number
// their events from 1; an event without a number cannot be told from its own
// retransmit.
var ErrNoNumber = errors.New("reducer: a reported event needs a sequence number, and they start at 1")

// ErrNoBody says that an event has no body.
var ErrNoBody = errors.New("reducer: an event needs a body")

// ErrNoOrigin says that an event comes from none of the three that there are.
// Taken as it is, it would be written without a number and without evidence.
var ErrNoOrigin = errors.New("reducer: an event comes from the agent, the control plane or a synthesis")

// WrongRecordError says that an event was handed to another record than its
// own. Nothing was changed.
type WrongRecordError struct {
	Record states.Key
	Event  states.Key
}

func (e *WrongRecordError) Error() string {
	return fmt.Sprintf("reducer: event of %s handed to the record of %s", e.Event, e.Record)
}

// IllegalError says that an event is not legal in its record's state. A
// report's number is consumed; nothing else changed.
type IllegalError struct {
	Key   states.Key
	State states.State
	Kind  states.Kind
}

func (e *IllegalError) Error() string {
	if e.State == 0 {
		return fmt.Sprintf("reducer: %s: %s is not legal before the rollout is opened", e.Key, e.Kind)
	}
	return fmt.Sprintf("reducer: %s: %s is not legal in %s", e.Key, e.Kind, e.State)
}

// Invariant names a rule that a legal event can still break.
type Invariant string

// The invariants.
const (
	NotOnTarget           Invariant = "not-on-target"           // the host does not run the target
	SoakNotOver           Invariant = "soak-not-over"           // the soak window is still open
	EnforcedProbeFailing  Invariant = "enforced-probe-failing"  // an enforced probe has not passed
	RevertedToUnknown     Invariant = "reverted-to-unknown"     // a rollback that does not say to what
	RevertedToTarget      Invariant = "reverted-to-target"      // a rollback to what was rolled out
	ClosureTargetRequired Invariant = "closure-target-required" // a rollout without a target
)

// InvariantError says that an event was legal but broke an invariant. A
// report's number is consumed; nothing else changed.
type InvariantError struct {
	Key       states.Key
	Kind      states.Kind
	Invariant Invariant
	Detail    string // the values that broke it
}

func (e *InvariantError) Error() string {
	return fmt.Sprintf("reducer: %s: %s refused (%s): %s", e.Key, e.Kind, e.Invariant, e.Detail)
}

// LogError says that a log does not rebuild its record: it was damaged, or not
// written by this library.
type LogError struct {
	Key    states.Key
	Entry  int // the position in the log, from 0
	Reason string
}

func (e *LogError) Error() string {
	return fmt.Sprintf("reducer: log of %s, entry %d: %s", e.Key, e.Entry, e.Reason)
}
