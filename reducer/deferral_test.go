package reducer_test

import (
	"testing"

	"github.com/rollmend/rollmend/reducer"
	"github.com/rollmend/rollmend/states"
)

// A deferral that is told late is placed below what was guessed. An activation
// behind it needs a later boot; a failure needs none.
func TestWhatIsGuessedBehindADeferral(t *testing.T) {
	key := states.Key{Rollout: states.Rollout{Channel: "stable", Ref: "a1b2"}, Host: "web-1"}
	staged := states.Order{Boot: 1, Beat: 2}
	for _, c := range []struct {
		guessed states.Kind
		order   states.Order
		want    states.State
	}{
		{states.KindActivationCompleted, states.Order{Boot: 1, Beat: 3}, states.Deferred},
		{states.KindActivationCompleted, states.Order{Boot: 2, Beat: 1}, states.Soaking},
		{states.KindActivationFailed, states.Order{Boot: 1, Beat: 3}, states.Failed},
		{states.KindActivationFailed, states.Order{Boot: 2, Beat: 1}, states.Failed},
	} {
		rec := states.Record{
			Key: key, Target: "new", Opened: 1, LastSeq: 1, Policy: states.Policy{OnFailure: states.Halt},
			Belief: states.Belief{State: states.Activating},
		}
		from := states.Observation{At: 2000, Order: c.order, Current: "old", Seq: 3}
		out, err := reducer.Step(rec, reducer.Synthesise(&rec, c.guessed, states.ReportAhead, from, 2000))
		if err != nil {
			t.Fatal(err)
		}
		out, err = reducer.Step(out.Record, reducer.Event{Key: key, Seq: 2, At: 1000, Order: staged, Body: reducer.ActivationDeferred{}})
		if err != nil || out.Disposition != reducer.Absorbed || out.Record.State != c.want {
			t.Errorf("%s from %s: %s, %s (%v); want %s", c.guessed, c.order, out.Disposition, out.Record.State, err, c.want)
		}
	}
}
