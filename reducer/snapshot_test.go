package reducer_test

import (
	"errors"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/rollmend/rollmend/reducer"
	"github.com/rollmend/rollmend/states"
)

// gappy is a life with guesses, late truth, a gap and refusals in its log.
func gappy(t *testing.T) *life {
	t.Helper()
	l := opened(t)
	l.does(sec(1), reducer.Dispatched{})
	l.guessed(states.KindDispatchAck, sec(2))
	l.guessed(states.KindActivationCompleted, sec(2))
	refused := func(ev reducer.Event) {
		t.Helper()
		if out, err := l.step(ev); err == nil || out.Disposition != reducer.Refused {
			t.Fatalf("%s is %s", ev.Kind(), out.Disposition)
		}
	}
	if _, err := l.step(l.next(sec(1), reducer.DispatchAck{AtDispatch: "old"})); err != nil { // 1, late
		t.Fatal(err)
	}
	refused(l.next(sec(3), reducer.Converged{Current: "third"})) // 2
	jump := l.next(sec(4), reducer.ActivationCompleted{Observed: "new"})
	jump.Seq = 5 // 3 and 4 are lost
	if _, err := l.step(jump); err != nil {
		t.Fatal(err)
	}
	refused(l.next(sec(5), reducer.Converged{Current: "new"})) // 6: too early
	refused(l.next(sec(6), reducer.Converged{Current: "new"})) // 7: again
	l.says(sec(7), reducer.ProbeObservedFirst{Probe: "http", Mode: states.Enforce})
	return l
}

// A log can be made shorter at any point, and again, and is folded on from
// there: what comes behind gives the same records as from the whole log.
func TestASnapshotStandsForWhatItReplaces(t *testing.T) {
	log := gappy(t).log
	for at := 1; at <= len(log); at++ {
		first, err := reducer.Compact(log[:at])
		if err != nil {
			t.Fatal(err)
		}
		short := append([]reducer.LogEntry{first}, log[at:]...)
		for n := 1; n <= len(short); n++ {
			want, err := reducer.Rederive(log[:at+n-1])
			if err != nil {
				t.Fatal(err)
			}
			got, err := reducer.Rederive(short[:n])
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("compacted at %d, folded %d entries:\n%s", at, n, diff)
			}
			twice, err := reducer.Compact(short[:n])
			if err != nil {
				t.Fatal(err)
			}
			once, err := reducer.Compact(log[:at+n-1])
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(once, twice); diff != "" {
				t.Errorf("compacted at %d, and again at %d:\n%s", at, at+n-1, diff)
			}
		}
	}
}

func TestASnapshotRemembersWhatWasNotTaken(t *testing.T) {
	entry, err := reducer.Compact(gappy(t).log)
	if err != nil {
		t.Fatal(err)
	}
	s := entry.Snapshot
	if diff := cmp.Diff([]reducer.Numbers{{From: 2, To: 4}, {From: 6, To: 7}}, s.Untaken); diff != "" {
		t.Error(diff)
	}
	want := map[states.Seq]bool{1: true, 2: false, 3: false, 4: false, 5: true, 6: false, 7: false, 8: true, 9: false}
	for seq, taken := range want {
		if s.Takes(seq) != taken {
			t.Errorf("number %d is taken: %v", seq, !taken)
		}
	}
	if entry.Event.Reported() || entry.Event.Synthesised() || entry.Event.Body != nil {
		t.Errorf("a snapshot looks like an event: %+v", entry.Event)
	}
	if entry.Revision != s.Record.Revision || entry.Event.Key != webOne {
		t.Errorf("it stands at revision %d of %s", entry.Revision, entry.Event.Key)
	}
}

func TestALogThatDoesNotHoldTogetherIsNotCompacted(t *testing.T) {
	log := gappy(t).log
	var wrong *reducer.LogError
	if entry, err := reducer.Compact(slices.Delete(slices.Clone(log), 2, 3)); !errors.As(err, &wrong) || entry.Snapshot != nil {
		t.Errorf("it is compacted to %+v (%v)", entry, err)
	}
}

// The effects of a step never hold one: no commit can bring a snapshot.
func TestASnapshotIsNotAnEffect(t *testing.T) {
	entry, err := reducer.Compact(gappy(t).log)
	if err != nil {
		t.Fatal(err)
	}
	if out, err := reducer.Step(entry.Snapshot.Record, entry.Event); err == nil || out.Disposition != reducer.Refused {
		t.Errorf("a snapshot is stepped: %s (%v)", out.Disposition, err)
	}
}

func TestASnapshotThatCannotStandWhereItDoesIsSaid(t *testing.T) {
	log := gappy(t).log
	first, err := reducer.Compact(log[:4])
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		what   string
		spoil  func(short []reducer.LogEntry) []reducer.LogEntry
		entry  int
		reason string
	}{
		{"behind the opening", func(short []reducer.LogEntry) []reducer.LogEntry {
			return append([]reducer.LogEntry{log[0]}, short...)
		}, 1, "a snapshot stands behind other entries"},
		{"with an event in it", func(short []reducer.LogEntry) []reducer.LogEntry {
			short[0].Event.Body = reducer.Dispatched{}
			return short
		}, 0, "it is a snapshot and an event at once"},
		{"of another host", func(short []reducer.LogEntry) []reducer.LogEntry {
			other := *short[0].Snapshot
			other.Record.Host = "web-2"
			short[0].Snapshot = &other
			return short
		}, 0, "its snapshot is of stable@a1b2/web-2"},
		{"at another revision", func(short []reducer.LogEntry) []reducer.LogEntry {
			short[0].Revision = 4
			return short
		}, 0, "it has revision 4, its snapshot 3"},
		{"with a gap behind it", func(short []reducer.LogEntry) []reducer.LogEntry {
			return slices.Delete(short, 1, 2)
		}, 1, "it has revision 5: an entry is missing or out of order"},
	} {
		rec, err := reducer.Rederive(c.spoil(append([]reducer.LogEntry{first}, log[4:]...)))
		want := &reducer.LogError{Key: webOne, Entry: c.entry, Reason: c.reason}
		if diff := cmp.Diff(error(want), err); diff != "" {
			t.Errorf("%s:\n%s", c.what, diff)
		}
		if diff := cmp.Diff(states.Record{}, rec); diff != "" {
			t.Errorf("%s: a record came of it:\n%s", c.what, diff)
		}
	}
}
