package manifest_test

import (
	"errors"
	"os"
	"runtime"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/rollmend/rollmend/adapters/manifest"
	"github.com/rollmend/rollmend/gates"
)

// What parsing may allocate for each byte of a manifest: faults are words, and
// the shortest budget or edge is a few bytes.
const (
	parseMost    = 64 << 10
	parsePerByte = 1 << 10
)

// FuzzParse: whatever comes in, it is refused with faults, or gives a plan that
// the gates can take, the same one each time, and within the memory that the
// manifest's size allows.
func FuzzParse(f *testing.F) {
	full, err := os.ReadFile("testdata/fleet.resolved.json")
	require.NoError(f, err)
	f.Add(full)
	f.Add([]byte(small))
	f.Add([]byte(`{"schemaVersion": 1}`))
	f.Add([]byte(`{"schemaVersion": 1, "hosts": {"a": null}, "channelEdges": [null], "disruptionBudgets": [{"selector": {"and": [null]}}]}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		m, err := manifest.Parse(b)
		again, err2 := manifest.Parse(b)
		require.Equal(t, err, err2)
		require.Equal(t, m, again)
		var spent []uint64
		var before, after runtime.MemStats
		for range 3 {
			runtime.ReadMemStats(&before)
			_, _ = manifest.Parse(b)
			runtime.ReadMemStats(&after)
			spent = append(spent, after.TotalAlloc-before.TotalAlloc)
		}
		require.LessOrEqual(t, slices.Min(spent), uint64(parseMost+parsePerByte*len(b)), "bytes for a manifest of %d", len(b))
		if err != nil {
			var refused *manifest.Error
			require.True(t, errors.As(err, &refused))
			require.NotEmpty(t, refused.Faults)
			require.Nil(t, m)
			return
		}
		byName := func(a, b gates.PlannedHost) int {
			if a.Host < b.Host {
				return -1
			}
			return 1
		}
		require.True(t, slices.IsSortedFunc(m.Plan().Hosts, byName))
		for _, h := range m.Plan().Hosts {
			require.NotZero(t, h.Policy.OnFailure)
			require.GreaterOrEqual(t, h.Policy.Soak.Milliseconds(), int64(0))
		}
		for _, budget := range m.Plan().Budgets {
			require.Positive(t, budget.Limit())
		}
	})
}
