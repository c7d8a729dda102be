package upkeep_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/rollmend/rollmend/adapters"
	"github.com/rollmend/rollmend/adapters/memory"
	"github.com/rollmend/rollmend/adapters/upkeep"
	"github.com/rollmend/rollmend/reducer"
	"github.com/rollmend/rollmend/states"
)

func TestLogsThatRestAreCompacted(t *testing.T) {
	const hosts = 600
	s := filled(t, hosts)
	before := map[int]states.Record{}
	for i := range hosts {
		before[i], _ = s.Record(t.Context(), keyOf(i))
	}
	// Host i rests since i%6 minutes after dawn.
	rest := upkeep.Rest{Now: dawn.Add(9 * time.Minute), After: 5 * time.Minute, Least: 4}
	for _, want := range []upkeep.Compacted{{Looked: 500, Compacted: 200}, {Looked: 500}} {
		done, err := upkeep.Compact(t.Context(), s, rest, nil)
		require.NoError(t, err)
		require.Equal(t, want, done)
	}
	for i := range hosts {
		rec, err := s.Record(t.Context(), keyOf(i))
		require.NoError(t, err)
		was := before[i]
		require.True(t, rec.Equal(&was))
		log, err := s.Log(t.Context(), keyOf(i))
		require.NoError(t, err)
		require.Equal(t, i%6 == 3 || i%6 == 4, log[0].Snapshot != nil, "host %d, of %d entries", i, len(log))
	}
	require.Empty(t, verified(t, s))
	for i := range hosts {
		reports(t, s, keyOf(i), 2)
	}
	require.Empty(t, verified(t, s), "they are folded on")
}

// What does not give its record stays as it is, for whoever looks for why.
func TestADamagedLogIsNotCompacted(t *testing.T) {
	s := &lying{Store: filled(t, 12), log: func(key states.Key, log []reducer.LogEntry) ([]reducer.LogEntry, error) {
		switch key {
		case keyOf(3):
			return log[:2:2], &adapters.NotAStoreError{}
		case keyOf(4):
			log[1].Event.Body = reducer.DispatchAck{AtDispatch: "/nix/store/other"} // folds, to another record
		case keyOf(5):
			log = append(log[:2:2], log[3:]...)
		}
		return log, nil
	}}
	done, err := upkeep.Compact(t.Context(), s, upkeep.Rest{Now: dawn, Least: 2, After: 0}, nil)
	require.NoError(t, err)
	require.Equal(t, upkeep.Compacted{Looked: 10, Damaged: 1}, done, "none of those that can be read rests yet")
	done, err = upkeep.Compact(t.Context(), s, upkeep.Rest{Now: dawn.Add(time.Hour), Least: 2}, nil)
	require.NoError(t, err)
	require.Equal(t, upkeep.Compacted{Looked: 10, Compacted: 7, Damaged: 3}, done)
	for i := 3; i <= 5; i++ {
		log, err := s.Store.Log(t.Context(), keyOf(i))
		require.NoError(t, err)
		require.Len(t, log, i+1)
	}
}

func TestALogThatChangesMeanwhileStaysWhole(t *testing.T) {
	inner := filled(t, 6)
	s := &lying{Store: inner}
	s.log = func(key states.Key, log []reducer.LogEntry) ([]reducer.LogEntry, error) {
		if key == keyOf(5) {
			reports(t, inner, key, 1)
		}
		return log, nil
	}
	done, err := upkeep.Compact(t.Context(), s, upkeep.Rest{Now: dawn.Add(time.Hour), Least: 6}, nil)
	require.NoError(t, err)
	require.Equal(t, upkeep.Compacted{Looked: 5, Busy: 1}, done)
	require.Empty(t, verified(t, inner))
}

func TestACompactionThatCannotBeIsRefused(t *testing.T) {
	s := filled(t, 6)
	_, err := upkeep.Compact(t.Context(), struct{ adapters.Store }{s}, upkeep.Rest{Now: dawn}, nil)
	require.ErrorIs(t, err, upkeep.ErrCannotCompact)
	for _, rest := range []upkeep.Rest{{}, {Now: dawn, After: -1}, {Now: dawn, Least: -1}} {
		_, err := upkeep.Compact(t.Context(), s, rest, nil)
		require.ErrorContains(t, err, "Rest.Now must be the time")
	}
	over, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = upkeep.Compact(over, s, upkeep.Rest{Now: dawn, Least: 1}, nil)
	require.ErrorIs(t, err, context.Canceled)
	done, err := upkeep.Compact(t.Context(), memory.New(), upkeep.Rest{Now: dawn}, nil)
	require.NoError(t, err)
	require.Zero(t, done)
}
