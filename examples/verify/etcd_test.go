package main

import (
	"bytes"
	"crypto/tls"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
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
	"github.com/rollmend/rollmend/examples/certs"
	"github.com/rollmend/rollmend/gates"
	"github.com/rollmend/rollmend/reducer"
	"github.com/rollmend/rollmend/states"
)

func TestMain(m *testing.M) {
	status := m.Run()
	throwaway.Clean()
	os.Exit(status)
}

// etcdCluster starts a cluster, puts etcd's tools where a box finds them, and the
// test into a folder of its own.
func etcdCluster(t *testing.T, members int) *throwaway.Cluster {
	t.Helper()
	cluster, err := throwaway.Start(t.Context(), members)
	require.NoError(t, err)
	t.Cleanup(cluster.Stop)
	tools, err := throwaway.Tools(t.Context())
	require.NoError(t, err)
	t.Setenv("PATH", tools+string(os.PathListSeparator)+os.Getenv("PATH"))
	t.Setenv("MEMBER", cluster.Members[0].Endpoint)
	t.Chdir(t.TempDir())
	return cluster
}

func openEtcd(t *testing.T, cluster *throwaway.Cluster) *etcd.Store {
	t.Helper()
	s, err := etcd.OpenEndpoints(t.Context(), cluster.Endpoints(), etcd.Options{Timeout: time.Minute})
	require.NoError(t, err)
	return s
}

func etcdClient(t *testing.T, cluster *throwaway.Cluster) *clientv3.Client {
	t.Helper()
	client, err := clientv3.New(clientv3.Config{Endpoints: cluster.Endpoints(), Logger: zap.NewNop()})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, client.Close()) })
	return client
}

// restoreEtcd stops every member, restores each, and starts them; all but the
// first have lost their data. It makes sure that nothing is taken for what was
// before.
func restoreEtcd(t *testing.T, cluster *throwaway.Cluster) {
	t.Helper()
	client := etcdClient(t, cluster)
	before, err := client.Get(t.Context(), "any")
	require.NoError(t, err)
	var all []string
	for i, m := range cluster.Members {
		m.Kill()
		all = append(all, m.Name+"="+m.Peer)
		if i > 0 {
			require.NoError(t, os.RemoveAll(m.Data()))
		}
	}
	t.Setenv("CLUSTER", strings.Join(all, ","))
	t.Setenv("TOKEN", "restored")
	for _, m := range cluster.Members {
		t.Setenv("NAME", m.Name)
		t.Setenv("PEER", m.Peer)
		t.Setenv("DATA", m.Data())
		try(t, "etcd restore")
		require.NoError(t, m.Start())
	}
	require.NoError(t, cluster.Ready(t.Context()))
	for _, m := range cluster.Members {
		now, err := client.Status(t.Context(), m.Endpoint)
		require.NoError(t, err)
		require.NotEqual(t, before.Header.ClusterId, now.Header.ClusterId, "an old member would be let in")
		require.Greater(t, now.Header.Revision, before.Header.Revision, "revisions come again")
	}
}

func TestAnEtcdStoreIsRestoredAsThePageSays(t *testing.T) {
	cluster := etcdCluster(t, 3)
	restored(t, func() closingStore { return openEtcd(t, cluster) },
		func() { try(t, "etcd backup") }, func() { restoreEtcd(t, cluster) })
	var out bytes.Buffer
	require.Equal(t, well, run(t.Context(), []string{"-store", "etcd://" + strings.Join(strip(cluster.Endpoints()), ",")}, &out), out.String())
}

// A control plane that nobody stopped, and a cluster of one: what the plane has
// seen is gone, and it knows so.
func TestAControlPlaneThatWasOverlookedReadsTheRestoredStore(t *testing.T) {
	cluster := etcdCluster(t, 1)
	clock := &settable{now: time.Unix(1_790_000_000, 0)}
	p := start(t, clock, openEtcd(t, cluster))
	defer p.stop()
	p.says("web-1", 1, reducer.DispatchAck{AtDispatch: "old"})
	try(t, "etcd backup")
	p.says("web-1", 2, reducer.ActivationCompleted{Observed: "new"})
	clock.now = clock.now.Add(time.Minute)
	p.says("web-1", 3, reducer.Converged{Current: "new"})
	p.says("web-2", 1, reducer.DispatchAck{AtDispatch: "old"})
	p.shows(map[states.Host]states.State{"web-1": states.Converged, "web-2": states.Activating})

	restoreEtcd(t, cluster)
	require.Eventually(t, func() bool {
		ex, err := p.Explain(t.Context(), "web-1")
		return err == nil && ex.Records[0].Record.State == states.Activating
	}, time.Minute, time.Millisecond)
	p.shows(map[states.Host]states.State{"web-1": states.Activating, "web-2": states.Pending})
	p.beats("web-1", "new")
	p.beats("web-2", "new")
	p.shows(map[states.Host]states.State{"web-1": states.Soaking, "web-2": states.Converged})
	p.says("web-1", 2, reducer.ActivationCompleted{Observed: "new"})
	clock.now = clock.now.Add(time.Minute)
	p.says("web-1", 3, reducer.Converged{Current: "new"})
	p.shows(map[states.Host]states.State{"web-1": states.Converged, "web-2": states.Converged})
}

func TestAMemberThatIsCutOffGivesNoBackup(t *testing.T) {
	cluster := etcdCluster(t, 3)
	cluster.Isolate(cluster.Members[0])
	t.Setenv("ETCDCTL_COMMAND_TIMEOUT", "1s") // it is waited for in vain
	out, err := exec.Command("sh", "-c", box(t, "etcd backup")).CombinedOutput()
	require.Error(t, err, "%s", out)
	require.NoFileExists(t, "rollmend.snapshot")
	out, err = exec.Command("sh", "-c", `etcdctl --endpoints="$MEMBER" snapshot save old`).CombinedOutput()
	require.NoError(t, err, "it gives snapshots: %s", out)
}

// A control plane on etcd forgets and compacts while it is in use, on servers
// that were started as the page says; what the program then looks at is well.
func TestAnEtcdStoreIsKeptSmallAsThePageSays(t *testing.T) {
	flags := strings.Fields(box(t, "etcd server"))
	require.Equal(t, "etcd", flags[0])
	cluster, err := throwaway.Start(t.Context(), 1, flags[1:]...)
	require.NoError(t, err)
	t.Cleanup(cluster.Stop)
	store := openEtcd(t, cluster)
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
	_, err = etcdClient(t, cluster).Put(t.Context(), "rollmend/log/000000000000/web-1/01", "")
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

// behindTLS puts a server in front of a member that asks for certificates, and
// returns where it is.
func behindTLS(t *testing.T, m *throwaway.Member, config *tls.Config) string {
	t.Helper()
	config.NextProtos = []string{"h2"}
	l, err := tls.Listen("tcp", "127.0.0.1:0", config)
	require.NoError(t, err)
	var running sync.WaitGroup
	t.Cleanup(running.Wait)
	t.Cleanup(func() { require.NoError(t, l.Close()) })
	running.Go(func() {
		for {
			client, err := l.Accept()
			if err != nil {
				return
			}
			running.Go(func() {
				defer client.Close()
				server, err := net.Dial("tcp", strings.TrimPrefix(m.Endpoint, "http://"))
				if err != nil {
					return
				}
				defer server.Close()
				running.Go(func() {
					defer client.Close()
					_, _ = io.Copy(client, server)
				})
				_, _ = io.Copy(server, client)
			})
		}
	})
	return l.Addr().String()
}

func TestAnEtcdStoreThatAsksForCertificatesIsLookedAt(t *testing.T) {
	cluster, err := throwaway.Start(t.Context(), 1)
	require.NoError(t, err)
	t.Cleanup(cluster.Stop)
	dir := t.TempDir()
	authority, err := certs.NewAuthority(dir)
	require.NoError(t, err)
	require.NoError(t, authority.Server("etcd"))
	require.NoError(t, authority.Client("operator"))
	config, err := certs.Load(dir, "etcd")
	require.NoError(t, err)
	at := behindTLS(t, cluster.Members[0], config)
	p := start(t, &settable{now: time.Unix(1_790_000_000, 0)}, openEtcd(t, cluster))
	p.says("web-1", 1, reducer.DispatchAck{AtDispatch: "old"})
	p.stop()

	ca, cert, key := filepath.Join(dir, "ca.pem"), filepath.Join(dir, "operator.pem"), filepath.Join(dir, "operator.key.pem")
	for why, c := range map[string]struct {
		args []string
		want int
		says string
	}{
		"all is there":           {[]string{"-cacert", ca, "-cert", cert, "-key", key}, well, ""},
		"no certificate":         {[]string{"-cacert", ca}, notLooked, "certificate required"},
		"an unknown authority":   {[]string{"-cert", cert, "-key", key}, notLooked, "unknown authority"},
		"a key alone":            {[]string{"-cacert", ca, "-key", key}, notLooked, "-cert and -key"},
		"no such file":           {[]string{"-cacert", "none.pem"}, notLooked, "none.pem"},
		"a file of another kind": {[]string{"-cacert", key, "-cert", cert, "-key", key}, notLooked, "has no certificate"},
	} {
		var out bytes.Buffer
		got := run(t.Context(), append([]string{"-store", "etcd://" + at}, c.args...), &out)
		require.Contains(t, out.String(), c.says, why)
		require.Equal(t, c.want, got, "%s: %s", why, &out)
	}
}
