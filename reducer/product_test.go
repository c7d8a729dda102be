package reducer_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/rollmend/rollmend/reducer"
	"github.com/rollmend/rollmend/states"
)

// leads is the protocol as the specification has it, written by hand: where an
// event that is legal in a state leads.
var leads = map[states.State]map[states.Kind]states.State{
	0: {states.KindOpened: states.Pending},
	states.Pending: {
		states.KindDispatched:  states.Pending,
		states.KindDispatchAck: states.Activating,
	},
	states.Activating: {
		states.KindActivationStarted:   states.Activating,
		states.KindActivationCompleted: states.Soaking,
		states.KindActivationDeferred:  states.Deferred,
		states.KindActivationFailed:    states.Failed,
	},
	states.Deferred: {
		states.KindActivationCompleted: states.Soaking,
		states.KindActivationFailed:    states.Failed,
	},
	states.Soaking: {
		states.KindProbeTopologyDeclared: states.Soaking,
		states.KindProbeObservedFirst:    states.Soaking,
		states.KindProbeResult:           states.Soaking,
		states.KindProbeFailureFirst:     states.Soaking,
		states.KindFailed:                states.Failed,
		states.KindConverged:             states.Converged,
	},
	states.Failed: {states.KindRollbackComplete: states.Reverted},
}

// sample is a body of each kind that breaks no invariant.
var sample = map[states.Kind]reducer.Body{
	states.KindOpened:                planned,
	states.KindDispatched:            reducer.Dispatched{},
	states.KindDispatchAck:           reducer.DispatchAck{AtDispatch: "old"},
	states.KindActivationStarted:     reducer.ActivationStarted{Method: "switch"},
	states.KindActivationCompleted:   reducer.ActivationCompleted{Observed: "new"},
	states.KindActivationDeferred:    reducer.ActivationDeferred{Component: "kernel"},
	states.KindActivationFailed:      reducer.ActivationFailed{ExitCode: 1},
	states.KindProbeTopologyDeclared: reducer.ProbeTopologyDeclared{Probes: []reducer.Declaration{{Name: "http", Mode: states.Observe}}},
	states.KindProbeObservedFirst:    reducer.ProbeObservedFirst{Probe: "http"},
	states.KindProbeResult:           reducer.ProbeResult{Probe: "http", Mode: states.Observe, Status: states.Pass},
	states.KindProbeFailureFirst:     reducer.ProbeFailureFirst{Probe: "http"},
	states.KindFailed:                reducer.Failed{},
	states.KindRollbackComplete:      reducer.RollbackComplete{RevertedTo: "old"},
	states.KindConverged:             reducer.Converged{Current: "new"},
}

func origin(kind states.Kind) reducer.Origin {
	if kind.Agent() {
		return reducer.Origin{}
	}
	return reducer.Origin{By: reducer.ByControlPlane}
}

// Of what is not legal, this much was said on the way: it is a duplicate.
func saidBefore(state states.State, kind states.Kind) bool {
	said := map[states.State][]states.Kind{
		states.Activating: {states.KindDispatchAck},
		states.Deferred:   {states.KindDispatchAck, states.KindActivationDeferred},
		states.Soaking:    {states.KindDispatchAck, states.KindActivationCompleted},
		states.Converged:  {states.KindDispatchAck, states.KindActivationCompleted, states.KindConverged},
		states.Failed:     {states.KindDispatchAck, states.KindActivationCompleted, states.KindFailed},
		states.Reverted:   {states.KindDispatchAck, states.KindActivationCompleted, states.KindFailed, states.KindRollbackComplete},
	}
	for _, k := range said[state] {
		if k == kind {
			return true
		}
	}
	return false
}

func TestEveryEventInEveryState(t *testing.T) {
	for state := range states.States() {
		for kind := range states.Kinds() {
			l := reported(t, state)
			ev := l.next(sec(20), sample[kind])
			if ev.Origin = origin(kind); !kind.Agent() {
				ev.Seq = 0
			}
			to, legal := leads[state][kind]
			switch {
			case legal:
				last, want := sec(20), reducer.Transition{From: state, To: to, At: sec(20)}
				if to == state {
					last, want = l.rec.At(states.LastTransitionAt), reducer.Transition{}
				}
				out := l.must(ev)
				if out.Record.State != to || out.Effects.Transition != want || out.Record.At(states.LastTransitionAt) != last {
					t.Errorf("%s in %s leads to %s, by %v at %s", kind, state, out.Record.State, out.Effects.Transition, out.Record.At(states.LastTransitionAt))
				}
			case saidBefore(state, kind):
				was := l.rec
				out, err := l.step(ev)
				if err != nil {
					t.Errorf("%s in %s: %v", kind, state, err)
				}
				was.LastSeq++
				was.Revision++
				want := reducer.Outcome{Disposition: reducer.Duplicate, Record: was, Effects: reducer.Effects{
					Entry: reducer.LogEntry{Revision: was.Revision, Disposition: reducer.Duplicate, Event: ev},
				}}
				if diff := cmp.Diff(want, out); diff != "" {
					t.Errorf("%s in %s was said before:\n%s", kind, state, diff)
				}
			default:
				l.refused(kind.String()+" in "+state.String(), ev, &reducer.IllegalError{Key: webOne, State: state, Kind: kind})
			}
		}
	}
}

func TestTheRowsAreTheProtocol(t *testing.T) {
	got := map[states.State]map[states.Kind]states.State{}
	for row := range reducer.Rows() {
		if got[row.From] == nil {
			got[row.From] = map[states.Kind]states.State{}
		}
		got[row.From][row.On] = row.To
		if once := row.On == states.KindActivationStarted; row.Once != once {
			t.Errorf("%s in %s is said once: %t", row.On, row.From, row.Once)
		}
		if row.Writes == "" {
			t.Errorf("%s in %s does not say what it writes", row.On, row.From)
		}
	}
	if diff := cmp.Diff(leads, got); diff != "" {
		t.Error(diff)
	}
	for row := range reducer.Rows() {
		if row.On != states.KindOpened {
			t.Errorf("the first row is of %s", row.On)
		}
		break
	}
}

// A record that came from elsewhere may hold what its state does not give. Only
// what the protocol lets be said once is a duplicate where it is legal.
func TestWhatIsLegalIsADuplicateWhereItIsSaidOnceAlone(t *testing.T) {
	for row := range reducer.Rows() {
		if !row.On.Agent() {
			continue
		}
		l := reported(t, row.From)
		for stamp := range states.AllStamps() {
			if !l.rec.At(stamp).IsSet() && stamp != states.ActivationFailedAt {
				l.rec.Set(stamp, sec(2), true)
			}
		}
		l.rec.Set(states.ActivationFailedAt, 0, false)
		if row.On == states.KindActivationFailed {
			l.rec.Set(states.ActivationFailedAt, sec(2), true)
		}
		l.rec.RevertedTo, l.rec.Current = "old", "new"
		for _, below := range []bool{false, true} {
			rec := l.rec
			if below {
				if row.To == row.From || row.On == states.KindActivationDeferred {
					continue // no guess of this event can lie above it
				}
				out, err := reducer.Step(rec, reducer.Synthesise(&rec, row.On, states.RecordsLost, states.Observation{At: sec(20), Current: "old"}, sec(20)))
				if err != nil {
					t.Fatal(err)
				}
				rec = out.Record
			}
			out, err := reducer.Step(rec, reducer.Event{Key: webOne, Seq: 9, At: sec(20), Body: sample[row.On]})
			want := reducer.Applied
			switch {
			case row.Once:
				want = reducer.Duplicate
			case below:
				want = reducer.Absorbed
			}
			if out.Disposition != want {
				t.Errorf("%s in %s (below a guess: %t) is %s, want %s (%v)", row.On, row.From, below, out.Disposition, want, err)
			}
		}
	}
}
