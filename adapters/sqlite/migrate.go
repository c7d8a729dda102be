package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"

	"github.com/rollmend/rollmend/adapters"
)

// migrate brings the schema to the newest version, step by step and never
// back.
func (s *Store) migrate(ctx context.Context, conn *sql.Conn, version int) error {
	steps, err := migrationSteps()
	if err != nil {
		return s.failed("reading the migrations", err)
	}
	for i := version; i < len(steps); i++ {
		script, err := migrations.ReadFile(steps[i])
		if err != nil {
			return s.failed("reading the migrations", err)
		}
		if err := s.transact(ctx, conn, func() error { return apply(ctx, conn, string(script), i+1) }); err != nil {
			return s.unopenable(ctx, "migrating with "+steps[i], err)
		}
	}
	return nil
}

func migrationSteps() ([]string, error) { return fs.Glob(migrations, "migrations/*.sql") }

// look reads a file before anything is written to it, and returns the version
// of its schema, 0 for an empty file. A file that is not ours, newer, or
// damaged is refused; any other has then been loaded.
func (s *Store) look(ctx context.Context, conn *sql.Conn) (version int, err error) {
	steps, err := migrationSteps()
	if err != nil {
		return 0, s.failed("reading the migrations", err)
	}
	// One moment of a file that somebody may be writing to.
	if _, err := conn.ExecContext(ctx, beginReading); err != nil {
		return 0, s.unopenable(ctx, "reading", err)
	}
	defer func() { _, _ = conn.ExecContext(context.WithoutCancel(ctx), rollback) }()
	if version, err = s.version(ctx, conn); err != nil {
		return 0, err
	}
	switch {
	case version > len(steps):
		return 0, &adapters.NewerSchemaError{Where: s.where, Found: version, Known: len(steps)}
	case version < 0:
		return 0, s.damaged(fmt.Sprintf("it has schema version %d", version), nil)
	case version == 0:
		return version, nil
	}
	// What is read here stands in the same tables since the first version.
	if err := s.readWriter(ctx, conn); err != nil {
		return 0, s.unopenable(ctx, "reading who writes", err)
	}
	return version, s.load(ctx, conn)
}

// version returns the schema's version, 0 for an empty file.
func (s *Store) version(ctx context.Context, conn *sql.Conn) (version int, err error) {
	var tables, ours int
	if err := conn.QueryRowContext(ctx, countTables).Scan(&tables, &ours); err != nil {
		return 0, s.unopenable(ctx, "reading the schema", err)
	}
	switch {
	case tables == 0:
		return 0, nil
	case ours == 0:
		return 0, s.damaged("it is a database of something else", nil)
	}
	if err := conn.QueryRowContext(ctx, readVersion).Scan(&version); err != nil {
		return 0, s.unopenable(ctx, "reading the schema's version", err)
	}
	return version, nil
}

// readWriter reads the one row of whoever may write.
func (s *Store) readWriter(ctx context.Context, conn *sql.Conn) error {
	err := conn.QueryRowContext(ctx, readWriter).Scan(&s.epoch, &s.turn, &s.ordering)
	if errors.Is(err, sql.ErrNoRows) {
		return s.damaged("it has no writer", nil)
	}
	return err
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
