package engine_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/rollmend/rollmend/adapters"
	"github.com/rollmend/rollmend/adapters/memory"
	"github.com/rollmend/rollmend/engine"
	"github.com/rollmend/rollmend/states"
)

// settled brings a batch to its end.
func settled(t *testing.T, core *engine.Core, store *memory.Store, b *engine.Batch, now states.Time) {
	t.Helper()
	results, err := store.Commit(t.Context(), b.Changes)
	require.NoError(t, err)
	require.False(t, core.Settle(b, results, nil, now))
}

// The batches of a core lie in the memory of those before them, and are what
// they would be in memory of their own.
func TestBatchesInUsedMemoryAreLikeOthers(t *testing.T) {
	const hosts = 300
	used, store, now := coreOn(t, wide(hosts))
	fresh, other, _ := coreOn(t, wide(hosts))
	rooms := map[*adapters.Change]bool{}
	for from := 0; from < hosts; {
		var inputs []engine.Input
		for range 1 + from%40 {
			if from < hosts {
				inputs = append(inputs, onTarget(wide(hosts).Hosts[from].Host, now))
				from++
			}
		}
		got, want := used.Decide(now, inputs), fresh.Decide(now, inputs)
		require.Equal(t, want.Changes, got.Changes)
		require.NotEmpty(t, got.Changes)
		rooms[&got.Changes[0]] = true
		settled(t, used, store, got, now)
		settled(t, fresh, other, want, now)
		changes := got.Changes
		effects := changes[0].Effects
		used.Recycle(got)
		require.Nil(t, got.Changes, "a batch has no changes any more once its memory is given back")
		require.Zero(t, changes[0], "what is given back keeps nothing alive")
		require.Zero(t, effects[0])
	}
	require.Less(t, len(rooms), 10, "each batch takes memory of its own")
	for rec, err := range store.Records(t.Context()) {
		require.NoError(t, err)
		want, err := other.Record(t.Context(), rec.Key)
		require.NoError(t, err)
		require.True(t, rec.Equal(&want))
	}
}

// Nobody's memory is kept for a batch that is far bigger than any round.
func TestTheMemoryOfAHugeBatchIsNotKept(t *testing.T) {
	const hosts = 10_000
	core, store, now := coreOn(t, wide(hosts+1))
	var inputs []engine.Input
	for _, h := range wide(hosts).Hosts {
		inputs = append(inputs, onTarget(h.Host, now))
	}
	huge := core.Decide(now, inputs)
	require.Len(t, huge.Changes, hosts)
	settled(t, core, store, huge, now)
	core.Recycle(huge)
	next := core.Decide(now, []engine.Input{onTarget(wide(hosts + 1).Hosts[hosts].Host, now)})
	require.Len(t, next.Changes, 1)
	require.Less(t, cap(next.Changes), 100)
}
