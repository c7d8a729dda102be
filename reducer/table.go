package reducer

import (
	"iter"

	"github.com/rollmend/rollmend/states"
)

// Row is one line of the protocol: an event, and the state that it is legal
// in. From is zero for the opening, which comes before every state.
type Row struct {
	From   states.State
	On     states.Kind
	To     states.State
	Once   bool   // said a second time, it is a duplicate: its stamp is set once
	Writes string // what it writes, for readers
}

// arms joins the rows that each arm declares, in the order of the road.
var arms = [...][]Row{openingRows, pendingRows, activatingRows, deferredRows, soakingRows, failedRows}

const (
	stateCount = int(states.Reverted) + 1
	kindCount  = int(states.KindConverged) + 1
)

// table finds a row by state and kind. It is made once and only read.
var table = join()

func join() (t [stateCount][kindCount]Row) {
	for _, arm := range arms {
		for _, r := range arm {
			t[r.From][r.On] = r
		}
	}
	return t
}

// Rows yields the protocol: every event that is legal in a state, with where
// it leads. Every pair that is not in it is illegal.
func Rows() iter.Seq[Row] {
	return func(yield func(Row) bool) {
		for _, arm := range arms {
			for _, r := range arm {
				if !yield(r) {
					return
				}
			}
		}
	}
}

// lookup finds the row of an event in a state.
func lookup(from states.State, on states.Kind) (*Row, bool) {
	if int(from) >= stateCount || int(on) >= kindCount {
		return nil, false
	}
	r := &table[from][on]
	return r, r.On != 0
}
