package bench_test

import (
	"context"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/rollmend/rollmend/adapters"
	"github.com/rollmend/rollmend/adapters/memory"
	"github.com/rollmend/rollmend/adapters/sqlite"
	"github.com/rollmend/rollmend/engine"
	"github.com/rollmend/rollmend/gates"
	"github.com/rollmend/rollmend/internal/codec"
	"github.com/rollmend/rollmend/states"
	"github.com/rollmend/rollmend/synth"
)

const (
	wiped  = 100_000 // hosts of the fleet that is recovered
	atOnce = 1000    // heartbeats in a relay's batch, and rows in a transaction of the bare driver
)

// BenchmarkRecovery brings a fleet back whose SQLite file was wiped. The
// manifest is loaded; then every host beats once, in random order, by a relay's
// batches; it is over when every record is Converged. Beside it the bare driver
// appends the same bytes, a row a host: bare-row/recovered is the share of its
// speed that is reached.
func BenchmarkRecovery(b *testing.B) {
	for _, shape := range []struct {
		name  string
		waves int
	}{{"no-gates", 1}, {"5-waves", 5}} {
		b.Run(shape.name, func(b *testing.B) {
			incoming, fleet := beats(wiped), gates.NewFleet(planned(wiped, shape.waves))
			rows := rowsOf(b, fleet, incoming)
			var bare *appender
			var e *engine.Engine
			medians := beside(b, wiped,
				contender{
					name: "recovered",
					ready: func() {
						if e != nil {
							e.Close()
						}
						e = started(b, openFile(b), fleet)
					},
					run: func() { recovered(b, e, incoming) },
				},
				contender{
					name:  "bare-row",
					ready: func() { bare = newAppender(b) },
					run:   func() { bare.append(b, rows) },
				},
			)
			b.ReportMetric(1e9/medians[0], "hosts/s")
		})
	}
}

// TestAFleetRecoversThroughItsWaves makes sure that what is measured happens.
func TestAFleetRecoversThroughItsWaves(t *testing.T) {
	require.Len(t, rowsOf(t, gates.NewFleet(planned(500, 5)), beats(500)), 500)
}

// still is a clock that stands.
type still time.Time

// Now implements [adapters.Clock].
func (c still) Now() time.Time { return time.Time(c) }

func openFile(b *testing.B) adapters.Store {
	s, err := sqlite.OpenFile(b.Context(), filepath.Join(b.TempDir(), "fleet.db"))
	require.NoError(b, err)
	b.Cleanup(func() { require.NoError(b, s.Close()) })
	return s
}

// started returns an engine on an empty store, with a manifest.
func started(t testing.TB, store adapters.Store, fleet *gates.Fleet) *engine.Engine {
	e, err := engine.New(t.Context(), engine.Options{
		Store: store, Clock: still(openedAt.Add(2 * soak).UTC()), Cycle: cycle,
	})
	require.NoError(t, err)
	t.Cleanup(e.Close)
	_, err = e.Load(t.Context(), fleet)
	require.NoError(t, err)
	return e
}

// recovered hands in the heartbeats, and returns when all their hosts have
// converged.
func recovered(t testing.TB, e *engine.Engine, incoming []synth.Heartbeat) {
	for rest := incoming; len(rest) > 0; {
		batch := rest[:min(atOnce, len(rest))]
		rest = rest[len(batch):]
		for _, r := range e.Heartbeats(t.Context(), batch) {
			require.NoError(t, r.Err)
		}
	}
	o, err := e.Fleet(t.Context())
	require.NoError(t, err)
	require.Equal(t, len(incoming), o.Rollouts[0].ByState[states.Converged])
}

// rowsOf recovers a fleet in memory, and returns what that stores, encoded.
func rowsOf(t testing.TB, fleet *gates.Fleet, incoming []synth.Heartbeat) [][]byte {
	s := &tap{Store: memory.New()}
	recovered(t, started(t, s, fleet), incoming)
	return s.rows
}

// tap keeps what is committed to a store.
type tap struct {
	adapters.Store
	mu   sync.Mutex // commits overlap
	rows [][]byte
}

// Commit implements [adapters.Store].
func (s *tap) Commit(ctx context.Context, changes []adapters.Change) ([]adapters.Result, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i := range changes {
		row, err := codec.AppendChange(nil, &changes[i])
		if err != nil {
			return nil, err
		}
		s.rows = append(s.rows, row)
	}
	return s.Store.Commit(ctx, changes)
}
