package storetest

import (
	"errors"
	"fmt"
	"testing"

	"github.com/rollmend/rollmend/adapters"
	"github.com/rollmend/rollmend/reducer"
	"github.com/rollmend/rollmend/states"
	"github.com/stretchr/testify/require"
)

var logCases = []Case{
	{"a log begins with the opening and has an entry for each revision, in order", logInOrder},
	{"a prefix of a log rebuilds the record as it was then", logPrefixes},
	{"a refused report stands in the log", refusedIsLogged},
	{"records yields every record that something happened to, once, as it is now", recordsOnce},
	{"records may be left early, and the store used while they are read", recordsInterrupted},
	{"records stops at its first error and says it", recordsError},
}

func logInOrder(t testing.TB, f Fixture) {
	b := prepare(t, f, "a", "b")
	want := map[states.Host][]reducer.LogEntry{"a": b.log("a"), "b": b.log("b")}
	for i := range stepsToReverted {
		for _, h := range []states.Host{"a", "b"} {
			c := advance(t, b.record(h), 1+i%2)
			b.commit(c)
			for _, e := range c.Effects {
				want[h] = append(want[h], e.Entry)
			}
		}
	}
	for h, entries := range want {
		require.Equal(t, entries, b.log(h))
		b.whole(h)
	}
	require.Equal(t, states.KindOpened, want["a"][0].Event.Kind())
}

func logPrefixes(t testing.TB, f Fixture) {
	b := prepare(t, f, "a")
	was := []states.Record{b.record("a")}
	for range stepsToReverted {
		c := b.next("a")
		b.commit(c)
		was = append(was, c.Record)
	}
	log := b.log("a")
	for i := range was {
		got, err := reducer.Rederive(log[:i+1])
		require.NoError(t, err)
		require.True(t, got.Equal(&was[i]), "after entry %d:\n got %+v\nwant %+v", i, got, was[i])
	}
}

func refusedIsLogged(t testing.TB, f Fixture) {
	b := prepare(t, f, "a")
	rec := b.record("a")
	ev := reducer.Event{Key: rec.Key, Seq: 1, At: start, Body: reducer.Converged{Current: "elsewhere"}}
	out, err := reducer.Step(rec, ev)
	require.Error(t, err)
	require.Equal(t, reducer.Refused, out.Disposition)
	b.commit(adapters.Change{Record: out.Record, Effects: []reducer.Effects{out.Effects}})
	b.holds(out.Record)
	last := b.log("a")[1]
	require.Equal(t, reducer.Refused, last.Disposition)
	require.Equal(t, err.Error(), last.Reason)
}

// crowd is enough hosts for a store that reads in pages to turn one.
const crowd = 2500

func hosts(n int) []states.Host {
	out := make([]states.Host, n)
	for i := range out {
		out[i] = states.Host(fmt.Sprintf("host-%05d", i))
	}
	return out
}

func recordsOnce(t testing.TB, f Fixture) {
	b := prepare(t, f, hosts(crowd)...)
	want := make(map[states.Key]states.Record)
	for round := range 3 {
		var batch []adapters.Change
		for i, h := range hosts(crowd) {
			if i%4 > round {
				c := b.next(h)
				batch = append(batch, c)
				want[c.Record.Key] = c.Record
			}
		}
		b.commit(batch...)
	}
	for rec, err := range b.store.Records(b.ctx) {
		require.NoError(t, err)
		expected, ok := want[rec.Key]
		require.True(t, ok, "%s is yielded twice, or nothing happened to it", rec.Key)
		require.True(t, rec.Equal(&expected), "%s:\n got %+v\nwant %+v", rec.Key, rec, expected)
		delete(want, rec.Key)
	}
	require.Empty(t, want, "records that were not yielded")
}

func recordsInterrupted(t testing.TB, f Fixture) {
	b := prepare(t, f, hosts(crowd)...)
	var batch []adapters.Change
	for _, h := range hosts(crowd) {
		batch = append(batch, b.next(h))
	}
	b.commit(batch...)
	for rec, err := range b.store.Records(b.ctx) {
		require.NoError(t, err)
		b.commit(b.next(rec.Host))
		b.whole(rec.Host)
		break
	}
	seen := make(map[states.Key]bool)
	for rec, err := range b.store.Records(b.ctx) {
		require.NoError(t, err)
		require.False(t, seen[rec.Key], "%s is yielded twice", rec.Key)
		seen[rec.Key] = true
		if len(seen)%500 == 0 {
			for _, h := range []states.Host{rec.Host, "host-00000", "host-02499"} {
				b.commit(b.next(h))
			}
		}
		if len(seen)%500 == 1 {
			b.whole(rec.Host)
		}
	}
	require.Len(t, seen, crowd)
}

func recordsError(t testing.TB, f Fixture) {
	b := prepare(t, f, "a")
	b.commit(b.next("a"))
	over, cancel := withCancel(b)
	cancel()
	var errs []error
	for rec, err := range b.store.Records(over) {
		require.Zero(t, rec)
		errs = append(errs, err)
	}
	require.Error(t, errors.Join(errs...))
	require.Len(t, errs, 1)
}
