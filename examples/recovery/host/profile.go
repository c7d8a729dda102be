package host

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/rollmend/rollmend/states"
)

// Profile is a folder that says what the host runs: the link "current" points
// at a closure, the link "staged" at the one for the next boot. Closures are
// folders in "store"; nothing in them is ever changed.
type Profile string

const (
	current = "current"
	staged  = "staged"
)

// Current returns the closure that the host runs; unknown, without an error,
// where it never ran any.
func (p Profile) Current() (states.Closure, error) { return p.read(current) }

// Staged returns the closure that the next boot activates; unknown, without an
// error, where there is none.
func (p Profile) Staged() (states.Closure, error) { return p.read(staged) }

// File reads a file of the closure that the host runs; nil where it has none
// of that name.
func (p Profile) File(name string) ([]byte, error) {
	return optional(filepath.Join(string(p), current, name))
}

// Fetch brings a closure from a cache, a folder of closures, into the store.
// One that is already there is left as it is. The copy is made beside its place
// and renamed, so that a closure in the store is always whole.
func (p Profile) Fetch(cache string, closure states.Closure) error {
	place := p.place(closure)
	if _, err := os.Stat(place); err == nil {
		return nil
	}
	temp, err := os.MkdirTemp(p.store(), ".fetching-")
	if err != nil {
		return fmt.Errorf("host: fetching %s: %w", closure, err)
	}
	defer os.RemoveAll(temp)
	copied := filepath.Join(temp, string(closure))
	if err := os.CopyFS(copied, os.DirFS(filepath.Join(cache, string(closure)))); err != nil {
		return fmt.Errorf("host: fetching %s: %w", closure, err)
	}
	if err := syncAll(copied); err != nil {
		return fmt.Errorf("host: fetching %s: %w", closure, err)
	}
	if err := rename(copied, place); err != nil {
		return fmt.Errorf("host: fetching %s: %w", closure, err)
	}
	return nil
}

// Switch makes a closure of the store the current one, in one step.
func (p Profile) Switch(to states.Closure) error {
	if _, err := os.Stat(p.place(to)); err != nil {
		return fmt.Errorf("host: switching to %s: %w", to, err)
	}
	return p.point(current, to)
}

// Stage makes a closure of the store the one that the next boot activates.
func (p Profile) Stage(to states.Closure) error {
	if _, err := os.Stat(p.place(to)); err != nil {
		return fmt.Errorf("host: staging %s: %w", to, err)
	}
	return p.point(staged, to)
}

// BootStaged switches to the staged closure, if there is one. Cut off between
// its two steps it does the same again.
func (p Profile) BootStaged() error {
	to, err := p.Staged()
	if err != nil || !to.Known() {
		return err
	}
	if err := p.Switch(to); err != nil {
		return err
	}
	if err := os.Remove(filepath.Join(string(p), staged)); err != nil {
		return fmt.Errorf("host: unstaging %s: %w", to, err)
	}
	return nil
}

// Critical returns the component that keeps the host from switching to a
// closure of the store while it runs: the first line of the closure's file
// "critical", where the current closure has another. It is empty where nothing
// does.
func (p Profile) Critical(to states.Closure) (string, error) {
	wanted, err := optional(filepath.Join(p.place(to), "critical"))
	if err != nil {
		return "", fmt.Errorf("host: %w", err)
	}
	running, err := p.File("critical")
	if err != nil {
		return "", fmt.Errorf("host: %w", err)
	}
	if len(wanted) == 0 || bytes.Equal(wanted, running) {
		return "", nil
	}
	line, _, _ := strings.Cut(string(wanted), "\n")
	return line, nil
}

func (p Profile) store() string { return filepath.Join(string(p), "store") }

func (p Profile) place(closure states.Closure) string {
	return filepath.Join(p.store(), string(closure))
}

func (p Profile) read(link string) (states.Closure, error) {
	to, err := os.Readlink(filepath.Join(string(p), link))
	if errors.Is(err, fs.ErrNotExist) {
		return "", nil
	}
	if err != nil {
		return "", fmt.Errorf("host: %w", err)
	}
	return states.Closure(filepath.Base(to)), nil
}

// point replaces a link. A link cannot be rewritten, only renamed over.
func (p Profile) point(link string, to states.Closure) error {
	place := filepath.Join(string(p), link)
	temp := place + ".new"
	if err := os.Remove(temp); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("host: %w", err)
	}
	if err := os.Symlink(filepath.Join("store", string(to)), temp); err != nil {
		return fmt.Errorf("host: %w", err)
	}
	if err := rename(temp, place); err != nil {
		return fmt.Errorf("host: %w", err)
	}
	return nil
}

// optional reads a file that need not be there.
func optional(path string) ([]byte, error) {
	b, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	return b, err
}

// syncAll makes a tree durable, files and folders.
func syncAll(root string) error {
	return filepath.WalkDir(root, func(path string, _ fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		return syncFolder(path) // opening and syncing is the same for a file
	})
}
