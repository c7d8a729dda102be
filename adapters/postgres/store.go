package postgres

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/rollmend/rollmend/adapters"
)

// Store is an [adapters.Store] in a PostgreSQL database. It is safe for
// concurrent use, by any number of stores in any number of processes.
type Store struct {
	pool    *pgxpool.Pool
	close   func()
	where   string // for errors
	schema  string
	prefix  string // of names in statements
	timeout time.Duration
	millis  string // timeout, as the server takes it
	known   *openings
	writer  uint32       // random: see newToken
	wary    atomic.Int32 // see waryFor
	room    sync.Pool    // of *[]byte, to encode statements in

	ending sync.Once
	ended  chan struct{} // closed by Close
}

// grace is how much longer than the server's own timeout an answer is waited
// for, so that a server that is there says itself what was too slow.
const grace = 5 * time.Second

func (s *Store) patience() time.Duration { return s.timeout + grace }

// Close ends the store: every later call returns [adapters.ErrClosed]. A pool of the store's own is closed once the calls that are
// under way have ended.
func (s *Store) Close() error {
	s.ending.Do(func() {
		close(s.ended)
		s.close()
	})
	return nil
}

// usable says why nothing is served.
func (s *Store) usable(ctx context.Context) error {
	select {
	case <-s.ended:
		return adapters.ErrClosed
	default:
		return ctx.Err()
	}
}

// acquire takes a connection of the pool.
func (s *Store) acquire(ctx context.Context) (*pgxpool.Conn, error) {
	if err := s.usable(ctx); err != nil {
		return nil, err
	}
	bounded, cancel := context.WithTimeout(ctx, s.timeout)
	defer cancel()
	conn, err := s.pool.Acquire(bounded)
	if err == nil {
		return conn, nil
	}
	if ended := s.usable(ctx); ended != nil {
		return nil, ended
	}
	if bounded.Err() != nil {
		return nil, &TimeoutError{Where: s.where, Doing: "waiting for a connection", After: s.timeout, Err: err}
	}
	return nil, s.failed(ctx, "connecting", err)
}

// readTries bounds how often a read is sent: the second time to a connection
// that is new, should the first have died unnoticed in the pool, and once more
// for a server that was just starting.
const readTries = 3

// read runs a query of one moment. do may run again, from the start.
func (s *Store) read(ctx context.Context, doing string, do func(context.Context, *pgx.Conn) error) error {
	for try := 1; ; try++ {
		conn, err := s.acquire(ctx)
		if err != nil {
			return err
		}
		bounded, cancel := context.WithTimeout(ctx, s.patience())
		err = do(bounded, conn.Conn())
		cancel()
		lost := conn.Conn().IsClosed()
		conn.Release()
		var damaged *adapters.NotAStoreError
		switch {
		case err == nil, errors.As(err, &damaged), errors.Is(err, adapters.ErrNotFound):
			return err
		case !lost, ctx.Err() != nil, try == readTries, errors.Is(err, context.DeadlineExceeded):
			return s.failed(ctx, doing, err)
		}
	}
}

func notFound(what fmt.Stringer) error {
	return fmt.Errorf("postgres: %s: %w", what, adapters.ErrNotFound)
}
