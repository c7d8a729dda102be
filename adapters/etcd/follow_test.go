package etcd_test

import (
	"context"
	"testing"
	"time"

	"github.com/rollmend/rollmend/adapters"
	"github.com/rollmend/rollmend/adapters/etcd"
	"github.com/rollmend/rollmend/states"
	"github.com/stretchr/testify/require"
	clientv3 "go.etcd.io/etcd/client/v3"
)

// news takes news as it comes, until there is enough.
func news(t testing.TB, f adapters.Following, enough func(adapters.News) bool) {
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	for {
		n, err := f.News(ctx)
		if err == nil && enough(n) {
			return
		}
		require.NoError(t, f.Wait(ctx), "no more news came; the last error is %v", err)
	}
}

// compactHistory has the servers forget what was before now.
func compactHistory(t testing.TB, client *clientv3.Client) {
	at, err := client.Get(t.Context(), "any")
	require.NoError(t, err)
	_, err = client.Compact(t.Context(), at.Header.Revision, clientv3.WithCompactPhysical())
	require.NoError(t, err)
}

// The watcher is cut off while others write, and what it missed is compacted
// before it is back.
func TestAWatcherThatFellBehindACompactionReadsEverythingAgain(t *testing.T) {
	cluster, in := one(t), prefix()
	var cut cutter
	s := open(t, []string{cut.listen(t, cluster.Endpoints()[0])}, etcd.Options{Prefix: in})
	others := open(t, cluster.Endpoints(), etcd.Options{Prefix: in})
	o := openedFleet(t, others, 2)
	rec := whole(t, s, states.Key{Rollout: o.Rollout, Host: o.Members[0].Host})
	f, err := s.Follow(t.Context())
	require.NoError(t, err)
	defer func() { require.NoError(t, f.Close()) }()

	cut.cut()
	for range 3 {
		c := dispatch(t, rec)
		results, err := others.Commit(t.Context(), []adapters.Change{c})
		require.NoError(t, err)
		require.NoError(t, results[0].Err)
		rec = c.Record
	}
	compactHistory(t, raw(t, cluster))
	cut.heal()
	news(t, f, func(n adapters.News) bool {
		require.Empty(t, n.Changed, "what is gone cannot be told")
		return n.Reload
	})
	require.Equal(t, rec, whole(t, s, rec.Key))

	c := dispatch(t, rec)
	_, err = others.Commit(t.Context(), []adapters.Change{c})
	require.NoError(t, err)
	news(t, f, func(n adapters.News) bool {
		require.False(t, n.Reload)
		return len(n.Changed) == 1 && n.Changed[0].Revision == c.Record.Revision
	})
}

// A watcher whose connection breaks misses nothing where the history still is
// there.
func TestAWatcherThatWasCutOffGoesOnWhereItWas(t *testing.T) {
	cluster, in := one(t), prefix()
	var cut cutter
	s := open(t, []string{cut.listen(t, cluster.Endpoints()[0])}, etcd.Options{Prefix: in})
	others := open(t, cluster.Endpoints(), etcd.Options{Prefix: in})
	o := openedFleet(t, others, 40)
	f, err := s.Follow(t.Context())
	require.NoError(t, err)
	defer func() { require.NoError(t, f.Close()) }()
	told := map[states.Host]bool{}
	for i := range o.Members {
		if i%10 == 5 {
			cut.cut()
		}
		results, err := others.Commit(t.Context(), []adapters.Change{dispatch(t, member(t, &o, i))})
		require.NoError(t, err)
		require.NoError(t, results[0].Err)
		cut.heal()
	}
	news(t, f, func(n adapters.News) bool {
		require.False(t, n.Reload)
		for _, rec := range n.Changed {
			require.False(t, told[rec.Host])
			told[rec.Host] = true
		}
		return len(told) == len(o.Members)
	})
}

// A watcher that falls behind a pruning, and behind what the cluster has
// compacted of it, reads everything again, and goes on.
func TestAWatcherThatFellBehindAPruningReadsEverythingAgain(t *testing.T) {
	cluster, in := one(t), prefix()
	var cut cutter
	s := open(t, []string{cut.listen(t, cluster.Endpoints()[0])}, etcd.Options{Prefix: in})
	others := open(t, cluster.Endpoints(), etcd.Options{Prefix: in})
	o := openedFleet(t, others, 2)
	moved(t, others, keyIn(o, 0))
	next := succeed(t, others, o)
	whole(t, s, keyIn(o, 0))
	f, err := s.Follow(t.Context())
	require.NoError(t, err)
	defer func() { require.NoError(t, f.Close()) }()

	cut.cut()
	moved(t, others, keyIn(o, 1))
	done, err := others.Prune(t.Context(), adapters.Pruning{Rollouts: []states.Rollout{o.Rollout}, Most: 3})
	require.NoError(t, err)
	require.Equal(t, adapters.Pruned{Erased: 3, More: true}, done)
	compactHistory(t, raw(t, cluster))
	cut.heal()
	news(t, f, func(n adapters.News) bool {
		require.Empty(t, n.Changed, "what is gone cannot be told")
		return n.Reload
	})
	_, err = s.Record(t.Context(), keyIn(o, 0))
	require.ErrorIs(t, err, adapters.ErrNotFound)
	fleet, err := s.Fleet(t.Context())
	require.NoError(t, err)
	require.Equal(t, []adapters.Opening{o.Forgotten(), next}, fleet.Openings)
	rec := moved(t, others, keyIn(next, 0))
	news(t, f, func(n adapters.News) bool {
		require.False(t, n.Reload)
		return len(n.Changed) == 1 && n.Changed[0].Equal(&rec)
	})
}

// Others' prunings are told as what they enacted; their erasings and compactions
// are no news at all.
func TestAWatcherIsToldThatOthersForgotARollout(t *testing.T) {
	cluster, in := one(t), prefix()
	s := open(t, cluster.Endpoints(), etcd.Options{Prefix: in})
	others := open(t, cluster.Endpoints(), etcd.Options{Prefix: in})
	o := openedFleet(t, s, 2) // by itself: that another forgets it is news all the same
	moved(t, others, keyIn(o, 0))
	next := succeed(t, others, o)
	f, err := s.Follow(t.Context())
	require.NoError(t, err)
	defer func() { require.NoError(t, f.Close()) }()
	quiet := func(why string) {
		n, err := f.News(t.Context())
		require.NoError(t, err)
		require.False(t, n.Reload, why)
		require.Empty(t, n.Changed, why)
	}

	moved(t, others, keyIn(next, 0))
	news(t, f, func(n adapters.News) bool { return len(n.Changed) == 1 })
	compact(t, others, keyIn(next, 0))
	_, err = others.Prune(t.Context(), adapters.Pruning{Rollouts: []states.Rollout{o.Rollout}})
	require.NoError(t, err)
	news(t, f, func(n adapters.News) bool { return n.Reload })
	done, err := others.Prune(t.Context(), adapters.Pruning{Most: 100})
	require.NoError(t, err)
	require.False(t, done.More)
	_, err = s.Fleet(t.Context()) // the watch has to come as far
	require.NoError(t, err)
	quiet("what is erased was forgotten before")
}

// A record that others changed, and that this store forgets, is not told as
// changed: it is not there.
func TestWhatWasForgottenIsNoNewsAnyMore(t *testing.T) {
	cluster, in := one(t), prefix()
	s := open(t, cluster.Endpoints(), etcd.Options{Prefix: in})
	others := open(t, cluster.Endpoints(), etcd.Options{Prefix: in})
	o := openedFleet(t, s, 2)
	next := succeed(t, s, o)
	f, err := s.Follow(t.Context())
	require.NoError(t, err)
	defer func() { require.NoError(t, f.Close()) }()

	moved(t, others, keyIn(o, 0))
	rec := moved(t, others, keyIn(next, 1))
	_, err = s.Prune(t.Context(), adapters.Pruning{Rollouts: []states.Rollout{o.Rollout}, Most: 1})
	require.NoError(t, err)
	n, err := f.News(t.Context())
	require.NoError(t, err)
	require.False(t, n.Reload, "it is this store's own doing")
	require.Len(t, n.Changed, 1)
	require.True(t, n.Changed[0].Equal(&rec))
}
