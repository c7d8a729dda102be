package bench_test

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/rollmend/rollmend/adapters"
	"github.com/rollmend/rollmend/engine"
	"github.com/rollmend/rollmend/gates"
	"github.com/rollmend/rollmend/reducer"
	"github.com/rollmend/rollmend/states"
	"github.com/rollmend/rollmend/synth"
)

// cycle is the time between two heartbeats of a host.
const cycle = time.Minute

// planned returns a plan of n hosts on one channel, in that many waves of the
// same size.
func planned(n, waves int) gates.Plan {
	plan := gates.Plan{Ref: stable.Ref, Hosts: make([]gates.PlannedHost, n)}
	for i := range plan.Hosts {
		plan.Hosts[i] = gates.PlannedHost{
			Host: hostName(i), Channel: stable.Channel, Wave: states.Wave(i * waves / n), Target: target, Policy: policy,
		}
	}
	return plan
}

func hostName(i int) states.Host { return states.Host(fmt.Sprintf("web-%07d", i)) }

// beats returns a heartbeat of each of n hosts, in random order. Each has a name
// of its own, as one that was decoded has.
func beats(n int) []synth.Heartbeat {
	// The same order each time: runs are compared with each other.
	order := rand.New(rand.NewPCG(1, 2)).Perm(n)
	out := make([]synth.Heartbeat, n)
	for i, host := range order {
		out[i] = synth.Heartbeat{
			Host: hostName(host), Current: target, At: openedAt.Add(2 * soak), Order: states.Order{Boot: 3, Beat: 700},
		}
	}
	return out
}

// converged returns the record of a host that reported all of its rollout.
func converged(t testing.TB, host states.Host) states.Record {
	rec := opened(t, stable, host, 0)
	for _, ev := range lived(t, host, reducer.DispatchAck{AtDispatch: before}, reducer.ActivationCompleted{Observed: target}, reducer.Converged{Current: target}).events {
		out, err := reducer.Step(rec, ev)
		require.NoError(t, err)
		rec = out.Record
	}
	return rec
}

// restored returns a core as it is after a start on a fleet that converged,
// once each host has beaten.
func restored(t testing.TB, n int) *engine.Core {
	now := openedAt.Add(24 * time.Hour)
	core, err := engine.NewCore(engine.CoreOptions{Started: now, Cycle: cycle, Silence: 3 * cycle, Skew: 5 * time.Minute})
	require.NoError(t, err)
	plan := planned(n, 1)
	opening := adapters.Opening{Rollout: stable, At: openedAt, Members: make([]adapters.Member, n)}
	for i, h := range plan.Hosts {
		opening.Members[i] = adapters.Member{Host: h.Host, Opened: reducer.Opened{Target: h.Target, Policy: h.Policy}}
	}
	core.Restore(adapters.Fleet{Ordering: 1, Openings: []adapters.Opening{opening}})
	rec := converged(t, hostName(0))
	record := func(host states.Host) states.Record {
		mine := rec
		mine.Host = host
		return mine
	}
	for _, h := range plan.Hosts {
		core.Adopt(record(h.Host))
	}
	core.Restored()
	core.Load(gates.NewFleet(plan), nil)
	for _, h := range plan.Hosts {
		hb := synth.Heartbeat{Host: h.Host, Current: target, At: openedAt.Add(2 * soak), Order: states.Order{Boot: 3, Beat: 600}}
		round(core, now, engine.Beat{Heartbeat: hb, Received: now}, record)
	}
	return core
}

// round takes one heartbeat through a core, with records that record gives.
func round(core *engine.Core, now states.Time, in engine.Beat, record func(states.Host) states.Record) {
	inputs := []engine.Input{in}
	for _, key := range core.Missing(inputs) {
		core.Provide(record(key.Host))
	}
	core.Settle(core.Decide(now, inputs), nil, nil, now)
}
