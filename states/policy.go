package states

import "time"

// OnFailure says what the agent does with its own host when it fails. The zero
// value means "not said".
type OnFailure uint8

// The failure policies. Both halt the rollout.
const (
	Halt            OnFailure = iota + 1 // stays where it is
	RollbackAndHalt                      // goes back to the closure that it had at dispatch
	onFailureEnd
)

var onFailureNames = [...]string{"unset", "halt", "rollback-and-halt"}

var _ = [1]struct{}{}[int(onFailureEnd)-len(onFailureNames)]

// ParseOnFailure reads the name that [OnFailure.String] writes. The error is a
// [*NameError].
func ParseOnFailure(s string) (OnFailure, error) {
	return parse[OnFailure]("failure policy", s, onFailureNames[:])
}

// String returns the policy's name on the wire.
func (p OnFailure) String() string { return name(p, onFailureNames[:]) }

// Policy is what a rollout was opened under. It is part of the record: what
// happened under it does not change when the manifest does.
type Policy struct {
	Soak           time.Duration // time to spend on the new closure; whole milliseconds
	OnFailure      OnFailure     // what the agent is told to do when it fails
	DeferredIsDone bool          // whether a Deferred host of the wave lets the next wave go
}
