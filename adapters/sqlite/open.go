package sqlite

import (
	"context"
	"database/sql"
	"fmt"
	"net/url"
	"path/filepath"

	_ "modernc.org/sqlite" // the driver of OpenFile
)

// waits makes every connection wait where SQLite locks the file for a moment,
// the reading ones too: it does so when the last of the others is closed, as
// after a call that was cancelled.
const waits = "_pragma=busy_timeout(10000)" // ms; as long as a write waits

// OpenFile opens the store in the file at path, and creates it where there is
// none. Its folder must exist. The errors are those of [Open].
func OpenFile(ctx context.Context, path string) (*Store, error) {
	full, err := filepath.Abs(path)
	if err != nil {
		return nil, fmt.Errorf("sqlite: %s: %w", path, err)
	}
	name := url.URL{Scheme: "file", Path: filepath.ToSlash(full), RawQuery: waits}
	db, err := sql.Open("sqlite", name.String())
	if err != nil {
		return nil, fmt.Errorf("sqlite: %s: %w", path, err)
	}
	s := &Store{db: db, close: db.Close, where: path}
	if err := s.open(ctx); err != nil {
		_ = db.Close()
		return nil, err
	}
	return s, nil
}

// Open opens the store in the database that db is connected to, and creates it
// where the database is empty. All connections of db must lead to one file.
// The store takes a connection for the time of a call only; closing the store
// leaves db open. Writes wait where the file is locked for a moment; that reads
// wait too is up to how db makes its connections (SQLite's busy timeout).
//
// The error is an [*adapters.NotAStoreError] for a file that is something else
// or is damaged, and an [*adapters.NewerSchemaError] for one that a later
// version wrote; neither was written to. [ErrReadOnly] is for a file that this
// process may not write to.
func Open(ctx context.Context, db *sql.DB) (*Store, error) {
	s := &Store{db: db, close: func() error { return nil }, where: "the database"}
	if err := s.open(ctx); err != nil {
		return nil, err
	}
	return s, nil
}

func (s *Store) open(ctx context.Context) error {
	s.turns = make(chan struct{}, 1)
	s.index, s.outlined = newIndex(), new(outlined)
	conn, err := s.db.Conn(ctx)
	if err != nil {
		return s.unopenable(ctx, "connecting", err)
	}
	defer conn.Close()
	var file string
	if err := conn.QueryRowContext(ctx, fileName).Scan(&file); err == nil && file != "" {
		s.where = file
	}
	if _, err := conn.ExecContext(ctx, busyTimeout); err != nil {
		return s.unopenable(ctx, "configuring", err)
	}
	version, err := s.look(ctx, conn)
	if err != nil {
		return err
	}
	if err := s.migrate(ctx, conn, version); err != nil {
		return err
	}
	if err := s.transact(ctx, conn, func() error {
		if _, err := conn.ExecContext(ctx, takeEpoch); err != nil {
			return err
		}
		return s.readWriter(ctx, conn)
	}); err != nil {
		return s.unopenable(ctx, "taking the store over", err)
	}
	// Last, since it writes to the file's header: whatever is damaged was refused
	// before.
	if _, err := conn.ExecContext(ctx, writeAhead); err != nil {
		return s.unopenable(ctx, "configuring", err)
	}
	return s.load(ctx, conn)
}
