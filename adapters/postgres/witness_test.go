package postgres_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/rollmend/rollmend/adapters"
	"github.com/rollmend/rollmend/adapters/postgres"
	"github.com/stretchr/testify/require"
)

const (
	// patience bounds every wait of these tests, for machines that are busy with
	// something else.
	patience = 2 * time.Minute

	tick = 5 * time.Millisecond // between two looks

	// unhurried is a store's timeout where a test is about something else.
	unhurried = patience
)

// witness is what the driver tells of a store's statements.
type witness struct {
	mu    sync.Mutex
	codes []string // of the server's errors, in order
	last  *pgconn.PgError

	refused func()          // is called at each of them, where it is set
	between func(*pgx.Conn) // is called after each batch of statements, that went well, likewise
}

// openWatched opens a store with settings for its connections, and a witness of
// what it is answered.
func openWatched(t testing.TB, dsn string, o postgres.Options, w *witness, settings ...string) *postgres.Store {
	return opens(t, poolOf(t, dsn, func(c *pgxpool.Config) {
		c.ConnConfig.Tracer = w
		for i := 0; i < len(settings); i += 2 {
			c.ConnConfig.RuntimeParams[settings[i]] = settings[i+1]
		}
	}), o)
}

// poolOf makes a pool that is configured by the test.
func poolOf(t testing.TB, dsn string, configure func(*pgxpool.Config)) *pgxpool.Pool {
	config, err := pgxpool.ParseConfig(dsn)
	require.NoError(t, err)
	configure(config)
	pool, err := pgxpool.NewWithConfig(t.Context(), config)
	require.NoError(t, err)
	t.Cleanup(pool.Close)
	return pool
}

// opens opens a store whose timeout a busy machine may miss.
func opens(t testing.TB, pool *pgxpool.Pool, o postgres.Options) (s *postgres.Store) {
	goesOn(t, func() (err error) {
		s, err = postgres.Open(t.Context(), pool, o)
		return err
	})
	t.Cleanup(func() { require.NoError(t, s.Close()) })
	return s
}

// told lists the codes of the server's errors so far.
func (w *witness) told() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return append([]string(nil), w.codes...)
}

func (w *witness) note(err error) {
	var e *pgconn.PgError
	w.mu.Lock()
	defer w.mu.Unlock()
	if errors.As(err, &e) && e != w.last { // the driver tells of some twice
		w.codes, w.last = append(w.codes, e.Code), e
		if w.refused != nil {
			w.refused()
		}
	}
}

func (w *witness) TraceQueryStart(ctx context.Context, _ *pgx.Conn, _ pgx.TraceQueryStartData) context.Context {
	return ctx
}

func (w *witness) TraceQueryEnd(_ context.Context, _ *pgx.Conn, data pgx.TraceQueryEndData) {
	w.note(data.Err)
}

func (w *witness) TraceBatchStart(ctx context.Context, _ *pgx.Conn, _ pgx.TraceBatchStartData) context.Context {
	return ctx
}

func (w *witness) TraceBatchQuery(context.Context, *pgx.Conn, pgx.TraceBatchQueryData) {}

func (w *witness) TraceBatchEnd(_ context.Context, conn *pgx.Conn, data pgx.TraceBatchEndData) {
	w.note(data.Err)
	if data.Err == nil && w.between != nil {
		w.between(conn)
	}
}

// eventually looks until something is so, and reports whether it came to be. It
// looks on the caller's goroutine, one look at a time: a connection takes one.
func eventually(so func() bool) bool {
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(tick) {
		if so() {
			return true
		}
	}
	return false
}

// run executes statements on a connection past the store.
func run(t testing.TB, conn *pgx.Conn, statements string) {
	_, err := conn.Exec(context.Background(), statements)
	require.NoError(t, err)
}

// blockedBy waits until some connection waits for a lock that this one holds,
// and returns which.
func blockedBy(t testing.TB, watcher, holder *pgx.Conn, but ...uint32) (pid uint32) {
	if but == nil {
		but = []uint32{}
	}
	require.True(t, eventually(func() bool {
		err := watcher.QueryRow(context.Background(), `SELECT pid FROM pg_stat_activity
			WHERE $1::int = ANY (pg_blocking_pids(pid)) AND pid <> ALL ($2::int[]) LIMIT 1`, holder.PgConn().PID(), but).Scan(&pid)
		return err == nil
	}), "nobody waits for the lock")
	return pid
}

// contents is all that stands in a store's tables.
func contents(t testing.TB, conn *pgx.Conn) map[string]string {
	out := make(map[string]string)
	for _, table := range []string{
		"fleet", "commits", "openings", "resumptions", "clearances", "quarantines", "records", "log", "forgotten",
	} {
		var rows string
		require.NoError(t, conn.QueryRow(context.Background(),
			`SELECT coalesce(string_agg(t::text, E'\n' ORDER BY t::text), '') FROM `+table+` AS t`).Scan(&rows))
		out[table] = rows
	}
	return out
}

// goesOn makes a call until it is served; a busy machine may be slower than the
// store's timeout again.
func goesOn(t testing.TB, call func() error) {
	var err error
	for end := time.Now().Add(patience); time.Now().Before(end); {
		if err = call(); !errors.As(err, new(*postgres.TimeoutError)) {
			break
		}
	}
	require.NoError(t, err, "the store goes on")
}

// stored makes sure that a batch of dispatches is in the store, each once.
func stored(t testing.TB, s *postgres.Store, batch []adapters.Change) {
	for i := range batch {
		want := &batch[i].Record
		got, err := s.Record(t.Context(), want.Key)
		require.NoError(t, err)
		require.True(t, got.Equal(want), "%s is not as it was stored", want.Key)
		log, err := s.Log(t.Context(), want.Key)
		require.NoError(t, err)
		require.Len(t, log, int(want.Revision)+1, "%s has another log", want.Key)
	}
}

// commitOf returns a call that stores a batch whole.
func commitOf(ctx context.Context, s *postgres.Store, batch []adapters.Change) func() error {
	return func() error {
		results, err := s.Commit(ctx, batch)
		for _, r := range results {
			err = errors.Join(err, r.Err)
		}
		return err
	}
}
