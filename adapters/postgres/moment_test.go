package postgres_test

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/rollmend/rollmend/adapters"
	"github.com/rollmend/rollmend/adapters/postgres"
	"github.com/rollmend/rollmend/reducer"
	"github.com/stretchr/testify/require"
)

// meanwhile starts a call, waits until it waits for the fleet's row, which
// another transaction holds that has done something already, and then lets that
// one be stored.
func meanwhile(t *testing.T, dsn, in string, did string, call func(ctx context.Context)) {
	ctx := context.Background()
	other := raw(t, dsn, in)
	_, err := other.Exec(ctx, `BEGIN; `+did)
	require.NoError(t, err)
	var wg sync.WaitGroup
	wg.Go(func() { call(ctx) })
	watcher := raw(t, dsn, in)
	require.Eventually(t, func() bool {
		var waiting int
		err := watcher.QueryRow(ctx, `SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'
			AND datname = current_database()`).Scan(&waiting)
		return err == nil && waiting == 1
	}, 20*time.Second, 5*time.Millisecond)
	_, err = other.Exec(ctx, `COMMIT`)
	require.NoError(t, err)
	wg.Wait()
}

// changes are of two hosts: the first gated, the second closing a gate.
func changes(t *testing.T, o adapters.Opening, guard adapters.Ordering) []adapters.Change {
	var out []adapters.Change
	for _, m := range o.Members[:2] {
		rec, _, err := o.Record(m)
		require.NoError(t, err)
		out = append(out, dispatch(t, rec))
	}
	out[0].Guard, out[1].Closes = guard, true
	return out
}

const raise = `UPDATE fleet SET ordering = ordering + 1`

func TestABatchIsComparedWithOneMoment(t *testing.T) {
	dsn := database(t)
	for name, c := range map[string]struct {
		spoil func(batch []adapters.Change)
		after adapters.Ordering
	}{
		"where some of it is stored": {func([]adapters.Change) {}, 4},
		"where nothing of it is": {func(batch []adapters.Change) {
			batch[1].Expect, batch[1].Record.Revision = 7, 8
			batch[1].Effects[0].Entry.Revision = 8
		}, 3},
	} {
		t.Run(name, func(t *testing.T) {
			in := schema()
			s := open(t, dsn, postgres.Options{Schema: in})
			o := opening("a", "b")
			require.NoError(t, s.Enact(t.Context(), []adapters.Act{o}))
			batch := changes(t, o, 1)
			c.spoil(batch)
			meanwhile(t, dsn, in, raise, func(ctx context.Context) {
				results, err := s.Commit(ctx, batch)
				require.NoError(t, err)
				var conflict *adapters.ConflictError
				require.ErrorAs(t, results[0].Err, &conflict)
				require.Equal(t, adapters.Ordering(3), conflict.Ordering, "the ordering revision when the other change was stored")
			})
			f, err := s.Fleet(t.Context())
			require.NoError(t, err)
			require.Equal(t, c.after, f.Ordering)
		})
	}
}

// elsewhere stores acts in a schema of their own, to copy rows from.
func elsewhere(t *testing.T, dsn string, acts ...adapters.Act) (from string) {
	in := schema()
	require.NoError(t, open(t, dsn, postgres.Options{Schema: in}).Enact(t.Context(), acts))
	return pgx.Identifier{in}.Sanitize()
}

func TestARolloutThatIsOpenedMeanwhileIsOpenForTheWholeBatch(t *testing.T) {
	dsn, in := database(t), schema()
	s := open(t, dsn, postgres.Options{Schema: in})
	o, later := opening("a", "b"), opening("a", "b")
	later.Rollout.Ref = "later"
	require.NoError(t, s.Enact(t.Context(), []adapters.Act{o}))
	from := elsewhere(t, dsn, later)
	batch := []adapters.Change{changes(t, later, 0)[0], changes(t, o, 0)[1]}
	meanwhile(t, dsn, in, `INSERT INTO openings (id, channel, ref, data) SELECT id, channel, ref, data FROM `+from+`.openings; `+raise,
		func(ctx context.Context) {
			results, err := s.Commit(ctx, batch)
			require.NoError(t, err)
			require.Equal(t, make([]adapters.Result, 2), results, "stored after the opening, and so found")
		})
	f, err := s.Fleet(t.Context())
	require.NoError(t, err)
	require.Equal(t, adapters.Ordering(4), f.Ordering)
}

func TestAClearanceMeetsAQuarantineThatIsStoredMeanwhile(t *testing.T) {
	dsn, in := database(t), schema()
	s := open(t, dsn, postgres.Options{Schema: in})
	from := elsewhere(t, dsn, adapters.Imposition{Quarantine: reducer.Quarantine{Channel: "stable", Closure: "bad", Since: opened}})
	clearance := adapters.Clearance{Channel: "stable", Closure: "bad", At: opened, Reason: "mended"}
	meanwhile(t, dsn, in, raise+`; INSERT INTO quarantines SELECT * FROM `+from+`.quarantines`, func(ctx context.Context) {
		require.NoError(t, s.Enact(ctx, []adapters.Act{clearance}))
	})
	f, err := s.Fleet(t.Context())
	require.NoError(t, err)
	require.Empty(t, f.Quarantines)
	require.Equal(t, []adapters.Clearance{clearance}, f.Clearances)
}
