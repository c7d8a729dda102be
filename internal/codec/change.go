package codec

import (
	"fmt"

	"github.com/rollmend/rollmend/adapters"
	"github.com/rollmend/rollmend/reducer"
	"github.com/rollmend/rollmend/states"
)

// AppendChange appends a change: the record after it, and its effects. What a
// change compares (Expect, Guard) is for the moment of the commit alone, and
// not written.
//
// The error is a [*ValueError], where the record, its revision and the log
// entries do not fit together: no store could give back the log of such a
// record.
func AppendChange(dst []byte, c *adapters.Change) ([]byte, error) {
	if err := CheckChange(c); err != nil {
		return dst, err
	}
	var w writer
	w.begin(dst, changeMessage)
	w.record(&c.Record)
	w.uint(uint64(len(c.Effects)))
	for i := range c.Effects {
		if !w.effects(&c.Effects[i]) {
			return dst, contradiction(c, "the body of effect %d is not of a known type", i)
		}
	}
	return w.buf, nil
}

// DecodeChange reads what [AppendChange] or [AppendSnapshot] appended; of a
// snapshot the only effect is its entry. The error is an [*Error].
func DecodeChange(in []byte) (states.Record, []reducer.Effects, error) {
	var r reader
	snapshot := r.beginChange(in)
	var rec states.Record
	r.record(&rec)
	if snapshot {
		e := r.snapshot(&rec)
		return rec, []reducer.Effects{{Entry: e}}, r.end()
	}
	n := r.count(minEffects)
	list := make([]reducer.Effects, n)
	for i := range list {
		list[i] = r.effects(rec.Key)
	}
	return rec, list, r.end()
}

// beginChange begins a change, or a snapshot in its place, and tells which.
func (r *reader) beginChange(in []byte) (snapshot bool) {
	if isSnapshot(in) {
		r.begin(in, snapshotMessage)
		return true
	}
	r.begin(in, changeMessage)
	return false
}

// DecodeChangedRecord reads the record of a change alone. The error is an
// [*Error]; what follows the record is not looked at.
func DecodeChangedRecord(in []byte) (states.Record, error) {
	var r reader
	r.beginChange(in)
	var rec states.Record
	r.record(&rec)
	if r.err != nil {
		return states.Record{}, r.err
	}
	return rec, nil
}

// DecodeChangedKey reads no more of a change than whose record it is, and the
// record's revision. The error is an [*Error].
func DecodeChangedKey(in []byte) (states.Key, states.Revision, error) {
	var r reader
	r.beginChange(in)
	key, revision := r.key(), states.Revision(r.uint())
	if r.err != nil {
		return states.Key{}, 0, r.err
	}
	return key, revision, nil
}

// CheckChange holds a change to what the port says of it, as [AppendChange]
// does: for stores that keep its parts apart. Whether a body is of a known type
// is told by [AppendEntry].
func CheckChange(c *adapters.Change) error {
	if len(c.Effects) == 0 {
		return contradiction(c, "it has no effects")
	}
	if want := c.Expect + states.Revision(len(c.Effects)); c.Record.Revision != want {
		return contradiction(c, "its record is at revision %d: %d log entries after revision %d lead to %d",
			c.Record.Revision, len(c.Effects), c.Expect, want)
	}
	for i := range c.Effects {
		e := &c.Effects[i]
		switch {
		case e.Entry.Event.Body == nil:
			return contradiction(c, "effect %d has no log entry", i)
		case e.Entry.Snapshot != nil:
			return contradiction(c, "effect %d is a snapshot, and only upkeep makes those", i)
		case e.Entry.Revision != c.Expect+states.Revision(i)+1:
			return contradiction(c, "log entry %d has revision %d", i, e.Entry.Revision)
		case e.Entry.Event.Key != c.Record.Key:
			return contradiction(c, "log entry %d is of %s", i, e.Entry.Event.Key)
		}
	}
	return nil
}

func contradiction(c *adapters.Change, format string, args ...any) error {
	return &ValueError{Value: "change of " + c.Record.Key.String(), Reason: fmt.Sprintf(format, args...)}
}

// minEffects is the least that the effects of a step take: the flags, and a
// log entry of ten parts.
const minEffects = 11

func (w *writer) effects(e *reducer.Effects) bool {
	quarantine := e.Quarantine != reducer.Quarantine{}
	transition := e.Transition != reducer.Transition{}
	w.flags(quarantine, transition)
	if !w.entry(&e.Entry) {
		return false
	}
	if quarantine {
		w.quarantine(&e.Quarantine)
	}
	if transition {
		w.transition(&e.Transition)
	}
	return true
}

func (r *reader) effects(key states.Key) (e reducer.Effects) {
	var quarantine, transition bool
	r.flags(&quarantine, &transition)
	e.Entry = r.entry(key)
	if quarantine {
		e.Quarantine = r.quarantine()
	}
	if transition {
		e.Transition = r.transition()
	}
	return e
}
