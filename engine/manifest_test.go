package engine_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/rollmend/rollmend/adapters/memory"
	"github.com/rollmend/rollmend/engine"
	"github.com/rollmend/rollmend/gates"
)

// A stale file lies where the control plane looks at its start. It knows the
// newest manifest from its store alone.
func TestAnOlderManifestIsRefusedRightAfterAStart(t *testing.T) {
	clk, store := newClock(), memory.New()
	newest := plan("r1", "new")
	newest.SignedAt = 2_000
	startOn(t, clk, store, newest).Close()

	e, err := engine.New(t.Context(), engine.Options{Store: store, Clock: clk, Cycle: time.Minute})
	require.NoError(t, err)
	t.Cleanup(e.Close)
	older := plan("r0", "old")
	older.SignedAt = 1_000
	_, err = e.Load(t.Context(), gates.NewFleet(older))
	var stale *engine.StaleManifestError
	require.ErrorAs(t, err, &stale)
	_, err = e.Load(t.Context(), gates.NewFleet(newest))
	require.NoError(t, err)
}
