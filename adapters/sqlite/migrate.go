package sqlite

import (
	"context"
	"database/sql"
	"io/fs"

	"github.com/rollmend/rollmend/adapters"
)

// migrate brings the schema to the newest version, step by step and never
// back. A file that is not ours, or newer, is not written to.
func (s *Store) migrate(ctx context.Context, conn *sql.Conn) error {
	steps, err := fs.Glob(migrations, "migrations/*.sql")
	if err != nil {
		return s.failed("reading the migrations", err)
	}
	version, err := s.version(ctx, conn)
	if err != nil {
		return err
	}
	if version > len(steps) {
		return &adapters.NewerSchemaError{Where: s.where, Found: version, Known: len(steps)}
	}
	for _, pragma := range []string{busyTimeout, fullSynchronous, writeAhead} {
		if _, err := conn.ExecContext(ctx, pragma); err != nil {
			return s.unopenable("configuring", err)
		}
	}
	for i := version; i < len(steps); i++ {
		script, err := migrations.ReadFile(steps[i])
		if err != nil {
			return s.failed("reading the migrations", err)
		}
		if err := s.transact(ctx, conn, func() error { return apply(ctx, conn, string(script), i+1) }); err != nil {
			return s.unopenable("migrating with "+steps[i], err)
		}
	}
	return nil
}

// version returns the schema's version, 0 for an empty file.
func (s *Store) version(ctx context.Context, conn *sql.Conn) (version int, err error) {
	var tables, ours int
	if err := conn.QueryRowContext(ctx, countTables).Scan(&tables, &ours); err != nil {
		return 0, s.unopenable("reading the schema", err)
	}
	switch {
	case tables == 0:
		return 0, nil
	case ours == 0:
		return 0, s.damaged("it is a database of something else", nil)
	}
	if err := conn.QueryRowContext(ctx, readVersion).Scan(&version); err != nil {
		return 0, s.unopenable("reading the schema's version", err)
	}
	return version, nil
}

// apply runs the migration to a version, unless another process did so since
// the version was read.
func apply(ctx context.Context, conn *sql.Conn, script string, to int) error {
	if _, err := conn.ExecContext(ctx, createVersion); err != nil {
		return err
	}
	var version int
	if err := conn.QueryRowContext(ctx, readVersion).Scan(&version); err != nil || version >= to {
		return err
	}
	if _, err := conn.ExecContext(ctx, script); err != nil {
		return err
	}
	_, err := conn.ExecContext(ctx, writeVersion, to)
	return err
}
