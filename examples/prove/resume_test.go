package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// proveOn names the variable that makes of the test's program a run of prove
// with its state in the folder of its value, to be killed.
const proveOn = "ROLLMEND_PROVE_ON"

func TestMain(m *testing.M) {
	state := os.Getenv(proveOn)
	if state == "" {
		os.Exit(m.Run())
	}
	r := &runner{
		options: options{seed: 1, state: state}, out: io.Discard,
		ledgers: newLedgers(state, "abc"), ends: time.Now().Add(time.Hour),
	}
	fmt.Println("running")
	fmt.Fprintln(os.Stderr, r.all(context.Background(), []part{known()}))
	os.Exit(1)
}

// known is a part whose figures follow from the seeds that were used.
func known() part {
	return simulated{fleet: func(seed uint64) (simulation, error) {
		time.Sleep(50 * time.Microsecond)
		return simulation{events: seed % 7, byFault: map[string]int{"drop": int(seed % 3)}}, nil
	}}
}

// However often a run is killed, and wherever: the seeds are used one after the
// other, and the totals are those of one run that nobody killed.
func TestARunThatIsKilledGoesOnWhereItWas(t *testing.T) {
	state := t.TempDir()
	var used []uint64
	for i := range 12 {
		cmd := exec.Command(os.Args[0])
		cmd.Env = append(os.Environ(), proveOn+"="+state)
		out, err := cmd.StdoutPipe()
		require.NoError(t, err)
		require.NoError(t, cmd.Start())
		_, err = out.Read(make([]byte, 1)) // it runs
		require.NoError(t, err)
		time.Sleep(time.Duration(5+11*i) * time.Millisecond)
		require.NoError(t, cmd.Process.Kill())
		require.ErrorContains(t, cmd.Wait(), "killed")
		l, err := newLedgers(state, "abc").open("sim")
		require.NoError(t, err)
		if len(l.Seeds) == 0 {
			continue // killed before its first round was kept
		}
		require.Len(t, l.Seeds, 1)
		used = append(used, l.Seeds[0].Last)
		var events, drops uint64
		for seed := uint64(1); seed <= l.Seeds[0].Last; seed++ {
			events += seed % 7
			drops += seed % 3
		}
		require.Equal(t, l.Seeds[0].Last, l.Counts["fleets"])
		require.Equal(t, events, l.Counts["events"])
		require.Equal(t, drops, l.Counts[injectedFaults])
	}
	require.NotEmpty(t, used)
	require.IsNonDecreasing(t, used)
	require.Greater(t, used[len(used)-1], used[0], "the later runs went on")
}

// What was done on other code counts for nothing.
func TestAnotherCommitStartsAnew(t *testing.T) {
	state := t.TempDir()
	run := func(commit string) *ledger {
		r := &runner{
			options: options{seed: 1, state: state}, out: io.Discard,
			ledgers: newLedgers(state, commit), ends: time.Now(), // one round
		}
		require.NoError(t, r.all(t.Context(), []part{known()}))
		l, err := newLedgers(state, commit).open("sim")
		require.NoError(t, err)
		return l
	}
	first, other, again := run("aaa"), run("bbb"), run("aaa")
	require.Equal(t, []span{{1, fleetsPerRound}}, first.Seeds)
	require.Equal(t, first.Seeds, other.Seeds)
	require.Equal(t, first.Counts, other.Counts)
	require.Equal(t, []span{{1, 2 * fleetsPerRound}}, again.Seeds)
}

// A round that was stopped in its midst counts for nothing, and is tried again
// as a whole.
func TestARoundThatIsStoppedCountsForNothing(t *testing.T) {
	l := &ledger{}
	ctx, stop := context.WithCancel(t.Context())
	j := &job{seed: 1, until: time.Now(), ledger: l, save: func() error { return nil }}
	p := simulated{fleet: func(seed uint64) (simulation, error) {
		if seed == 30 {
			stop()
		}
		return simulation{events: seed}, nil
	}}
	require.ErrorIs(t, p.run(ctx, j), context.Canceled)
	require.Empty(t, l.Seeds)
	require.Zero(t, l.Counts["events"])
	require.NoError(t, p.run(t.Context(), j))
	require.Equal(t, []span{{1, 50}}, l.Seeds)
	require.EqualValues(t, 50*51/2, l.Counts["events"])
}

// Two runs at once would count the same seeds twice.
func TestASecondRunOnTheSameStateIsRefused(t *testing.T) {
	state := t.TempDir()
	one, two := newLedgers(state, "abc"), newLedgers(state, "abc")
	l, err := one.open("sim")
	require.NoError(t, err)
	m, err := two.open("sim")
	require.NoError(t, err)
	l.add("fleets", 1)
	require.NoError(t, one.save("sim", l))
	require.NoError(t, one.save("sim", l))
	require.ErrorContains(t, two.save("sim", m), "another run writes to "+filepath.Join(state, "abc", "sim.json"))
}

// A part that nobody gave anything to run must not look like one that found
// nothing.
func TestAPartWithNothingBoundToItIsAnError(t *testing.T) {
	for _, p := range []part{worlds{}, combinations{}, histories{}, kills{}} {
		r, out := runnerOf(t, t.TempDir(), time.Millisecond, 1)
		require.ErrorIs(t, r.all(t.Context(), []part{p}), errUnbound, p.name())
		require.NotContains(t, out.String(), "in all")
	}
	var all []string
	for _, p := range parts(repository) {
		all = append(all, p.name())
	}
	require.Equal(t, []string{
		"sim", "laws", "worlds", "histories", "kills", "fuzz", "track-record", "planted", "combinations", "mutants",
	}, all)
	for _, want := range targets {
		require.Contains(t, all, want.part)
	}
}
