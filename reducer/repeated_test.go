package reducer_test

import (
	"testing"

	"github.com/rollmend/rollmend/reducer"
	"github.com/rollmend/rollmend/states"
)

// An agent that is asked for all that it kept says its activation again under a
// new number, after it has told of its rollback.
func TestAnActivationThatIsSaidAgainAfterTheRollbackIsADuplicate(t *testing.T) {
	key := states.Key{Rollout: states.Rollout{Channel: "stable", Ref: "a1b2"}, Host: "web-1"}
	var rec states.Record
	step := func(ev reducer.Event) reducer.Disposition {
		ev.Key = key
		out, _ := reducer.Step(rec, ev)
		rec = out.Record
		return out.Disposition
	}
	step(reducer.Event{At: 1000, Origin: reducer.Origin{By: reducer.ByControlPlane}, Body: reducer.Opened{
		Target: "new", Policy: states.Policy{OnFailure: states.RollbackAndHalt},
	}})
	for i, body := range []reducer.Body{
		reducer.DispatchAck{AtDispatch: "old"},
		reducer.ActivationCompleted{Observed: "new"},
		reducer.Failed{},
		reducer.RollbackComplete{RevertedTo: "old"},
	} {
		if got := step(reducer.Event{Seq: states.Seq(i + 1), At: 2000, Body: body}); got != reducer.Applied {
			t.Fatalf("%s is %s", body.Kind(), got)
		}
	}
	for i, c := range []struct {
		observed states.Closure
		want     reducer.Disposition
	}{{"new", reducer.Duplicate}, {"old", reducer.Refused}} {
		got := step(reducer.Event{Seq: states.Seq(i + 5), At: 3000, Body: reducer.ActivationCompleted{Observed: c.observed}})
		if got != c.want {
			t.Errorf("ActivationCompleted of %s is %s, want %s", c.observed, got, c.want)
		}
	}
}
