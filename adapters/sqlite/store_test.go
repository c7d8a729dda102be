package sqlite_test

import (
	"database/sql"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/rollmend/rollmend/adapters"
	"github.com/rollmend/rollmend/adapters/sqlite"
	"github.com/rollmend/rollmend/adapters/storetest"
	"github.com/stretchr/testify/require"
)

var effort = storetest.EffortFlags()

func TestMain(m *testing.M) {
	storetest.Serve(openProcess)
	os.Exit(m.Run())
}

func openFile(t testing.TB, path string) *sqlite.Store {
	s, err := sqlite.OpenFile(t.Context(), path)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.Close()) })
	return s
}

func TestStoreKeepsTheContract(t *testing.T) {
	storetest.Run(t, func(t testing.TB) storetest.Fixture {
		path := filepath.Join(t.TempDir(), "fleet % of ?#1.db")
		return storetest.Fixture{
			Promise:     storetest.Promise{Durable: true},
			Effort:      *effort,
			Open:        func(t testing.TB) adapters.Store { return openFile(t, path) },
			Close:       func(t testing.TB, s adapters.Store) { require.NoError(t, s.(*sqlite.Store).Close()) },
			Place:       path,
			CrashPoints: crashPoints(),
		}
	})
}

// A pool of one connection is the narrowest that a user can hand over: a store
// that held one while it waits for another would stop for ever.
func TestStoreKeepsTheContractOnOneConnection(t *testing.T) {
	storetest.Run(t, func(t testing.TB) storetest.Fixture {
		path := filepath.Join(t.TempDir(), "fleet.db")
		db, err := sql.Open("sqlite", path)
		require.NoError(t, err)
		t.Cleanup(func() { require.NoError(t, db.Close()) })
		db.SetMaxOpenConns(1)
		return storetest.Fixture{
			Promise: storetest.Promise{Durable: true},
			Open: func(t testing.TB) adapters.Store {
				s, err := sqlite.Open(t.Context(), db)
				require.NoError(t, err)
				return s
			},
			Close: func(t testing.TB, s adapters.Store) { require.NoError(t, s.(*sqlite.Store).Close()) },
			Place: oneConnection + path,
			Fill:  func(t testing.TB) func() { return limitPages(t, db) },
		}
	})
}

// limitPages takes a file's room away by SQLite's own limit of pages, which is
// a connection's.
func limitPages(t testing.TB, db *sql.DB) (giveBack func()) {
	var pages int
	require.NoError(t, db.QueryRow(`PRAGMA page_count`).Scan(&pages))
	_, err := db.Exec(fmt.Sprintf(`PRAGMA max_page_count = %d`, pages+30))
	require.NoError(t, err)
	return func() {
		_, err := db.Exec(`PRAGMA max_page_count = 1000000`)
		require.NoError(t, err)
	}
}

func TestAClosedStoreSaysSo(t *testing.T) {
	s, err := sqlite.OpenFile(t.Context(), filepath.Join(t.TempDir(), "fleet.db"))
	require.NoError(t, err)
	require.NoError(t, s.Close())
	require.NoError(t, s.Close())
	_, err = s.Fleet(t.Context())
	require.ErrorIs(t, err, adapters.ErrClosed)
	_, err = s.Commit(t.Context(), nil)
	require.ErrorIs(t, err, adapters.ErrClosed)
	require.ErrorIs(t, s.Enact(t.Context(), nil), adapters.ErrClosed)
	for _, err := range s.Records(t.Context()) {
		require.ErrorIs(t, err, adapters.ErrClosed)
	}
}
