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
	client := raw(t, cluster)
	at, err := client.Get(t.Context(), "any")
	require.NoError(t, err)
	_, err = client.Compact(t.Context(), at.Header.Revision, clientv3.WithCompactPhysical())
	require.NoError(t, err)
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
