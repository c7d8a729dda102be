package etcd_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rollmend/rollmend/adapters"
	"github.com/rollmend/rollmend/adapters/etcd"
	"github.com/rollmend/rollmend/adapters/etcd/throwaway"
	"github.com/rollmend/rollmend/reducer"
	"github.com/rollmend/rollmend/states"
	"github.com/stretchr/testify/require"
	clientv3 "go.etcd.io/etcd/client/v3"
	"go.uber.org/zap"
)

// raw is a client past the store.
func raw(t testing.TB, c *throwaway.Cluster) *clientv3.Client {
	client, err := clientv3.New(clientv3.Config{Endpoints: c.Endpoints(), Logger: zap.NewNop()})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, client.Close()) })
	return client
}

// whole reads a record that must be what its log says.
func whole(t testing.TB, s adapters.Store, key states.Key) states.Record {
	rec, err := s.Record(context.Background(), key)
	require.NoError(t, err)
	log, err := s.Log(context.Background(), key)
	require.NoError(t, err)
	folded, err := reducer.Rederive(log)
	require.NoError(t, err)
	require.True(t, folded.Equal(&rec), "the log gives\n%+v, the record is\n%+v", folded, rec)
	require.Len(t, log, int(rec.Revision)+1)
	return rec
}

func count(t testing.TB, client *clientv3.Client, prefix string) int64 {
	resp, err := client.Get(context.Background(), prefix, clientv3.WithPrefix(), clientv3.WithCountOnly())
	require.NoError(t, err)
	return resp.Count
}

func TestACommitWhoseAnswerIsLostIsLookedUp(t *testing.T) {
	cluster := one(t)
	client := raw(t, cluster)
	in := prefix()
	var cut cutter
	s := open(t, []string{cut.listen(t, cluster.Endpoints()[0])}, etcd.Options{Prefix: in})
	o := opening("a", "b")
	require.NoError(t, s.Enact(t.Context(), []adapters.Act{o}))
	for name, fault := range map[string]func(*crossing){
		"never sent": func(*crossing) {},
		"stored": func(c *crossing) {
			before := count(t, client, in+"log/")
			c.deliver()
			for count(t, client, in+"log/") == before {
				time.Sleep(time.Millisecond)
			}
		},
	} {
		rec := whole(t, s, states.Key{Rollout: o.Rollout, Host: "a"})
		cut.arm(in+"log/", fault)
		change := dispatch(t, rec)
		stale := dispatch(t, rec)
		stale.Record.Host, stale.Effects[0].Entry.Event.Key.Host = "b", "b"
		stale.Expect, stale.Record.Revision, stale.Effects[0].Entry.Revision = 7, 8, 8
		results, err := s.Commit(t.Context(), []adapters.Change{change, stale})
		require.NoError(t, err, name)
		require.NoError(t, results[0].Err, "%s: a change is not told a conflict with itself", name)
		var conflict *adapters.ConflictError
		require.ErrorAs(t, results[1].Err, &conflict, name)
		require.Zero(t, conflict.Found, name)
		require.False(t, cut.armed(), "%s: nothing was cut", name)
		require.Equal(t, change.Record.Revision, whole(t, s, rec.Key).Revision, name)
	}
}

func TestAnEnactmentWhoseAnswerIsLostIsLookedUp(t *testing.T) {
	cluster := one(t)
	client := raw(t, cluster)
	in := prefix()
	var cut cutter
	s := open(t, []string{cut.listen(t, cluster.Endpoints()[0])}, etcd.Options{Prefix: in})
	require.NoError(t, s.Enact(t.Context(), []adapters.Act{opening("a")}))
	cut.arm("said twice", func(c *crossing) {
		c.deliver()
		for count(t, client, in+"quarantine/") == 0 {
			time.Sleep(time.Millisecond)
		}
	})
	q := reducer.Quarantine{Channel: "stable", Closure: "/nix/store/bad", Why: "said twice"}
	require.NoError(t, s.Enact(t.Context(), []adapters.Act{adapters.Imposition{Quarantine: q}}))
	require.False(t, cut.armed(), "nothing was cut")
	f, err := s.Fleet(t.Context())
	require.NoError(t, err)
	require.Equal(t, []reducer.Quarantine{q}, f.Quarantines)
	require.Equal(t, adapters.Ordering(3), f.Ordering, "it was enacted once")
}

// A request may wait in a buffer for as long as it likes. What was said not to
// be stored must not be stored by it later.
func TestARequestThatComesTooLateStoresNothing(t *testing.T) {
	cluster := one(t)
	client := raw(t, cluster)
	in := prefix()
	var cut cutter
	direct := cluster.Endpoints()[0]
	s := open(t, []string{cut.listen(t, direct), direct}, etcd.Options{Prefix: in, Timeout: time.Second})
	o := opening("a")
	require.NoError(t, s.Enact(t.Context(), []adapters.Act{o}))
	rec := whole(t, s, states.Key{Rollout: o.Rollout, Host: "a"})

	held, released := make(chan struct{}), make(chan struct{})
	index := func() uint64 {
		status, err := client.Status(context.Background(), direct)
		require.NoError(t, err)
		return status.RaftIndex
	}
	cut.arm(in+"log/", func(c *crossing) {
		close(held)
		<-released
		before := index()
		c.deliver()
		for index() == before {
			time.Sleep(time.Millisecond)
		}
	})
	for cut.armed() { // the client takes turns between its members
		rec = whole(t, s, rec.Key)
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error)
		go func() {
			_, err := s.Commit(ctx, []adapters.Change{dispatch(t, rec)})
			done <- err
		}()
		select {
		case err := <-done:
			require.NoError(t, err)
		case <-held:
			cancel()
			require.ErrorIs(t, <-done, context.Canceled)
		}
		cancel()
	}
	require.Equal(t, rec.Revision, whole(t, s, rec.Key).Revision)
	before := index()
	close(released)
	require.Eventually(t, func() bool { return index() > before }, 10*time.Second, time.Millisecond, "the request never arrived")
	require.Equal(t, rec.Revision, whole(t, s, rec.Key).Revision)
}

func TestASchemaFromTheFutureIsRefused(t *testing.T) {
	cluster, in := one(t), prefix()
	open(t, cluster.Endpoints(), etcd.Options{Prefix: in})
	_, err := raw(t, cluster).Put(t.Context(), in+"schema", "99")
	require.NoError(t, err)
	_, err = etcd.OpenEndpoints(t.Context(), cluster.Endpoints(), etcd.Options{Prefix: in})
	var newer *adapters.NewerSchemaError
	require.ErrorAs(t, err, &newer)
	require.Equal(t, 99, newer.Found)
	require.Equal(t, 1, newer.Known)
}

func TestAPrefixThatHoldsSomethingElseIsRefused(t *testing.T) {
	cluster, in := one(t), prefix()
	client := raw(t, cluster)
	_, err := client.Put(t.Context(), in+"other", "")
	require.NoError(t, err)
	_, err = etcd.OpenEndpoints(t.Context(), cluster.Endpoints(), etcd.Options{Prefix: in})
	var not *adapters.NotAStoreError
	require.ErrorAs(t, err, &not)
	require.EqualValues(t, 1, count(t, client, in), "it was not written to")
}

func TestAClusterThatIsNotThereIsUnavailable(t *testing.T) {
	_, err := etcd.OpenEndpoints(t.Context(), []string{"http://127.0.0.1:1"}, etcd.Options{Timeout: time.Second})
	var unavailable *adapters.UnavailableError
	require.ErrorAs(t, err, &unavailable)
}

func TestReplicasThatStartAtOnceDoNotCollide(t *testing.T) {
	cluster, in := one(t), prefix()
	var wg sync.WaitGroup
	errs := make([]error, 6)
	for i := range errs {
		wg.Go(func() {
			s, err := etcd.OpenEndpoints(t.Context(), cluster.Endpoints(), etcd.Options{Prefix: in})
			if errs[i] = err; err == nil {
				errs[i] = s.Close()
			}
		})
	}
	wg.Wait()
	for _, err := range errs {
		require.NoError(t, err)
	}
	s := open(t, cluster.Endpoints(), etcd.Options{Prefix: in})
	f, err := s.Fleet(t.Context())
	require.NoError(t, err)
	require.Equal(t, adapters.Ordering(1), f.Ordering)
}

// A full database refuses, says what to do, and goes on once that was done.
func TestAFullDatabaseSaysSo(t *testing.T) {
	const quota = 16 << 20
	cluster := start(t, 1, "--quota-backend-bytes", fmt.Sprint(quota))
	client := raw(t, cluster)
	s := open(t, cluster.Endpoints(), etcd.Options{})
	o := opening("a")
	require.NoError(t, s.Enact(t.Context(), []adapters.Act{o}))
	rec := whole(t, s, states.Key{Rollout: o.Rollout, Host: "a"})
	filler := strings.Repeat("x", 1<<20)
	for range 2 * quota >> 20 {
		if _, err := client.Put(t.Context(), "filler", filler); err != nil {
			break
		}
	}
	_, err := s.Commit(t.Context(), []adapters.Change{dispatch(t, rec)})
	var full *adapters.FullError
	require.ErrorAs(t, err, &full)
	require.ErrorContains(t, err, "defrag")
	require.ErrorAs(t, s.Enact(t.Context(), []adapters.Act{adapters.Imposition{}}), &full)
	require.Equal(t, rec, whole(t, s, rec.Key), "reading goes on")

	status, err := client.Status(t.Context(), cluster.Endpoints()[0])
	require.NoError(t, err)
	_, err = client.Compact(t.Context(), status.Header.Revision, clientv3.WithCompactPhysical())
	require.NoError(t, err)
	_, err = client.Defragment(t.Context(), cluster.Endpoints()[0])
	require.NoError(t, err)
	_, err = client.AlarmDisarm(t.Context(), &clientv3.AlarmMember{})
	require.NoError(t, err)
	results, err := s.Commit(t.Context(), []adapters.Change{dispatch(t, rec)})
	require.NoError(t, err)
	require.NoError(t, results[0].Err)
}
