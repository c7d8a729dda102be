package sqlite

import (
	"errors"
	"fmt"
	"strings"

	"github.com/rollmend/rollmend/adapters"
)

// ErrTakenOver says that another process, or another store of this one, opened
// the file and writes to it now. Nothing of the call was stored, and nothing
// will be: open the file again to take it back.
var ErrTakenOver = errors.New("sqlite: the store was opened elsewhere and is written to from there; nothing was stored")

// SQLite's own texts, which every driver hands on. Its error codes are typed
// differently by each.
const (
	textFull        = "database or disk is full"
	textNotDatabase = "file is not a database"
	textMalformed   = "database disk image is malformed"
)

// failed makes an error of the driver one of the port's, where it is one that
// a caller can act on.
func (s *Store) failed(doing string, err error) error {
	if text := err.Error(); strings.Contains(text, textFull) {
		return &adapters.FullError{Where: s.where, Err: err}
	}
	return fmt.Errorf("sqlite: %s: %s: %w", s.where, doing, err)
}

// unopenable is failed while opening, where a file may turn out to be something
// else.
func (s *Store) unopenable(doing string, err error) error {
	text := err.Error()
	if strings.Contains(text, textNotDatabase) || strings.Contains(text, textMalformed) {
		return &adapters.NotAStoreError{Where: s.where, Reason: text, Err: err}
	}
	return s.failed(doing, err)
}

// damaged says that what was read does not fit together.
func (s *Store) damaged(reason string, err error) error {
	return &adapters.NotAStoreError{Where: s.where, Reason: reason, Err: err}
}
