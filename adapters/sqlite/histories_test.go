package sqlite_test

import (
	"context"
	"os"
	"path/filepath"
	"testing"

	"github.com/rollmend/rollmend/adapters"
	"github.com/rollmend/rollmend/adapters/sqlite"
	"github.com/rollmend/rollmend/adapters/storetest"
	"github.com/stretchr/testify/require"
)

// Among them are batches that begin before a rollout is opened and end after
// it: their changes are compared with one and the same moment.
func TestHistoriesAreLinearizable(t *testing.T) {
	report, err := storetest.Histories(t.Context(), func(ctx context.Context) ([]adapters.Store, func() error, error) {
		dir, err := os.MkdirTemp(t.TempDir(), "place")
		if err != nil {
			return nil, nil, err
		}
		s, err := sqlite.OpenFile(ctx, filepath.Join(dir, "fleet.db"))
		if err != nil {
			return nil, nil, err
		}
		return []adapters.Store{s}, s.Close, nil
	}, 1, 300)
	t.Logf("seeds 1 to 300: %+v", report)
	require.NoError(t, err)
	require.Equal(t, 300, report.Histories)
}
