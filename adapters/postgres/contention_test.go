package postgres_test

import (
	"context"
	"fmt"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/rollmend/rollmend/adapters"
	"github.com/rollmend/rollmend/adapters/postgres"
	"github.com/rollmend/rollmend/reducer"
	"github.com/rollmend/rollmend/states"
	"github.com/stretchr/testify/require"
)

// refusing has the server end a transaction with a code, the first so many
// times that it comes to a place: the count is a sequence's, which no rollback
// takes back.
func refusing(t testing.TB, conn *pgx.Conn, place, code string, times int) {
	run(t, conn, fmt.Sprintf(`CREATE SEQUENCE tries;
		CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
		BEGIN
			IF nextval('tries') <= %d THEN
				RAISE EXCEPTION 'it met another transaction' USING ERRCODE = '%s';
			END IF;
			RETURN NULL;
		END $$;
		CREATE CONSTRAINT TRIGGER refuse %s FOR EACH ROW EXECUTE FUNCTION refuse()`, times, code, place))
}

// step applies one more event to a change's record.
func step(t testing.TB, c *adapters.Change, seq states.Seq, body reducer.Body) {
	ev := reducer.Event{Key: c.Record.Key, Seq: seq, At: opened + states.Time(seq) + 2, Body: body}
	out, err := reducer.Step(c.Record, ev)
	require.NoError(t, err)
	c.Record, c.Effects = out.Record, append(c.Effects, out.Effects)
}

// mixed is a batch that touches all that a commit can: a record that is there
// already, one that is stored for the first time, and a quarantine.
func mixed(t testing.TB, s *postgres.Store) []adapters.Change {
	o := opening("a", "b")
	require.NoError(t, s.Enact(t.Context(), []adapters.Act{o}))
	first, _, err := o.Record(o.Members[0])
	require.NoError(t, err)
	before := dispatch(t, first)
	require.NoError(t, commitOf(t.Context(), s, []adapters.Change{before})())
	again := adapters.Change{Expect: before.Record.Revision, Record: before.Record}
	step(t, &again, 1, reducer.DispatchAck{AtDispatch: "/nix/store/old"})

	second, _, err := o.Record(o.Members[1])
	require.NoError(t, err)
	fresh := dispatch(t, second)
	step(t, &fresh, 1, reducer.DispatchAck{AtDispatch: "/nix/store/old"})
	step(t, &fresh, 2, reducer.ActivationFailed{ExitCode: 1})
	step(t, &fresh, 3, reducer.RollbackComplete{RevertedTo: "/nix/store/old"})
	fresh.Closes = true
	return []adapters.Change{again, fresh}
}

// errand is a call that stores something, and what is to be there after it.
type errand struct {
	on     func(context.Context, *postgres.Store) error
	stored func()
}

// errands are the two ways to store: a commit, and an enactment.
var errands = map[string]func(testing.TB, *postgres.Store) errand{
	"commit": func(t testing.TB, s *postgres.Store) errand {
		batch := mixed(t, s)
		before, err := s.Fleet(t.Context())
		require.NoError(t, err)
		return errand{
			func(ctx context.Context, s *postgres.Store) error { return commitOf(ctx, s, batch)() },
			func() {
				stored(t, s, batch)
				after, err := s.Fleet(t.Context())
				require.NoError(t, err)
				require.Equal(t, before.Ordering+1, after.Ordering)
				require.Len(t, after.Quarantines, 1)
			},
		}
	},
	"enactment": func(t testing.TB, s *postgres.Store) errand {
		require.NoError(t, s.Enact(t.Context(), []adapters.Act{opening("a")}))
		before, err := s.Fleet(t.Context())
		require.NoError(t, err)
		later := opening("a", "b")
		later.Rollout.Ref = "later"
		acts := []adapters.Act{
			adapters.Imposition{Quarantine: reducer.Quarantine{Channel: "stable", Closure: "/nix/store/bad", Since: opened}}, later,
		}
		return errand{
			func(ctx context.Context, s *postgres.Store) error { return s.Enact(ctx, acts) },
			func() {
				after, err := s.Fleet(t.Context())
				require.NoError(t, err)
				require.Equal(t, before.Ordering+1, after.Ordering)
				require.Len(t, after.Quarantines, 1)
				require.Len(t, after.Openings, 2)
			},
		}
	},
}

// refusals are where a transaction is refused: in its midst, at its end, and by
// COMMIT itself.
var refusals = []struct{ call, where, place string }{
	{"commit", "on the log", `AFTER INSERT ON log`},
	{"commit", "on the fleet", `AFTER UPDATE ON fleet`},
	{"commit", "by COMMIT", `AFTER INSERT ON commits DEFERRABLE INITIALLY DEFERRED`},
	{"enactment", "on an act", `AFTER INSERT ON openings`},
	{"enactment", "by COMMIT", `AFTER INSERT ON quarantines DEFERRABLE INITIALLY DEFERRED`},
}

var meetings = []string{"40001", "40P01"} // a serialization failure, a deadlock

func TestWhatMetOthersIsStoredOnce(t *testing.T) {
	dsn := database(t)
	for _, at := range refusals {
		for _, code := range meetings {
			t.Run(fmt.Sprintf("%s, %s %s", at.call, code, at.where), func(t *testing.T) {
				var w witness
				in := schema()
				s := openWatched(t, dsn, postgres.Options{Schema: in, Timeout: unhurried}, &w)
				e := errands[at.call](t, s)
				refusing(t, raw(t, dsn, in), at.place, code, 3)
				require.NoError(t, e.on(t.Context(), s))
				require.Equal(t, []string{code, code, code}, w.told(), "the server refused it so often")
				e.stored()
			})
		}
	}
}

func TestWhatMeetsOthersAllTheTimeEndsAndLeavesNothing(t *testing.T) {
	dsn := database(t)
	for _, at := range refusals {
		for _, code := range meetings {
			t.Run(fmt.Sprintf("%s, %s %s", at.call, code, at.where), func(t *testing.T) {
				var w witness
				in := schema()
				s := openWatched(t, dsn, postgres.Options{Schema: in, Timeout: unhurried}, &w)
				e := errands[at.call](t, s)
				conn := raw(t, dsn, in)
				refusing(t, conn, at.place, code, 1_000_000)
				before := contents(t, conn)

				err := e.on(t.Context(), s)
				var contended *postgres.ContentionError
				require.ErrorAs(t, err, &contended)
				require.Len(t, w.told(), contended.Tries)
				require.ErrorContains(t, err, "nothing of this call was stored: call again")
				require.ErrorContains(t, err, code)
				require.Equal(t, before, contents(t, conn))

				run(t, conn, `DROP FUNCTION refuse CASCADE`)
				require.NoError(t, e.on(t.Context(), s))
				e.stored()
			})
		}
	}
}

// The caller has gone while the store tries again.
func TestWhoLeavesBetweenTwoTriesIsToldSo(t *testing.T) {
	dsn := database(t)
	for _, at := range refusals {
		t.Run(at.call+" "+at.where, func(t *testing.T) {
			ctx, leave := context.WithCancel(t.Context())
			var w witness
			in := schema()
			s := openWatched(t, dsn, postgres.Options{Schema: in, Timeout: unhurried}, &w)
			e := errands[at.call](t, s)
			conn := raw(t, dsn, in)
			refusing(t, conn, at.place, "40001", 1_000_000)
			before := contents(t, conn)
			w.refused = leave
			require.ErrorIs(t, e.on(ctx, s), context.Canceled)
			require.Equal(t, before, contents(t, conn))
		})
	}
}

// holding has a connection wait longer for others than they for it: in a
// deadlock, the server ends one of the others.
func holding(t testing.TB, dsn, schema, lock string) *pgx.Conn {
	conn := raw(t, dsn, schema)
	run(t, conn, `SET deadlock_timeout = '10min'; BEGIN; `+lock)
	return conn
}

// Two transactions wait for each other: the store's has what the other one asks
// for, and comes to what that holds.
func TestADeadlockIsSurvived(t *testing.T) {
	dsn := database(t)
	for name, c := range map[string]struct {
		call                 string
		gate, theirs, wanted string // locks: the store comes to them in the order wanted, gate, theirs
	}{
		"commit": {
			"commit",
			`LOCK TABLE log IN EXCLUSIVE MODE`,
			`SELECT FROM fleet FOR UPDATE`,
			`UPDATE records SET revision = revision`,
		},
		"enactment": {
			"enactment",
			`LOCK TABLE quarantines IN EXCLUSIVE MODE`,
			`LOCK TABLE openings IN EXCLUSIVE MODE`,
			`SELECT FROM fleet FOR UPDATE`,
		},
	} {
		t.Run(name, func(t *testing.T) {
			var w witness
			in := schema()
			s := openWatched(t, dsn, postgres.Options{Schema: in, Timeout: unhurried}, &w)
			e := errands[c.call](t, s)
			watcher := raw(t, dsn, in)
			gate, other := holding(t, dsn, in, c.gate), holding(t, dsn, in, c.theirs)
			var wg sync.WaitGroup
			var err error
			wg.Go(func() { err = e.on(t.Context(), s) })
			pid := blockedBy(t, watcher, gate)
			asked := make(chan error, 1)
			go func() {
				_, err := other.Exec(context.Background(), c.wanted)
				asked <- err
			}()
			require.True(t, eventually(func() bool {
				var closed bool
				err := watcher.QueryRow(context.Background(), `SELECT $1::int = ANY (pg_blocking_pids($2))`, pid, other.PgConn().PID()).Scan(&closed)
				return err == nil && closed
			}), "the other one does not wait for the store")
			run(t, gate, `ROLLBACK`)
			require.NoError(t, <-asked, "the store was the one that was ended")
			run(t, other, `ROLLBACK`)
			wg.Wait()
			require.NoError(t, err)
			require.NotEmpty(t, w.told())
			for _, code := range w.told() { // it may meet the other one again before that goes on
				require.Equal(t, "40P01", code)
			}
			e.stored()
		})
	}
}
