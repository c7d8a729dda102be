package codec_test

import (
	"errors"
	"reflect"
	"strings"
	"testing"

	"github.com/rollmend/rollmend/internal/codec"
	"github.com/rollmend/rollmend/reducer"
	"github.com/rollmend/rollmend/states"
	"pgregory.net/rapid"
)

func FuzzSnapshot(f *testing.F) { snapshots.fuzz(f) }

// snapshot draws the first entry of a log that was made shorter.
func snapshot(t *rapid.T) reducer.LogEntry {
	s := &reducer.Snapshot{Record: record(t)}
	s.Record.Revision = states.Revision(rapid.Uint64Min(1).Draw(t, "revision"))
	var last uint64
	for range rapid.IntRange(0, 4).Draw(t, "runs") {
		from := last + 2 + rapid.Uint64Range(0, 1<<40).Draw(t, "from")
		last = from + rapid.Uint64Range(0, 1<<40).Draw(t, "to")
		s.Untaken = append(s.Untaken, reducer.Numbers{From: states.Seq(from), To: states.Seq(last)})
	}
	of := reducer.Event{Key: s.Record.Key, Origin: reducer.Origin{By: reducer.ByControlPlane}}
	return reducer.LogEntry{Revision: s.Record.Revision, Snapshot: s, Event: of}
}

// decodeInPlace reads a snapshot as stores do that keep changes, with their
// records or beside them.
func decodeInPlace(in []byte) (reducer.LogEntry, error) {
	rec, effects, err := codec.DecodeChange(in)
	if err != nil {
		return reducer.LogEntry{}, err
	}
	alone, err := codec.DecodeChangedRecord(in)
	if err != nil {
		return reducer.LogEntry{}, err
	}
	key, revision, err := codec.DecodeChangedKey(in)
	if err != nil {
		return reducer.LogEntry{}, err
	}
	of, steps, err := codec.DecodeEffects(in)
	if err != nil {
		return reducer.LogEntry{}, err
	}
	if of != key || !reflect.DeepEqual(steps, effects) {
		return reducer.LogEntry{}, errors.New("beside its record it is another than with it")
	}
	if key != rec.Key || revision != rec.Revision || !alone.Equal(&rec) || len(effects) != 1 {
		return reducer.LogEntry{}, errors.New("its parts say different things")
	}
	return effects[0].Entry, nil
}

func TestASnapshotThatDoesNotFitTogetherIsNotWritten(t *testing.T) {
	for reason, spoil := range map[string]func(e *reducer.LogEntry){
		"has none":                    func(e *reducer.LogEntry) { e.Snapshot = nil },
		"the entry is at revision 0":  func(e *reducer.LogEntry) { e.Revision, e.Snapshot.Record.Revision = 0, 0 },
		"the entry is at revision 9":  func(e *reducer.LogEntry) { e.Revision = 9 },
		"its record is of":            func(e *reducer.LogEntry) { e.Event.Key.Host = "another" },
		"it is an event as well":      func(e *reducer.LogEntry) { e.Disposition = reducer.Applied },
		"numbers 0 to 3 stand behind": func(e *reducer.LogEntry) { e.Snapshot.Untaken = []reducer.Numbers{{From: 0, To: 3}} },
		"numbers 5 to 4 stand behind": func(e *reducer.LogEntry) { e.Snapshot.Untaken = []reducer.Numbers{{From: 5, To: 4}} },
		"numbers 3 to 3 stand behind 2: runs rise, apart": func(e *reducer.LogEntry) {
			e.Snapshot.Untaken = []reducer.Numbers{{From: 1, To: 2}, {From: 3, To: 3}}
		},
	} {
		rec := soaking()
		e := reducer.LogEntry{Revision: rec.Revision, Snapshot: &reducer.Snapshot{Record: rec}, Event: reducer.Event{Key: rec.Key}}
		spoil(&e)
		out, err := codec.AppendSnapshot([]byte("before"), &e)
		var wrong *codec.ValueError
		if !errors.As(err, &wrong) || !strings.Contains(wrong.Reason, reason) {
			t.Errorf("%s: %v", reason, err)
		}
		if string(out) != "before" {
			t.Errorf("%s: something was written", reason)
		}
	}
}
