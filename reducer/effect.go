package reducer

import (
	"fmt"

	"github.com/rollmend/rollmend/states"
)

// Disposition is what became of an event. The zero value is invalid.
type Disposition uint8

// The dispositions; their names are those on the wire.
const (
	Applied   Disposition = iota + 1 // it took its place on top of the record
	Absorbed                         // it took its place below a guess: late truth
	Duplicate                        // it was said before
	Refused                          // it is illegal, or breaks an invariant
)

var dispositionNames = [...]string{"invalid", "applied", "absorbed", "duplicate", "refused"}

// String returns the disposition's name on the wire.
func (d Disposition) String() string {
	if int(d) < len(dispositionNames) {
		return dispositionNames[d]
	}
	return "invalid"
}

// Effects is what must be stored because of one step, all of it or nothing.
// A step that changed nothing, such as a retransmit, has none.
//
// Stores take effects through [Effects.To], which hands them out in the order
// in which they must be stored.
type Effects struct {
	Entry      LogEntry   // always, where anything is stored at all
	Quarantine Quarantine // where the closure went bad; zero otherwise
	Transition Transition // where the state changed; zero otherwise
}

// Sink takes effects one by one. It is an interface with a method per effect
// so that a new one does not compile until every store handles it.
type Sink interface {
	Log(LogEntry) error
	Quarantine(Quarantine) error
	Transition(Transition) error
}

// To hands the effects to a sink in their order and stops at its first error.
func (e *Effects) To(s Sink) error {
	if e.Entry.Event.Body == nil {
		return nil
	}
	if err := s.Log(e.Entry); err != nil {
		return fmt.Errorf("log entry: %w", err)
	}
	if e.Quarantine != (Quarantine{}) {
		if err := s.Quarantine(e.Quarantine); err != nil {
			return fmt.Errorf("quarantine: %w", err)
		}
	}
	if e.Transition != (Transition{}) {
		if err := s.Transition(e.Transition); err != nil {
			return fmt.Errorf("transition: %w", err)
		}
	}
	return nil
}

// LogEntry is one line of a record's log. The log alone rebuilds the record:
// see [Rederive].
type LogEntry struct {
	Revision    states.Revision // the record's revision after it; 0 for Opened
	Disposition Disposition
	Reason      string // why it was refused
	Event       Event

	// Snapshot is set in the first entry of a log that was made shorter, and in no
	// other. Such an entry has no disposition, and of an event the key alone, as one
	// of the control plane.
	Snapshot *Snapshot
}

// Quarantine keeps a closure from being dispatched on a channel until an
// operator clears it, with a reason.
type Quarantine struct {
	Channel states.Channel
	Closure states.Closure
	Since   states.Time // when the host was back: the agent's clock
	Why     string
	Rollout states.Rollout // what brought it; zero where an operator set it
	Host    states.Host
}

// Transition is the stored fact that a record changed its state. Which record
// it was, the entry beside it says.
type Transition struct {
	From states.State
	To   states.State
	At   states.Time // the time of the event that did it
}
