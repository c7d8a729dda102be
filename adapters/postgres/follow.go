package postgres

import (
	"context"
	"errors"
	"math/rand/v2"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/rollmend/rollmend/adapters"
	"github.com/rollmend/rollmend/internal/codec"
)

var _ adapters.Follower = (*Store)(nil)

const (
	// pollEvery is how long a lost notification delays news at most.
	pollEvery = 2 * time.Second

	// listenAgain is the wait before a connection that broke is replaced.
	listenAgain = 500 * time.Millisecond

	// maxNewCommits bounds how many commits are told one by one; a reader that
	// is further behind reads everything again.
	maxNewCommits = 10_000
)

// following is a connection that listens, and how far its reader is.
type following struct {
	store  *Store
	cancel context.CancelFunc
	ended  chan struct{} // closed when nobody listens any more
	bell   chan struct{} // holds a value while there may be news
	mark   int64         // the newest commit that was told
}

// Follow implements [adapters.Follower], by the server's notifications with a
// poll behind them. It takes a connection out of the pool for as long as it
// lasts.
func (s *Store) Follow(ctx context.Context) (adapters.Following, error) {
	f := &following{store: s, ended: make(chan struct{}), bell: make(chan struct{}, 1)}
	err := s.read(ctx, "following", func(ctx context.Context, conn *pgx.Conn) error {
		var ordering, prunings int64
		return conn.QueryRow(ctx, s.in(readNumbers)).Scan(&ordering, &f.mark, &prunings)
	})
	if err != nil {
		return nil, err
	}
	var listening context.Context
	listening, f.cancel = context.WithCancel(context.Background())
	go f.run(listening)
	return f, nil
}

// run listens until the following is closed.
func (f *following) run(ctx context.Context) {
	defer close(f.ended)
	for ctx.Err() == nil && f.store.usable(ctx) == nil {
		_ = f.listen(ctx)
		f.ring() // whatever was missed meanwhile
		select {
		case <-time.After(listenAgain):
		case <-f.store.ended:
		case <-ctx.Done():
		}
	}
}

// listen rings for every notification, and now and then without, until its
// connection breaks.
func (f *following) listen(ctx context.Context) error {
	pooled, err := f.store.acquire(ctx)
	if err != nil {
		return err
	}
	conn := pooled.Hijack()
	defer func() {
		whole, cancel := context.WithTimeout(context.Background(), grace)
		defer cancel()
		_ = conn.Close(whole)
	}()
	if _, err := conn.Exec(ctx, listen); err != nil {
		return err
	}
	for {
		f.ring()
		bounded, cancel := context.WithTimeout(ctx, pollEvery)
		_, err := conn.WaitForNotification(bounded)
		cancel()
		if err != nil && (ctx.Err() != nil || conn.IsClosed() || !errors.Is(err, context.DeadlineExceeded)) {
			return err
		}
		if err := f.store.usable(ctx); err != nil {
			return err
		}
	}
}

func (f *following) ring() {
	select {
	case f.bell <- struct{}{}:
	default:
	}
}

// Wait implements [adapters.Following].
func (f *following) Wait(ctx context.Context) error {
	select {
	case <-f.ended:
		return adapters.ErrClosed
	default:
	}
	select {
	case <-f.bell:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	case <-f.ended:
		return adapters.ErrClosed
	case <-f.store.ended:
		return adapters.ErrClosed
	}
}

// News implements [adapters.Following], in a transaction that sees one moment.
func (f *following) News(ctx context.Context) (news adapters.News, err error) {
	mark := f.mark
	err = f.store.read(ctx, "reading news", func(ctx context.Context, conn *pgx.Conn) error {
		news = adapters.News{}
		tx, err := conn.BeginTx(ctx, pgx.TxOptions{IsoLevel: pgx.RepeatableRead, AccessMode: pgx.ReadOnly})
		if err != nil {
			return err
		}
		defer func() { _ = tx.Rollback(ctx) }()
		mark, err = f.read(ctx, tx, &news)
		return err
	})
	if err != nil {
		return adapters.News{}, err
	}
	f.mark = mark
	return news, nil
}

// read reads what was committed since the mark, and returns the new one.
func (f *following) read(ctx context.Context, tx pgx.Tx, news *adapters.News) (mark int64, err error) {
	s := f.store
	var ordering, oldest int64
	if err := tx.QueryRow(ctx, s.in(readNewest)).Scan(&ordering, &mark, &oldest); err != nil {
		return 0, err
	}
	// Without rows the oldest is 0; a number below the mark is of a database
	// that was restored.
	if mark < f.mark || mark > f.mark && (oldest == 0 || oldest > f.mark+1) || mark-f.mark > maxNewCommits {
		news.Reload = true
		return mark, nil
	}
	rollouts, hosts, acts, err := f.touched(ctx, tx)
	if err != nil {
		return 0, err
	}
	if acts {
		news.Reload = true
		return mark, nil
	}
	news.Ordering = adapters.Ordering(ordering)
	if news.Quarantines, err = listed(ctx, s, tx, readQuarantines, codec.DecodeQuarantine); err != nil {
		return 0, err
	}
	sortQuarantines(news.Quarantines)
	if len(rollouts) > 0 {
		news.Changed, err = listed(ctx, s, tx, readSome, codec.DecodeRecord, rollouts, hosts)
	}
	return mark, err
}

// touched reads which records others changed last, and whether they did
// anything beside.
func (f *following) touched(ctx context.Context, tx pgx.Tx) (rollouts []int64, hosts [][]byte, acts bool, err error) {
	rows, err := tx.Query(ctx, f.store.in(readCommits), f.mark)
	if err != nil {
		return nil, nil, false, err
	}
	theirs := make(map[place]bool)
	var order []place
	var token int64
	var fleet bool
	var of []int64
	var names [][]byte
	_, err = pgx.ForEachRow(rows, []any{&token, &fleet, &of, &names}, func() error {
		others := !f.store.wrote(token)
		acts = acts || others && fleet && len(of) == 0
		for i := range of {
			at := place{of[i], string(indexed(string(names[i])))}
			if _, known := theirs[at]; !known {
				order = append(order, at)
			}
			theirs[at] = others
		}
		return nil
	})
	for _, at := range order {
		if theirs[at] {
			rollouts, hosts = append(rollouts, at.rollout), append(hosts, []byte(at.host))
		}
	}
	return rollouts, hosts, acts, err
}

// listed reads rows of one encoded value.
func listed[V any](ctx context.Context, s *Store, tx pgx.Tx, query string, decode func([]byte) (V, error), args ...any) (out []V, err error) {
	rows, err := tx.Query(ctx, s.in(query), args...)
	if err != nil {
		return nil, err
	}
	var data []byte
	_, err = pgx.ForEachRow(rows, []any{&data}, func() (err error) {
		if out, err = appended(out, data, decode); err != nil {
			return s.damaged("a row that was changed", err)
		}
		return nil
	})
	return out, err
}

// Close implements [adapters.Following].
func (f *following) Close() error {
	f.cancel()
	<-f.ended
	return nil
}

// newToken names a transaction: the store in its upper half, so that a follower
// knows its own, and a random number.
func (s *Store) newToken() int64 { return int64(s.writer)<<32 | int64(rand.Uint32()) }

// wrote reports whether a token is the store's own.
func (s *Store) wrote(token int64) bool { return uint32(token>>32) == s.writer }
