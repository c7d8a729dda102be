package main

import (
	"context"
	"database/sql"
	"fmt"
	"path/filepath"
	"strings"

	_ "modernc.org/sqlite" // the driver that the store uses too

	"github.com/rollmend/rollmend/adapters"
	"github.com/rollmend/rollmend/adapters/sqlite"
	"github.com/rollmend/rollmend/internal/codec"
)

// kind is a store that a fleet can be kept in, and the bare driver beside it
// that appends rows as durably: no store on top of it can be faster.
type kind struct {
	name  string
	start func(ctx context.Context) (at string, stop func(), err error) // nil: there is no server to start
	open  func(ctx context.Context, at, dir string) (closingStore, error)
	bare  func(ctx context.Context, at, dir string) (bare, error)

	// encode appends what the store writes of a change, without keys.
	encode func(dst []byte, c *adapters.Change) ([]byte, error)
}

type closingStore interface {
	adapters.Store
	Close() error
}

// bare appends rows, and returns once they are on disk.
type bare interface {
	append(ctx context.Context, rows [][]byte) error
	Close() error
}

var kinds = []kind{
	{"sqlite", nil, openSQLite, bareSQLite, codec.AppendChange},
	{"postgres", startPostgres, openPostgres, barePostgres, apart},
	{"etcd", startEtcd, openEtcd, bareEtcd, apart},
}

func storeNames() (names []string) {
	for _, k := range kinds {
		names = append(names, k.name)
	}
	return names
}

func kindNamed(name string) (kind, error) {
	for _, k := range kinds {
		if k.name == name {
			return k, nil
		}
	}
	return kind{}, fmt.Errorf("there is no store %q: want one of %s", name, strings.Join(storeNames(), ", "))
}

func openSQLite(ctx context.Context, _, dir string) (closingStore, error) {
	return sqlite.OpenFile(ctx, filepath.Join(dir, "fleet.db"))
}

// perStatement is how many rows a statement of the bare driver appends: with
// fewer it is slower, with more it is not faster.
const perStatement = 100

type bareRows struct {
	db     *sql.DB
	insert *sql.Stmt
}

func bareSQLite(ctx context.Context, _, dir string) (bare, error) {
	db, err := sql.Open("sqlite", filepath.Join(dir, "bare.db")+"?_pragma=journal_mode(WAL)&_pragma=synchronous(FULL)")
	if err != nil {
		return nil, err
	}
	b := &bareRows{db: db}
	if _, err = db.ExecContext(ctx, `CREATE TABLE rows (id INTEGER PRIMARY KEY, data BLOB NOT NULL)`); err == nil {
		b.insert, err = db.PrepareContext(ctx, insertRows(perStatement))
	}
	if err != nil {
		_ = db.Close()
		return nil, err
	}
	return b, nil
}

func insertRows(n int) string {
	return `INSERT INTO rows (data) VALUES (?)` + strings.Repeat(`, (?)`, n-1)
}

func (b *bareRows) append(ctx context.Context, rows [][]byte) error {
	tx, err := b.db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback() }() // after Commit it does nothing
	insert := tx.StmtContext(ctx, b.insert)
	args := make([]any, 0, perStatement)
	for ; len(rows) > 0; rows = rows[len(args):] {
		args = args[:0]
		for _, row := range rows[:min(perStatement, len(rows))] {
			args = append(args, row)
		}
		if len(args) == perStatement {
			_, err = insert.ExecContext(ctx, args...)
		} else {
			_, err = tx.ExecContext(ctx, insertRows(len(args)), args...)
		}
		if err != nil {
			return err
		}
	}
	return tx.Commit()
}

func (b *bareRows) Close() error { return b.db.Close() }
