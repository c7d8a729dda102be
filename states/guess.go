package states

import "fmt"

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

// Guesses is a short list of guesses, oldest first. Entries from N on are zero.
type Guesses struct {
	N    uint8
	List [MaxGuesses]Guess
}

// All returns the guesses, oldest first. The slice shares g's memory.
func (g *Guesses) All() []Guess { return g.List[:g.N] }

// With returns the guesses with one more behind them; ok is false where there
// is no room.
func (g Guesses) With(one Guess) (out Guesses, ok bool) {
	if int(g.N) == len(g.List) {
		return g, false
	}
	g.List[g.N] = one
	g.N++
	return g, true
}

// Last returns the newest guess, the zero Guess where there is none.
func (g Guesses) Last() Guess {
	if g.N == 0 {
		return Guess{}
	}
	return g.List[g.N-1]
}
