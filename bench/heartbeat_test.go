package bench_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/rollmend/rollmend/engine"
	"github.com/rollmend/rollmend/states"
	"github.com/rollmend/rollmend/synth"
)

// BenchmarkHeartbeat answers heartbeats of a million hosts in step, in random
// order, beside a bare map that looks the same names up.
func BenchmarkHeartbeat(b *testing.B) {
	const hosts, perRound = 1_000_000, 1000
	core, received := restored(b, hosts), openedAt.Add(25*time.Hour)
	incoming := beats(hosts)
	bare := make(map[states.Host]int32, hosts)
	for i := range hosts {
		bare[hostName(i)] = int32(i)
	}
	inStep := func(beats []synth.Heartbeat) {
		for i := range beats {
			in := engine.Beat{Heartbeat: beats[i], Received: received}
			in.Heartbeat.Order.Beat = uint64(received)
			if _, ok := core.InStep(&in, received); !ok {
				b.Fatalf("%s is not in step", in.Heartbeat.Host)
			}
		}
	}
	lookUp := func(beats []synth.Heartbeat) {
		for i := range beats {
			in := engine.Beat{Heartbeat: beats[i], Received: received}
			in.Heartbeat.Order.Beat = uint64(received)
			if _, ok := bare[in.Heartbeat.Host]; !ok {
				b.Fatalf("%s is not there", in.Heartbeat.Host)
			}
		}
	}
	// The processor overlaps look-ups that do not depend on each other. Here each
	// begins where the one before it says, as for a caller who waits for one.
	lookUpInTurn := func(beats []synth.Heartbeat) {
		for i := int32(0); int(i) < len(beats); i++ {
			in := engine.Beat{Heartbeat: beats[i], Received: received}
			in.Heartbeat.Order.Beat = uint64(received)
			id, ok := bare[in.Heartbeat.Host]
			if !ok {
				b.Fatalf("%s is not there", in.Heartbeat.Host)
			}
			i += id >> 31 // 0, but the processor cannot know
		}
	}
	// Each takes the hosts that the other has not just brought into the cache.
	inTurn := func(run func([]synth.Heartbeat), from int) func() {
		return func() {
			if from == hosts {
				from, received = 0, received.Add(cycle)
			}
			run(incoming[from : from+perRound])
			from += perRound
		}
	}
	beside(b, perRound,
		contender{name: "lookup", run: inTurn(lookUp, hosts/2)}, contender{name: "heartbeat", run: inTurn(inStep, 0)},
		contender{name: "lookup-in-turn", run: inTurn(lookUpInTurn, hosts/4)},
	)
	b.ReportMetric(testing.AllocsPerRun(1, func() { inStep(incoming) })/hosts, "allocs/heartbeat")
}

// TestAHeartbeatInStepAllocatesNothing holds what the benchmark shows.
func TestAHeartbeatInStepAllocatesNothing(t *testing.T) {
	core, received := restored(t, 1), openedAt.Add(25*time.Hour)
	in := engine.Beat{Heartbeat: beats(1)[0]}
	allocs := testing.AllocsPerRun(100, func() {
		received = received.Add(cycle)
		in.Heartbeat.Order.Beat++
		in.Received = received
		_, ok := core.InStep(&in, received)
		require.True(t, ok)
	})
	require.Zero(t, allocs)
}
