package main

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	clientv3 "go.etcd.io/etcd/client/v3"
	"go.uber.org/zap"

	"github.com/rollmend/rollmend/adapters"
	"github.com/rollmend/rollmend/adapters/etcd"
	"github.com/rollmend/rollmend/adapters/etcd/throwaway"
	"github.com/rollmend/rollmend/adapters/upkeep"
	"github.com/rollmend/rollmend/engine"
	"github.com/rollmend/rollmend/gates"
	"github.com/rollmend/rollmend/reducer"
	"github.com/rollmend/rollmend/states"
)

// A control plane on etcd forgets and compacts while it is in use, on servers
// that were started as the page says; what the program then looks at is well.
func TestAnEtcdStoreIsKeptSmallAsThePageSays(t *testing.T) {
	flags := strings.Fields(box(t, "etcd server"))
	require.Equal(t, "etcd", flags[0])
	cluster, err := throwaway.Start(t.Context(), 1, flags[1:]...)
	require.NoError(t, err)
	t.Cleanup(throwaway.Clean)
	t.Cleanup(cluster.Stop)
	store, err := etcd.OpenEndpoints(t.Context(), cluster.Endpoints(), etcd.Options{Timeout: time.Minute})
	require.NoError(t, err)
	clock := &settable{now: time.Unix(1_790_000_000, 0)}
	p := start(t, clock, store)
	defer p.stop()
	p.says("bad", 1, reducer.DispatchAck{AtDispatch: "old"})
	p.says("bad", 2, reducer.ActivationFailed{ExitCode: 1})
	p.says("bad", 3, reducer.RollbackComplete{RevertedTo: "old"})
	for _, host := range []states.Host{"web-1", "web-2", "web-3"} {
		p.says(host, 1, reducer.DispatchAck{AtDispatch: "old"})
		p.says(host, 2, reducer.ActivationCompleted{Observed: "new"})
		clock.now = clock.now.Add(time.Minute)
		p.says(host, 3, reducer.Converged{Current: "new"})
	}

	next := plan()
	next.Ref = "r2"
	_, err = p.Load(t.Context(), gates.NewFleet(next))
	require.NoError(t, err)
	clock.now = clock.now.Add(100 * 24 * time.Hour)
	retention := engine.Retention{After: 90 * 24 * time.Hour}
	var forgotten []states.Rollout
	for done := (engine.Pruned{More: true}); done.More; {
		done, err = p.Prune(t.Context(), retention)
		require.NoError(t, err)
		forgotten = append(forgotten, done.Forgotten...)
	}
	require.ElementsMatch(t, []states.Rollout{{Channel: "edge", Ref: "r1"}, {Channel: "stable", Ref: "r1"}}, forgotten)
	_, err = store.Record(t.Context(), states.Key{Rollout: states.Rollout{Channel: "stable", Ref: "r1"}, Host: "web-1"})
	require.ErrorIs(t, err, adapters.ErrNotFound)
	for _, host := range []states.Host{"web-1", "web-2"} {
		p.beats(host, "new")
	}
	compacted, err := upkeep.Compact(t.Context(), store, upkeep.Rest{Now: states.TimeOf(clock.now), Least: 2}, nil)
	require.NoError(t, err)
	require.Equal(t, 2, compacted.Compacted)
	o, err := p.Fleet(t.Context())
	require.NoError(t, err)
	require.Len(t, o.Quarantines, 1, "what was quarantined stays so")

	var out bytes.Buffer
	at := "etcd://" + strings.Join(strip(cluster.Endpoints()), ",")
	require.Equal(t, well, run(t.Context(), []string{"-store", at}, &out), out.String())
	client, err := clientv3.New(clientv3.Config{Endpoints: cluster.Endpoints(), Logger: zap.NewNop()})
	require.NoError(t, err)
	defer func() { require.NoError(t, client.Close()) }()
	_, err = client.Put(t.Context(), "rollmend/log/000000000000/web-1/01", "")
	require.NoError(t, err)
	out.Reset()
	require.Equal(t, wrong, run(t.Context(), []string{"-store", at, "-prefix", "rollmend/"}, &out), out.String())
	require.Contains(t, out.String(), "stray: a log of an opening that is not there: the key rollmend/log/000000000000/web-1/01\n")
}

func strip(endpoints []string) (hosts []string) {
	for _, e := range endpoints {
		hosts = append(hosts, strings.TrimPrefix(e, "http://"))
	}
	return hosts
}
