package codec

import (
	"fmt"

	"github.com/rollmend/rollmend/reducer"
	"github.com/rollmend/rollmend/states"
)

// AppendSnapshot appends the first entry of a log that was made shorter. It
// begins with the record, like a change: where a store keeps changes, a
// snapshot takes the place of one, and is read by [DecodeChange],
// [DecodeChangedRecord] and [DecodeChangedKey]. [DecodeEntry] and
// [DecodeEffects] read it as well.
//
// The error is a [*ValueError], for an entry that is none, or does not fit
// together.
func AppendSnapshot(dst []byte, e *reducer.LogEntry) ([]byte, error) {
	s := e.Snapshot
	wrong := func(reason string) ([]byte, error) {
		return dst, &ValueError{Value: "snapshot of " + e.Event.Key.String(), Reason: reason}
	}
	switch {
	case s == nil:
		return wrong("the entry has none")
	case e.Revision == 0 || e.Revision != s.Record.Revision:
		return wrong(fmt.Sprintf("the entry is at revision %d, its record at %d", e.Revision, s.Record.Revision))
	case e.Event.Key != s.Record.Key:
		return wrong("its record is of " + s.Record.Key.String())
	case e.Event.Body != nil || e.Disposition != 0 || e.Reason != "":
		return wrong("it is an event as well")
	}
	var w writer
	w.begin(dst, snapshotMessage)
	w.record(&s.Record)
	w.uint(uint64(len(s.Untaken)))
	var last states.Seq
	for i, n := range s.Untaken {
		if n.From <= last || n.From > n.To || i > 0 && n.From == last+1 {
			return wrong(fmt.Sprintf("numbers %d to %d stand behind %d: runs rise, apart from each other", n.From, n.To, last))
		}
		w.uint(uint64(n.From - last))
		w.uint(uint64(n.To - n.From))
		last = n.To
	}
	return w.buf, nil
}

// isSnapshot reports whether a message says that it is a snapshot.
func isSnapshot(in []byte) bool { return len(in) > 1 && in[1] == snapshotMessage.tag }

// minNumbers is the least that a run of numbers takes: a byte for each end.
const minNumbers = 2

// snapshot reads what follows behind the record.
func (r *reader) snapshot(rec *states.Record) reducer.LogEntry {
	s := &reducer.Snapshot{Record: *rec}
	if n := r.count(minNumbers); n > 0 {
		s.Untaken = make([]reducer.Numbers, n)
	}
	var last states.Seq
	for i := range s.Untaken {
		from := last + states.Seq(r.uint())
		to := from + states.Seq(r.uint())
		if from <= last || to < from || i > 0 && from == last+1 {
			r.fail(fmt.Sprintf("numbers %d to %d stand behind %d", from, to, last))
		}
		s.Untaken[i], last = reducer.Numbers{From: from, To: to}, to
	}
	if rec.Revision == 0 {
		r.fail("a snapshot of nothing but the opening")
	}
	return snapshotEntry(s)
}

func snapshotEntry(s *reducer.Snapshot) reducer.LogEntry {
	of := reducer.Event{Key: s.Record.Key, Origin: reducer.Origin{By: reducer.ByControlPlane}}
	return reducer.LogEntry{Revision: s.Record.Revision, Snapshot: s, Event: of}
}
