package storetest_test

import (
	"context"
	"testing"

	"github.com/rollmend/rollmend/adapters"
	"github.com/rollmend/rollmend/adapters/memory"
	"github.com/rollmend/rollmend/adapters/storetest"
	"github.com/stretchr/testify/require"
)

// placeOf opens a store in memory behind what breaks it.
func placeOf(wrap func(adapters.Store) adapters.Store) storetest.OpenPlace {
	return func(context.Context) ([]adapters.Store, func() error, error) {
		s := memory.New()
		return []adapters.Store{wrap(s)}, s.Close, nil
	}
}

func TestHistoriesOfTheMemoryStoreAreLinearizable(t *testing.T) {
	report, err := storetest.Histories(t.Context(), placeOf(func(s adapters.Store) adapters.Store { return s }), 1, 500)
	t.Logf("seeds 1 to 500: %+v", report)
	require.NoError(t, err)
	require.Equal(t, 500, report.Histories)
	require.Positive(t, report.Overlapping)
	require.Positive(t, report.Conflicts)
}

func TestHistoriesRejectBrokenStores(t *testing.T) {
	for name, wrap := range map[string]func(adapters.Store) adapters.Store{
		"ignores the revision": func(s adapters.Store) adapters.Store { return ignoresRevision{s} },
		"ignores the guard":    func(s adapters.Store) adapters.Store { return ignoresGuard{s} },
		"reorders the log":     func(s adapters.Store) adapters.Store { return reordersLog{s} },
	} {
		t.Run(name, func(t *testing.T) {
			_, err := storetest.Histories(t.Context(), placeOf(wrap), 1, 500)
			var impossible *storetest.HistoryError
			require.ErrorAs(t, err, &impossible)
		})
	}
}
