package bench_test

import (
	"context"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/rollmend/rollmend/adapters"
	"github.com/rollmend/rollmend/adapters/memory"
	"github.com/rollmend/rollmend/gates"
)

// counting counts what is written to a store.
type counting struct {
	adapters.Store
	writes atomic.Int64
}

// Commit implements [adapters.Store].
func (s *counting) Commit(ctx context.Context, changes []adapters.Change) ([]adapters.Result, error) {
	s.writes.Add(1)
	return s.Store.Commit(ctx, changes)
}

// Enact implements [adapters.Store].
func (s *counting) Enact(ctx context.Context, acts []adapters.Act) error {
	s.writes.Add(1)
	return s.Store.Enact(ctx, acts)
}

// A fleet beats once in a cycle for ever: what has not changed is not written.
func TestACycleOfUnchangedHeartbeatsWritesNothing(t *testing.T) {
	const hosts = 1000
	store := &counting{Store: memory.New()}
	e := started(t, store, gates.NewFleet(planned(hosts, 5)))
	recovered(t, e, beats(hosts))
	require.NotZero(t, store.writes.Load(), "the recovery itself is written")
	store.writes.Store(0)
	next := beats(hosts)
	for range 3 {
		for i := range next {
			next[i].Order.Beat++
			next[i].At = next[i].At.Add(cycle)
		}
		for _, r := range e.Heartbeats(t.Context(), next) {
			require.NoError(t, r.Err)
		}
	}
	for _, hb := range next {
		hb.Order.Beat++
		_, err := e.Heartbeat(t.Context(), hb)
		require.NoError(t, err)
	}
	require.Zero(t, store.writes.Load())
}
