package etcd_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/rollmend/rollmend/adapters"
	"github.com/rollmend/rollmend/adapters/etcd"
	"github.com/rollmend/rollmend/adapters/upkeep"
	"github.com/rollmend/rollmend/reducer"
	"github.com/rollmend/rollmend/states"
	"github.com/stretchr/testify/require"
	clientv3 "go.etcd.io/etcd/client/v3"
)

// snapshot makes the snapshot of a record's log.
func snapshot(t testing.TB, s adapters.Store, key states.Key) reducer.LogEntry {
	log, err := s.Log(t.Context(), key)
	require.NoError(t, err)
	entry, err := reducer.Compact(log)
	require.NoError(t, err)
	return entry
}

// compact compacts the logs of records. It may run beside the test.
func compact(t testing.TB, s *etcd.Store, keys ...states.Key) {
	for _, key := range keys {
		results, err := s.Compact(context.Background(), []reducer.LogEntry{snapshot(t, s, key)})
		require.NoError(t, err)
		require.NoError(t, results[0].Err)
	}
}

// succeed opens the rollout behind another one, with a few of the same hosts, and
// returns it.
func succeed(t testing.TB, s *etcd.Store, o adapters.Opening) adapters.Opening {
	o.Rollout.Ref += "'"
	o.Members = o.Members[:min(len(o.Members), 3)]
	require.NoError(t, s.Enact(t.Context(), []adapters.Act{o}))
	return o
}

// moved takes a record a step along.
func moved(t testing.TB, s *etcd.Store, key states.Key) states.Record {
	rec, err := s.Record(t.Context(), key)
	require.NoError(t, err)
	c := dispatch(t, rec)
	results, err := s.Commit(t.Context(), []adapters.Change{c})
	require.NoError(t, err)
	require.NoError(t, results[0].Err)
	return c.Record
}

func keyIn(o adapters.Opening, i int) states.Key {
	return states.Key{Rollout: o.Rollout, Host: o.Members[i].Host}
}

func verified(t testing.TB, s adapters.Store) (found []string) {
	for f, err := range upkeep.Verify(t.Context(), s, nil) {
		require.NoError(t, err)
		found = append(found, f.String())
	}
	return found
}

// only is what stands behind a prefix in the name of its only key.
func only(t testing.TB, client *clientv3.Client, prefix string) string {
	resp, err := client.Get(t.Context(), prefix, clientv3.WithPrefix())
	require.NoError(t, err)
	require.Len(t, resp.Kvs, 1)
	return strings.TrimPrefix(string(resp.Kvs[0].Key), prefix)
}

// A large opening is several pieces, and as many keys as it has hosts.
func TestALargeRolloutIsForgottenAtOnceAndErasedInSteps(t *testing.T) {
	cluster, in := one(t), prefix()
	client := raw(t, cluster)
	s := open(t, cluster.Endpoints(), etcd.Options{Prefix: in, RequestBytes: 20_000})
	const n = 1500
	o := openedFleet(t, s, n)
	require.Greater(t, count(t, client, in+"body/"), int64(3), "it is several pieces")
	for i := 0; i < n; i += 100 {
		var batch []adapters.Change
		for j := range 100 {
			batch = append(batch, dispatch(t, member(t, &o, i+j)))
		}
		_, err := s.Commit(t.Context(), batch)
		require.NoError(t, err)
	}
	next := succeed(t, s, o)
	moved(t, s, keyIn(next, 2))
	keys := count(t, client, in)
	fresh := open(t, cluster.Endpoints(), etcd.Options{Prefix: in})
	_, err := fresh.Record(t.Context(), keyIn(o, 7)) // it knows the opening
	require.NoError(t, err)

	done, err := s.Prune(t.Context(), adapters.Pruning{Rollouts: []states.Rollout{o.Rollout}})
	require.NoError(t, err)
	require.Equal(t, adapters.Pruned{More: true}, done)
	require.Equal(t, keys, count(t, client, in), "nothing is erased, and its opening became the note of that")
	for _, store := range []*etcd.Store{s, fresh} {
		var listed []states.Key
		for rec, err := range store.Records(t.Context()) {
			require.NoError(t, err)
			listed = append(listed, rec.Key)
		}
		require.Equal(t, []states.Key{keyIn(next, 2)}, listed)
		_, err = store.Log(t.Context(), keyIn(o, 7))
		require.ErrorIs(t, err, adapters.ErrNotFound)
		require.Empty(t, verified(t, store))
	}
	erased := 0
	for done.More {
		done, err = fresh.Prune(t.Context(), adapters.Pruning{Most: 1300})
		require.NoError(t, err)
		require.Positive(t, done.Erased)
		require.LessOrEqual(t, done.Erased, 1300)
		erased += done.Erased
		require.Empty(t, verified(t, s))
	}
	require.Equal(t, keys-1-int64(erased), count(t, client, in), "all but what is of the next one, and the plan")
	require.GreaterOrEqual(t, erased, 2*n+3)
	require.Zero(t, count(t, client, in+"forgotten/"))
	f, err := fresh.Fleet(t.Context())
	require.NoError(t, err)
	require.Equal(t, []adapters.Opening{o.Forgotten(), next}, f.Openings)
}

// Many logs are more than a request takes, and more than a transaction.
func TestABatchOfSnapshotsThatDoesNotFitIsStoredInParts(t *testing.T) {
	s := open(t, one(t).Endpoints(), etcd.Options{Prefix: prefix(), RequestBytes: 60_000})
	const n = 300
	o := openedFleet(t, s, n)
	for range 2 {
		var batch []adapters.Change
		for i := range n {
			rec, err := s.Record(t.Context(), keyIn(o, i))
			require.NoError(t, err)
			batch = append(batch, dispatch(t, rec))
		}
		_, err := s.Commit(t.Context(), batch)
		require.NoError(t, err)
	}
	var snapshots []reducer.LogEntry
	for i := range n {
		snapshots = append(snapshots, snapshot(t, s, keyIn(o, i)))
	}
	moved(t, s, keyIn(o, 200))
	results, err := s.Compact(t.Context(), snapshots)
	require.NoError(t, err)
	for i, r := range results {
		log, err := s.Log(t.Context(), keyIn(o, i))
		require.NoError(t, err)
		if i == 200 {
			require.Error(t, r.Err)
			require.Len(t, log, 4)
			continue
		}
		require.NoError(t, r.Err, i)
		require.Equal(t, snapshots[i:i+1], log)
	}
	require.Empty(t, verified(t, s))
}

func TestMoreRolloutsThanATransactionTakesAreNotForgotten(t *testing.T) {
	s := open(t, one(t).Endpoints(), etcd.Options{Prefix: prefix()})
	var rollouts []states.Rollout
	for i := range 302 {
		o := opening("a")
		o.Rollout.Ref = states.Ref(fmt.Sprintf("r%03d", i))
		rollouts = append(rollouts, o.Rollout)
		require.NoError(t, s.Enact(t.Context(), []adapters.Act{o}))
	}
	_, err := s.Prune(t.Context(), adapters.Pruning{Rollouts: rollouts[:301], Most: 1000})
	require.ErrorContains(t, err, "forget at most 300")
	f, err := s.Fleet(t.Context())
	require.NoError(t, err)
	for _, o := range f.Openings {
		require.Len(t, o.Members, 1)
	}
	done, err := s.Prune(t.Context(), adapters.Pruning{Rollouts: rollouts[:300], Most: 1000})
	require.NoError(t, err)
	require.Equal(t, adapters.Pruned{Erased: 300}, done)
	f, err = s.Fleet(t.Context())
	require.NoError(t, err)
	for i, o := range f.Openings {
		require.Equal(t, i < 300, len(o.Members) == 0, "%s", o.Rollout)
	}
}

// The servers keep what was erased until their own history is compacted; then
// the room is there for what comes next.
func TestRoomIsGivenBackOnceTheHistoryIsCompacted(t *testing.T) {
	cluster := start(t, 1)
	client := raw(t, cluster)
	s := open(t, cluster.Endpoints(), etcd.Options{})
	const n = 1000
	o := openedFleet(t, s, n)
	var batch []adapters.Change
	for i := range n {
		batch = append(batch, recovered(t, &o, i))
	}
	_, err := s.Commit(t.Context(), batch)
	require.NoError(t, err)
	next := succeed(t, s, o)
	used := func() int64 {
		compactHistory(t, client)
		status, err := client.Status(t.Context(), cluster.Endpoints()[0])
		require.NoError(t, err)
		return status.DbSizeInUse
	}
	before := used()
	done, err := s.Prune(t.Context(), adapters.Pruning{Rollouts: []states.Rollout{o.Rollout}, Most: 5 * n})
	require.NoError(t, err)
	require.Equal(t, adapters.Pruned{Erased: 2*n + 1}, done)
	require.Eventually(t, func() bool { return used() < before/4 }, time.Minute, 10*time.Millisecond)
	moved(t, s, keyIn(next, 0))
	require.Empty(t, verified(t, s))
}

// As many snapshots as a transaction may hold at once: more would be refused by
// the server.
func TestSnapshotsUpToEveryLimitAreOneTransaction(t *testing.T) {
	in := prefix()
	s := open(t, one(t).Endpoints(), etcd.Options{Prefix: in, RequestBytes: 1_400_000})
	const n = 1200
	o := openedFleet(t, s, n)
	var batch []adapters.Change
	var snapshots []reducer.LogEntry
	for i := range n {
		c := dispatch(t, member(t, &o, i))
		_, opened, err := o.Record(o.Members[i])
		require.NoError(t, err)
		entry, err := reducer.Compact([]reducer.LogEntry{opened, c.Effects[0].Entry})
		require.NoError(t, err)
		batch, snapshots = append(batch, c), append(snapshots, entry)
	}
	_, err := s.Commit(t.Context(), batch)
	require.NoError(t, err)
	results, err := s.Compact(t.Context(), snapshots)
	require.NoError(t, err)
	mods := map[int64]bool{}
	for i, mod := range writtenAt(t, in) {
		require.NoError(t, results[i].Err, i)
		mods[mod] = true
	}
	require.Len(t, mods, 1, "one transaction")
	log, err := s.Log(t.Context(), keyIn(o, 7))
	require.NoError(t, err)
	require.Equal(t, snapshots[7:8], log)
}
