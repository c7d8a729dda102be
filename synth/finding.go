package synth

import (
	"fmt"
	"iter"

	"github.com/rollmend/rollmend/gates"
	"github.com/rollmend/rollmend/reducer"
	"github.com/rollmend/rollmend/states"
)

// Reason is what a finding comes to. The zero value is invalid.
type Reason uint8

// The reasons.
const (
	InStep             Reason = iota + 1 // the record says what the host does
	Missed                               // a transition was missed: the finding has a chain
	Held                                 // one was missed, and the gates hold it
	Stale                                // the heartbeat is older than what it would undo
	Drift                                // the host runs what its state does not allow
	Halted                               // failed under the policy halt: an operator's turn
	Silent                               // the host has not beaten within the bound, or never
	ClosureUnknown                       // the heartbeat does not say what the host runs
	DispatchedOnTarget                   // it is sent again and again what it says it runs
	DeferredNotBooted                    // a later boot runs what the host had at dispatch
	reasonEnd
)

var reasonNames = [...]string{
	"invalid",
	"in-step", "chain", "held", "stale", "drift", "halted", "silent",
	"closure-unknown", "dispatched-on-target", "deferred-not-booted",
}

var _ = [1]struct{}{}[int(reasonEnd)-len(reasonNames)]

// Reasons lists every reason.
func Reasons() iter.Seq[Reason] {
	return func(yield func(Reason) bool) {
		for r := Reason(1); r < reasonEnd; r++ {
			if !yield(r) {
				return
			}
		}
	}
}

// String returns the reason's stable name.
func (r Reason) String() string {
	if int(r) < len(reasonNames) {
		return reasonNames[r]
	}
	return reasonNames[0]
}

// Finding is what was concluded for one record.
type Finding struct {
	Key    states.Key
	Reason Reason
	Detail string // one sentence for an operator

	Case   states.Case     // where a transition was missed: why
	Events []reducer.Event // the chain, in the order in which to apply it
	Blocks []gates.Block   // where it is held: every reason
}

// String returns one line for an operator.
func (f Finding) String() string {
	s := fmt.Sprintf("%s: %s", f.Key, f.Reason)
	if f.Case != 0 {
		s += " (" + f.Case.String() + ")"
	}
	if f.Detail != "" {
		s += ": " + f.Detail
	}
	for _, b := range f.Blocks {
		s += "; " + b.String()
	}
	return s
}

func find(rec *states.Record, reason Reason, format string, args ...any) Finding {
	f := Finding{Key: rec.Key, Reason: reason, Detail: format}
	if len(args) > 0 {
		f.Detail = fmt.Sprintf(format, args...)
	}
	return f
}
