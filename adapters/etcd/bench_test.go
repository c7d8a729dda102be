package etcd_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/rollmend/rollmend/adapters"
	"github.com/rollmend/rollmend/adapters/etcd"
	"github.com/rollmend/rollmend/adapters/etcd/throwaway"
	"github.com/rollmend/rollmend/reducer"
	"github.com/rollmend/rollmend/states"
	"github.com/stretchr/testify/require"
	clientv3 "go.etcd.io/etcd/client/v3"
)

// target is as long as such names are.
const target states.Closure = "/nix/store/0123456789abcdfghijklmnpqrsvwxyz-nixos-system-edge-25.11"

// fleetOf is an opening of so many hosts, with names as long as such names are.
func fleetOf(n int) adapters.Opening {
	hosts := make([]states.Host, n)
	for i := range hosts {
		hosts[i] = states.Host(fmt.Sprintf("edge-%07d.example", i))
	}
	o := opening(hosts...)
	for i := range o.Members {
		o.Members[i].Opened.Target = target
	}
	return o
}

// recovered is the change that brings a record back after a wipe: the chain of
// the case records-lost, in one.
func recovered(t testing.TB, o *adapters.Opening, i int) adapters.Change {
	rec, _, err := o.Record(o.Members[i])
	require.NoError(t, err)
	c := adapters.Change{Record: rec}
	origin := reducer.Origin{By: reducer.BySynthesis, Case: states.RecordsLost, From: states.Observation{
		At: opened + 70_000, Order: states.Order{Boot: 2, Beat: 3}, Current: rec.Target,
	}}
	for _, body := range []reducer.Body{
		reducer.DispatchAck{}, reducer.ActivationCompleted{Observed: rec.Target}, reducer.Converged{Current: rec.Target},
	} {
		at := opened
		if body.Kind() == states.KindConverged {
			at = c.Record.SoakDue()
		}
		step(t, &c, reducer.Event{Origin: origin, At: at, Body: body})
	}
	return c
}

func step(t testing.TB, c *adapters.Change, ev reducer.Event) {
	ev.Key = c.Record.Key
	out, err := reducer.Step(c.Record, ev)
	require.NoError(t, err)
	c.Record, c.Effects = out.Record, append(c.Effects, out.Effects)
}

// BenchmarkRecovery commits the chains of a wiped fleet by batch size, in turns
// with a bare client that puts the same bytes under as many keys, in
// transactions as large as a server takes by default.
func BenchmarkRecovery(b *testing.B) {
	for _, size := range []int{1, 100, 1000} {
		b.Run(fmt.Sprintf("batch=%d", size), func(b *testing.B) { recovery(b, one(b), size) })
	}
	b.Run("members=3/batch=1000", func(b *testing.B) { recovery(b, start(b, 3), 1000) })
}

func recovery(b *testing.B, c *throwaway.Cluster, size int) {
	s := open(b, c.Endpoints(), etcd.Options{Prefix: prefix()})
	client, bare := raw(b, c), prefix()
	o := fleetOf(b.N * size)
	require.NoError(b, s.Enact(b.Context(), []adapters.Act{o}))
	var ours, theirs time.Duration
	for i := range b.N {
		changes := make([]adapters.Change, size)
		for j := range changes {
			changes[j] = recovered(b, &o, i*size+j)
		}
		from := time.Now()
		results, err := s.Commit(b.Context(), changes)
		ours += time.Since(from)
		require.NoError(b, err)
		for _, r := range results {
			require.NoError(b, r.Err)
		}
		theirs += put(b, client, bare, changes)
	}
	hosts := float64(b.N * size)
	b.ReportMetric(hosts/ours.Seconds(), "hosts/s")
	b.ReportMetric(hosts/theirs.Seconds(), "bare-hosts/s")
	b.ReportMetric(theirs.Seconds()/ours.Seconds(), "share-of-bare")
	b.ReportMetric(0, "ns/op")
}

// perTransaction is how many hosts of two keys a plain transaction takes.
const perTransaction = 64

// put puts what the changes hold, and says how long that took.
func put(b *testing.B, client *clientv3.Client, prefix string, changes []adapters.Change) time.Duration {
	var ops []clientv3.Op
	for i := range changes {
		c := &changes[i]
		// About as many bytes as the store writes: the encoding is the library's own.
		host := string(c.Record.Host)
		ops = append(ops,
			clientv3.OpPut(prefix+"record/0123456789ab/"+host, strings.Repeat("r", 170)),
			clientv3.OpPut(prefix+"log/0123456789ab/"+host+"/03", strings.Repeat("l", 230)))
	}
	from := time.Now()
	for ; len(ops) > 0; ops = ops[min(2*perTransaction, len(ops)):] {
		_, err := client.Txn(b.Context()).Then(ops[:min(2*perTransaction, len(ops))]...).Commit()
		require.NoError(b, err)
	}
	return time.Since(from)
}

// life is what an ordinary rollout makes of a host, a change at a time.
var life = []reducer.Body{
	reducer.Dispatched{},
	reducer.DispatchAck{AtDispatch: "/nix/store/zyxwvsrqpnmlkjihgfdcba9876543210-nixos-system-edge-25.05"},
	reducer.ActivationStarted{Method: "switch"},
	reducer.ActivationCompleted{Observed: target},
	reducer.ProbeTopologyDeclared{Probes: []reducer.Declaration{{Name: "http", Mode: states.Enforce}}},
	reducer.ProbeObservedFirst{Probe: "http", Mode: states.Enforce},
	reducer.ProbeResult{Probe: "http", Mode: states.Enforce, Status: states.Pass},
	reducer.Converged{Current: target},
}

// BenchmarkBytes says what a host takes of the database: brought back after a
// wipe, and taken through a whole rollout; as it is, and after the history was
// compacted and the member defragmented.
func BenchmarkBytes(b *testing.B) {
	const hosts, batch = 20_000, 1000
	b.Run("recovered", func(b *testing.B) {
		for range b.N {
			bytesOf(b, hosts, batch, 1, func(o *adapters.Opening, i, _ int) adapters.Change { return recovered(b, o, i) })
		}
	})
	b.Run("rollout", func(b *testing.B) {
		for range b.N {
			at := make([]states.Record, hosts)
			bytesOf(b, hosts, batch, len(life), func(o *adapters.Opening, i, n int) adapters.Change {
				if n == 0 {
					at[i] = member(b, o, i)
				}
				c := adapters.Change{Expect: at[i].Revision, Record: at[i]}
				ev := reducer.Event{Seq: states.Seq(n), At: opened + states.Time(1000*n), Body: life[n]}
				if n == 0 {
					ev.Origin = reducer.Origin{By: reducer.ByControlPlane}
				}
				step(b, &c, ev)
				at[i] = c.Record
				return c
			})
		}
	})
}

func bytesOf(b *testing.B, hosts, batch, steps int, next func(o *adapters.Opening, host, step int) adapters.Change) {
	c := start(b, 1, "--quota-backend-bytes", fmt.Sprint(8<<30))
	client := raw(b, c)
	size := func() float64 {
		status, err := client.Status(b.Context(), c.Endpoints()[0])
		require.NoError(b, err)
		return float64(status.DbSize) / float64(hosts)
	}
	s := open(b, c.Endpoints(), etcd.Options{})
	o := openedFleet(b, s, hosts)
	for n := range steps {
		for from := 0; from < hosts; from += batch {
			changes := make([]adapters.Change, batch)
			for i := range changes {
				changes[i] = next(&o, from+i, n)
			}
			results, err := s.Commit(b.Context(), changes)
			require.NoError(b, err)
			for _, r := range results {
				require.NoError(b, r.Err)
			}
		}
	}
	time.Sleep(200 * time.Millisecond) // the server writes ten times a second
	b.ReportMetric(size(), "B/host")
	at, err := client.Get(b.Context(), "any")
	require.NoError(b, err)
	_, err = client.Compact(b.Context(), at.Header.Revision, clientv3.WithCompactPhysical())
	require.NoError(b, err)
	_, err = client.Defragment(b.Context(), c.Endpoints()[0])
	require.NoError(b, err)
	b.ReportMetric(size(), "compacted-B/host")
	b.ReportMetric(0, "ns/op")
}
