package sqlite_test

import (
	"database/sql"
	"path/filepath"
	"testing"

	"github.com/rollmend/rollmend/adapters"
	"github.com/rollmend/rollmend/adapters/sqlite"
	"github.com/stretchr/testify/require"
)

// Whoever hands in a connection may have told it not to wait for the disk, for
// the sake of something else. The store's commits wait all the same.
func TestEveryCommitWaitsForTheDisk(t *testing.T) {
	db, err := sql.Open("sqlite", filepath.Join(t.TempDir(), "fleet.db"))
	require.NoError(t, err)
	defer db.Close()
	db.SetMaxOpenConns(1) // the setting below is a connection's own
	s, err := sqlite.Open(t.Context(), db)
	require.NoError(t, err)
	careless := func() {
		_, err := db.Exec(`PRAGMA synchronous = OFF`)
		require.NoError(t, err)
	}
	waited := func() {
		var full int
		require.NoError(t, db.QueryRow(`PRAGMA synchronous`).Scan(&full))
		require.Equal(t, 2, full, "2 is FULL")
	}

	o := opening(1)
	careless()
	require.NoError(t, s.Enact(t.Context(), []adapters.Act{o}))
	waited()

	rec, _, err := o.Record(o.Members[0])
	require.NoError(t, err)
	careless()
	commit(t, s, dispatch(t, rec))
	waited()

	var journal string
	require.NoError(t, db.QueryRow(`PRAGMA journal_mode`).Scan(&journal))
	require.Equal(t, "wal", journal)
}
