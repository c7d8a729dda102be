package storetest_test

import (
	"bytes"
	"context"
	"fmt"
	"testing"

	"github.com/rollmend/rollmend/adapters"
	"github.com/rollmend/rollmend/adapters/memory"
	"github.com/rollmend/rollmend/adapters/storetest"
	"github.com/rollmend/rollmend/adapters/storetest/broken"
	"github.com/stretchr/testify/require"
)

func inMemory(context.Context) ([]adapters.Store, func() error, error) {
	s := memory.New()
	return []adapters.Store{s}, s.Close, nil
}

func TestHistoriesOfTheMemoryStoreAreLinearizable(t *testing.T) {
	report, err := storetest.Histories(t.Context(), inMemory, 1, 500)
	t.Logf("seeds 1 to 500: %+v", report)
	require.NoError(t, err)
	require.Equal(t, 500, report.Histories)
	require.Positive(t, report.Overlapping)
	require.Positive(t, report.Conflicts)
}

// A failure tells all that is needed to understand it and to see it again.
func TestAHistoryThatIsImpossibleIsToldAndDrawn(t *testing.T) {
	var broke func(testing.TB) storetest.Fixture
	for _, s := range broken.Stores() {
		if s.Name == "it ignores the guard" {
			broke = s.Fixture
		}
	}
	require.NotNil(t, broke)
	_, err := storetest.Histories(t.Context(), func(context.Context) ([]adapters.Store, func() error, error) {
		return []adapters.Store{broke(t).Open(t)}, func() error { return nil }, nil
	}, 1, 500)
	var impossible *storetest.HistoryError
	require.ErrorAs(t, err, &impossible)
	require.ErrorContains(t, err, fmt.Sprintf("the history of seed %d is impossible", impossible.Seed))
	require.ErrorContains(t, err, fmt.Sprintf("replay: storetest.Histories(ctx, open, %d, 1)", impossible.Seed))
	require.NotEmpty(t, impossible.Offending)
	var page bytes.Buffer
	require.NoError(t, impossible.Draw(&page))
	require.Contains(t, page.String(), "<html")
	require.Contains(t, page.String(), "guarded by")
}
