package reducer_test

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/rollmend/rollmend/reducer"
	"github.com/rollmend/rollmend/states"
)

var stepped = states.Key{Rollout: states.Rollout{Channel: "stable", Ref: "a1b2"}, Host: "web-1"}

// chainKinds are those that a chain can hold, and one that it cannot.
var chainKinds = []states.Kind{
	states.KindDispatchAck, states.KindActivationCompleted, states.KindActivationFailed,
	states.KindFailed, states.KindRollbackComplete, states.KindConverged, states.KindDispatched,
}

// beginnings are records in every state that a chain can begin in, reported and
// guessed.
func beginnings(t *testing.T) []states.Record {
	out, err := reducer.Step(states.Record{}, reducer.Event{
		Key: stepped, Origin: reducer.Origin{By: reducer.ByControlPlane}, At: 1000, Body: reducer.Opened{Target: "new"},
	})
	if err != nil {
		t.Fatal(err)
	}
	all := []states.Record{out.Record}
	for seq, body := range []reducer.Body{
		reducer.DispatchAck{AtDispatch: "old"}, reducer.ActivationCompleted{Observed: "new"}, reducer.Failed{},
	} {
		out, err = reducer.Step(out.Record, reducer.Event{Key: stepped, Seq: states.Seq(seq + 1), At: states.Time(2000 + seq), Body: body})
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, out.Record)
	}
	for _, rec := range slices.Clone(all) {
		for _, kind := range chainKinds {
			if out, err := reducer.Step(rec, guessed(&rec, kind)); err == nil {
				all = append(all, out.Record)
			}
		}
	}
	return all
}

func guessed(rec *states.Record, kind states.Kind) reducer.Event {
	return reducer.Synthesise(rec, kind, states.RecordsLost, states.Observation{At: 5000, Current: "old"}, 5000)
}

// Every chain of up to four events, from every beginning, gives what one step
// after the other gives, and writes to nothing that a copy of the record shares.
func TestStepsIsOneStepAfterTheOther(t *testing.T) {
	tried := 0
	for _, rec := range beginnings(t) {
		before := rec
		if rec.Doubt != nil {
			kept := *rec.Doubt
			kept.Guesses = slices.Clone(kept.Guesses)
			before.Doubt = &kept
		}
		var chain []reducer.Event
		var grow func()
		grow = func() {
			tried++
			sameAsOneByOne(t, rec, chain)
			if len(chain) == states.MaxGuesses {
				return
			}
			for _, kind := range chainKinds {
				chain = append(chain, guessed(&rec, kind))
				grow()
				chain = chain[:len(chain)-1]
			}
		}
		grow()
		if !rec.Equal(&before) {
			t.Fatalf("a chain wrote to the record that it was handed:\n%s", cmp.Diff(before, rec))
		}
	}
	if tried < 10_000 {
		t.Fatalf("only %d chains were tried", tried)
	}
}

func sameAsOneByOne(t *testing.T, rec states.Record, chain []reducer.Event) {
	t.Helper()
	got, want := rec, rec
	effects, err := reducer.Steps(&got, nil, chain)
	for i := range chain {
		out, wantErr := reducer.Step(want, chain[i])
		if wantErr != nil || out.Disposition != reducer.Applied && out.Disposition != reducer.Absorbed {
			if len(effects) != i || (err == nil) != (wantErr == nil) {
				t.Fatalf("stopped after %d with %v, one by one after %d with %v", len(effects), err, i, wantErr)
			}
			break
		}
		want = out.Record
		if i >= len(effects) {
			t.Fatalf("stopped after %d with %v, one by one goes on", len(effects), err)
		}
		if diff := cmp.Diff(out.Effects, effects[i]); diff != "" {
			t.Fatalf("effects of step %d:\n%s", i, diff)
		}
	}
	if !got.Equal(&want) {
		t.Fatalf("the record differs:\n%s", cmp.Diff(want, got))
	}
}

// Two chains from one record know nothing of each other.
func TestStepsThatPartShareNothing(t *testing.T) {
	rec := beginnings(t)[0]
	step := func(rec *states.Record, kind states.Kind) {
		if _, err := reducer.Steps(rec, nil, []reducer.Event{guessed(rec, kind)}); err != nil {
			t.Fatal(err)
		}
	}
	step(&rec, states.KindDispatchAck)
	one, other := rec, rec
	step(&one, states.KindActivationCompleted)
	step(&other, states.KindActivationFailed)
	if got := one.LastGuess().Kind; got != states.KindActivationCompleted {
		t.Errorf("the first now rests on %s", got)
	}
	if got := other.LastGuess().Kind; got != states.KindActivationFailed {
		t.Errorf("the second rests on %s", got)
	}
	if got := len(rec.Guesses()); got != 1 {
		t.Errorf("what both came from rests on %d guesses", got)
	}
}

// A chain that a report stands in is what one step after the other is, too.
func TestAReportInAChainIsAStepLikeAnother(t *testing.T) {
	rec := beginnings(t)[0]
	reported := func(seq states.Seq, body reducer.Body) reducer.Event {
		return reducer.Event{Key: stepped, Seq: seq, At: 4000, Body: body}
	}
	completed := reducer.ActivationCompleted{Observed: "new"}
	for what, chain := range map[string][]reducer.Event{
		"on top of a guess":          {guessed(&rec, states.KindDispatchAck), reported(1, completed), guessed(&rec, states.KindConverged)},
		"below a guess":              {guessed(&rec, states.KindDispatchAck), reported(1, reducer.DispatchAck{}), guessed(&rec, states.KindActivationCompleted)},
		"refused":                    {guessed(&rec, states.KindDispatchAck), reported(1, reducer.RollbackComplete{RevertedTo: "old"}), guessed(&rec, states.KindActivationCompleted)},
		"a retransmit":               {reported(1, reducer.DispatchAck{}), reported(1, reducer.DispatchAck{}), guessed(&rec, states.KindActivationCompleted)},
		"said again, another number": {reported(1, reducer.DispatchAck{}), reported(2, reducer.DispatchAck{}), guessed(&rec, states.KindActivationCompleted)},
	} {
		t.Run(what, func(t *testing.T) { sameAsOneByOne(t, rec, chain) })
	}
}

// However long a chain is, it takes the memory of one.
func TestALongerChainTakesNoMoreAllocations(t *testing.T) {
	rec := beginnings(t)[0]
	chain := []reducer.Event{
		guessed(&rec, states.KindDispatchAck), guessed(&rec, states.KindActivationCompleted), guessed(&rec, states.KindConverged),
	}
	of := func(n int) float64 {
		return testing.AllocsPerRun(100, func() {
			stepped := rec
			if effects, err := reducer.Steps(&stepped, nil, chain[:n]); err != nil || len(effects) != n {
				t.Fatal(err)
			}
		})
	}
	if one, all := of(1), of(len(chain)); one != all {
		t.Errorf("one event takes %v allocations, %d take %v", one, len(chain), all)
	}
}

// Effects go behind what is there already, and into the room that there is.
func TestStepsAppendsItsEffects(t *testing.T) {
	rec := beginnings(t)[0]
	chain := []reducer.Event{guessed(&rec, states.KindDispatchAck), guessed(&rec, states.KindRollbackComplete)}
	was := rec
	alone, _ := reducer.Steps(&was, nil, chain)
	old := reducer.Effects{Entry: reducer.LogEntry{Reason: "of another record"}}
	room := []reducer.Effects{old, old, old, old}
	all, _ := reducer.Steps(&rec, room[:1], chain)
	if diff := cmp.Diff(append([]reducer.Effects{old}, alone...), all); diff != "" {
		t.Error(diff)
	}
	if &all[0] != &room[0] {
		t.Error("the effects are not in the room that was given for them")
	}
}
