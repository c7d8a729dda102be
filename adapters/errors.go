package adapters

import (
	"errors"
	"fmt"

	"github.com/rollmend/rollmend/states"
)

// ErrNotFound says that there is no such record: its rollout was not opened, or
// not with that host.
var ErrNotFound = errors.New("adapters: no such record")

// ErrUnknownOutcome says that a commit may or may not have been stored, because
// the answer was lost. Read the records again before deciding anew.
var ErrUnknownOutcome = errors.New("adapters: the outcome of the commit is unknown: read again")

// ErrClosed says that the store was closed.
var ErrClosed = errors.New("adapters: the store is closed")

// ConflictError says that a change was decided on something that is no longer
// so. Nothing of the change was stored: read again, and decide anew.
type ConflictError struct {
	Key      states.Key
	Expected states.Revision
	Found    states.Revision
	Guard    Ordering // set, with Ordering, where it was the guard that did not hold
	Ordering Ordering
}

func (e *ConflictError) Error() string {
	if e.Guard != 0 {
		return fmt.Sprintf("adapters: %s was decided at ordering revision %d, the store is at %d: look again", e.Key, e.Guard, e.Ordering)
	}
	return fmt.Sprintf("adapters: %s was decided at revision %d, the store is at %d: look again", e.Key, e.Expected, e.Found)
}

// NotAStoreError says that what was opened is not a store of rollmend, or is
// damaged. It was not written to.
type NotAStoreError struct {
	Where  string
	Reason string
	Err    error
}

func (e *NotAStoreError) Error() string {
	return fmt.Sprintf("adapters: %s is not a store that can be opened: %s; restore it from a backup, or move it away and start without: hosts come back with their next heartbeat", e.Where, e.Reason)
}

func (e *NotAStoreError) Unwrap() error { return e.Err }

// NewerSchemaError says that a store was written by a later version. It was
// not written to.
type NewerSchemaError struct {
	Where string
	Found int // the schema's version
	Known int // the newest that this version understands
}

func (e *NewerSchemaError) Error() string {
	return fmt.Sprintf("adapters: %s has schema version %d and this version understands up to %d: run the newer version that wrote it", e.Where, e.Found, e.Known)
}

// FullError says that there was no room to store something. Nothing of the
// call was stored; the store goes on as soon as there is room.
type FullError struct {
	Where string
	Err   error
}

func (e *FullError) Error() string {
	return fmt.Sprintf("adapters: %s is full, nothing of this call was stored: make room and it goes on: %v", e.Where, e.Err)
}

func (e *FullError) Unwrap() error { return e.Err }

// UnavailableError says that a store could not be reached, or could not serve:
// a cluster without a quorum. Nothing of the call was stored. Bring its servers
// or the network back; the next call is served as soon as they are.
type UnavailableError struct {
	Where string
	Doing string // what was not done
	Err   error
}

func (e *UnavailableError) Error() string {
	return fmt.Sprintf("adapters: %s is not available, %s was not done and nothing of this call was stored: see that its servers run and reach each other, and it goes on: %v", e.Where, e.Doing, e.Err)
}

func (e *UnavailableError) Unwrap() error { return e.Err }
