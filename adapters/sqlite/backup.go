package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
)

// partial is the end of a backup's name while it is written.
const partial = ".partial"

// Backup writes a copy of the store in the file at path to another file, as it
// is at one moment, while the store may be in use: it takes nothing over. The
// copy is on disk when Backup returns nil, and is opened like any store; it takes
// the room of what is stored, without what was erased.
//
// A file that is there already is not written to (an error that is
// [fs.ErrExist]). The other errors are [fs.ErrNotExist] where there is nothing to
// copy, an [*adapters.NotAStoreError], an [*adapters.FullError], and that of the
// context; after each there is no copy.
func Backup(ctx context.Context, path, to string) (err error) {
	s := &Store{where: path}
	if _, err := os.Stat(path); err != nil {
		return fmt.Errorf("sqlite: backup: %w", err)
	}
	if _, err := os.Lstat(to); !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("sqlite: backup to %s: %w: give the copy a name of its own", to, errors.Join(err, fs.ErrExist))
	}
	full, err := filepath.Abs(path)
	if err != nil {
		return fmt.Errorf("sqlite: backup: %w", err)
	}
	name := url.URL{Scheme: "file", Path: filepath.ToSlash(full), RawQuery: "mode=rw&" + waits}
	if s.db, err = sql.Open("sqlite", name.String()); err != nil {
		return fmt.Errorf("sqlite: backup: %w", err)
	}
	defer s.db.Close()
	conn, err := s.db.Conn(ctx)
	if err != nil {
		return s.unopenable(ctx, "connecting", err)
	}
	defer conn.Close()
	switch version, err := s.version(ctx, conn); {
	case err != nil:
		return err
	case version == 0:
		return s.damaged("nothing is stored in it", nil)
	}
	// What a copy that was cut short left.
	if err := os.Remove(to + partial); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("sqlite: backup: %w", err)
	}
	defer func() {
		if err != nil {
			_ = os.Remove(to + partial)
		}
	}()
	if _, err := conn.ExecContext(ctx, copyInto, to+partial); err != nil {
		return s.unopenable(ctx, "copying to "+to, err)
	}
	return settleFile(to)
}

// settleFile gives a copy its name, with all of it on disk.
func settleFile(to string) error {
	if err := syncFile(to + partial); err != nil {
		return fmt.Errorf("sqlite: backup to %s: %w", to, err)
	}
	if err := os.Rename(to+partial, to); err != nil {
		return fmt.Errorf("sqlite: backup to %s: %w", to, err)
	}
	if err := syncFile(filepath.Dir(to)); err != nil {
		return fmt.Errorf("sqlite: backup to %s: %w", to, err)
	}
	return nil
}

func syncFile(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}
