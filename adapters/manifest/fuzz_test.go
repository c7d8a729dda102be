package manifest_test

import (
	"errors"
	"os"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/rollmend/rollmend/adapters/manifest"
	"github.com/rollmend/rollmend/gates"
)

// FuzzParse: whatever comes in, it is refused with faults, or gives a plan that
// the gates can take.
func FuzzParse(f *testing.F) {
	full, err := os.ReadFile("testdata/fleet.resolved.json")
	require.NoError(f, err)
	f.Add(full)
	f.Add([]byte(small))
	f.Add([]byte(`{"schemaVersion": 1}`))
	f.Add([]byte(`{"schemaVersion": 1, "hosts": {"a": null}, "channelEdges": [null], "disruptionBudgets": [{"selector": {"and": [null]}}]}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		m, err := manifest.Parse(b)
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
