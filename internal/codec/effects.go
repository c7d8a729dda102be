package codec

import (
	"fmt"

	"github.com/rollmend/rollmend/reducer"
	"github.com/rollmend/rollmend/states"
)

// AppendEffects appends the effects of a record's steps, for a store that keeps
// them beside the record and not with it.
//
// The error is a [*ValueError], for an entry of another record or without a
// known body.
func AppendEffects(dst []byte, key states.Key, effects []reducer.Effects) ([]byte, error) {
	var w writer
	w.begin(dst, effectsMessage)
	w.key(key)
	w.uint(uint64(len(effects)))
	for i := range effects {
		if of := effects[i].Entry.Event.Key; of != key {
			return dst, &ValueError{Value: "effects of " + key.String(), Reason: fmt.Sprintf("log entry %d is of %s", i, of)}
		}
		if !w.effects(&effects[i]) {
			return dst, &ValueError{Value: "effects of " + key.String(), Reason: fmt.Sprintf("the body of effect %d is not of a known type", i)}
		}
	}
	return w.buf, nil
}

// DecodeEffects reads what [AppendEffects] appended, or the snapshot that
// [AppendSnapshot] put in its place, whose only effect is its entry. The error
// is an [*Error].
func DecodeEffects(in []byte) (states.Key, []reducer.Effects, error) {
	if isSnapshot(in) {
		e, err := DecodeEntry(in)
		return e.Event.Key, []reducer.Effects{{Entry: e}}, err
	}
	var r reader
	r.begin(in, effectsMessage)
	key := r.key()
	list := make([]reducer.Effects, r.count(minEffects))
	for i := range list {
		list[i] = r.effects(key)
	}
	return key, list, r.end()
}

// DecodeLogged reads a part of a log in any form that stores keep one in: the
// effects of a change, an entry, or a snapshot. The error is an [*Error].
func DecodeLogged(in []byte) ([]reducer.LogEntry, error) {
	if len(in) < 2 || in[1] != effectsMessage.tag {
		e, err := DecodeEntry(in)
		return []reducer.LogEntry{e}, err
	}
	_, effects, err := DecodeEffects(in)
	entries := make([]reducer.LogEntry, len(effects))
	for i := range effects {
		entries[i] = effects[i].Entry
	}
	return entries, err
}
