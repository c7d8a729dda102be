package sqlite_test

import (
	"context"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/rollmend/rollmend/adapters"
	"github.com/rollmend/rollmend/states"
)

// Pages are read ahead of the caller. A context that ends in the midst of it is
// told, however far ahead that is; a caller that has enough just leaves; and
// one that asks the store for something meanwhile is served.
func TestReadingRecordsCanEndAnywhere(t *testing.T) {
	s, o := openFleet3000(t)
	for _, after := range []int{1, 999, 1000, 1001, 2500} {
		ctx, cancel := context.WithCancel(t.Context())
		n, last := 0, error(nil)
		for _, err := range s.Records(ctx) {
			if last = err; err != nil {
				break
			}
			if n++; n == after {
				cancel()
			}
		}
		cancel()
		if n < len(o.Members) {
			require.ErrorIs(t, last, context.Canceled, "after %d records it ended with %d", after, n)
		}

		n = 0
		for range s.Records(t.Context()) {
			if n++; n == after {
				break
			}
		}
		require.Equal(t, after, n)
	}
	seen := map[states.Key]bool{}
	for rec, err := range s.Records(t.Context()) {
		require.NoError(t, err)
		require.False(t, seen[rec.Key], rec.Key)
		seen[rec.Key] = true
		if len(seen)%700 == 1 {
			again, err := s.Record(t.Context(), rec.Key)
			require.NoError(t, err)
			require.True(t, rec.Equal(&again))
		}
	}
	require.Len(t, seen, len(o.Members))
}

func openFleet3000(t *testing.T) (adapters.Store, adapters.Opening) {
	t.Helper()
	s, o := openFile(t, filepath.Join(t.TempDir(), "fleet.db")), opening(3000)
	require.NoError(t, s.Enact(t.Context(), []adapters.Act{o}))
	for at := 0; at < len(o.Members); at += 500 {
		var changes []adapters.Change
		for _, m := range o.Members[at : at+500] {
			changes = append(changes, recovery(t, o, m))
		}
		commit(t, s, changes...)
	}
	return s, o
}
