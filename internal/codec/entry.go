package codec

import (
	"github.com/rollmend/rollmend/reducer"
	"github.com/rollmend/rollmend/states"
)

// AppendEntry appends a log entry. The error is a [*ValueError], for a body
// that is none of the reducer's values, and that of [AppendSnapshot].
func AppendEntry(dst []byte, e *reducer.LogEntry) ([]byte, error) {
	if e.Snapshot != nil {
		return AppendSnapshot(dst, e)
	}
	var w writer
	w.begin(dst, entryMessage)
	w.key(e.Event.Key)
	if !w.entry(e) {
		return dst, &ValueError{Value: "log entry of " + e.Event.Key.String(), Reason: "its body is not of a known type"}
	}
	return w.buf, nil
}

// DecodeEntry reads what [AppendEntry] appended. The error is an [*Error].
func DecodeEntry(in []byte) (reducer.LogEntry, error) {
	var r reader
	if isSnapshot(in) {
		var rec states.Record
		r.begin(in, snapshotMessage)
		r.record(&rec)
		e := r.snapshot(&rec)
		return e, r.end()
	}
	r.begin(in, entryMessage)
	e := r.entry(r.key())
	return e, r.end()
}

// entry writes all but the key, which the message says once. It reports
// whether it could.
func (w *writer) entry(e *reducer.LogEntry) bool {
	ev := &e.Event
	origin := ev.Origin.Case != 0 || ev.Origin.From != states.Observation{}
	w.uint(uint64(e.Revision))
	w.byte(byte(e.Disposition))
	w.flags(ev.Clamped, origin)
	w.string(e.Reason)
	w.uint(uint64(ev.Seq))
	w.byte(byte(ev.Origin.By))
	if origin {
		w.byte(byte(ev.Origin.Case))
		w.observation(&ev.Origin.From)
	}
	w.time(ev.At)
	w.order(ev.Order)
	w.byte(byte(ev.Kind()))
	return w.body(ev.Body)
}

func (r *reader) entry(key states.Key) reducer.LogEntry {
	e := reducer.LogEntry{Revision: states.Revision(r.uint()), Disposition: enum[reducer.Disposition](r)}
	ev := &e.Event
	ev.Key = key
	var origin bool
	r.flags(&ev.Clamped, &origin)
	e.Reason = r.string()
	ev.Seq = states.Seq(r.uint())
	ev.Origin.By = enum[reducer.By](r)
	if origin {
		ev.Origin.Case = enum[states.Case](r)
		ev.Origin.From = r.observation()
	}
	ev.At = r.time()
	ev.Order = r.order()
	ev.Body = r.body(enum[states.Kind](r))
	return e
}
