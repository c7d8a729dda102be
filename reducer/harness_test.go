package reducer_test

import (
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/rollmend/rollmend/reducer"
	"github.com/rollmend/rollmend/states"
)

var webOne = states.Key{Rollout: states.Rollout{Channel: "stable", Ref: "a1b2"}, Host: "web-1"}

// planned is what the rollout of the tests is opened with.
var planned = reducer.Opened{
	Wave: 2, Target: "new",
	Policy: states.Policy{Soak: 10 * time.Second, OnFailure: states.RollbackAndHalt},
}

const openedAt = states.Time(1_000_000)

// sec is a time of the tests: so many seconds after the opening.
func sec(n int) states.Time { return openedAt.Add(time.Duration(n) * time.Second) }

// life is one host's record on its way.
type life struct {
	t   *testing.T
	rec states.Record
	log []reducer.LogEntry
}

// opened begins a life with its opening.
func opened(t *testing.T) *life {
	t.Helper()
	l := &life{t: t}
	l.does(openedAt, planned)
	return l
}

func (l *life) step(ev reducer.Event) (reducer.Outcome, error) {
	out, err := reducer.Step(l.rec, ev)
	l.rec = out.Record
	if out.Effects.Entry.Event.Body != nil {
		l.log = append(l.log, out.Effects.Entry)
	}
	return out, err
}

// does is an event of the control plane, which must be applied.
func (l *life) does(at states.Time, body reducer.Body) reducer.Outcome {
	l.t.Helper()
	return l.must(reducer.Event{Key: webOne, Origin: reducer.Origin{By: reducer.ByControlPlane}, At: at, Body: body})
}

// next is the agent's next report.
func (l *life) next(at states.Time, body reducer.Body) reducer.Event {
	return reducer.Event{Key: webOne, Seq: l.rec.LastSeq + 1, At: at, Body: body}
}

// says is the agent's next report, which must be applied.
func (l *life) says(at states.Time, body reducer.Body) reducer.Outcome {
	l.t.Helper()
	return l.must(l.next(at, body))
}

// guessed is a synthesised event that rests on a heartbeat of that time, and
// happened then; it must be applied.
func (l *life) guessed(kind states.Kind, at states.Time) reducer.Outcome {
	l.t.Helper()
	return l.must(reducer.Synthesise(&l.rec, kind, states.RecordsLost, states.Observation{At: at, Current: "new"}, at))
}

func (l *life) must(ev reducer.Event) reducer.Outcome {
	l.t.Helper()
	was := l.rec.State
	out, err := l.step(ev)
	if err != nil || out.Disposition != reducer.Applied {
		l.t.Fatalf("%s in %s is %s: %v", ev.Kind(), was, out.Disposition, err)
	}
	return out
}

// reported returns a life whose reports led to a state, a second apart.
func reported(t *testing.T, state states.State) *life {
	t.Helper()
	l := opened(t)
	switch state {
	case states.Activating:
		l.says(sec(1), reducer.DispatchAck{AtDispatch: "old"})
	case states.Deferred:
		l = reported(t, states.Activating)
		l.says(sec(2), reducer.ActivationDeferred{Component: "kernel"})
	case states.Soaking:
		l = reported(t, states.Activating)
		l.says(sec(2), reducer.ActivationCompleted{Observed: "new"})
	case states.Converged:
		l = reported(t, states.Soaking)
		l.says(sec(12), reducer.Converged{Current: "new"})
	case states.Failed:
		l = reported(t, states.Soaking)
		l.says(sec(3), reducer.Failed{PolicyApplied: states.RollbackAndHalt})
	case states.Reverted:
		l = reported(t, states.Failed)
		l.says(sec(4), reducer.RollbackComplete{RevertedTo: "old"})
	}
	if l.rec.State != state {
		t.Fatalf("want a record in %s, it is %s", state, l.rec.State)
	}
	return l
}

// refused makes sure that an event is refused with an error, and that nothing
// is different by it but the number of a report.
func (l *life) refused(what string, ev reducer.Event, want error) {
	l.t.Helper()
	was := l.rec
	out, err := reducer.Step(was, ev)
	if diff := cmp.Diff(want, err, cmp.Comparer(sameError)); diff != "" {
		l.t.Errorf("%s: the error:\n%s", what, diff)
	}
	expected := reducer.Outcome{Disposition: reducer.Refused, Record: was}
	var illegal *reducer.IllegalError
	var invariant *reducer.InvariantError
	if ev.Reported() && (errors.As(want, &illegal) || errors.As(want, &invariant)) && was.State != 0 {
		expected.Record.LastSeq = ev.Seq
		expected.Record.Revision++
		expected.Effects.Entry = reducer.LogEntry{
			Revision: expected.Record.Revision, Disposition: reducer.Refused, Reason: want.Error(), Event: ev,
		}
	}
	if diff := cmp.Diff(expected, out); diff != "" {
		l.t.Errorf("%s: the outcome:\n%s", what, diff)
	}
}

// sameError compares errors by type and by every field, sentinels by identity.
func sameError(a, b error) bool {
	if errors.Is(a, b) || errors.Is(b, a) {
		return true
	}
	if a == nil || b == nil {
		return false
	}
	switch a := a.(type) {
	case *reducer.IllegalError:
		b, ok := b.(*reducer.IllegalError)
		return ok && *a == *b
	case *reducer.InvariantError:
		b, ok := b.(*reducer.InvariantError)
		return ok && *a == *b
	case *reducer.WrongRecordError:
		b, ok := b.(*reducer.WrongRecordError)
		return ok && *a == *b
	}
	return false
}
