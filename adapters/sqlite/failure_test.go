package sqlite_test

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/rollmend/rollmend/adapters"
	"github.com/rollmend/rollmend/adapters/sqlite"
	"github.com/stretchr/testify/require"
)

func TestAFullStoreStoresNothingOfTheCallAndGoesOn(t *testing.T) {
	db, err := sql.Open("sqlite", filepath.Join(t.TempDir(), "fleet.db"))
	require.NoError(t, err)
	defer db.Close()
	db.SetMaxOpenConns(1) // the limit below is a connection's own
	s, err := sqlite.Open(t.Context(), db)
	require.NoError(t, err)
	o := opening(1000)
	require.NoError(t, s.Enact(t.Context(), []adapters.Act{o}))
	commit(t, s, recovery(t, o, o.Members[0]))
	before, err := s.Fleet(t.Context())
	require.NoError(t, err)

	_, err = db.Exec(`PRAGMA max_page_count = 60`)
	require.NoError(t, err)
	var changes []adapters.Change
	for _, m := range o.Members[1:] {
		c := recovery(t, o, m)
		c.Closes = true
		changes = append(changes, c)
	}
	_, err = s.Commit(t.Context(), changes)
	var full *adapters.FullError
	require.ErrorAs(t, err, &full)
	require.ErrorContains(t, err, "nothing of this call was stored")
	wide := opening(20_000)
	wide.Rollout.Ref = "wide"
	require.ErrorAs(t, s.Enact(t.Context(), []adapters.Act{wide}), &full)

	after, err := s.Fleet(t.Context())
	require.NoError(t, err)
	require.Equal(t, before, after)
	require.Equal(t, 1, count(t, s))
	commit(t, s, changes[0])

	_, err = db.Exec(`PRAGMA max_page_count = 100000`)
	require.NoError(t, err)
	commit(t, s, changes[1:]...)
	require.Equal(t, 1000, count(t, s))
}

// count counts the records that something happened to.
func count(t testing.TB, s adapters.Store) (n int) {
	for _, err := range s.Records(t.Context()) {
		require.NoError(t, err)
		n++
	}
	return n
}

func TestACommitThatIsCancelledMidwayLeavesNothingHalfDone(t *testing.T) {
	path := filepath.Join(t.TempDir(), "fleet.db")
	s := openFile(t, path)
	o := opening(4000)
	require.NoError(t, s.Enact(t.Context(), []adapters.Act{o}))
	var changes []adapters.Change
	for _, m := range o.Members {
		changes = append(changes, recovery(t, o, m))
	}
	for wait := time.Millisecond; ; wait += wait / 2 {
		ctx, cancel := context.WithTimeout(t.Context(), wait)
		_, err := s.Commit(ctx, changes)
		cancel()
		if err == nil {
			break
		}
		require.ErrorIs(t, err, context.DeadlineExceeded)
		require.Zero(t, count(t, s), "after %s", wait)
	}
	require.Equal(t, 4000, count(t, s))
	require.NoError(t, s.Close())
	require.Equal(t, 4000, count(t, openFile(t, path)))
}

// errLost is what a caller sees of a connection that broke.
var errLost = errors.New("the answer was lost")

// lossy connects to a file, by connections that lose answers when told to.
type lossy struct {
	path     string
	lose     atomic.Bool // the next COMMIT is done, and its answer lost
	drop     atomic.Bool // the next COMMIT is neither done nor answered
	begun    atomic.Bool // the next BEGIN is done, and its answer lost
	dead     atomic.Bool // nothing is answered after a lost one
	deadNow  atomic.Bool
	original driver.Driver
}

func (d *lossy) Driver() driver.Driver { return d.original }

func (d *lossy) Connect(context.Context) (driver.Conn, error) {
	c, err := d.original.Open(d.path)
	if err != nil {
		return nil, err
	}
	return &lossyConn{Conn: c, of: d}, nil
}

type lossyConn struct {
	driver.Conn
	of *lossy
}

func (c *lossyConn) ExecContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Result, error) {
	if c.of.deadNow.Load() {
		return nil, errLost
	}
	commit := query == "COMMIT"
	if commit && c.of.drop.CompareAndSwap(true, false) {
		c.of.deadNow.Store(c.of.dead.Load())
		return nil, errLost
	}
	res, err := c.Conn.(driver.ExecerContext).ExecContext(ctx, query, args)
	if strings.HasPrefix(query, "BEGIN") && c.of.begun.CompareAndSwap(true, false) {
		return nil, errLost
	}
	if commit && c.of.lose.CompareAndSwap(true, false) {
		c.of.deadNow.Store(c.of.dead.Load())
		return nil, errLost
	}
	return res, err
}

func (c *lossyConn) QueryContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Rows, error) {
	if c.of.deadNow.Load() {
		return nil, errLost
	}
	return c.Conn.(driver.QueryerContext).QueryContext(ctx, query, args)
}

// openLossy opens a store over lossy connections, with one host dispatched.
func openLossy(t *testing.T) (*lossy, *sqlite.Store, adapters.Opening, adapters.Change) {
	plain, err := sql.Open("sqlite", "")
	require.NoError(t, err)
	require.NoError(t, plain.Close())
	d := &lossy{path: filepath.Join(t.TempDir(), "fleet.db"), original: plain.Driver()}
	db := sql.OpenDB(d)
	t.Cleanup(func() { require.NoError(t, db.Close()) })
	db.SetMaxOpenConns(1) // what looks for the outcome has no other connection
	s, err := sqlite.Open(t.Context(), db)
	require.NoError(t, err)
	o := opening(1)
	require.NoError(t, s.Enact(t.Context(), []adapters.Act{o}))
	rec, _, err := o.Record(o.Members[0])
	require.NoError(t, err)
	return d, s, o, dispatch(t, rec)
}

func TestACommitWhoseAnswerIsLostIsLookedUp(t *testing.T) {
	d, s, o, c := openLossy(t)
	d.lose.Store(true)
	commit(t, s, c)
	require.EqualValues(t, 1, revision(t, s, o))

	more := dispatch(t, c.Record)
	d.drop.Store(true)
	_, err := s.Commit(t.Context(), []adapters.Change{more})
	require.ErrorIs(t, err, errLost)
	require.NotErrorIs(t, err, adapters.ErrUnknownOutcome)
	require.EqualValues(t, 1, revision(t, s, o))
	commit(t, s, more)
	require.EqualValues(t, 2, revision(t, s, o))
}

// As where the context ends while SQLite begins.
func TestATransactionThatBeganUnheardIsNotLeftOpen(t *testing.T) {
	d, s, o, c := openLossy(t)
	d.begun.Store(true)
	_, err := s.Commit(t.Context(), []adapters.Change{c})
	require.ErrorIs(t, err, errLost)
	require.Zero(t, revision(t, s, o))
	commit(t, s, c)
	require.EqualValues(t, 1, revision(t, s, o))
}

func TestAnOutcomeThatCannotBeLookedUpIsUnknownUntilItCan(t *testing.T) {
	for name, done := range map[string]bool{"and the commit was done": true, "and the commit was not done": false} {
		t.Run(name, func(t *testing.T) {
			d, s, o, c := openLossy(t)
			d.dead.Store(true)
			d.lose.Store(done)
			d.drop.Store(!done)
			_, err := s.Commit(t.Context(), []adapters.Change{c})
			require.ErrorIs(t, err, adapters.ErrUnknownOutcome)
			_, err = s.Record(t.Context(), c.Record.Key)
			require.ErrorIs(t, err, errLost, "what is not known is not answered")

			d.deadNow.Store(false)
			want := adapters.Result{}
			if done {
				require.EqualValues(t, 1, revision(t, s, o))
				want.Err = &adapters.ConflictError{Key: c.Record.Key, Found: 1}
			} else {
				require.Zero(t, revision(t, s, o))
			}
			results, err := s.Commit(t.Context(), []adapters.Change{c})
			require.NoError(t, err)
			require.Equal(t, []adapters.Result{want}, results)
			require.EqualValues(t, 1, revision(t, s, o))
		})
	}
}

func TestAnOpeningWhoseAnswerIsLostIsLookedUp(t *testing.T) {
	d, s, _, _ := openLossy(t)
	before, err := s.Fleet(t.Context())
	require.NoError(t, err)
	other := opening(3)
	other.Rollout.Ref = "later"
	d.lose.Store(true)
	require.NoError(t, s.Enact(t.Context(), []adapters.Act{other}))
	after, err := s.Fleet(t.Context())
	require.NoError(t, err)
	require.Equal(t, before.Ordering+1, after.Ordering)
	require.Len(t, after.Openings, 2)
	require.Zero(t, revision(t, s, other))
}
