package postgres

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/rollmend/rollmend/adapters"
)

const (
	// maxTries bounds how often a transaction that met another is run. A lost
	// race for a record's first row or for the ordering revision tells its
	// conflict at the next try; a deadlock needs a few under heavy load.
	maxTries = 8

	// maxPause bounds the random wait before the next try, so that two that met
	// do not meet again. It grows to this by a step a try.
	maxPause = 40 * time.Millisecond

	// settleWithin bounds how long a commit whose answer was lost looks for its
	// outcome: a server that crashed is back in it, and one that lost the client
	// has ended the transaction.
	settleWithin = 45 * time.Second

	// settlePause is the wait between two looks for an outcome.
	settlePause = 100 * time.Millisecond
)

// errLost marks a transaction whose outcome was looked up: it was not stored.
var errLost = errors.New("the connection was lost before the commit")

// attempt is one try of a transaction.
type attempt struct {
	conn     *pgx.Conn
	try      int               // its number, from 1
	token    int64             // names it in the commits and among the locks
	ordering adapters.Ordering // as it was before
	number   int64             // of the newest commit when it began
	prunings int64             // how often rollouts were forgotten then
}

// finish says what a transaction ends with.
type finish struct {
	raise  bool              // the ordering revision
	prunes bool              // rollouts are forgotten
	guard  adapters.Ordering // what it must still be; 0: any
	fleet  bool              // more than records was touched
	rows   []*row            // of the records
}

// work is the body of a transaction. It returns the statements that are still
// to be sent, which go out together with the end, and nil for a transaction
// that has nothing to store.
type work func(ctx context.Context, a *attempt) (*pgx.Batch, *finish, error)

// transact runs work in a transaction until it is stored, or cannot be. Once it
// returns nil, everything is stored; else nothing is, unless the error is
// [adapters.ErrUnknownOutcome].
func (s *Store) transact(ctx context.Context, first func(*pgx.Batch), do work) error {
	for try := 1; ; try++ {
		err := s.try(ctx, try, first, do)
		if !passing(err) && !errors.Is(err, errLost) {
			return err
		}
		if ctx.Err() != nil {
			return s.failed(ctx, "storing", err)
		}
		if try == maxTries && errors.Is(err, errLost) {
			return &adapters.UnavailableError{Where: s.where, Doing: "storing", Err: err}
		}
		if try == maxTries {
			return &ContentionError{Where: s.where, Tries: try, Err: err}
		}
		wait := min(time.Duration(try)*5*time.Millisecond, maxPause)
		select {
		case <-time.After(rand.N(wait)):
		case <-ctx.Done():
			return s.failed(ctx, "storing", err)
		}
	}
}

// try runs work once.
func (s *Store) try(ctx context.Context, try int, first func(*pgx.Batch), do work) error {
	conn, err := s.acquire(ctx)
	if err != nil {
		return err
	}
	a := &attempt{conn: conn.Conn(), try: try, token: s.newToken()}
	sent, err := s.attempt(ctx, a, first, do)
	if err != nil {
		s.abandon(ctx, a.conn)
	}
	conn.Release() // before settle, which needs one, and may be left no other
	if err == nil || !sent {
		return err
	}
	if _, goesOn := code(err); goesOn {
		if passing(err) {
			return err
		}
		return s.failed(ctx, "storing", err)
	}
	return s.settle(ctx, a, err)
}

// attempt reports whether the end of the transaction was sent: from then on an
// error that is not the server's own leaves the outcome open.
func (s *Store) attempt(ctx context.Context, a *attempt, first func(*pgx.Batch), do work) (sent bool, err error) {
	bounded, cancel := context.WithTimeout(ctx, s.patience())
	defer cancel()
	if err := s.begin(bounded, a, first); err != nil {
		return false, s.before(ctx, err)
	}
	batch, end, err := do(bounded, a)
	if err != nil {
		return false, s.before(ctx, err)
	}
	if err := ctx.Err(); err != nil {
		return false, err
	}
	if end == nil {
		s.abandon(ctx, a.conn)
		return false, nil
	}
	s.queueEnd(batch, a, end)
	// From here on nothing is cut short: the answer would be lost.
	whole, over := context.WithTimeout(context.WithoutCancel(ctx), s.patience())
	defer over()
	if sent, err = s.send(whole, a.conn, batch); err != nil && !sent {
		err = s.before(ctx, err)
	}
	return sent, err
}

// before names an error from before the end was sent, when nothing can have
// been stored.
func (s *Store) before(ctx context.Context, err error) error {
	if passing(err) || errors.Is(err, errOpened) || errors.As(err, new(refusal)) {
		return err
	}
	if _, answered := code(err); !answered && ctx.Err() == nil && !errors.Is(err, context.DeadlineExceeded) {
		return fmt.Errorf("%w: %w", errLost, err)
	}
	return s.failed(ctx, "storing", err)
}

// begin opens the transaction and reads what it is compared with.
func (s *Store) begin(ctx context.Context, a *attempt, first func(*pgx.Batch)) error {
	var b pgx.Batch
	b.Queue(begin)
	b.Queue(configure, s.millis)
	b.Queue(lockToken, a.token)
	b.Queue(s.in(readNumbers)).QueryRow(func(row pgx.Row) error {
		var ordering int64
		err := row.Scan(&ordering, &a.number, &a.prunings)
		a.ordering = adapters.Ordering(ordering)
		return err
	})
	first(&b)
	return a.conn.SendBatch(ctx, &b).Close()
}

const (
	// keepCommits is how long a commit's row is kept, in milliseconds: far above
	// settleWithin, and above any pause of a watcher that is worth catching up.
	keepCommits = 10 * 60 * 1000

	// prunedAtOnce and pruneEvery: what is removed is twice what is added.
	prunedAtOnce = 128
	pruneEvery   = 64
)

func (s *Store) queueEnd(b *pgx.Batch, a *attempt, end *finish) {
	raise := 0
	if end.raise {
		raise = 1
	}
	if a.number%pruneEvery == 0 {
		b.Queue(s.in(pruneCommits), prunedAtOnce, keepCommits)
	}
	prunes := 0
	if end.prunes {
		prunes = 1
	}
	b.Queue(s.in(finishCommit), raise, int64(end.guard), a.token, end.fleet,
		rolloutsOf(end.rows), namesOf(end.rows), revisionsOf(end.rows), channel, a.prunings, prunes)
	b.Queue(commit)
}

// abandon ends a transaction without storing it. A connection that cannot say
// so is given up, and the server ends what ran on it.
func (s *Store) abandon(ctx context.Context, conn *pgx.Conn) {
	whole, cancel := context.WithTimeout(context.WithoutCancel(ctx), grace)
	defer cancel()
	if _, err := conn.Exec(whole, rollback); err != nil {
		_ = conn.Close(whole)
	}
}

// settle finds out what became of a transaction whose answer was lost.
func (s *Store) settle(ctx context.Context, a *attempt, cause error) error {
	bounded, cancel := context.WithTimeout(context.WithoutCancel(ctx), settleWithin)
	defer cancel()
	for {
		stored, err := s.outcome(bounded, a)
		switch {
		case err == nil && stored:
			return nil
		case err == nil:
			return fmt.Errorf("%w: %w", errLost, cause)
		case errors.Is(err, errPruned), errors.Is(err, adapters.ErrClosed):
			return fmt.Errorf("postgres: %s: %w: %w (%w)", s.where, adapters.ErrUnknownOutcome, cause, err)
		}
		select {
		case <-time.After(settlePause):
		case <-bounded.Done():
			return fmt.Errorf("postgres: %s: %w: %w (%w)", s.where, adapters.ErrUnknownOutcome, cause, err)
		}
	}
}

// errPruned says that the rows that would tell an outcome are gone.
var errPruned = errors.New("the commits of that time are no longer kept")

// outcome waits until the transaction has ended, and reads whether its token is
// there. While it runs, it holds the lock that is asked for here.
func (s *Store) outcome(ctx context.Context, a *attempt) (stored bool, err error) {
	conn, err := s.acquire(ctx)
	if err != nil {
		return false, err
	}
	defer conn.Release()
	var oldest, newest int64
	var b pgx.Batch
	b.Queue(begin)
	b.Queue(configure, s.millis)
	b.Queue(lockToken, a.token)
	b.Queue(s.in(readOutcome), a.token).QueryRow(func(row pgx.Row) error { return row.Scan(&stored, &oldest, &newest) })
	err = conn.SendBatch(ctx, &b).Close()
	s.abandon(ctx, conn.Conn())
	if err != nil || stored {
		return stored, err
	}
	if newest < a.number || newest > a.number && oldest > a.number+1 {
		return false, errPruned
	}
	return false, nil
}
