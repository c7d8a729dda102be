package reducer_test

import (
	"errors"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/rollmend/rollmend/reducer"
	"github.com/rollmend/rollmend/states"
)

func TestALogGivesItsRecordAtEveryPoint(t *testing.T) {
	l := opened(t)
	at := []states.Record{l.rec}
	note := func(reducer.Outcome) { at = append(at, l.rec) }
	note(l.does(sec(1), reducer.Dispatched{}))
	note(l.guessed(states.KindDispatchAck, sec(2)))
	note(l.guessed(states.KindActivationCompleted, sec(2)))
	if _, err := l.step(l.next(sec(1), reducer.DispatchAck{AtDispatch: "old"})); err != nil { // late
		t.Fatal(err)
	}
	at = append(at, l.rec)
	if _, err := l.step(l.next(sec(3), reducer.Converged{Current: "third"})); err == nil { // refused
		t.Fatal("a convergence on another closure is accepted")
	}
	at = append(at, l.rec)
	for n := range at {
		rec, err := reducer.Rederive(l.log[:n+1])
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(at[n], rec); diff != "" {
			t.Errorf("after entry %d:\n%s", n, diff)
		}
	}
}

func TestALogThatDoesNotHoldTogetherSaysWhere(t *testing.T) {
	broken := func(entry int, reason string) error {
		return &reducer.LogError{Key: webOne, Entry: entry, Reason: reason}
	}
	for _, c := range []struct {
		what  string
		spoil func(log []reducer.LogEntry) []reducer.LogEntry
		want  error
	}{
		{
			"it is empty", func([]reducer.LogEntry) []reducer.LogEntry { return nil },
			&reducer.LogError{Reason: "it is empty, and a log begins with Opened"},
		},
		{
			"an entry is missing", func(log []reducer.LogEntry) []reducer.LogEntry { return slices.Delete(log, 1, 2) },
			broken(1, "it has revision 2: an entry is missing or out of order"),
		},
		{
			"it does not begin with the opening", func(log []reducer.LogEntry) []reducer.LogEntry { return log[1:] },
			broken(0, "it has revision 1: an entry is missing or out of order"),
		},
		{
			"another disposition was written", func(log []reducer.LogEntry) []reducer.LogEntry {
				log[2].Disposition = reducer.Refused
				return log
			},
			broken(2, "ActivationCompleted was refused, and is applied when folded (<nil>)"),
		},
		{
			"another closure was written", func(log []reducer.LogEntry) []reducer.LogEntry {
				log[2].Event.Body = reducer.ActivationCompleted{Observed: "third"}
				return log
			},
			broken(2, "ActivationCompleted was applied, and is refused when folded (reducer: stable@a1b2/web-1: ActivationCompleted refused (not-on-target): observed third, the target is new)"),
		},
		{
			"a retransmit was written", func(log []reducer.LogEntry) []reducer.LogEntry {
				again := log[2]
				again.Revision, again.Disposition = 3, reducer.Duplicate
				return append(log, again)
			},
			broken(3, "ActivationCompleted does not lead to revision 3"),
		},
	} {
		rec, err := reducer.Rederive(c.spoil(slices.Clone(reported(t, states.Soaking).log)))
		var wrong *reducer.LogError
		if !errors.As(err, &wrong) {
			t.Fatalf("%s: %v", c.what, err)
		}
		if diff := cmp.Diff(c.want, err); diff != "" {
			t.Errorf("%s:\n%s", c.what, diff)
		}
		if diff := cmp.Diff(states.Record{}, rec); diff != "" {
			t.Errorf("%s: a record came of it:\n%s", c.what, diff)
		}
	}
}

func TestWhatLiesBetweenARecordAndAReport(t *testing.T) {
	guessedEnd := reported(t, states.Activating)
	guessedEnd.guessed(states.KindActivationCompleted, sec(2))
	guessedEnd.guessed(states.KindConverged, sec(20))
	guessedBegin := opened(t)
	guessedBegin.guessed(states.KindDispatchAck, sec(2))
	const (
		ack       = states.KindDispatchAck
		completed = states.KindActivationCompleted
		broke     = states.KindActivationFailed
		failed    = states.KindFailed
		back      = states.KindRollbackComplete
		converged = states.KindConverged
		result    = states.KindProbeResult
		deferral  = states.KindActivationDeferred
	)
	for _, c := range []struct {
		of   *life
		to   states.Kind
		want []states.Kind
	}{
		{reported(t, states.Pending), ack, nil},
		{reported(t, states.Pending), deferral, []states.Kind{ack}},
		{reported(t, states.Pending), broke, []states.Kind{ack}},
		{reported(t, states.Pending), result, []states.Kind{ack, completed}},
		{reported(t, states.Pending), converged, []states.Kind{ack, completed}},
		{reported(t, states.Pending), back, []states.Kind{ack, broke}},
		{reported(t, states.Activating), ack, nil},
		{reported(t, states.Activating), failed, []states.Kind{completed}},
		{reported(t, states.Activating), back, []states.Kind{broke}},
		{reported(t, states.Deferred), converged, []states.Kind{completed}},
		{reported(t, states.Deferred), back, []states.Kind{broke}},
		{reported(t, states.Soaking), back, []states.Kind{failed}},
		{reported(t, states.Soaking), completed, nil},
		{reported(t, states.Soaking), states.KindOpened, nil}, // no road leads back to the beginning
		{reported(t, states.Failed), back, nil},
		{reported(t, states.Failed), converged, nil},
		{reported(t, states.Converged), back, nil},       // an end that was reported is one
		{guessedBegin, result, []states.Kind{completed}}, // what is guessed in front of it stays
		{guessedEnd, back, []states.Kind{failed}},
		{guessedEnd, result, nil},
		{guessedEnd, broke, nil}, // its place is below the guesses
	} {
		if diff := cmp.Diff(c.want, reducer.Road(c.of.rec, c.to)); diff != "" {
			t.Errorf("from %s to %s:\n%s", c.of.rec.State, c.to, diff)
		}
	}
}
