package postgres

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/rollmend/rollmend/adapters"
)

// TimeoutError says that the server, or a free connection to it, took longer
// than the store waits. Nothing of the call was stored. The cause is load, a
// lock that something else holds, or a network that swallows: try again later,
// or give the store a longer [Options.Timeout].
type TimeoutError struct {
	Where string
	Doing string
	After time.Duration // 0: what the server's own lock_timeout says
	Err   error
}

func (e *TimeoutError) Error() string {
	longer, raise := e.After.String(), "Options.Timeout"
	if e.After == 0 {
		longer, raise = "the server's lock_timeout", "lock_timeout"
	}
	return fmt.Sprintf("postgres: %s: %s took longer than %s, nothing of this call was stored: try again; if it stays so, look for load or a lock that something else holds, or raise %s: %v",
		e.Where, e.Doing, longer, raise, e.Err)
}

func (e *TimeoutError) Unwrap() error { return e.Err }

// ContentionError says that a call met others at every one of its tries.
// Nothing of it was stored: call again.
type ContentionError struct {
	Where string
	Tries int
	Err   error // what the last try met
}

func (e *ContentionError) Error() string {
	return fmt.Sprintf("postgres: %s: the transaction met others %d times, nothing of this call was stored: call again: %v", e.Where, e.Tries, e.Err)
}

func (e *ContentionError) Unwrap() error { return e.Err }

// The server's codes that the store acts on (SQLSTATE).
const (
	codeSerialization = "40001"
	codeDeadlock      = "40P01"
	codeUnique        = "23505" // somebody else stored the first row of the same record
	codeNotNull       = "23502" // the ordering revision rose: see finishCommit
	codeCanceled      = "57014" // by the statement timeout, as the client's own ends the connection
	codeLockTimeout   = "55P03"
	codeDiskFull      = "53100"
	codeNoTable       = "42P01"
	codeNoColumn      = "42703"
	codeNoStatement   = "26000" // that was prepared: a pooler or an operator took it away

	codeShutdown    = "57P01" // also of a connection that an operator ends
	codeCrash       = "57P02"
	codeStarting    = "57P03"
	codeConnections = "53300" // there are as many as it takes
	codeIdle        = "25P03" // the transaction stood idle for too long
)

// code returns the server's code for an error, and whether it is one after
// which the connection goes on: the transaction was rolled back for sure.
func code(err error) (string, bool) {
	var e *pgconn.PgError
	if !errors.As(err, &e) {
		return "", false
	}
	return e.Code, e.SeverityUnlocalized == "ERROR"
}

// passing reports whether a transaction that failed may be tried again at
// once: it met another one.
func passing(err error) bool {
	switch c, goesOn := code(err); c {
	case codeSerialization, codeDeadlock, codeUnique, codeNotNull:
		return goesOn
	}
	return false
}

// away reports whether an error says that the server was not there, or did not
// let anybody in.
func away(err error) bool {
	var answer *pgconn.PgError
	if errors.As(err, &answer) {
		switch answer.Code {
		case codeShutdown, codeCrash, codeStarting, codeConnections, codeIdle:
			return true
		}
		return false
	}
	var refused *pgconn.ConnectError
	var broken net.Error
	return errors.As(err, &refused) || errors.As(err, &broken) || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF)
}

// failed makes an error of the driver one of the port's, where it is one that
// a caller can act on.
func (s *Store) failed(ctx context.Context, doing string, err error) error {
	if ctx.Err() != nil {
		return fmt.Errorf("postgres: %s: %s: %w", s.where, doing, ctx.Err())
	}
	switch c, _ := code(err); c {
	case codeDiskFull:
		return &adapters.FullError{Where: s.where, Err: err}
	case codeCanceled:
		return &TimeoutError{Where: s.where, Doing: doing, After: s.timeout, Err: err}
	case codeLockTimeout:
		return &TimeoutError{Where: s.where, Doing: doing, Err: err}
	case codeNoTable, codeNoColumn:
		return s.damaged("its tables are not those that were opened", err)
	}
	if errors.Is(err, context.DeadlineExceeded) {
		return &TimeoutError{Where: s.where, Doing: doing, After: s.patience(), Err: err}
	}
	if away(err) {
		return &adapters.UnavailableError{Where: s.where, Doing: doing, Err: err}
	}
	return fmt.Errorf("postgres: %s: %s: %w", s.where, doing, err)
}

// damaged says that what was read does not fit together.
func (s *Store) damaged(reason string, err error) error {
	return &adapters.NotAStoreError{Where: s.where, Reason: reason, Err: err}
}
