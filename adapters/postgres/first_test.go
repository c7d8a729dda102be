package postgres_test

import (
	"context"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/rollmend/rollmend/adapters"
	"github.com/rollmend/rollmend/adapters/postgres"
	"github.com/rollmend/rollmend/reducer"
	"github.com/rollmend/rollmend/states"
	"github.com/stretchr/testify/require"
)

// firsts are the first changes of an opening's members: their dispatches.
func firsts(t testing.TB, o *adapters.Opening, members ...int) (out []adapters.Change) {
	for _, i := range members {
		rec, _, err := o.Record(o.Members[i])
		require.NoError(t, err)
		out = append(out, dispatch(t, rec))
	}
	return out
}

// conflicts makes sure that of a batch these alone were refused, and told what
// was found.
func conflicts(t testing.TB, results []adapters.Result, found map[int]states.Revision) {
	for i, r := range results {
		want, refused := found[i]
		if !refused {
			require.NoError(t, r.Err, "change %d", i)
			continue
		}
		var conflict *adapters.ConflictError
		require.ErrorAs(t, r.Err, &conflict, "change %d", i)
		require.Equal(t, want, conflict.Found, "change %d", i)
	}
}

const unique = "23505" // the server's code for a key that is there already

func TestAFirstRecordThatIsThereFailsItsOwnChangeAlone(t *testing.T) {
	dsn, in := database(t), schema()
	var w witness
	s, other := openWatched(t, dsn, postgres.Options{Schema: in, Timeout: unhurried}, &w), open(t, dsn, postgres.Options{Schema: in})
	o := opening("a", "b", "c", "d", "e")
	require.NoError(t, s.Enact(t.Context(), []adapters.Act{o}))

	theirs := firsts(t, &o, 1)
	step(t, &theirs[0], 1, reducer.DispatchAck{})
	require.NoError(t, commitOf(t.Context(), other, theirs)())
	results, err := s.Commit(t.Context(), firsts(t, &o, 0, 1, 2))
	require.NoError(t, err)
	conflicts(t, results, map[int]states.Revision{1: 2})
	require.Equal(t, []string{unique}, w.told(), "its key refused it")
	stored(t, s, firsts(t, &o, 0, 2))
	stored(t, s, theirs)

	// Who met another looks, for a while.
	theirs = firsts(t, &o, 3)
	require.NoError(t, commitOf(t.Context(), other, theirs)())
	results, err = s.Commit(t.Context(), firsts(t, &o, 3, 4))
	require.NoError(t, err)
	conflicts(t, results, map[int]states.Revision{0: 1})
	require.Len(t, w.told(), 1, "it was found before")
	stored(t, s, firsts(t, &o, 3, 4))
}

// In the midst of a batch of many statements, none of which stays half done.
func TestAFirstRecordThatIsThereFailsItsOwnChangeAloneAmongMany(t *testing.T) {
	dsn, in := database(t), schema()
	var w witness
	s, other := openWatched(t, dsn, postgres.Options{Schema: in, Timeout: unhurried}, &w), open(t, dsn, postgres.Options{Schema: in})
	o := fleetOf(1500)
	require.NoError(t, s.Enact(t.Context(), []adapters.Act{o}))
	theirs := firsts(t, &o, 1400)
	require.NoError(t, commitOf(t.Context(), other, theirs)())
	batch := make([]adapters.Change, len(o.Members))
	for i := range batch {
		at := i * scatter % len(batch)
		batch[i] = recovered(t, &o, at)
		if at%2 == 0 {
			batch[i].Member = int32(at) + 1
		}
	}
	results, err := s.Commit(t.Context(), batch)
	require.NoError(t, err)
	require.Equal(t, []string{unique}, w.told())
	for i := range results {
		if batch[i].Record.Host == o.Members[1400].Host {
			conflicts(t, results, map[int]states.Revision{i: 1})
			batch[i] = theirs[0]
		}
	}
	log := make(map[states.Host]states.Revision)
	rows, err := raw(t, dsn, in).Query(t.Context(), `SELECT host, revision FROM log`)
	require.NoError(t, err)
	var host []byte
	var revision int64
	_, err = pgx.ForEachRow(rows, []any{&host, &revision}, func() error {
		log[states.Host(host)] = states.Revision(revision)
		return nil
	})
	require.NoError(t, err)
	there := make(map[states.Key]states.Record)
	for rec, err := range s.Records(t.Context()) {
		require.NoError(t, err)
		there[rec.Key] = rec
	}
	require.Len(t, there, len(batch))
	require.Len(t, log, len(batch))
	for i := range batch {
		want := &batch[i].Record
		got := there[want.Key]
		require.True(t, got.Equal(want), "%s is not as it was stored", want.Key)
		require.Equal(t, want.Revision, log[want.Host])
	}
	stored(t, s, batch[:3])
}

// Neither sees the other's when it begins. The one that comes second to the key
// waits for the first.
func TestTwoThatStoreTheSameFirstRecordDoNotBothWin(t *testing.T) {
	dsn, in := database(t), schema()
	var w [2]witness
	one := openWatched(t, dsn, postgres.Options{Schema: in, Timeout: unhurried}, &w[0])
	two := openWatched(t, dsn, postgres.Options{Schema: in, Timeout: unhurried}, &w[1])
	o := opening("a", "b", "c", "d", "e")
	require.NoError(t, one.Enact(t.Context(), []adapters.Act{o}))
	// Preparing a statement would wait for the table's lock already.
	require.NoError(t, commitOf(t.Context(), one, firsts(t, &o, 3))())
	require.NoError(t, commitOf(t.Context(), two, firsts(t, &o, 4))())
	holder, watcher := raw(t, dsn, in), raw(t, dsn, in)
	run(t, holder, `BEGIN; LOCK TABLE log IN EXCLUSIVE MODE`)
	var results [2][]adapters.Result
	var errs [2]error
	var all sync.WaitGroup
	commit := func(i int, s *postgres.Store, batch []adapters.Change) {
		all.Go(func() { results[i], errs[i] = s.Commit(context.Background(), batch) })
	}
	commit(0, one, firsts(t, &o, 0, 1))
	first := blockedBy(t, watcher, holder)
	commit(1, two, firsts(t, &o, 1, 2))
	require.True(t, eventually(func() bool {
		var waits bool
		err := watcher.QueryRow(t.Context(), `SELECT EXISTS (SELECT FROM pg_stat_activity WHERE $1::int = ANY (pg_blocking_pids(pid)))`, first).Scan(&waits)
		return err == nil && waits
	}), "the second does not wait for the first")
	run(t, holder, `ROLLBACK`)
	all.Wait()
	require.NoError(t, errs[0])
	require.NoError(t, errs[1])
	conflicts(t, results[0], nil)
	conflicts(t, results[1], map[int]states.Revision{0: 1})
	require.Empty(t, w[0].told())
	require.Equal(t, []string{unique}, w[1].told())
	stored(t, one, firsts(t, &o, 0, 1, 2))
}

// A first record that its guard refuses is told what is there all the same.
func TestAFirstRecordThatItsGuardRefusesIsToldWhatIsThere(t *testing.T) {
	dsn, in := database(t), schema()
	var w witness
	s, other := openWatched(t, dsn, postgres.Options{Schema: in, Timeout: unhurried}, &w), open(t, dsn, postgres.Options{Schema: in})
	o := opening("a", "b", "c")
	require.NoError(t, s.Enact(t.Context(), []adapters.Act{o}))
	theirs := firsts(t, &o, 0)
	require.NoError(t, commitOf(t.Context(), other, theirs)())
	fleet, err := s.Fleet(t.Context())
	require.NoError(t, err)
	batch := firsts(t, &o, 0, 1, 2)
	batch[0].Guard, batch[1].Guard = fleet.Ordering+1, fleet.Ordering+1
	results, err := s.Commit(t.Context(), batch)
	require.NoError(t, err)
	conflicts(t, results, map[int]states.Revision{0: 1, 1: 0})
	for _, r := range results[:2] {
		var conflict *adapters.ConflictError
		require.ErrorAs(t, r.Err, &conflict)
		require.Equal(t, fleet.Ordering+1, conflict.Guard)
		require.Equal(t, fleet.Ordering, conflict.Ordering)
	}
	require.Empty(t, w.told())
	stored(t, s, append(theirs, batch[2]))
	rec, err := s.Record(t.Context(), batch[1].Record.Key)
	require.NoError(t, err)
	require.Zero(t, rec.Revision)
}
