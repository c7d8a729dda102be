package reducer_test

import (
	"errors"
	"testing"
	"time"

	"github.com/rollmend/rollmend/reducer"
	"github.com/rollmend/rollmend/states"
)

// Who may attest a soak: the agent's own convergence, where no report gave the
// activation's stamp; one of another clock, where its own time is what that
// clock said.
func TestWhichConvergenceAttestsItsSoak(t *testing.T) {
	const activated, length = states.Time(100_000), 20 * time.Second
	due := activated.Add(length)
	key := states.Key{Rollout: states.Rollout{Channel: "stable", Ref: "a1b2"}, Host: "web-1"}
	for _, c := range []struct {
		what      string
		reported  bool // the activation's stamp
		at        states.Time
		cut       bool
		refused   bool
		activated states.Time
		converged states.Time
	}{
		{"in time", true, due, false, false, activated, due},
		{"cut, in time", true, due, true, false, activated, due},
		{"a moment early", true, due - 1, false, true, activated, 0},
		{"cut, a moment early", true, due - 1, true, true, activated, 0},
		{"before its activation", true, activated - 1, false, false, activated, due},
		{"cut, before its activation", true, activated - 1, true, false, activated, due},
		{"early, after a guessed activation", false, due - 1, false, false, activated - 1, due - 1},
		{"cut, early, after a guessed activation", false, due - 1, true, false, activated - 1, due - 1},
	} {
		rec := states.Record{
			Key: key, Target: "new", Opened: 1, LastSeq: 2, Policy: states.Policy{Soak: length, OnFailure: states.Halt},
			Belief: states.Belief{State: states.Soaking, Current: "new"},
		}
		rec.Set(states.ActivatedAt, activated, c.reported)
		out, err := reducer.Step(rec, reducer.Event{Key: key, Seq: 3, At: c.at, Clamped: c.cut, Body: reducer.Converged{Current: "new"}})
		var broken *reducer.InvariantError
		if refused := errors.As(err, &broken) && broken.Invariant == reducer.SoakNotOver; refused != c.refused {
			t.Errorf("%s: %s (%v)", c.what, out.Disposition, err)
		}
		if got := out.Record.At(states.ActivatedAt); got != c.activated {
			t.Errorf("%s: activated at %s, not at %s", c.what, got, c.activated)
		}
		if got := out.Record.At(states.ConvergedAt); got != c.converged {
			t.Errorf("%s: converged at %s, not at %s", c.what, got, c.converged)
		}
		if given := out.Record.Reported(states.ConvergedAt); given != (!c.refused && !c.cut && c.converged == c.at) {
			t.Errorf("%s: the convergence's stamp is reported: %v", c.what, given)
		}
	}
}
