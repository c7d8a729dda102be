package engine_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/rollmend/rollmend/adapters/memory"
	"github.com/rollmend/rollmend/states"
	"github.com/rollmend/rollmend/synth"
)

// A fleet whose control plane was away, or that has its power back, beats in one
// second. Where each host is asked to come again when all others are, it does so
// for ever.
func TestAFleetThatCameBackInOneSecondIsSpread(t *testing.T) {
	const hosts, cycle, cycles = 600, time.Minute, 4
	clk := newClock()
	e := startOn(t, clk, memory.New(), plan("r1", "new"))
	began := clk.Now()
	due := map[time.Duration][]states.Host{} // since the fleet came back
	for i := range hosts {
		due[0] = append(due[0], states.Host(fmt.Sprintf("node-%03d", i)))
	}
	beats := map[time.Duration]int{} // by the second
	for at := time.Duration(0); at < cycles*cycle; at += time.Millisecond {
		if len(due[at]) == 0 {
			continue
		}
		clk.Set(began.Add(at))
		for _, host := range due[at] {
			beats[at.Truncate(time.Second)]++
			next := beat(t, e, synth.Heartbeat{Host: host, Current: "old", At: states.TimeOf(clk.Now())}).NextBeat
			require.GreaterOrEqual(t, next, cycle/2)
			require.LessOrEqual(t, next, cycle)
			due[at+next] = append(due[at+next], host)
		}
		delete(due, at)
	}
	// Ten hosts have their places in each second, a few more or less by chance.
	const most = 30
	require.Equal(t, hosts, beats[0])
	for at := 2 * cycle; at < cycles*cycle; at += time.Second {
		require.LessOrEqual(t, beats[at], most, "heartbeats in the second %s after they came back", at)
	}
}
