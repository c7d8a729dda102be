package proptest

import (
	"context"
	"fmt"
	"reflect"
	"strings"

	"github.com/rollmend/rollmend/adapters"
	"github.com/rollmend/rollmend/reducer"
	"github.com/rollmend/rollmend/states"
)

// difference says where what a store gives back is not what another one does;
// it is empty where it is the same.
func difference(store, right adapters.Store) string {
	ctx := context.Background()
	got, err := store.Fleet(ctx)
	if err != nil {
		return fmt.Sprintf("Fleet: %v", err)
	}
	want, err := right.Fleet(ctx)
	if err != nil {
		return fmt.Sprintf("adapters/memory: Fleet: %v", err)
	}
	if d := fleetDifference(&got, &want); d != "" {
		return d
	}
	listed := map[states.Key]states.Record{}
	for rec, err := range store.Records(ctx) {
		if err != nil {
			return fmt.Sprintf("Records: %v", err)
		}
		if _, again := listed[rec.Key]; again {
			return fmt.Sprintf("Records yields %s twice", rec.Key)
		}
		listed[rec.Key] = rec
	}
	for _, o := range want.Openings {
		for _, m := range o.Members {
			key := states.Key{Rollout: o.Rollout, Host: m.Host}
			if d := recordDifference(ctx, store, right, key, listed); d != "" {
				return d
			}
		}
	}
	if len(listed) > 0 {
		return fmt.Sprintf("Records yields %d records too many", len(listed))
	}
	return ""
}

func fleetDifference(got, want *adapters.Fleet) string {
	for _, part := range []struct {
		name      string
		got, want any
	}{
		{"the ordering revision", got.Ordering, want.Ordering},
		{"the openings", got.Openings, want.Openings},
		{"the resumptions", got.Resumptions, want.Resumptions},
		{"the quarantines", got.Quarantines, want.Quarantines},
		{"the clearances", got.Clearances, want.Clearances},
	} {
		// As text, so that an empty list is like none.
		if g, w := fmt.Sprintf("%+v", part.got), fmt.Sprintf("%+v", part.want); g != w {
			return apart("of "+part.name+" the store holds", g, w)
		}
	}
	return ""
}

func recordDifference(ctx context.Context, store, right adapters.Store, key states.Key, listed map[states.Key]states.Record) string {
	want, err := right.Record(ctx, key)
	if err != nil {
		return fmt.Sprintf("adapters/memory: Record: %v", err)
	}
	got, err := store.Record(ctx, key)
	if err != nil {
		return fmt.Sprintf("Record of %s: %v", key, err)
	}
	if !got.Equal(&want) {
		return apart("Record gives", strings.Join(showOf(&got), "\n"), strings.Join(showOf(&want), "\n"))
	}
	if want.Revision != 0 {
		if got := listed[key]; !got.Equal(&want) {
			return apart("Records yields", strings.Join(showOf(&got), "\n"), strings.Join(showOf(&want), "\n"))
		}
		delete(listed, key)
	}
	wantLog, err := right.Log(ctx, key)
	if err != nil {
		return fmt.Sprintf("adapters/memory: Log: %v", err)
	}
	gotLog, err := store.Log(ctx, key)
	if err != nil {
		return fmt.Sprintf("Log of %s: %v", key, err)
	}
	for i := range max(len(gotLog), len(wantLog)) {
		g, w := entryAt(gotLog, i), entryAt(wantLog, i)
		if !reflect.DeepEqual(g, w) {
			return apart(fmt.Sprintf("entry %d of the log of %s is", i, key), entryText(g), entryText(w))
		}
	}
	return ""
}

// apart shows what a store gives back and what it should.
func apart(what, got, want string) string { return what + "\n" + got + "\nand should be\n" + want }

// entryAt returns an entry of a log, the zero one behind its end.
func entryAt(log []reducer.LogEntry, i int) reducer.LogEntry {
	if i >= len(log) {
		return reducer.LogEntry{}
	}
	return log[i]
}

func entryText(e reducer.LogEntry) string {
	if e.Event.Body == nil {
		return "  missing"
	}
	return fmt.Sprintf("  revision %d: %s number %d at %s, %s: %+v", e.Revision, e.Event.Kind(), e.Event.Seq, e.Event.At, e.Disposition, e.Event.Body)
}
