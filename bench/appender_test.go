package bench_test

import (
	"database/sql"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	_ "modernc.org/sqlite" // the driver that the store uses too
)

// perStatement is how many rows a statement of the bare driver appends: with
// fewer it is slower, with more it is not faster.
const perStatement = 100

// appender appends rows by the bare driver, as durably as the store does: no
// store can be faster.
type appender struct{ db *sql.DB }

func newAppender(b *testing.B) *appender {
	db, err := sql.Open("sqlite", filepath.Join(b.TempDir(), "bare.db")+"?_pragma=journal_mode(WAL)&_pragma=synchronous(FULL)")
	require.NoError(b, err)
	b.Cleanup(func() { require.NoError(b, db.Close()) })
	_, err = db.ExecContext(b.Context(), `CREATE TABLE rows (id INTEGER PRIMARY KEY, data BLOB NOT NULL)`)
	require.NoError(b, err)
	return &appender{db}
}

func (a *appender) append(b *testing.B, rows [][]byte) {
	insert, err := a.db.PrepareContext(b.Context(), `INSERT INTO rows (data) VALUES (?)`+strings.Repeat(`, (?)`, perStatement-1))
	require.NoError(b, err)
	defer insert.Close()
	args := make([]any, perStatement)
	for at := 0; at < len(rows); at += atOnce {
		tx, err := a.db.BeginTx(b.Context(), nil)
		require.NoError(b, err)
		for from := at; from < at+atOnce; from += perStatement {
			for i := range args {
				args[i] = rows[from+i]
			}
			_, err := tx.StmtContext(b.Context(), insert).ExecContext(b.Context(), args...)
			require.NoError(b, err)
		}
		require.NoError(b, tx.Commit())
	}
}
