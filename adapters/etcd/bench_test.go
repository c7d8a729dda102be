package etcd_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/rollmend/rollmend/adapters"
	"github.com/rollmend/rollmend/adapters/etcd"
	"github.com/rollmend/rollmend/reducer"
	"github.com/rollmend/rollmend/states"
	"github.com/stretchr/testify/require"
)

// fleetOf is an opening of so many hosts, with names as long as such names are.
func fleetOf(n int) adapters.Opening {
	hosts := make([]states.Host, n)
	for i := range hosts {
		hosts[i] = states.Host(fmt.Sprintf("edge-%07d.example", i))
	}
	o := opening(hosts...)
	for i := range o.Members {
		o.Members[i].Opened.Target = "/nix/store/0123456789abcdfghijklmnpqrsvwxyz-nixos-system-edge-25.11"
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

// BenchmarkRecovery commits the chains of a wiped fleet by batch size, beside a
// bare client that puts the same bytes, and says what the database holds then.
func BenchmarkRecovery(b *testing.B) {
	for _, size := range []int{1, 100, 1000} {
		b.Run(fmt.Sprintf("batch=%d", size), func(b *testing.B) { recovery(b, size) })
	}
}

func recovery(b *testing.B, size int) {
	c := one(b)
	s := open(b, c.Endpoints(), etcd.Options{Prefix: prefix()})
	o := fleetOf(b.N * size)
	require.NoError(b, s.Enact(b.Context(), []adapters.Act{o}))
	var took time.Duration
	for i := range b.N {
		changes := make([]adapters.Change, size)
		for j := range changes {
			changes[j] = recovered(b, &o, i*size+j)
		}
		from := time.Now()
		results, err := s.Commit(b.Context(), changes)
		took += time.Since(from)
		require.NoError(b, err)
		for _, r := range results {
			require.NoError(b, r.Err)
		}
	}
	b.ReportMetric(float64(b.N*size)/took.Seconds(), "hosts/s")
	b.ReportMetric(0, "ns/op")
}
