package sqlite_test

import (
	"database/sql"
	"math/rand/v2"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/rollmend/rollmend/adapters"
	"github.com/rollmend/rollmend/adapters/sqlite"
	"github.com/rollmend/rollmend/internal/codec"
	"github.com/stretchr/testify/require"
)

const (
	fleet   = 100_000 // hosts
	atOnce  = 1000    // hosts a transaction
	perStmt = 100     // rows a statement, of the bare driver
)

// BenchmarkCommit recovers a wiped fleet, in random order, a thousand hosts a
// transaction: three synthesised events each. Beside it, in the same run, the
// bare driver appends rows of the same bytes, one a host, in as many
// transactions: no store can be faster. It reports both, and the share. What is
// stored is made before each transaction and not counted, on both sides.
func BenchmarkCommit(b *testing.B) {
	o := opening(fleet)
	var ours, bare time.Duration
	for b.Loop() {
		order := rand.Perm(fleet)
		bare += appendBare(b, o, order)
		ours += commitAll(b, o, order)
	}
	hosts := float64(fleet * b.N)
	b.ReportMetric(hosts/ours.Seconds(), "hosts/s")
	b.ReportMetric(hosts/bare.Seconds(), "bare-hosts/s")
	b.ReportMetric(bare.Seconds()/ours.Seconds(), "share")
}

// BenchmarkCommitOne stores one host a transaction: what it costs to be
// durable each time.
func BenchmarkCommitOne(b *testing.B) {
	s, o := openFleet(b, filepath.Join(b.TempDir(), "fleet.db"))
	n := 0
	for b.Loop() {
		if n == fleet {
			b.Fatal("more runs than hosts")
		}
		commit(b, s, recovery(b, o, o.Members[n]))
		n++
	}
}

// BenchmarkOpen opens a store with a change for each host, and reads all its
// records.
func BenchmarkOpen(b *testing.B) {
	path := filepath.Join(b.TempDir(), "fleet.db")
	s, o := openFleet(b, path)
	for at := 0; at < fleet; at += atOnce {
		var changes []adapters.Change
		for _, m := range o.Members[at : at+atOnce] {
			changes = append(changes, recovery(b, o, m))
		}
		commit(b, s, changes...)
	}
	require.NoError(b, s.Close())
	var opened, read time.Duration
	for b.Loop() {
		began := time.Now()
		s, err := sqlite.OpenFile(b.Context(), path)
		require.NoError(b, err)
		opened += time.Since(began)
		began = time.Now()
		require.Equal(b, fleet, count(b, s))
		read += time.Since(began)
		require.NoError(b, s.Close())
	}
	hosts := float64(fleet * b.N)
	b.ReportMetric(hosts/opened.Seconds(), "opened-hosts/s")
	b.ReportMetric(hosts/read.Seconds(), "read-hosts/s")
}

func openFleet(b *testing.B, path string) (*sqlite.Store, adapters.Opening) {
	s, o := openFile(b, path), opening(fleet)
	require.NoError(b, s.Enact(b.Context(), []adapters.Act{o}))
	return s, o
}

func commitAll(b *testing.B, o adapters.Opening, order []int) (took time.Duration) {
	s, _ := openFleet(b, filepath.Join(b.TempDir(), "fleet.db"))
	defer s.Close()
	changes := make([]adapters.Change, atOnce)
	for at := 0; at < fleet; at += atOnce {
		for i := range changes {
			changes[i] = recovery(b, o, o.Members[order[at+i]])
		}
		began := time.Now()
		results, err := s.Commit(b.Context(), changes)
		took += time.Since(began)
		require.NoError(b, err)
		require.Equal(b, make([]adapters.Result, atOnce), results)
	}
	return took
}

func appendBare(b *testing.B, o adapters.Opening, order []int) (took time.Duration) {
	ctx := b.Context()
	db, err := sql.Open("sqlite", filepath.Join(b.TempDir(), "bare.db")+"?_pragma=journal_mode(WAL)&_pragma=synchronous(FULL)")
	require.NoError(b, err)
	defer db.Close()
	_, err = db.ExecContext(ctx, `CREATE TABLE bare (id INTEGER PRIMARY KEY, data BLOB NOT NULL)`)
	require.NoError(b, err)
	insert, err := db.PrepareContext(ctx, `INSERT INTO bare (data) VALUES (?)`+strings.Repeat(`, (?)`, perStmt-1))
	require.NoError(b, err)
	defer insert.Close()
	rows := make([][]byte, atOnce)
	for at := 0; at < fleet; at += atOnce {
		for i := range rows {
			c := recovery(b, o, o.Members[order[at+i]])
			rows[i], err = codec.AppendChange(nil, &c)
			require.NoError(b, err)
		}
		began := time.Now()
		appendRows(b, db, insert, rows)
		took += time.Since(began)
	}
	return took
}

func appendRows(b *testing.B, db *sql.DB, insert *sql.Stmt, rows [][]byte) {
	tx, err := db.BeginTx(b.Context(), nil)
	require.NoError(b, err)
	stmt := tx.StmtContext(b.Context(), insert)
	for ; len(rows) > 0; rows = rows[perStmt:] {
		args := make([]any, perStmt)
		for i := range args {
			args[i] = rows[i]
		}
		_, err := stmt.ExecContext(b.Context(), args...)
		require.NoError(b, err)
	}
	require.NoError(b, tx.Commit())
}
