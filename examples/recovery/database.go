package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/rollmend/rollmend/adapters"
	"github.com/rollmend/rollmend/adapters/etcd"
	"github.com/rollmend/rollmend/adapters/postgres"
	"github.com/rollmend/rollmend/adapters/sqlite"
)

// database is what the control planes keep their records in, seen from outside:
// by who destroys it and puts older copies back. No control plane runs while
// its methods do, but for place.
type database interface {
	// place is how a control plane is told where the database is.
	place() string

	// destroy leaves an empty one in its place, and says what was done.
	destroy(ctx context.Context) (done string, err error)

	// keep makes the copy that putBack puts in the database's place.
	keep(ctx context.Context) error
	putBack(ctx context.Context) error

	// stop ends what was started for it.
	stop()
}

// storeKind is a store that the story can be told with.
type storeKind struct {
	name   string
	most   int // control planes on one database; 0: any number
	create func(ctx context.Context, dir string) (database, error)
	open   func(ctx context.Context, place string) (closingStore, error)
}

type closingStore interface {
	adapters.Store
	Close() error
}

var storeKinds = []storeKind{
	{"sqlite", 1, newFiles, openSQLite},
	{"postgres", 0, newPostgres, openPostgres},
	{"etcd", 0, newEtcd, openEtcd},
}

func storeNamed(name string) (storeKind, error) {
	var names []string
	for _, k := range storeKinds {
		if k.name == name {
			return k, nil
		}
		names = append(names, k.name)
	}
	return storeKind{}, fmt.Errorf("-store: there is no store %q: want one of %s", name, strings.Join(names, ", "))
}

func openSQLite(ctx context.Context, place string) (closingStore, error) {
	return sqlite.OpenFile(ctx, place)
}

func openPostgres(ctx context.Context, place string) (closingStore, error) {
	store, err := postgres.OpenURL(ctx, place, postgres.Options{})
	if err != nil {
		return nil, err // not a nil store in an interface
	}
	return store, nil
}

func openEtcd(ctx context.Context, place string) (closingStore, error) {
	store, err := etcd.OpenEndpoints(ctx, strings.Split(place, ","), etcd.Options{})
	if err != nil {
		return nil, err
	}
	return store, nil
}

// files is a database that one process keeps in files of its own.
type files struct{ path, copied string }

func newFiles(_ context.Context, dir string) (database, error) {
	return &files{path: filepath.Join(dir, "control-plane", "rollmend.db"), copied: filepath.Join(dir, "older-copy")}, nil
}

func (f *files) place() string { return f.path }

func (f *files) stop() {}

// destroy implements database.
func (f *files) destroy(context.Context) (done string, err error) {
	found, err := f.found()
	if err != nil {
		return "", err
	}
	for _, path := range found {
		if err := os.Remove(path); err != nil {
			return "", fmt.Errorf("wipe: %w", err)
		}
	}
	return fmt.Sprintf("%d database files are deleted", len(found)), nil
}

// found lists the files of the database, its journals included.
func (f *files) found() ([]string, error) {
	found, err := filepath.Glob(f.path + "*")
	if err == nil && len(found) == 0 {
		err = fmt.Errorf("no file at %s", f.path)
	}
	if err != nil {
		return nil, fmt.Errorf("database: %w", err)
	}
	return found, nil
}

// keep implements database.
func (f *files) keep(context.Context) error {
	found, err := f.found()
	if err != nil {
		return err
	}
	return copyFiles(found, f.copied)
}

// putBack implements database.
func (f *files) putBack(ctx context.Context) error {
	if _, err := f.destroy(ctx); err != nil {
		return err
	}
	older, err := filepath.Glob(filepath.Join(f.copied, "*"))
	if err != nil {
		return fmt.Errorf("put back: %w", err)
	}
	return copyFiles(older, filepath.Dir(f.path))
}

// copyFiles copies files into a folder, under their names.
func copyFiles(files []string, dir string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fmt.Errorf("copy: %w", err)
	}
	for _, path := range files {
		content, err := os.ReadFile(path)
		if err != nil {
			return fmt.Errorf("copy: %w", err)
		}
		if err := os.WriteFile(filepath.Join(dir, filepath.Base(path)), content, 0o644); err != nil {
			return fmt.Errorf("copy: %w", err)
		}
	}
	return nil
}
