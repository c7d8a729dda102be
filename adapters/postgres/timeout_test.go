package postgres_test

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/rollmend/rollmend/adapters"
	"github.com/rollmend/rollmend/adapters/postgres"
	"github.com/rollmend/rollmend/adapters/postgres/throwaway"
	"github.com/stretchr/testify/require"
)

// locks are what another transaction holds, and the store's call that comes to
// it: at its beginning, in its midst, and at its end.
var locks = []struct{ name, call, lock string }{
	{"a record", "commit", `SELECT FROM records FOR UPDATE`},
	{"the log", "commit", `LOCK TABLE log IN EXCLUSIVE MODE`},
	{"the fleet", "commit", `SELECT FROM fleet FOR UPDATE`},
	{"the fleet", "enactment", `SELECT FROM fleet FOR UPDATE`},
	{"the openings", "enactment", `LOCK TABLE openings IN EXCLUSIVE MODE`},
	{"the commits", "enactment", `LOCK TABLE commits IN EXCLUSIVE MODE`},
}

func TestALockThatIsHeldForTooLongEndsTheCallAndNotTheStore(t *testing.T) {
	dsn := database(t)
	for _, limit := range []struct {
		name, code string
		timeout    time.Duration
		settings   []string
		advice     string
	}{
		{"statement timeout", "57014", time.Second, nil, "took longer than 1s, nothing of this call was stored: try again"},
		{"lock timeout", "55P03", unhurried, []string{"lock_timeout", "700"}, "took longer than the server's lock_timeout, nothing of this call was stored: try again"},
	} {
		for _, at := range locks {
			t.Run(limit.name+", "+at.call+", "+at.name, func(t *testing.T) {
				t.Parallel()
				in := schema()
				e := errands[at.call](t, open(t, dsn, postgres.Options{Schema: in, Timeout: unhurried}))
				var w witness
				s := openWatched(t, dsn, postgres.Options{Schema: in, Timeout: limit.timeout}, &w, limit.settings...)
				watcher, holder := raw(t, dsn, in), raw(t, dsn, in)
				before := contents(t, watcher)
				run(t, holder, `BEGIN; `+at.lock)

				var err error
				eventually(func() bool { // on a busy machine a connection may be late, too
					err = e.on(t.Context(), s)
					return len(w.told()) > 0
				})
				require.ErrorAs(t, err, new(*postgres.TimeoutError))
				require.ErrorContains(t, err, limit.advice)
				require.ErrorContains(t, err, limit.code)
				require.Equal(t, []string{limit.code}, w.told(), "it is not tried again")
				require.Equal(t, before, contents(t, watcher))

				run(t, holder, `ROLLBACK`)
				goesOn(t, func() error { return e.on(t.Context(), s) })
				e.stored()
			})
		}
	}
}

func TestAReadThatTakesTooLongEndsAndNotTheStore(t *testing.T) {
	dsn, in := database(t), schema()
	e := errands["commit"](t, open(t, dsn, postgres.Options{Schema: in, Timeout: unhurried}))
	s := openWatched(t, dsn, postgres.Options{Schema: in, Timeout: time.Second}, new(witness))
	holder := raw(t, dsn, in)
	run(t, holder, `BEGIN; LOCK TABLE fleet IN ACCESS EXCLUSIVE MODE`)
	_, err := s.Fleet(t.Context())
	require.ErrorAs(t, err, new(*postgres.TimeoutError))
	run(t, holder, `ROLLBACK`)
	goesOn(t, func() error { _, err := s.Fleet(t.Context()); return err })
	goesOn(t, func() error { return e.on(t.Context(), s) })
	e.stored()
}

func TestAPoolThatOthersHoldEndsTheCallAndNotTheStore(t *testing.T) {
	dsn, in := database(t), schema()
	e := errands["commit"](t, open(t, dsn, postgres.Options{Schema: in, Timeout: unhurried}))
	pool := poolOf(t, dsn, func(c *pgxpool.Config) { c.MaxConns = 1 })
	s := opens(t, pool, postgres.Options{Schema: in, Timeout: time.Second})
	held, err := pool.Acquire(t.Context())
	require.NoError(t, err)
	err = e.on(t.Context(), s)
	require.ErrorAs(t, err, new(*postgres.TimeoutError))
	require.ErrorContains(t, err, "waiting for a connection took longer than 1s, nothing of this call was stored")
	held.Release()
	goesOn(t, func() error { return e.on(t.Context(), s) })
	e.stored()
}

// A call may be given up until its end is on the way to the server: nothing is
// stored. From then on it waits for the answer, and tells what became of it.
func TestWhoLeavesInTheMidstOfAStatementIsToldWhatBecameOfIt(t *testing.T) {
	dsn := database(t)
	for _, c := range []struct {
		name, call, lock string
		cut              bool
	}{
		{"a record", "commit", `SELECT FROM records FOR UPDATE`, true},
		{"the fleet", "commit", `SELECT FROM fleet FOR UPDATE`, false},
		{"the fleet", "enactment", `SELECT FROM fleet FOR UPDATE`, true},
		{"the openings", "enactment", `LOCK TABLE openings IN EXCLUSIVE MODE`, true},
		{"the commits", "enactment", `LOCK TABLE commits IN EXCLUSIVE MODE`, false},
	} {
		t.Run(c.call+", "+c.name, func(t *testing.T) {
			t.Parallel()
			in := schema()
			s := open(t, dsn, postgres.Options{Schema: in, Timeout: unhurried})
			e := errands[c.call](t, s)
			watcher, holder := raw(t, dsn, in), raw(t, dsn, in)
			before := contents(t, watcher)
			run(t, holder, `BEGIN; `+c.lock)
			ctx, leave := context.WithCancel(t.Context())
			ended := make(chan error, 1)
			go func() { ended <- e.on(ctx, s) }()
			blockedBy(t, watcher, holder)
			leave()
			if c.cut {
				require.ErrorIs(t, <-ended, context.Canceled)
				require.Equal(t, before, contents(t, watcher))
				run(t, holder, `ROLLBACK`)
				require.NoError(t, e.on(t.Context(), s), "the store goes on")
			} else {
				run(t, holder, `ROLLBACK`)
				require.NoError(t, <-ended, "it was too late to leave")
			}
			e.stored()
		})
	}
}

func TestACallWhoseTimeIsUpInTheMidstOfAStatementStoresNothing(t *testing.T) {
	dsn, in := database(t), schema()
	s := open(t, dsn, postgres.Options{Schema: in, Timeout: unhurried})
	e := errands["commit"](t, s)
	watcher, holder := raw(t, dsn, in), raw(t, dsn, in)
	before := contents(t, watcher)
	run(t, holder, `BEGIN; SELECT FROM records FOR UPDATE`)
	ctx, cancel := context.WithTimeout(t.Context(), 500*time.Millisecond)
	defer cancel()
	require.ErrorIs(t, e.on(ctx, s), context.DeadlineExceeded)
	require.Equal(t, before, contents(t, watcher))
	run(t, holder, `ROLLBACK`)
	require.NoError(t, e.on(t.Context(), s), "the store goes on")
	e.stored()
}

// The server ends a connection on which the store waits for another's lock: in
// the midst of a transaction, and at its end.
func TestAConnectionThatIsKilledInACommitIsReplaced(t *testing.T) {
	dsn := database(t)
	for _, at := range locks {
		t.Run(at.call+", "+at.name, func(t *testing.T) {
			t.Parallel()
			in := schema()
			s := open(t, dsn, postgres.Options{Schema: in, Timeout: unhurried})
			e := errands[at.call](t, s)
			watcher, holder := raw(t, dsn, in), raw(t, dsn, in)
			run(t, holder, `BEGIN; `+at.lock)
			ended := make(chan error, 1)
			go func() { ended <- e.on(t.Context(), s) }()
			killed := blockedBy(t, watcher, holder)
			kill(t, watcher, killed)
			again := blockedBy(t, watcher, holder, killed)
			kill(t, watcher, again)
			blockedBy(t, watcher, holder, killed, again)
			run(t, holder, `ROLLBACK`)
			require.NoError(t, <-ended)
			e.stored()
		})
	}
}

func kill(t testing.TB, conn *pgx.Conn, pid uint32) {
	_, err := conn.Exec(context.Background(), `SELECT pg_terminate_backend($1)`, pid)
	require.NoError(t, err)
}

// A control plane stands still between the two round trips of a commit, for
// longer than the server lets a transaction stand idle.
func TestATransactionThatStoodIdleForTooLongIsRunAgain(t *testing.T) {
	dsn, in := database(t), schema()
	e := errands["commit"](t, open(t, dsn, postgres.Options{Schema: in, Timeout: unhurried}))
	watcher := raw(t, dsn, in)
	var w witness
	s := openWatched(t, dsn, postgres.Options{Schema: in, Timeout: time.Second}, &w)
	var once sync.Once
	var ended bool
	w.between = func(conn *pgx.Conn) {
		once.Do(func() {
			ended = eventually(func() bool {
				var there bool
				err := watcher.QueryRow(context.Background(), `SELECT EXISTS (SELECT FROM pg_stat_activity WHERE pid = $1)`, conn.PgConn().PID()).Scan(&there)
				return err == nil && !there
			})
		})
	}
	goesOn(t, func() error { return e.on(t.Context(), s) })
	require.True(t, ended, "the server lets it stand for ever")
	e.stored()
}

// What the server ended all the time is never said to be stored, nor to be
// unknown.
func TestAConnectionThatIsKilledAtEveryTryEndsTheCall(t *testing.T) {
	dsn, in := database(t), schema()
	killer := raw(t, dsn, in)
	var w witness
	s := openWatched(t, dsn, postgres.Options{Schema: in, Timeout: unhurried}, &w)
	e := errands["commit"](t, s)
	before := contents(t, killer)
	w.between = func(conn *pgx.Conn) { kill(t, killer, conn.PgConn().PID()) }
	err := e.on(t.Context(), s)
	require.ErrorAs(t, err, new(*adapters.UnavailableError))
	require.ErrorContains(t, err, "nothing of this call was stored")
	require.NotErrorIs(t, err, adapters.ErrUnknownOutcome)
	require.Equal(t, before, contents(t, killer))

	ctx, leave := context.WithCancel(t.Context())
	w.between = func(conn *pgx.Conn) {
		kill(t, killer, conn.PgConn().PID())
		leave()
	}
	require.ErrorIs(t, e.on(ctx, s), context.Canceled)
	require.Equal(t, before, contents(t, killer))

	w.between = nil
	require.NoError(t, e.on(t.Context(), s))
	e.stored()
}

func TestAServerThatIsAwayIsSaidToBe(t *testing.T) {
	server, err := throwaway.Start(t.Context(), notSynced)
	demand(t, err)
	t.Cleanup(server.Stop)
	s := open(t, server.DSN(), postgres.Options{Timeout: unhurried})
	e := errands["commit"](t, s)
	server.Kill()
	var away *adapters.UnavailableError
	_, err = s.Fleet(t.Context())
	require.ErrorAs(t, err, &away)
	require.ErrorAs(t, e.on(t.Context(), s), &away)
	require.NoError(t, server.Launch(t.Context()))
	require.NoError(t, e.on(t.Context(), s), "the store goes on")
	e.stored()
}
