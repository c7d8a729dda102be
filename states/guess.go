package states

import (
	"fmt"
	"slices"
)

// MaxGuesses bounds the guesses that a record can rest on: the longest road
// between two states has four steps.
const MaxGuesses = 4

// Guess is one synthesised event that a record rests on, as far as late truth
// needs it to place and replay it.
type Guess struct {
	Kind Kind
	Case Case
	At   Time // the event's time, by the agent's clock
	From Observation
}

// Observation is what a synthesised event rests on: a heartbeat, or, with a
// number, a report that was ahead of its record.
type Observation struct {
	At      Time    // the agent's clock, after clamping
	Order   Order   // where the agent gives it
	Current Closure // what the host ran
	Seq     Seq     // the report's number; zero for a heartbeat
}

// String returns one line for an operator.
func (o Observation) String() string {
	s := "heartbeat"
	if o.Seq != 0 {
		s = fmt.Sprintf("report %d", o.Seq)
	}
	s += " at " + o.At.String()
	if o.Order.Given() {
		s += " (boot.beat " + o.Order.String() + ")"
	}
	if o.Current.Known() {
		s += " running " + o.Current.String()
	}
	return s
}

// Doubt is what a synthesised record keeps beside what it believes.
type Doubt struct {
	Before  Belief  // what the record was before the guesses
	Guesses []Guess // oldest first, at least one and at most MaxGuesses
}

// Equal reports whether both are the same in every field, or both nil.
func (d *Doubt) Equal(o *Doubt) bool {
	if d == nil || o == nil {
		return d == o
	}
	return d.Before.Equal(&o.Before) && slices.Equal(d.Guesses, o.Guesses)
}
