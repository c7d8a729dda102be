package engine_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/rollmend/rollmend/adapters/memory"
	"github.com/rollmend/rollmend/engine"
	"github.com/rollmend/rollmend/gates"
	"github.com/rollmend/rollmend/states"
	"github.com/rollmend/rollmend/synth"
)

// wide is a plan of so many hosts on one channel.
func wide(hosts int) gates.Plan {
	p := gates.Plan{Ref: "r1"}
	for i := range hosts {
		p.Hosts = append(p.Hosts, gates.PlannedHost{
			Host: states.Host(fmt.Sprintf("host-%05d", i)), Channel: "stable", Target: "new",
		})
	}
	return p
}

// The whole fleet comes back in one second, and does what it is told. Two cycles
// later no second has more than twice its share, nobody was asked to wait for
// longer than a cycle, and from then on each beats once in a cycle.
func TestAFleetThatCameBackAtOnceIsSpread(t *testing.T) {
	const hosts, cycle, tick = 3_000, time.Minute, 50 * time.Millisecond
	clk := newClock()
	e := startOn(t, clk, memory.New(), wide(hosts))
	began := clk.Now()
	due := map[time.Duration][]states.Host{}
	for i, h := range wide(hosts).Hosts {
		at := time.Duration(i%20) * tick
		due[at] = append(due[at], h.Host)
	}
	seconds := map[int]int{}
	beats := map[states.Host]int{}
	for at := time.Duration(0); at < 4*cycle; at += tick {
		if len(due[at]) == 0 {
			continue
		}
		clk.Set(began.Add(at))
		var batch []synth.Heartbeat
		for _, host := range due[at] {
			beats[host]++
			batch = append(batch, synth.Heartbeat{Host: host, Current: "new", At: states.TimeOf(clk.Now()), Order: states.Order{Boot: 1, Beat: uint64(beats[host])}})
		}
		for i, r := range e.Heartbeats(t.Context(), batch) {
			require.NoError(t, r.Err)
			require.Positive(t, r.Reply.NextBeat)
			require.LessOrEqual(t, r.Reply.NextBeat, cycle, "%s is visible within a cycle whatever happens", batch[i].Host)
			if at >= 3*cycle {
				require.GreaterOrEqual(t, r.Reply.NextBeat, cycle-cycle/10, "%s has its place, and keeps it", batch[i].Host)
			}
			next := (at + r.Reply.NextBeat).Round(tick)
			due[next] = append(due[next], batch[i].Host)
		}
		seconds[int(at/time.Second)] += len(batch)
		delete(due, at)
	}
	for second := 120; second < 240; second++ {
		require.LessOrEqual(t, seconds[second], 2*hosts/60, "second %d", second)
		require.Positive(t, seconds[second], "second %d", second)
	}
}

// A host that beats a little too early now and then is not hurried.
func TestAHostThatIsALittleEarlyIsLeftAlone(t *testing.T) {
	clk := newClock()
	e := startOn(t, clk, memory.New(), wide(1))
	said := time.Duration(0)
	for n := range 50 {
		r, err := e.Heartbeat(t.Context(), synth.Heartbeat{
			Host: "host-00000", Current: "new", At: states.TimeOf(clk.Now()), Order: states.Order{Boot: 1, Beat: uint64(n + 1)},
		})
		require.NoError(t, err)
		said = r.NextBeat
		if n > 3 {
			require.Greater(t, said, 50*time.Second, "beat %d", n)
		}
		clk.Add(said - 100*time.Millisecond + 200*time.Millisecond*time.Duration(n%2))
	}
}

// What is not let in is told when to come again, each host at a moment of its
// own within half a cycle, and comes in then.
func TestWhoIsTurnedAwayIsSpread(t *testing.T) {
	const hosts = 60_000
	clk, store := newClock(), newSlow()
	e, err := engine.New(t.Context(), engine.Options{Store: store, Clock: clk, Cycle: time.Minute})
	require.NoError(t, err)
	t.Cleanup(e.Close)
	t.Cleanup(store.goOn) // before the engine is closed, which waits for it
	_, err = e.Load(t.Context(), gates.NewFleet(wide(hosts)))
	require.NoError(t, err)
	store.hold()
	var batch []synth.Heartbeat
	for _, h := range wide(hosts).Hosts {
		batch = append(batch, synth.Heartbeat{Host: h.Host, Current: "new", At: states.TimeOf(clk.Now())})
	}
	answers := make(chan []engine.HeartbeatResult, hosts)
	const each = 1000
	for from := 0; from < hosts; from += each {
		go func() { answers <- e.Heartbeats(t.Context(), batch[from:from+each]) }()
	}
	turnedAway, after := 0, map[time.Duration]int{}
	take := func(results []engine.HeartbeatResult) {
		for _, r := range results {
			var busy *engine.BusyError
			if r.Err == nil {
				continue
			}
			require.ErrorAs(t, r.Err, &busy)
			require.Positive(t, busy.After)
			require.LessOrEqual(t, busy.After, 30*time.Second)
			after[busy.After/time.Second]++
			turnedAway++
		}
	}
	// Those who are turned away are answered while the store stands still.
	for turnedAway < hosts/4 {
		take(<-answers)
	}
	for second, n := range after {
		require.Less(t, n, 3*turnedAway/30, "second %d", second)
	}
	store.goOn()
	require.Eventually(t, func() bool {
		for _, r := range e.Heartbeats(t.Context(), batch[hosts-each:]) {
			if r.Err != nil {
				return false
			}
		}
		return true
	}, time.Minute, 10*time.Millisecond, "they are let in once there is room")
}

// Of a batch the first heartbeats tell whether its hosts are in step. Where they
// are not, and others behind them are, all are answered as ever.
func TestABatchWhoseFirstHostsAreNotInStep(t *testing.T) {
	const hosts, fresh = 300, 100
	clk := newClock()
	e := startOn(t, clk, memory.New(), wide(hosts))
	var batch []synth.Heartbeat
	for _, h := range wide(hosts).Hosts {
		batch = append(batch, synth.Heartbeat{Host: h.Host, Current: "new", At: states.TimeOf(clk.Now()), Order: states.Order{Boot: 1}})
	}
	batch[0].Current = "elsewhere"
	for _, some := range [][]synth.Heartbeat{batch[fresh:], batch, batch[:1], batch} {
		for i := range some {
			some[i].Order.Beat++
		}
		for i, r := range e.Heartbeats(t.Context(), some) {
			require.NoError(t, r.Err, "%s", some[i].Host)
			require.Equal(t, states.TimeOf(clk.Now()), r.Reply.ReceivedAt)
			require.Positive(t, r.Reply.NextBeat)
		}
		clk.Add(time.Minute)
	}
	o, err := e.Fleet(t.Context())
	require.NoError(t, err)
	require.Equal(t, hosts-1, o.Rollouts[0].ByState[states.Converged])
}
