package sqlite

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/rollmend/rollmend/adapters"
)

// ErrTakenOver says that another process, or another store of this one, opened
// the file and writes to it now. Nothing of the call was stored, and nothing
// will be: open the file again to take it back.
var ErrTakenOver = errors.New("sqlite: the store was opened elsewhere and is written to from there; nothing was stored")

// ErrReadOnly says that the file, or the folder it is in, may not be written to
// by this process, or that the file's own header forbids it. Nothing was
// written: give the process the right, or restore the file from a backup.
var ErrReadOnly = errors.New("sqlite: the file or its folder cannot be written to: give the process the right to, or restore the file from a backup")

// SQLite's own texts, which every driver hands on. Its error codes are typed
// differently by each.
const (
	textFull     = "database or disk is full"
	textReadOnly = "attempt to write a readonly database"
)

// textsOfTheMachine are in errors that say nothing about what a file holds.
var textsOfTheMachine = []string{
	"unable to open database file", "disk I/O error", "locked", "out of memory", "interrupted",
	"access permission denied", "large file support is disabled",
}

// failed makes an error of the driver one of the port's, where it is one that
// a caller can act on.
func (s *Store) failed(doing string, err error) error {
	switch text := err.Error(); {
	case strings.Contains(text, textFull):
		return &adapters.FullError{Where: s.where, Err: err}
	case strings.Contains(text, textReadOnly):
		return fmt.Errorf("%w: %s: %s: %w", ErrReadOnly, s.where, doing, err)
	}
	return fmt.Errorf("sqlite: %s: %s: %w", s.where, doing, err)
}

// unopenable is failed while opening, where every error that is not of the
// machine is one of the file: it is damaged, or something else.
func (s *Store) unopenable(ctx context.Context, doing string, err error) error {
	text := err.Error()
	ofMachine := func(of string) bool { return strings.Contains(text, of) }
	if ctx.Err() != nil || ofMachine(textFull) || ofMachine(textReadOnly) || slices.ContainsFunc(textsOfTheMachine, ofMachine) {
		return s.failed(doing, err)
	}
	var not *adapters.NotAStoreError
	if errors.As(err, &not) {
		return err
	}
	return &adapters.NotAStoreError{Where: s.where, Reason: doing + ": " + text, Err: err}
}

// damaged says that what was read does not fit together.
func (s *Store) damaged(reason string, err error) error {
	return &adapters.NotAStoreError{Where: s.where, Reason: reason, Err: err}
}
