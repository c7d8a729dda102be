package postgres_test

import (
	"context"
	"testing"
	"time"

	"github.com/rollmend/rollmend/adapters"
	"github.com/rollmend/rollmend/adapters/postgres"
	"github.com/rollmend/rollmend/states"
	"github.com/stretchr/testify/require"
)

// followed opens two stores on one schema, of which one follows the other.
func followed(t *testing.T) (in string, others *postgres.Store, following adapters.Following, rec states.Record) {
	dsn, in := database(t), schema()
	s, others := open(t, dsn, postgres.Options{Schema: in}), open(t, dsn, postgres.Options{Schema: in})
	o := opening("a")
	require.NoError(t, others.Enact(t.Context(), []adapters.Act{o}))
	rec, _, err := o.Record(o.Members[0])
	require.NoError(t, err)
	following, err = s.Follow(t.Context())
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, following.Close()) })
	return in, others, following, rec
}

func store(t *testing.T, s *postgres.Store, rec states.Record) states.Record {
	c := dispatch(t, rec)
	results, err := s.Commit(t.Context(), []adapters.Change{c})
	require.NoError(t, err)
	require.NoError(t, results[0].Err)
	return c.Record
}

// told takes news as it comes, until a record has a revision.
func told(t *testing.T, f adapters.Following, revision states.Revision) {
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	for {
		n, err := f.News(ctx)
		require.NoError(t, err)
		require.False(t, n.Reload)
		if len(n.Changed) == 1 && n.Changed[0].Revision == revision {
			return
		}
		require.NoError(t, f.Wait(ctx), "no more news came")
	}
}

// Somebody stores something of which no notification arrives.
func TestALostNotificationOnlyDelays(t *testing.T) {
	in, others, following, rec := followed(t)
	rec = store(t, others, rec)
	told(t, following, rec.Revision)
	_, err := raw(t, database(t), in).Exec(t.Context(), `
		WITH taken AS (UPDATE fleet SET number = number + 1 RETURNING number, ordering)
		INSERT INTO commits SELECT taken.number, 77, 0, taken.ordering, false, rollouts, hosts, revisions
		FROM taken, (SELECT rollouts, hosts, revisions FROM commits WHERE cardinality(rollouts) = 1 LIMIT 1) AS one`)
	require.NoError(t, err)
	for range 2 { // the first ring may be an older one's
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
		require.NoError(t, following.Wait(ctx), "nobody looks")
		cancel()
	}
	told(t, following, rec.Revision)
}

func TestAListenerWhoseConnectionBreaksGoesOn(t *testing.T) {
	in, others, following, rec := followed(t)
	rec = store(t, others, rec)
	told(t, following, rec.Revision)
	_, err := raw(t, database(t), in).Exec(t.Context(), `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE 'LISTEN %'`)
	require.NoError(t, err)
	rec = store(t, others, rec)
	told(t, following, rec.Revision)
}

func TestAReaderThatFellBehindWhatIsKeptReadsEverythingAgain(t *testing.T) {
	in, others, following, rec := followed(t)
	rec = store(t, others, store(t, others, rec))
	_, err := raw(t, database(t), in).Exec(t.Context(), `DELETE FROM commits WHERE number < (SELECT number FROM fleet)`)
	require.NoError(t, err)
	n, err := following.News(t.Context())
	require.NoError(t, err)
	require.Equal(t, adapters.News{Reload: true}, n)
	rec = store(t, others, rec)
	told(t, following, rec.Revision)
}
