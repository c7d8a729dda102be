package postgres_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/rollmend/rollmend/adapters"
	"github.com/rollmend/rollmend/adapters/postgres"
	"github.com/rollmend/rollmend/adapters/upkeep"
	"github.com/rollmend/rollmend/internal/codec"
	"github.com/rollmend/rollmend/reducer"
	"github.com/rollmend/rollmend/states"
	"github.com/stretchr/testify/require"
)

const dawn states.Time = 1_790_000_000_000

var stable = states.Rollout{Channel: "stable", Ref: "r1"}

func keyOf(r states.Rollout, i int) states.Key {
	return states.Key{Rollout: r, Host: states.Host(fmt.Sprintf("web-%02d", i))}
}

// work opens a rollout of hosts and has each say two things.
func work(t testing.TB, s adapters.Store, r states.Rollout, hosts int) {
	o := adapters.Opening{Rollout: r, At: dawn}
	for i := range hosts {
		o.Members = append(o.Members, adapters.Member{Host: keyOf(r, i).Host, Opened: reducer.Opened{
			Target: "new", Policy: states.Policy{Soak: time.Minute, OnFailure: states.Halt},
		}})
	}
	require.NoError(t, s.Enact(t.Context(), []adapters.Act{o}))
	for i := range hosts {
		said(t, s, keyOf(r, i), reducer.DispatchAck{AtDispatch: "old"})
		said(t, s, keyOf(r, i), reducer.ActivationCompleted{Observed: "new"})
	}
}

func said(t testing.TB, s adapters.Store, key states.Key, body reducer.Body) {
	rec, err := s.Record(t.Context(), key)
	require.NoError(t, err)
	out, err := reducer.Step(rec, reducer.Event{Key: key, Seq: rec.LastSeq + 1, At: dawn + states.Time(rec.LastSeq), Body: body})
	require.NoError(t, err)
	results, err := s.Commit(t.Context(), []adapters.Change{{Expect: rec.Revision, Record: out.Record, Effects: []reducer.Effects{out.Effects}}})
	require.NoError(t, err)
	require.NoError(t, results[0].Err)
}

func verified(t testing.TB, s adapters.Store) (found []string) {
	for f, err := range upkeep.Verify(t.Context(), s, nil) {
		require.NoError(t, err)
		found = append(found, f.String())
	}
	return found
}

func TestRowsThatWereAlteredAreFound(t *testing.T) {
	dsn := database(t)
	for name, c := range map[string]struct {
		spoil func(t *testing.T, s *postgres.Store, db *pgx.Conn)
		want  []string
	}{
		"nothing": {func(*testing.T, *postgres.Store, *pgx.Conn) {}, nil},
		"a record is another": {func(t *testing.T, s *postgres.Store, db *pgx.Conn) {
			rec, err := s.Record(t.Context(), keyOf(stable, 1))
			require.NoError(t, err)
			rec.State = states.Failed
			_, err = db.Exec(t.Context(), `UPDATE records SET data = $1 WHERE host = 'web-01'`, codec.AppendRecord(nil, &rec))
			require.NoError(t, err)
		}, []string{"differs: stable@r1/web-01: the record differs from what its log gives in Belief"}},
		"a record went back": {func(t *testing.T, s *postgres.Store, db *pgx.Conn) {
			log, err := s.Log(t.Context(), keyOf(stable, 1))
			require.NoError(t, err)
			rec, err := reducer.Rederive(log[:2])
			require.NoError(t, err)
			_, err = db.Exec(t.Context(), `UPDATE records SET data = $1, revision = 1 WHERE host = 'web-01'`, codec.AppendRecord(nil, &rec))
			require.NoError(t, err)
		}, []string{
			"differs: stable@r1/web-01: the record is at revision 1, and its log leads to 2",
			`stray: a log entry behind its record: opening %d, host "web-01", revision 2`,
		}},
		"an entry is gone": {func(t *testing.T, _ *postgres.Store, db *pgx.Conn) {
			_, err := db.Exec(t.Context(), `DELETE FROM log WHERE host = 'web-01' AND revision = 1`)
			require.NoError(t, err)
		}, []string{"unreadable: stable@r1/web-01: the log of stable@r1/web-01 has entry 2 where 1 was to be"}},
		"the last entry is gone": {func(t *testing.T, _ *postgres.Store, db *pgx.Conn) {
			_, err := db.Exec(t.Context(), `DELETE FROM log WHERE host = 'web-01' AND revision = 2`)
			require.NoError(t, err)
		}, []string{"differs: stable@r1/web-01: the record is at revision 2, and its log leads to 1"}},
		"an entry's bytes are damaged": {func(t *testing.T, _ *postgres.Store, db *pgx.Conn) {
			_, err := db.Exec(t.Context(), `UPDATE log SET data = '\x016c' WHERE host = 'web-01' AND revision = 1`)
			require.NoError(t, err)
		}, []string{"unreadable: stable@r1/web-01: the log of stable@r1/web-01: codec: log entry cannot be read, at byte 2: it ends too early"}},
		"a record is gone": {func(t *testing.T, _ *postgres.Store, db *pgx.Conn) {
			_, err := db.Exec(t.Context(), `DELETE FROM records WHERE host = 'web-01'`)
			require.NoError(t, err)
		}, []string{
			"differs: stable@r1/web-01: the record is at revision 0, and its log leads to 2",
			`stray: a log entry without a record: opening %d, host "web-01", revision 1`,
			`stray: a log entry without a record: opening %d, host "web-01", revision 2`,
		}},
		"an opening is gone": {func(t *testing.T, _ *postgres.Store, db *pgx.Conn) {
			_, err := db.Exec(t.Context(), `DELETE FROM openings`)
			require.NoError(t, err)
			_, err = db.Exec(t.Context(), `DELETE FROM log WHERE host <> 'web-01'`)
			require.NoError(t, err)
			_, err = db.Exec(t.Context(), `DELETE FROM records WHERE host <> 'web-01'`)
			require.NoError(t, err)
		}, []string{
			"orphan: stable@r1/web-01: no rollout was opened with it",
			`stray: a record of an opening that is not there: opening %d, host "web-01", revision 2`,
		}},
	} {
		t.Run(name, func(t *testing.T) {
			in := schema()
			s := open(t, dsn, postgres.Options{Schema: in})
			work(t, s, stable, 3)
			db := raw(t, dsn, in)
			var id int64
			require.NoError(t, db.QueryRow(t.Context(), `SELECT id FROM openings`).Scan(&id))
			c.spoil(t, s, db)
			var want []string
			for _, line := range c.want {
				want = append(want, strings.ReplaceAll(line, "%d", fmt.Sprint(id)))
			}
			require.Equal(t, want, verified(t, open(t, dsn, postgres.Options{Schema: in})))
		})
	}
}

// Every replica knows the opening that one of them forgets, and each takes part
// in erasing it.
func TestAnotherReplicaSeesThatARolloutIsForgotten(t *testing.T) {
	dsn, in := database(t), schema()
	one, other := open(t, dsn, postgres.Options{Schema: in}), open(t, dsn, postgres.Options{Schema: in})
	work(t, one, stable, 5)
	next := states.Rollout{Channel: "stable", Ref: "r2"}
	work(t, other, next, 5)
	rec, err := other.Record(t.Context(), keyOf(stable, 3))
	require.NoError(t, err)
	log, err := other.Log(t.Context(), rec.Key)
	require.NoError(t, err)
	snapshot, err := reducer.Compact(log)
	require.NoError(t, err)
	_, err = one.Prune(t.Context(), adapters.Pruning{Rollouts: []states.Rollout{stable}})
	require.NoError(t, err)

	compacted, err := other.Compact(t.Context(), []reducer.LogEntry{snapshot})
	require.NoError(t, err)
	require.ErrorIs(t, compacted[0].Err, adapters.ErrNotFound)
	_, err = other.Record(t.Context(), rec.Key)
	require.ErrorIs(t, err, adapters.ErrNotFound)
	out, err := reducer.Step(rec, reducer.Event{Key: rec.Key, Seq: 3, At: dawn, Body: reducer.ProbeObservedFirst{Probe: "http", Mode: states.Observe}})
	require.NoError(t, err)
	results, err := other.Commit(t.Context(), []adapters.Change{{Expect: rec.Revision, Record: out.Record, Effects: []reducer.Effects{out.Effects}}})
	require.NoError(t, err)
	require.ErrorIs(t, results[0].Err, adapters.ErrNotFound)
	require.Empty(t, verified(t, other), "what is to be erased belongs to no finding")
	for _, s := range []*postgres.Store{one, other, one} {
		_, err := s.Prune(t.Context(), adapters.Pruning{Most: 4})
		require.NoError(t, err)
	}
	var left int
	db := raw(t, dsn, in)
	require.NoError(t, db.QueryRow(t.Context(), `SELECT (SELECT count(*) FROM records) + (SELECT count(*) FROM log) + (SELECT count(*) FROM forgotten)`).Scan(&left))
	require.Equal(t, 5+10, left, "of the next rollout")
	require.Empty(t, verified(t, one))
}

// A commit that has compared everything before the pruning, and ends after it,
// must find the rollout gone: else it would be stored behind it, for nobody.
func TestACommitThatEndsAfterAPruningIsNotStored(t *testing.T) {
	dsn, in := database(t), schema()
	one, other := open(t, dsn, postgres.Options{Schema: in}), open(t, dsn, postgres.Options{Schema: in})
	work(t, one, stable, 2)
	work(t, one, states.Rollout{Channel: "stable", Ref: "r2"}, 1)
	rec, err := one.Record(t.Context(), keyOf(stable, 0))
	require.NoError(t, err)
	out, err := reducer.Step(rec, reducer.Event{Key: rec.Key, Seq: 3, At: dawn, Body: reducer.ProbeObservedFirst{Probe: "http", Mode: states.Observe}})
	require.NoError(t, err)

	// Whoever keeps the log from being written holds the commit between what it has
	// compared and its end.
	tx, err := raw(t, dsn, in).Begin(t.Context())
	require.NoError(t, err)
	_, err = tx.Exec(t.Context(), `LOCK TABLE log IN SHARE MODE`)
	require.NoError(t, err)
	told := make(chan error, 1)
	go func() {
		results, err := one.Commit(t.Context(), []adapters.Change{{Expect: rec.Revision, Record: out.Record, Effects: []reducer.Effects{out.Effects}}})
		if err == nil {
			err = results[0].Err
		}
		told <- err
	}()
	waiting(t, raw(t, dsn, in))
	_, err = other.Prune(t.Context(), adapters.Pruning{Rollouts: []states.Rollout{stable}})
	require.NoError(t, err)
	require.NoError(t, tx.Rollback(t.Context()))
	require.ErrorIs(t, <-told, adapters.ErrNotFound)
	for range 10 {
		_, err := other.Prune(t.Context(), adapters.Pruning{Most: 100})
		require.NoError(t, err)
	}
	var left int
	db := raw(t, dsn, in)
	require.NoError(t, db.QueryRow(t.Context(), `SELECT count(*) FROM log WHERE rollout NOT IN (SELECT id FROM openings)`).Scan(&left))
	require.Zero(t, left)
	require.Empty(t, verified(t, one))
}

// waiting returns when a session waits for the log.
func waiting(t *testing.T, db *pgx.Conn) {
	t.Helper()
	require.Eventually(t, func() bool {
		var found bool
		err := db.QueryRow(t.Context(), `SELECT EXISTS (SELECT FROM pg_locks WHERE NOT granted AND relation = 'log'::regclass)`).Scan(&found)
		return err == nil && found
	}, 20*time.Second, 5*time.Millisecond)
}
