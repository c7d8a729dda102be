package main

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/rollmend/rollmend/adapters"
	"github.com/rollmend/rollmend/internal/codec"
	"github.com/rollmend/rollmend/reducer"
	"github.com/rollmend/rollmend/states"
)

// The whole story with a small fleet and a short cycle.
func TestASmallFleetComesBack(t *testing.T) {
	svg := filepath.Join(t.TempDir(), "plot.svg")
	err := run(t.Context(), options{
		hosts: 2_000, cycle: time.Second, store: "sqlite", seed: 7, svg: svg, dir: t.TempDir(),
		parts: "cycle,steady,restart,storm,fast,growth",
	})
	require.NoError(t, err)
	plot, err := os.ReadFile(svg)
	require.NoError(t, err)
	require.Contains(t, string(plot), "Pending, heard of, held by gates")
}

func TestAnUnknownPartOrStoreIsNamed(t *testing.T) {
	require.ErrorContains(t, run(t.Context(), options{hosts: 1, store: "sqlite", parts: "fats"}), `no part "fats": want some of cycle,`)
	require.ErrorContains(t, run(t.Context(), options{hosts: 1, store: "paper", parts: "fast"}), `no store "paper": want one of sqlite`)
}

// nothing stores nothing, and says that it did.
type nothing struct{ adapters.Store }

func (nothing) Commit(_ context.Context, changes []adapters.Change) ([]adapters.Result, error) {
	return make([]adapters.Result, len(changes)), nil
}

// The witness knows the order from the fleet alone, and sees every way to pass
// it.
func TestTheWitnessSeesWhoPassesAGate(t *testing.T) {
	f := fleet{hosts: len(channels) * waves * 2}
	find := func(channel, wave, skip int) int {
		for i := range f.hosts {
			if f.channel(i) == channel && f.wave(i) == wave {
				if skip == 0 {
					return i
				}
				skip--
			}
		}
		t.Fatal("no such host")
		return 0
	}
	converge := func(hosts ...int) (changes []adapters.Change) {
		for _, i := range hosts {
			c := f.channel(i)
			rec := states.Record{Key: states.Key{Rollout: states.Rollout{Channel: channels[c].name, Ref: ref}, Host: f.name(i)}}
			rec.State, rec.Current, rec.Revision = states.Converged, f.target(c), 1
			entry := reducer.LogEntry{Revision: 1, Event: reducer.Event{Key: rec.Key, Body: reducer.Converged{}}}
			changes = append(changes, adapters.Change{Record: rec, Effects: []reducer.Effects{{Entry: entry}}})
		}
		return changes
	}
	whole := func(channel, wave int) []int { return []int{find(channel, wave, 0), find(channel, wave, 1)} }
	wrongChannel := converge(find(3, 0, 0))
	wrongChannel[0].Record.Rollout.Channel = "stable"
	wrongClosure := converge(find(3, 0, 0))
	wrongClosure[0].Record.Current = "another"
	soaking := converge(find(3, 0, 0))
	soaking[0].Record.State = states.Soaking
	for _, c := range []struct {
		name    string
		commits [][]adapters.Change
		want    string // empty: nothing is wrong
	}{
		{"in order", [][]adapters.Change{converge(whole(3, 0)...), converge(whole(3, 1)...)}, ""},
		{"a wave before the one in front of it", [][]adapters.Change{converge(find(3, 1, 0))}, "2 hosts of wave 0 had not"},
		{"a wave that is not whole", [][]adapters.Change{converge(find(3, 0, 0)), converge(find(3, 1, 0))}, "1 hosts of wave 0 had not"},
		{"two waves in one commit", [][]adapters.Change{converge(append(whole(3, 0), find(3, 1, 0))...)}, "2 hosts of wave 0 had not"},
		{"a channel before the one in front of it", [][]adapters.Change{converge(find(1, 0, 0))}, "hosts of canary had not"},
		{"a channel before the first of its chain", [][]adapters.Change{converge(find(2, 0, 0))}, "hosts of early had not"},
		{"twice", [][]adapters.Change{converge(find(3, 0, 0)), converge(find(3, 0, 0))}, "converged twice"},
		{"in another rollout", [][]adapters.Change{wrongChannel}, "not the host's rollout"},
		{"on another closure", [][]adapters.Change{wrongClosure}, "converged on another"},
		{"in another state", [][]adapters.Change{soaking}, "became Soaking"},
	} {
		w := newWitness(f, nothing{}, codec.AppendChange)
		for _, changes := range c.commits {
			_, err := w.Commit(t.Context(), changes)
			require.NoError(t, err)
		}
		_, wrong := w.progress()
		if c.want == "" {
			require.NoError(t, wrong, c.name)
			continue
		}
		require.ErrorContains(t, wrong, c.want, c.name)
	}
}

func TestPercentilesCountHeartbeats(t *testing.T) {
	var a answers
	a.add(time.Second, 1, 0)
	a.add(time.Millisecond, 98, 0)
	a.add(2*time.Second, 1, 0)
	require.Equal(t, time.Millisecond, a.percentile(50))
	require.Equal(t, time.Second, a.percentile(99))
	require.Equal(t, 2*time.Second, a.percentile(100))
}

func TestThePlotIsDrawnFromWhatWasSeen(t *testing.T) {
	pl := plot{cycle: time.Second, samples: []sample{{0, 0, 0}, {time.Second, 10, 4}, {2 * time.Second, 10, 10}}}
	svg := pl.draw(10)
	require.Equal(t, 3, strings.Count(svg, "<polygon"))
	require.Contains(t, svg, "one cycle")
	require.Contains(t, svg, "2.0 s")
}
