package scenario

import (
	"context"
	"fmt"
	"reflect"

	"github.com/rollmend/rollmend/adapters"
	"github.com/rollmend/rollmend/internal/codec"
	"github.com/rollmend/rollmend/reducer"
	"github.com/rollmend/rollmend/states"
)

// check compares a change that was just stored with what has to hold of every
// one, whatever a file says.
func check(ctx context.Context, store adapters.Store, before *states.Record, change *adapters.Change) error {
	key := change.Record.Key
	after, err := store.Record(ctx, key)
	if err != nil {
		return err
	}
	if !after.Equal(&change.Record) {
		return fmt.Errorf("%s: the store gives back another record than it was handed", key)
	}
	if before.State.Terminal() && !before.Synthesised() && after.State != before.State {
		return fmt.Errorf("%s: it was reported to be %s, and is moved to %s", key, before.State, after.State)
	}
	log, err := store.Log(ctx, key)
	if err != nil {
		return err
	}
	if err := folds(log, before, &after); err != nil {
		return err
	}
	if err := foldsShort(log, before, &after); err != nil {
		return err
	}
	for i := before.Revision + 1; int(i) < len(log); i++ {
		if err := comesBack(&log[i]); err != nil {
			return err
		}
	}
	got, err := codec.DecodeRecord(codec.AppendRecord(nil, &after))
	if err != nil || !got.Equal(&after) {
		return fmt.Errorf("%s: the record comes back from its encoding as another one (%v)", key, err)
	}
	return nil
}

// folds compares the record with its log, at each entry that is new in it. The
// points before were compared when they were stored.
func folds(log []reducer.LogEntry, before, after *states.Record) error {
	for n := int(before.Revision) + 1; n <= len(log); n++ {
		rec, err := reducer.Rederive(log[:n])
		if err != nil {
			return err
		}
		if n == int(before.Revision)+1 && !rec.Equal(before) {
			return fmt.Errorf("%s: %d entries of its log fold to another record than the one stored then", after.Key, n)
		}
		if n == len(log) && !rec.Equal(after) {
			return fmt.Errorf("%s: its log folds to another record than the one stored", after.Key)
		}
	}
	return nil
}

// foldsShort compares the record with its log, had that been compacted before
// the change.
func foldsShort(log []reducer.LogEntry, before, after *states.Record) error {
	n := int(before.Revision) + 1
	snapshot, err := reducer.Compact(log[:n])
	if err != nil {
		return err
	}
	if before.Revision > 0 { // a store keeps no snapshot of nothing but the opening
		if err := comesBack(&snapshot); err != nil {
			return err
		}
	}
	rec, err := reducer.Rederive(append([]reducer.LogEntry{snapshot}, log[n:]...))
	if err != nil || !rec.Equal(after) {
		return fmt.Errorf("%s: compacted at revision %d, its log folds to another record than the one stored (%v)", after.Key, before.Revision, err)
	}
	return nil
}

func comesBack(entry *reducer.LogEntry) error {
	bytes, err := codec.AppendEntry(nil, entry)
	if err != nil {
		return err
	}
	got, err := codec.DecodeEntry(bytes)
	if err != nil || !reflect.DeepEqual(got, *entry) {
		return fmt.Errorf("%s: entry %d comes back from its encoding as another one (%v)", entry.Event.Key, entry.Revision, err)
	}
	return nil
}
