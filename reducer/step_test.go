package reducer_test

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/rollmend/rollmend/reducer"
	"github.com/rollmend/rollmend/states"
)

func TestWhatNoObservationCanTellIsNotSynthesised(t *testing.T) {
	key := states.Key{Rollout: states.Rollout{Channel: "stable", Ref: "a1b2"}, Host: "web-1"}
	for _, body := range []reducer.Body{
		reducer.ActivationStarted{},
		reducer.ActivationDeferred{},
		reducer.ProbeTopologyDeclared{},
		reducer.ProbeObservedFirst{},
		reducer.ProbeResult{},
		reducer.ProbeFailureFirst{},
	} {
		for state := range states.States() {
			rec := states.Record{Key: key, Target: "new", Belief: states.Belief{State: state}}
			out, err := reducer.Step(rec, reducer.Event{
				Key: key, At: 1, Body: body,
				Origin: reducer.Origin{By: reducer.BySynthesis, Case: states.AgentRestarted},
			})
			var illegal *reducer.IllegalError
			if !errors.As(err, &illegal) {
				t.Fatalf("synthesised %s in %s: %v", body.Kind(), state, err)
			}
			if diff := cmp.Diff(rec, out.Record); diff != "" {
				t.Fatalf("a refused guess changed the record:\n%s", diff)
			}
		}
	}
}

// The table lets probes report in Soaking alone, so an honest record has none
// before its activation; one that came from elsewhere must not carry them over.
func TestTheOldClosuresPassesDoNotCountForTheNewOne(t *testing.T) {
	key := states.Key{Rollout: states.Rollout{Channel: "stable", Ref: "a1b2"}, Host: "web-1"}
	for _, state := range []states.State{states.Activating, states.Deferred} {
		rec := states.Record{Key: key, Target: "new", Belief: states.Belief{
			State:  state,
			Probes: states.Probes{{Name: "http", Mode: states.Enforce, Status: states.Pass}},
		}}
		rec.Set(states.FirstProbeAt, 1, true)
		rec.Set(states.FirstProbeFailureAt, 1, true)
		out, err := reducer.Step(rec, reducer.Event{
			Key: key, Seq: 1, At: 2, Body: reducer.ActivationCompleted{Observed: "new"},
		})
		if err != nil {
			t.Fatal(err)
		}
		if got := out.Record; len(got.Probes) > 0 || got.At(states.FirstProbeAt).IsSet() || got.At(states.FirstProbeFailureAt).IsSet() {
			t.Fatalf("from %s: probes %v, first probe %s, first failure %s",
				state, got.Probes, got.At(states.FirstProbeAt), got.At(states.FirstProbeFailureAt))
		}
	}
}

// Taken as it is, it would change the record without a number, and count as
// evidence for what it says.
func TestAnEventFromNobodyIsRefused(t *testing.T) {
	key := states.Key{Rollout: states.Rollout{Channel: "stable", Ref: "a1b2"}, Host: "web-1"}
	rec := states.Record{Key: key, Target: "new", Belief: states.Belief{State: states.Failed}}
	for by, want := range map[reducer.By]error{reducer.BySynthesis: nil, reducer.BySynthesis + 1: reducer.ErrNoOrigin} {
		out, err := reducer.Step(rec, reducer.Event{
			Key: key, At: 1, Origin: reducer.Origin{By: by}, Body: reducer.RollbackComplete{RevertedTo: "old"},
		})
		if !errors.Is(err, want) {
			t.Errorf("%s: %v, want %v", by, err, want)
		}
		if want != nil && (out.Disposition != reducer.Refused || !out.Record.Equal(&rec) || out.Effects.Entry.Event.Body != nil) {
			t.Errorf("%s: %s, effects %+v", by, out.Disposition, out.Effects)
		}
	}
}
