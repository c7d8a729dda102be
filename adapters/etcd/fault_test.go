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
	"go.etcd.io/etcd/api/v3/etcdserverpb"
	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	clientv3 "go.etcd.io/etcd/client/v3"
	"go.uber.org/zap"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
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

// arrives waits until something is there. It may run beside the test.
func arrives(t testing.TB, there func() bool) {
	for range 5000 {
		if there() {
			return
		}
		time.Sleep(2 * time.Millisecond)
	}
	t.Error("what was delivered did not arrive")
}

func TestACommitWhoseAnswerIsLostIsLookedUp(t *testing.T) {
	cluster := one(t)
	client := raw(t, cluster)
	in := prefix()
	var cut cutter
	s := open(t, []string{cut.listen(t, cluster.Endpoints()[0])}, etcd.Options{Prefix: in})
	o := opening("a", "b")
	require.NoError(t, s.Enact(t.Context(), []adapters.Act{o}))
	for name, fault := range map[string]func(*crossing) bool{
		"never sent": func(*crossing) bool { return false },
		"stored": func(c *crossing) bool {
			before := count(t, client, in+"log/")
			c.deliver()
			arrives(t, func() bool { return count(t, client, in+"log/") > before })
			return false
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
	cut.arm("said twice", func(c *crossing) bool {
		c.deliver()
		arrives(t, func() bool { return count(t, client, in+"quarantine/") > 0 })
		return false
	})
	q := reducer.Quarantine{Channel: "stable", Closure: "/nix/store/bad", Why: "said twice"}
	require.NoError(t, s.Enact(t.Context(), []adapters.Act{adapters.Imposition{Quarantine: q}}))
	require.False(t, cut.armed(), "nothing was cut")
	f, err := s.Fleet(t.Context())
	require.NoError(t, err)
	require.Equal(t, []reducer.Quarantine{q}, f.Quarantines)
	require.Equal(t, adapters.Ordering(3), f.Ordering, "it was enacted once")
}

// between opens a store whose client hands over each transaction on its way.
func between(t testing.TB, hand func(txn *etcdserverpb.TxnRequest, send func() error) error) *etcd.Store {
	return betweenIn(t, prefix(), hand)
}

func betweenIn(t testing.TB, in string, hand func(txn *etcdserverpb.TxnRequest, send func() error) error) *etcd.Store {
	intercept := func(ctx context.Context, method string, req, reply any, cc *grpc.ClientConn, send grpc.UnaryInvoker, opts ...grpc.CallOption) error {
		goOn := func() error { return send(ctx, method, req, reply, cc, opts...) }
		if txn, ok := req.(*etcdserverpb.TxnRequest); ok {
			return hand(txn, goOn)
		}
		return goOn()
	}
	client, err := clientv3.New(clientv3.Config{
		Endpoints: one(t).Endpoints(), Logger: zap.NewNop(),
		DialOptions: []grpc.DialOption{grpc.WithChainUnaryInterceptor(intercept)},
	})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, client.Close()) })
	s, err := etcd.Open(t.Context(), client, etcd.Options{Prefix: in, Timeout: patience})
	require.NoError(t, err)
	return s
}

// A request may wait in a buffer for as long as it likes. What was said not to
// be stored must not be stored by it later.
func TestARequestThatComesTooLateStoresNothing(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	var held *etcdserverpb.TxnRequest
	armed := false
	s := between(t, func(txn *etcdserverpb.TxnRequest, send func() error) error {
		if !armed {
			return send()
		}
		held, armed = txn, false
		cancel()
		return rpctypes.ErrGRPCTimeout
	})
	o := opening("a")
	require.NoError(t, s.Enact(t.Context(), []adapters.Act{o}))
	rec := whole(t, s, states.Key{Rollout: o.Rollout, Host: "a"})

	armed = true
	_, err := s.Commit(ctx, []adapters.Change{dispatch(t, rec)})
	require.ErrorIs(t, err, context.Canceled)
	require.NotErrorIs(t, err, adapters.ErrUnknownOutcome)
	require.NotNil(t, held)
	late, err := etcdserverpb.NewKVClient(raw(t, one(t)).ActiveConnection()).Txn(t.Context(), held)
	require.NoError(t, err)
	require.False(t, late.Succeeded)
	require.Equal(t, rec, whole(t, s, rec.Key))
}

// The client sends a request again where a server says that its time ran out,
// whatever became of the first.
func TestARequestThatIsSentTwiceIsNoConflictWithItself(t *testing.T) {
	sent := 0
	s := between(t, func(txn *etcdserverpb.TxnRequest, send func() error) error {
		err := send()
		if len(txn.Compare) > 0 && sent == 1 && err == nil {
			sent++
			return status.Error(codes.DeadlineExceeded, "the server's own")
		}
		return err
	})
	o := opening("a", "b")
	sent = 1
	require.NoError(t, s.Enact(t.Context(), []adapters.Act{o}))
	require.Equal(t, 2, sent)
	f, err := s.Fleet(t.Context())
	require.NoError(t, err)
	require.Equal(t, adapters.Ordering(2), f.Ordering)

	sent = 1
	closing, stale := failed(t, member(t, &o, 0)), dispatch(t, member(t, &o, 1))
	closing.Guard, stale.Guard = f.Ordering, f.Ordering
	stale.Expect, stale.Record.Revision, stale.Effects[0].Entry.Revision = 7, 8, 8
	results, err := s.Commit(t.Context(), []adapters.Change{closing, stale})
	require.NoError(t, err)
	require.Equal(t, 2, sent)
	require.NoError(t, results[0].Err)
	var conflict *adapters.ConflictError
	require.ErrorAs(t, results[1].Err, &conflict)
	require.Zero(t, conflict.Guard, "the ordering revision was as it should be when the batch was stored")
	require.Equal(t, closing.Record, whole(t, s, closing.Record.Key))
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

// A store that was created, and did not hear of it, is there.
func TestAStoreWhoseCreationIsNotAnsweredOpens(t *testing.T) {
	cluster, in := one(t), prefix()
	var cut cutter
	cut.arm(in+"ordering", func(c *crossing) bool {
		c.deliver()
		return false
	})
	open(t, []string{cut.listen(t, cluster.Endpoints()[0])}, etcd.Options{Prefix: in})
	require.False(t, cut.armed(), "nothing happened")
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
	old := opening("a", "b")
	old.Rollout.Channel = "old"
	require.NoError(t, s.Enact(t.Context(), []adapters.Act{old}))
	moved(t, s, keyIn(old, 0))
	newer := succeed(t, s, old)
	moved(t, s, keyIn(newer, 0))
	fits := snapshot(t, s, keyIn(newer, 0))
	succeed(t, s, newer)
	forget := adapters.Pruning{Rollouts: []states.Rollout{old.Rollout}}
	_, err := s.Prune(t.Context(), forget)
	require.NoError(t, err)
	fleet, err := s.Fleet(t.Context())
	require.NoError(t, err)
	filler := strings.Repeat("x", 1<<20)
	// A put that does not fit raises the alarm, which takes effect a moment later;
	// until then what is small still fits. What the disk takes long for may fail
	// for another reason before.
	full, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	for raised := false; !raised; {
		_, put := client.Put(full, "filler", filler)
		alarms, err := client.AlarmList(full)
		require.NoError(t, full.Err(), "the last put ended with %v, the alarms with %v", put, err)
		raised = err == nil && len(alarms.Alarms) > 0
	}
	_, err = s.Commit(t.Context(), []adapters.Change{dispatch(t, rec)})
	var refused *adapters.FullError
	require.ErrorAs(t, err, &refused)
	require.ErrorContains(t, err, "defrag")
	require.ErrorAs(t, s.Enact(t.Context(), []adapters.Act{adapters.Imposition{}}), &refused)
	require.Equal(t, rec, whole(t, s, rec.Key), "reading goes on")
	_, err = s.Compact(t.Context(), []reducer.LogEntry{fits})
	require.ErrorAs(t, err, &refused)
	forget.Rollouts = []states.Rollout{newer.Rollout}
	_, err = s.Prune(t.Context(), forget)
	require.ErrorAs(t, err, &refused)
	after, err := s.Fleet(t.Context())
	require.NoError(t, err)
	require.Equal(t, fleet, after, "nothing is forgotten")
	done, err := s.Prune(t.Context(), adapters.Pruning{Most: 100})
	require.NoError(t, err)
	require.Equal(t, adapters.Pruned{Erased: 3}, done, "what was forgotten is erased all the same")

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
	_, err = s.Prune(t.Context(), forget)
	require.NoError(t, err)
	require.Empty(t, verified(t, s))
}

// The pieces of a large opening hang on a lease until the opening is there.
// Should that end too early, nothing of the opening is stored, and it is made
// anew.
func TestAnOpeningWhoseLeaseEndsIsMadeAnew(t *testing.T) {
	cluster, in := one(t), prefix()
	client := raw(t, cluster)
	var cut cutter
	s := open(t, []string{cut.listen(t, cluster.Endpoints()[0])}, etcd.Options{Prefix: in, RequestBytes: 20_000})
	cut.arm(in+"named/", func(c *crossing) bool { // what looks whether it is there; then what opens it
		_, err := c.server.Write(c.bytes)
		require.NoError(t, err)
		cut.arm(in+"named/", func(c *crossing) bool {
			leases, err := client.Leases(context.Background())
			require.NoError(t, err)
			for _, l := range leases.Leases {
				_, err := client.Revoke(context.Background(), l.ID)
				require.NoError(t, err)
			}
			_, err = c.server.Write(c.bytes)
			require.NoError(t, err)
			return true
		})
		return true
	})
	o := openedFleet(t, s, 3000)
	require.False(t, cut.armed(), "nothing happened")
	f, err := s.Fleet(t.Context())
	require.NoError(t, err)
	require.Equal(t, []adapters.Opening{o}, f.Openings)
	require.Equal(t, adapters.Ordering(2), f.Ordering)
}
