package postgres_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/rollmend/rollmend/adapters"
	"github.com/rollmend/rollmend/adapters/postgres"
	"github.com/rollmend/rollmend/adapters/postgres/throwaway"
	"github.com/rollmend/rollmend/internal/codec"
	"github.com/rollmend/rollmend/reducer"
	"github.com/rollmend/rollmend/states"
	"github.com/stretchr/testify/require"
)

// longTarget is as long as such names are.
const longTarget states.Closure = "/nix/store/0123456789abcdfghijklmnpqrsvwxyz-nixos-system-edge-25.11"

// fleetOf is an opening of so many hosts, with names as long as such names are.
func fleetOf(n int) adapters.Opening {
	hosts := make([]states.Host, n)
	for i := range hosts {
		hosts[i] = states.Host(fmt.Sprintf("edge-%07d.example", i))
	}
	o := opening(hosts...)
	for i := range o.Members {
		o.Members[i].Opened.Target = longTarget
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
		out, err := reducer.Step(c.Record, reducer.Event{Key: c.Record.Key, Origin: origin, At: at, Body: body})
		require.NoError(t, err)
		c.Record, c.Effects = out.Record, append(c.Effects, out.Effects)
	}
	return c
}

// BenchmarkRecovery commits the chains of a wiped fleet by batch size, in turns
// with a bare client that appends as many rows of the same bytes in one statement
// and one round trip: the record, and its effects. The server syncs its commits.
func BenchmarkRecovery(b *testing.B) {
	server, err := throwaway.Start(b.Context())
	demand(b, err)
	b.Cleanup(server.Stop)
	for _, size := range []int{1, 100, 1000, 4000} {
		b.Run(fmt.Sprintf("batch=%d", size), func(b *testing.B) { recovery(b, server.DSN(), size) })
	}
}

func recovery(b *testing.B, dsn string, size int) {
	in := schema()
	s := open(b, dsn, postgres.Options{Schema: in})
	o := fleetOf(b.N * size)
	require.NoError(b, s.Enact(b.Context(), []adapters.Act{o}))
	bare := raw(b, dsn, in)
	run(b, bare, `CREATE TABLE bare (id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY, data BYTEA NOT NULL)`)
	var ours, theirs time.Duration
	for i := range b.N {
		changes := make([]adapters.Change, size)
		for j := range changes {
			changes[j] = recovered(b, &o, (i*size+j)*scatter%(b.N*size))
		}
		from := time.Now()
		results, err := s.Commit(b.Context(), changes)
		ours += time.Since(from)
		require.NoError(b, err)
		for _, r := range results {
			require.NoError(b, r.Err)
		}
		theirs += appendRows(b, bare, changes)
	}
	hosts := float64(b.N * size)
	b.ReportMetric(hosts/ours.Seconds(), "hosts/s")
	b.ReportMetric(hosts/theirs.Seconds(), "bare-hosts/s")
	b.ReportMetric(theirs.Seconds()/ours.Seconds(), "share-of-bare")
	b.ReportMetric(0, "ns/op")
}

// scatter is a prime, which takes the hosts out of the order of their names.
const scatter = 1_000_003

// appendRows appends what the changes hold as a store does, with the bytes that
// it writes, and says how long that took.
func appendRows(b *testing.B, conn *pgx.Conn, changes []adapters.Change) time.Duration {
	var rows [][]byte
	for i := range changes {
		rows = append(rows, codec.AppendRecord(nil, &changes[i].Record))
		effects, err := codec.AppendEffects(nil, changes[i].Record.Key, changes[i].Effects)
		require.NoError(b, err)
		rows = append(rows, effects)
	}
	from := time.Now()
	_, err := conn.Exec(context.Background(), `INSERT INTO bare (data) SELECT unnest($1::bytea[])`, rows)
	took := time.Since(from)
	require.NoError(b, err)
	return took
}
