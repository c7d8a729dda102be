package postgres

import (
	"context"
	"errors"
	"io/fs"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/rollmend/rollmend/adapters"
)

// migrateWithin bounds a migration and the wait for another replica's: a table
// of a million records may be rewritten in it.
const migrateWithin = 10 * time.Minute

// migrate brings the schema to the newest version, step by step and never
// back. A schema that is not ours, or newer, is not written to. Replicas that
// start at once wait for each other.
func (s *Store) migrate(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, migrateWithin)
	defer cancel()
	conn, err := s.acquire(ctx)
	if err != nil {
		return err
	}
	// The lock is the session's: it ends with the connection, whatever happens.
	own := conn.Hijack()
	defer func() {
		over, cancel := context.WithTimeout(context.WithoutCancel(ctx), s.patience())
		defer cancel()
		_ = own.Close(over)
	}()
	if _, err := own.Exec(ctx, `SET statement_timeout = 0`); err != nil {
		return s.failed(ctx, "configuring", err)
	}
	if _, err := own.Exec(ctx, lockMigrations, s.schema); err != nil {
		return s.failed(ctx, "waiting for another replica's migration", err)
	}
	return s.step(ctx, own)
}

// step runs the migrations that are missing. The caller holds their lock.
func (s *Store) step(ctx context.Context, conn *pgx.Conn) error {
	steps, err := fs.Glob(migrations, "migrations/*.sql")
	if err != nil {
		return s.failed(ctx, "reading the migrations", err)
	}
	version, err := s.version(ctx, conn)
	if err != nil {
		return err
	}
	if version > len(steps) {
		return &adapters.NewerSchemaError{Where: s.where, Found: version, Known: len(steps)}
	}
	for i := version; i < len(steps); i++ {
		script, err := migrations.ReadFile(steps[i])
		if err != nil {
			return s.failed(ctx, "reading the migrations", err)
		}
		if err := pgx.BeginFunc(ctx, conn, func(tx pgx.Tx) error { return s.apply(ctx, tx, string(script), i+1) }); err != nil {
			return s.failed(ctx, "migrating with "+steps[i], err)
		}
	}
	return nil
}

// version returns the schema's version, 0 for an empty or missing one.
func (s *Store) version(ctx context.Context, conn *pgx.Conn) (version int, err error) {
	var tables, ours int
	if err := conn.QueryRow(ctx, countTables, s.schema).Scan(&tables, &ours); err != nil {
		return 0, s.failed(ctx, "reading the schema", err)
	}
	switch {
	case tables == 0:
		return 0, nil
	case ours == 0:
		return 0, s.damaged("the schema holds tables of something else", nil)
	}
	if err := conn.QueryRow(ctx, s.in(readVersion)).Scan(&version); err != nil {
		return 0, s.failed(ctx, "reading the schema's version", err)
	}
	return version, nil
}

func (s *Store) apply(ctx context.Context, tx pgx.Tx, script string, to int) error {
	var there bool
	if err := tx.QueryRow(ctx, schemaExists, s.schema).Scan(&there); err != nil {
		return err
	}
	if !there {
		if _, err := tx.Exec(ctx, `CREATE SCHEMA `+quoted(s.schema)); err != nil {
			return err
		}
	}
	if _, err := tx.Exec(ctx, s.in(createVersion)); err != nil {
		return err
	}
	// Several statements at once need the simple protocol.
	_, err := tx.Exec(ctx, s.in(script), pgx.QueryExecModeSimpleProtocol)
	_, noted := tx.Exec(ctx, s.in(writeVersion), to)
	return errors.Join(err, noted)
}
