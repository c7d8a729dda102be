package engine_test

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/rollmend/rollmend/adapters/memory"
	"github.com/rollmend/rollmend/engine"
	"github.com/rollmend/rollmend/gates"
	"github.com/rollmend/rollmend/states"
	"github.com/rollmend/rollmend/synth"
)

// asking is a gate that lets nobody go, and counts how often each host asks.
type asking struct {
	mu    sync.Mutex
	asked map[states.Host]int
}

func (*asking) Name() string { return "asking" }

func (g *asking) Hold(_ *gates.View, ask gates.Ask) (gates.Block, bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.asked[ask.Key.Host]++
	return gates.Block{Scope: "everybody"}, true
}

func (g *asking) times(host states.Host) int {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.asked[host]
}

// In a large fleet nearly every host waits with a poll. A heartbeat of one of
// them must not make all the others ask again.
func TestAPollerWakesForItsOwnHostAlone(t *testing.T) {
	clk, gate := newClock(), &asking{asked: map[states.Host]int{}}
	e, err := engine.New(t.Context(), engine.Options{
		Store: memory.New(), Clock: clk, Cycle: time.Minute, Rules: gates.Rules{Own: []gates.Gate{gate}},
	})
	require.NoError(t, err)
	t.Cleanup(e.Close)
	p := plan("r1", "new")
	p.Hosts = p.Hosts[1:]
	p.Hosts[1].Wave = 0
	_, err = e.Load(t.Context(), gates.NewFleet(p))
	require.NoError(t, err)

	polls, stop := context.WithCancel(t.Context())
	var waiting sync.WaitGroup
	t.Cleanup(waiting.Wait)
	t.Cleanup(stop)
	for _, host := range []states.Host{"web-1", "web-2"} {
		now := states.TimeOf(clk.Now())
		answered(t, e, synth.Heartbeat{Host: host, Current: "old", At: now})
		waiting.Go(func() { _, _, _ = e.Dispatch(polls, host, time.Hour) })
		require.Eventually(t, func() bool { return gate.times(host) > 0 }, 5*time.Second, time.Millisecond)
	}
	// Whoever waits for a gate of one's own is looked at again with each of its
	// heartbeats: web-1 asks again for each, and web-2 has no reason to.
	before := gate.times("web-2")
	for n := 2; n <= 20; n++ {
		clk.Add(time.Minute)
		now := states.TimeOf(clk.Now())
		beat(t, e, synth.Heartbeat{Host: "web-1", Current: "old", At: now})
		require.Eventually(t, func() bool { return gate.times("web-1") >= n }, 5*time.Second, time.Millisecond)
	}
	require.Equal(t, before, gate.times("web-2"))
}
