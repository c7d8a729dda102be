package postgres_test

import (
	"bytes"
	"context"
	"io"
	"net"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/rollmend/rollmend/adapters"
	"github.com/rollmend/rollmend/adapters/postgres"
	"github.com/rollmend/rollmend/reducer"
	"github.com/rollmend/rollmend/states"
	"github.com/stretchr/testify/require"
)

const opened states.Time = 1_790_000_000_000

func opening(hosts ...states.Host) adapters.Opening {
	o := adapters.Opening{Rollout: states.Rollout{Channel: "stable", Ref: "a1b2c3d4"}, At: opened}
	for _, h := range hosts {
		o.Members = append(o.Members, adapters.Member{Host: h, Opened: reducer.Opened{
			Target: "/nix/store/new", Policy: states.Policy{OnFailure: states.RollbackAndHalt},
		}})
	}
	return o
}

// dispatch is the change that hands a host its dispatch.
func dispatch(t testing.TB, rec states.Record) adapters.Change {
	out, err := reducer.Step(rec, reducer.Event{
		Key: rec.Key, Origin: reducer.Origin{By: reducer.ByControlPlane}, At: opened + 1, Body: reducer.Dispatched{},
	})
	require.NoError(t, err)
	return adapters.Change{Expect: rec.Revision, Record: out.Record, Effects: []reducer.Effects{out.Effects}}
}

// raw connects past the store, to its schema.
func raw(t testing.TB, dsn, schema string) *pgx.Conn {
	conn, err := pgx.Connect(context.Background(), dsn)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, conn.Close(context.Background())) })
	_, err = conn.Exec(context.Background(), `SET search_path = `+pgx.Identifier{schema}.Sanitize())
	require.NoError(t, err)
	return conn
}

// Both commits have read the ordering revision and wait for the fleet's row
// before either may end.
func TestTwoGatedCommitsThatMeetAtTheirEndDoNotBothWin(t *testing.T) {
	dsn, in := database(t), schema()
	s := open(t, dsn, postgres.Options{Schema: in})
	o := opening("a", "b")
	require.NoError(t, s.Enact(t.Context(), []adapters.Act{o}))
	fleet, err := s.Fleet(t.Context())
	require.NoError(t, err)
	gatekeeper := raw(t, dsn, in)
	_, err = gatekeeper.Exec(t.Context(), `BEGIN; SELECT 1 FROM fleet FOR UPDATE`)
	require.NoError(t, err)

	results := make([][]adapters.Result, 2)
	errs := make([]error, 2)
	var wg sync.WaitGroup
	for i := range results {
		rec, _, err := o.Record(o.Members[i])
		require.NoError(t, err)
		c := dispatch(t, rec)
		c.Guard, c.Closes = fleet.Ordering, true
		wg.Go(func() { results[i], errs[i] = s.Commit(t.Context(), []adapters.Change{c}) })
	}
	watcher := raw(t, dsn, in) // another connection: a transaction keeps to one look at the activity
	var waiting int
	require.Eventually(t, func() bool {
		err := watcher.QueryRow(t.Context(), `SELECT count(*) FROM pg_stat_activity
			WHERE wait_event_type = 'Lock' AND query LIKE '%ordering = ordering +%'`).Scan(&waiting)
		return err == nil && waiting == len(results)
	}, 5*time.Second, 5*time.Millisecond)
	_, err = gatekeeper.Exec(t.Context(), `ROLLBACK`)
	require.NoError(t, err)
	wg.Wait()
	won := 0
	for i := range results {
		require.NoError(t, errs[i])
		var conflict *adapters.ConflictError
		if results[i][0].Err == nil {
			won++
			continue
		}
		require.ErrorAs(t, results[i][0].Err, &conflict)
		require.Equal(t, fleet.Ordering+1, conflict.Ordering)
	}
	require.Equal(t, 1, won)
}

// cutter stands between a store and its server. While it is armed, it cuts the
// connection that carries a COMMIT of records: before the server has it, or
// with the answer.
type cutter struct {
	answer atomic.Bool // the server has the commit, and its answer is lost
	before atomic.Bool // the server never has it
}

func (c *cutter) listen(t testing.TB, socket string) string {
	dir := t.TempDir()
	l, err := net.Listen("unix", dir+"/.s.PGSQL.5432")
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, l.Close()) })
	go func() {
		for {
			client, err := l.Accept()
			if err != nil {
				return
			}
			go c.carry(client, socket)
		}
	}()
	return "host=" + dir + " port=5432 user=postgres dbname=postgres default_query_exec_mode=exec"
}

func (c *cutter) carry(client net.Conn, socket string) {
	defer client.Close()
	server, err := net.Dial("unix", socket)
	if err != nil {
		return
	}
	defer server.Close()
	var lose atomic.Bool
	go func() {
		defer client.Close()
		buf := make([]byte, 1<<16)
		for {
			n, err := server.Read(buf)
			if err != nil || lose.Load() {
				return
			}
			if _, err := client.Write(buf[:n]); err != nil {
				return
			}
		}
	}()
	buf := make([]byte, 1<<16)
	for {
		n, err := client.Read(buf)
		if err != nil {
			return
		}
		if bytes.Contains(buf[:n], []byte("commit\x00")) || bytes.Contains(buf[:n], []byte("COMMIT\x00")) {
			if c.before.CompareAndSwap(true, false) {
				return
			}
			if c.answer.CompareAndSwap(true, false) {
				lose.Store(true)
			}
		}
		if _, err := io.Copy(server, bytes.NewReader(buf[:n])); err != nil {
			return
		}
	}
}

func TestACommitWhoseAnswerIsLostIsLookedUp(t *testing.T) {
	database(t)
	if shared.server == nil {
		t.Skip("the database of " + dsnVariable + " is not cut off")
	}
	var c cutter
	s := open(t, c.listen(t, shared.server.Socket()), postgres.Options{Schema: schema()})
	o := opening("a")
	require.NoError(t, s.Enact(t.Context(), []adapters.Act{o}))
	rec, _, err := o.Record(o.Members[0])
	require.NoError(t, err)
	for name, arm := range map[string]*atomic.Bool{"stored": &c.answer, "not stored": &c.before} {
		arm.Store(true)
		change := dispatch(t, rec)
		results, err := s.Commit(t.Context(), []adapters.Change{change})
		require.NoError(t, err, name)
		require.NoError(t, results[0].Err, "%s: a change is not told a conflict with itself", name)
		require.False(t, arm.Load(), "%s: nothing was cut", name)
		rec, err = s.Record(t.Context(), rec.Key)
		require.NoError(t, err)
		require.Equal(t, change.Record.Revision, rec.Revision, name)
		log, err := s.Log(t.Context(), rec.Key)
		require.NoError(t, err)
		require.Len(t, log, int(rec.Revision)+1, name)
	}
}

func TestASchemaFromTheFutureIsRefused(t *testing.T) {
	dsn, in := database(t), schema()
	open(t, dsn, postgres.Options{Schema: in})
	_, err := raw(t, dsn, in).Exec(t.Context(), `INSERT INTO rollmend_schema (version) VALUES (99)`)
	require.NoError(t, err)
	_, err = postgres.OpenURL(t.Context(), dsn, postgres.Options{Schema: in})
	var newer *adapters.NewerSchemaError
	require.ErrorAs(t, err, &newer)
	require.Equal(t, 99, newer.Found)
	require.Equal(t, 3, newer.Known)
}

func TestReplicasThatStartAtOnceDoNotCollide(t *testing.T) {
	dsn, in := database(t), schema()
	var wg sync.WaitGroup
	errs := make([]error, 6)
	for i := range errs {
		wg.Go(func() {
			s, err := postgres.OpenURL(t.Context(), dsn, postgres.Options{Schema: in})
			if errs[i] = err; err == nil {
				errs[i] = s.Close()
			}
		})
	}
	wg.Wait()
	for _, err := range errs {
		require.NoError(t, err)
	}
}
