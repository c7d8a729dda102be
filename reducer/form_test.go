package reducer_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/rollmend/rollmend/reducer"
	"github.com/rollmend/rollmend/states"
)

func TestAnEventMustBeWellFormed(t *testing.T) {
	plane := reducer.Origin{By: reducer.ByControlPlane}
	synthesis := reducer.Origin{By: reducer.BySynthesis, Case: states.AgentRestarted}
	elsewhere := states.Key{Rollout: webOne.Rollout, Host: "web-2"}
	illegal := func(state states.State, kind states.Kind) error {
		return &reducer.IllegalError{Key: webOne, State: state, Kind: kind}
	}
	nowhere := &life{t: t}
	for _, c := range []struct {
		what string
		of   *life
		ev   reducer.Event
		want error
	}{
		{"no body", reported(t, states.Pending), reducer.Event{Key: webOne, Seq: 1}, reducer.ErrNoBody},
		{"no body, and no rollout", nowhere, reducer.Event{Key: webOne, Seq: 1}, reducer.ErrNoBody},
		{"no number", reported(t, states.Pending), reducer.Event{Key: webOne, Body: reducer.DispatchAck{}}, reducer.ErrNoNumber},
		{
			"another host's", reported(t, states.Pending),
			reducer.Event{Key: elsewhere, Seq: 1, Body: reducer.DispatchAck{}},
			&reducer.WrongRecordError{Record: webOne, Event: elsewhere},
		},
		{
			"another host's, without a number", reported(t, states.Pending),
			reducer.Event{Key: elsewhere, Body: reducer.DispatchAck{}},
			&reducer.WrongRecordError{Record: webOne, Event: elsewhere},
		},
		{"before the opening", nowhere, reducer.Event{Key: webOne, Seq: 1, Body: reducer.DispatchAck{}}, illegal(0, states.KindDispatchAck)},
		{"guessed before the opening", nowhere, reducer.Event{Key: webOne, Origin: synthesis, Body: reducer.DispatchAck{}}, illegal(0, states.KindDispatchAck)},
		{"dispatched before the opening", nowhere, reducer.Event{Key: webOne, Origin: plane, Body: reducer.Dispatched{}}, illegal(0, states.KindDispatched)},
		{"opened by an agent", nowhere, reducer.Event{Key: webOne, Seq: 1, Body: planned}, illegal(0, states.KindOpened)},
		{"opened by a guess", nowhere, reducer.Event{Key: webOne, Origin: synthesis, Body: planned}, illegal(0, states.KindOpened)},
		{
			"opened without a target", nowhere,
			reducer.Event{Key: webOne, Origin: plane, Body: reducer.Opened{}},
			&reducer.InvariantError{Key: webOne, Kind: states.KindOpened, Invariant: reducer.ClosureTargetRequired, Detail: "the target is unknown"},
		},
		{"opened twice", reported(t, states.Pending), reducer.Event{Key: webOne, Origin: plane, Body: planned}, illegal(states.Pending, states.KindOpened)},
		{"opened twice, for another host", reported(t, states.Pending), reducer.Event{Key: elsewhere, Origin: plane, Body: planned}, &reducer.WrongRecordError{Record: webOne, Event: elsewhere}},
		{"acknowledged by the control plane", reported(t, states.Pending), reducer.Event{Key: webOne, Origin: plane, Body: reducer.DispatchAck{}}, illegal(states.Pending, states.KindDispatchAck)},
		{"an acknowledgement that is guessed again", reported(t, states.Activating), reducer.Event{Key: webOne, Origin: synthesis, Body: reducer.DispatchAck{}}, illegal(states.Activating, states.KindDispatchAck)},
		{"a start that is guessed", reported(t, states.Activating), reducer.Event{Key: webOne, Origin: synthesis, Body: reducer.ActivationStarted{}}, illegal(states.Activating, states.KindActivationStarted)},
	} {
		c.of.refused(c.what, c.ev, c.want)
	}
	// Those whose fault is not the record's do not take the number either.
	fromAgent := reported(t, states.Pending)
	out, err := reducer.Step(fromAgent.rec, reducer.Event{Key: webOne, Seq: 1, Body: reducer.Dispatched{}})
	if diff := cmp.Diff(illegal(states.Pending, states.KindDispatched), err); diff != "" {
		t.Errorf("dispatched by an agent:\n%s", diff)
	}
	if diff := cmp.Diff(reducer.Outcome{Disposition: reducer.Refused, Record: fromAgent.rec}, out); diff != "" {
		t.Errorf("dispatched by an agent:\n%s", diff)
	}
	if kind := (reducer.Event{}).Kind(); kind != 0 {
		t.Errorf("an event without a body is %s", kind)
	}
}

func TestAnOpeningMakesARecordWithoutATransition(t *testing.T) {
	l := &life{t: t}
	ev := reducer.Event{Key: webOne, Origin: reducer.Origin{By: reducer.ByControlPlane}, At: openedAt, Body: planned}
	out, err := l.step(ev)
	if err != nil {
		t.Fatal(err)
	}
	want := reducer.Outcome{
		Disposition: reducer.Applied,
		Record: states.Record{
			Key: webOne, Wave: 2, Target: "new", Policy: planned.Policy, Opened: openedAt,
			Belief: states.Belief{State: states.Pending},
		},
		Effects: reducer.Effects{Entry: reducer.LogEntry{Disposition: reducer.Applied, Event: ev}},
	}
	if diff := cmp.Diff(want, out); diff != "" {
		t.Error(diff)
	}
}

// A dispatch is sent again until it is acknowledged: each sending is logged, the
// first one stamps.
func TestADispatchIsStampedOnce(t *testing.T) {
	l := opened(t)
	l.does(sec(1), reducer.Dispatched{})
	out := l.does(sec(2), reducer.Dispatched{})
	if out.Record.Dispatched != sec(1) || out.Record.Revision != 2 || out.Effects.Entry.Revision != 2 {
		t.Errorf("dispatched %s, revision %d, logged as %d", out.Record.Dispatched, out.Record.Revision, out.Effects.Entry.Revision)
	}
}

func TestAnUnknownClosureAtDispatchTakesNothingAway(t *testing.T) {
	l := opened(t)
	l.rec.AtDispatch, l.rec.Current = "old", "old"
	if out := l.says(sec(1), reducer.DispatchAck{}); !out.Record.Current.Is("old") || !out.Record.AtDispatch.Is("old") {
		t.Errorf("runs %s, at dispatch %s", out.Record.Current, out.Record.AtDispatch)
	}
	out := l.says(sec(2), reducer.ActivationDeferred{})
	if !out.Record.Current.Is("old") {
		t.Errorf("a deferral changed what the host runs to %s", out.Record.Current)
	}
}

func TestARetransmitIsNeitherCountedNorLogged(t *testing.T) {
	l := reported(t, states.Soaking)
	for seq := range l.rec.LastSeq + 1 {
		ev := reducer.Event{Key: webOne, Seq: seq, At: sec(9), Body: reducer.Failed{}}
		if seq == 0 {
			continue
		}
		out, err := reducer.Step(l.rec, ev)
		if err != nil {
			t.Error(err)
		}
		if diff := cmp.Diff(reducer.Outcome{Disposition: reducer.Duplicate, Record: l.rec}, out); diff != "" {
			t.Errorf("number %d:\n%s", seq, diff)
		}
	}
}

// Saying again what was refused as illegal is no repetition.
func TestWhatWasNeverSaidIsNotADuplicate(t *testing.T) {
	failedSwitch := reported(t, states.Activating)
	failedSwitch.says(sec(2), reducer.ActivationFailed{})
	third := reported(t, states.Reverted)
	for _, c := range []struct {
		what string
		of   *life
		body reducer.Body
	}{
		{"an activation after it failed", failedSwitch, reducer.ActivationCompleted{Observed: "new"}},
		{"a failed soak after the activation failed", failedSwitch, reducer.Failed{}},
		{"a failed activation after a failed soak", reported(t, states.Failed), reducer.ActivationFailed{}},
		{"an activation of another closure", reported(t, states.Converged), reducer.ActivationCompleted{Observed: "third"}},
		{"a convergence on another closure", reported(t, states.Converged), reducer.Converged{Current: "third"}},
		{"a convergence before the switch, on what runs", reported(t, states.Activating), reducer.Converged{Current: "old"}},
		{"a rollback to another closure", third, reducer.RollbackComplete{RevertedTo: "third"}},
		{"a rollback before any, to nowhere", reported(t, states.Soaking), reducer.RollbackComplete{}},
		{"a result before the switch", opened(t), reducer.ProbeResult{Probe: "http"}},
		{"a start after the switch was not begun", reported(t, states.Soaking), reducer.ActivationStarted{}},
		{"a deferral after the switch", reported(t, states.Soaking), reducer.ActivationDeferred{}},
	} {
		ev := c.of.next(sec(20), c.body)
		c.of.refused(c.what, ev, &reducer.IllegalError{Key: webOne, State: c.of.rec.State, Kind: ev.Kind()})
	}
}
