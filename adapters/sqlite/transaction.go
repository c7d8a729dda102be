package sqlite

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"time"

	"github.com/rollmend/rollmend/adapters"
)

// settleWithin bounds how long a commit whose answer was lost looks for its
// outcome before it says that it does not know.
const settleWithin = 10 * time.Second

// errCommit marks a failure of COMMIT itself: what it did is not known.
var errCommit = errors.New("commit")

// acquire waits for the turn to write, and clears up what an earlier one left
// in doubt.
func (s *Store) acquire(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	select {
	case s.turns <- struct{}{}:
	case <-ctx.Done():
		return ctx.Err()
	}
	err := s.settle(ctx)
	if err != nil {
		s.release()
	}
	return err
}

func (s *Store) release() { <-s.turns }

// settled makes sure that the index holds what the file holds.
func (s *Store) settled(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	s.mu.RLock()
	ended, doubt := s.ended, s.doubt
	s.mu.RUnlock()
	if ended != nil || !doubt {
		return ended
	}
	if err := s.acquire(ctx); err != nil {
		return err
	}
	s.release()
	return nil
}

// settle reads what was stored by a transaction whose outcome is in doubt. The
// caller holds the turn.
func (s *Store) settle(ctx context.Context) error {
	if s.ended != nil || !s.doubt {
		return s.ended
	}
	conn, err := s.db.Conn(ctx)
	if err != nil {
		return s.failed("settling", err)
	}
	defer conn.Close()
	var epoch, turn int64
	var ordering adapters.Ordering
	if err := conn.QueryRowContext(ctx, readWriter).Scan(&epoch, &turn, &ordering); err != nil {
		return s.failed("settling", err)
	}
	if epoch != s.epoch {
		return s.end(ErrTakenOver)
	}
	if s.anew {
		s.mu.Lock()
		for _, in := range s.index.openings {
			in.gone = true
		}
		s.index, s.last, s.waste = newIndex(), 0, nil
		s.erased++
		s.loads++
		s.mu.Unlock()
	}
	if err := s.load(ctx, conn); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.turn, s.ordering, s.doubt, s.anew = turn, ordering, false, false
	return nil
}

func (s *Store) end(why error) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ended = why
	return why
}

// write runs one transaction of this store's epoch, which leaves the ordering
// revision as given. Once it returns nil, what do wrote is stored; else nothing
// of it is, unless the error is [adapters.ErrUnknownOutcome]. The caller holds
// the turn.
func (s *Store) write(ctx context.Context, ordering adapters.Ordering, do func(*sql.Conn) error) error {
	s.takeOutlined()
	conn, err := s.db.Conn(ctx)
	if err != nil {
		return s.failed("connecting", err)
	}
	err = s.transact(ctx, conn, func() error {
		res, err := conn.ExecContext(ctx, takeTurn, ordering, s.epoch, s.turn)
		if err != nil {
			return err
		}
		if n, err := res.RowsAffected(); err != nil || n != 1 {
			return errors.Join(err, ErrTakenOver)
		}
		return do(conn)
	})
	_ = conn.Close() // before resolve, which needs one, and may be left no other
	switch {
	case err == nil:
		s.turn++
		return nil
	case errors.Is(err, ErrTakenOver):
		return s.end(ErrTakenOver)
	case errors.Is(err, errCommit):
		return s.resolve(ctx, err)
	case ctx.Err() != nil:
		return ctx.Err()
	}
	return s.failed("storing", err)
}

// resolve finds out what became of a transaction whose COMMIT failed.
func (s *Store) resolve(ctx context.Context, cause error) error {
	s.mu.Lock()
	s.doubt = true
	s.mu.Unlock()
	before := s.turn
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), settleWithin)
	defer cancel()
	if err := s.settle(ctx); err != nil {
		return fmt.Errorf("sqlite: %s: %w: %w (%w)", s.where, adapters.ErrUnknownOutcome, cause, err)
	}
	if s.turn != before {
		return nil
	}
	return s.failed("storing", cause)
}

// transact runs do between BEGIN and COMMIT, with everything on disk before it
// returns nil. Where it fails, nothing is stored and no transaction is left
// open, except that a failure of COMMIT itself, which is an [errCommit], may
// have stored all.
func (s *Store) transact(ctx context.Context, conn *sql.Conn, do func() error) error {
	var err error
	for _, statement := range []string{busyTimeout, fullSynchronous, begin} {
		// A BEGIN that says that its context ended may have begun all the same: it
		// is rolled back below.
		if _, err = conn.ExecContext(ctx, statement); err != nil && statement != begin {
			return err
		}
	}
	if err == nil {
		err = do()
	}
	if err == nil {
		err = ctx.Err()
	}
	whole := context.WithoutCancel(ctx) // COMMIT and ROLLBACK are not cut short: their answer would be lost
	if err == nil {
		if _, err = conn.ExecContext(whole, commit); err == nil {
			return nil
		}
		err = fmt.Errorf("%w: %w", errCommit, err)
	}
	if _, failed := conn.ExecContext(whole, rollback); failed != nil {
		// SQLite rolls back by itself after some errors, and says here that there
		// was nothing to do. For all others the connection is given up.
		_ = conn.Raw(func(any) error { return driver.ErrBadConn })
	}
	return err
}
