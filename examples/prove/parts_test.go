package main

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/rollmend/rollmend/adapters/storetest"
	"github.com/stretchr/testify/require"

	"github.com/rollmend/rollmend/proptest/sim"
)

// ran runs a part for a moment, and returns what it has to show.
func ran(t *testing.T, p part, l *ledger) (string, error) {
	t.Helper()
	j := &job{
		seed: 1, until: time.Now().Add(5 * time.Millisecond), ledger: l,
		save: func() error { return nil }, say: func(string, ...any) {}, doing: func(string) {},
	}
	err := p.run(t.Context(), j)
	return summed(p, l), err
}

var broken = &violation{what: "it broke", replay: "do it again"}

func TestASimulatedFleetIsCountedByItsFaults(t *testing.T) {
	p := simulated{fleet: func(seed uint64) (simulation, error) {
		if seed == 60 {
			return simulation{}, broken
		}
		time.Sleep(time.Millisecond)
		return simulation{events: 10, byFault: map[string]int{"drop": 2, "crash": 1}, worst: time.Duration(seed) * time.Millisecond}, nil
	}}
	l := &ledger{}
	got, err := ran(t, p, l)
	require.NoError(t, err)
	require.Equal(t, "150 injected faults; 500 simulated events; 50 fleets; "+
		"50 ms at the worst until a record agreed with its host again after the last fault; seeds 1 to 50", got)
	require.Equal(t, "## What the fleets went through\n\nFaults: crash 50, drop 100.\n\n", p.details(l))
	require.Empty(t, p.details(&ledger{}))
	_, err = ran(t, p, l)
	require.ErrorIs(t, err, broken)
	require.Equal(t, []span{{1, 50}}, l.Seeds, "a round that broke is tried again")
}

func TestTheDeepestLookAtSmallWorldsCounts(t *testing.T) {
	l := &ledger{}
	walk := func(world string, states, depth int) sim.Explored {
		return sim.Explored{World: world, Walked: sim.Walked{
			States: states, Depth: depth, Settled: 1, Synthesised: map[string]int{"records-lost": 2},
		}}
	}
	runs := [][]sim.Explored{
		{walk("edge", 600, 6), walk("waves", 400, 5)},
		{walk("edge", 10, 2), walk("waves", 10, 3)},
	}
	for i, run := range runs {
		got, err := ran(t, worlds{func(context.Context, time.Duration) ([]sim.Explored, error) { return run, nil }}, l)
		require.NoError(t, err)
		require.Equal(t, fmt.Sprintf("1,000 different states at most in one run; 5 steps deep, without a gap, where a fault counts for two; "+
			"%d states followed until nothing happened any more", 2*i+2), got)
	}
	require.Equal(t, "## What the small worlds went through\n\nEvents synthesised, by case: records-lost 8.\n\n", worlds{}.details(l))
	_, err := ran(t, worlds{func(context.Context, time.Duration) ([]sim.Explored, error) { return nil, broken }}, l)
	require.ErrorIs(t, err, broken)
}

func TestSmallWorldsAreWalkedThroughForAMoment(t *testing.T) {
	l := &ledger{}
	_, err := ran(t, worlds{realWorlds}, l)
	require.NoError(t, err)
	require.Positive(t, l.Counts["states"])
}

func TestCombinationsEndWhenAllAreCompared(t *testing.T) {
	l := &ledger{}
	var shares []uint64
	p := combinations{shares: 4, try: func(_ context.Context, share uint64) (uint64, error) {
		shares = append(shares, share)
		return 100, nil
	}}
	for range p.shares + 1 { // one at least each time, and then none
		_, err := ran(t, p, l)
		require.NoError(t, err)
	}
	require.Equal(t, []uint64{0, 1, 2, 3}, shares)
	require.Equal(t, "400 combinations; 4 of 4 shares of all combinations", summed(p, l))
}

func TestEveryStoreIsGivenEachHistory(t *testing.T) {
	l, fails := &ledger{}, false
	good := func(context.Context, uint64) error { time.Sleep(time.Millisecond); return nil }
	bad := func(context.Context, uint64) error {
		if fails {
			return broken
		}
		return nil
	}
	ended := 0
	p := histories{[]historyStore{{"memory", good}, {"SQLite", bad}}, func() error { ended++; return nil }}
	got, err := ran(t, p, l)
	require.NoError(t, err)
	require.Equal(t, "20 linearizable histories on memory; 20 linearizable histories on SQLite; seeds 1 to 20", got)
	fails = true
	_, err = ran(t, p, l)
	require.ErrorIs(t, err, broken)
	require.Equal(t, 2, ended)
}

func TestAKillLoopThatIsBlindIsAViolation(t *testing.T) {
	seen := true
	p := kills{
		loop: func(_ context.Context, _, n uint64) (storetest.KillReport, error) {
			time.Sleep(6 * time.Millisecond)
			return storetest.KillReport{Kills: int(n), Acknowledged: 700, Beyond: 3}, nil
		},
		control: func(context.Context, uint64) (bool, error) { return seen, nil },
	}
	l := &ledger{}
	got, err := ran(t, p, l)
	require.NoError(t, err)
	require.Equal(t, "80 processes killed; 700 transitions and enactments that were acknowledged, and found again; "+
		"3 calls that were stored whole, whose answer the kill forestalled; "+
		"1 null controls in which the loss was seen; seeds 1 to 80", got)
	seen = false
	_, err = ran(t, p, l)
	require.ErrorContains(t, err, "the loop is blind")
}
