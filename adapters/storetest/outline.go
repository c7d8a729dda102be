package storetest

import (
	"testing"

	"github.com/rollmend/rollmend/adapters"
	"github.com/rollmend/rollmend/states"
	"github.com/stretchr/testify/require"
)

// outlineCases are about [adapters.Outlines], which every store has, and faster
// where it is an [adapters.Outliner].
var outlineCases = []Case{
	{"outlines say of every record what the record says, whatever was stored since the store was opened", outlines},
	{"outlines may be left early, and tell when their context is over", outlinesInterrupted},
}

// outlined compares the outlines with the records.
func (b *bench) outlined() {
	got := make(map[states.Key]adapters.Outline)
	for o, err := range adapters.Outlines(b.ctx, b.store) {
		require.NoError(b, err)
		require.NotContains(b, got, o.Key, "yielded twice")
		got[o.Key] = o
	}
	for rec, err := range b.store.Records(b.ctx) {
		require.NoError(b, err)
		want, is := adapters.OutlineOf(&rec), got[rec.Key]
		require.Contains(b, got, rec.Key, "not yielded")
		if want.Record != nil {
			require.NotNil(b, is.Record, "the record of %s, which is not terminal", rec.Key)
			require.True(b, is.Record.Equal(want.Record), "%s:\n got %+v\nwant %+v", rec.Key, *is.Record, *want.Record)
			want.Record = is.Record
		}
		require.Equal(b, want, is)
		delete(got, rec.Key)
	}
	require.Empty(b, got, "outlines of no record")
}

// reopened opens the place again where that keeps what was stored.
func (b *bench) reopened() {
	if b.fixture.Promise.Durable {
		b.reopen()
	}
}

func outlines(t testing.TB, f Fixture) {
	b := prepare(t, f, "a", "b", "c", "d")
	b.outlined()
	b.commit(advance(t, b.record("a"), stepsToReverted), b.next("b"))
	b.outlined()
	for range 3 {
		b.commit(b.next("b"), b.next("c"))
		b.reopened()
		b.outlined()
		b.outlined()
	}
	b.reopened()
	b.commit(b.next("c"), b.next("d"))
	b.outlined()
	if _, ok := b.store.(adapters.Compactor); ok {
		b.reopened()
		b.compact("a", "b")
		b.outlined()
		b.reopened()
		b.outlined()
	}
	if _, ok := b.store.(adapters.Pruner); ok {
		next := opening("a", "b")
		next.Rollout = nextRollout
		require.NoError(t, b.store.Enact(b.ctx, []adapters.Act{next}))
		b.commit(advance(t, b.recordOf(nextRollout, "a"), 2))
		b.reopened()
		_, err := pruner(b).Prune(b.ctx, adapters.Pruning{Rollouts: []states.Rollout{rollout}, Most: 1})
		require.NoError(t, err)
		b.outlined()
		b.reopened()
		b.outlined()
	}
}

func outlinesInterrupted(t testing.TB, f Fixture) {
	all := hosts(crowd)
	b := prepare(t, f, all...)
	var batch []adapters.Change
	for _, h := range all {
		batch = append(batch, b.next(h))
	}
	b.commit(batch...)
	b.reopened()
	for o, err := range adapters.Outlines(b.ctx, b.store) {
		require.NoError(t, err)
		b.commit(b.next(o.Key.Host))
		break
	}
	b.outlined()

	b.reopened()
	over, cancel := withCancel(b)
	defer cancel()
	n := 0
	for o, err := range adapters.Outlines(over, b.store) {
		if err != nil {
			require.Zero(t, o)
			require.ErrorIs(t, err, over.Err())
			n = crowd
			continue
		}
		require.Less(t, n, crowd, "it goes on behind its error, or yields a record twice")
		if n++; n == 1 {
			cancel()
		}
	}
	require.Equal(t, crowd, n)
	b.outlined()
}
