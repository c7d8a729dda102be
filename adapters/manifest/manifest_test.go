package manifest_test

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/rollmend/rollmend/adapters/manifest"
	"github.com/rollmend/rollmend/gates"
	"github.com/rollmend/rollmend/states"
)

var rewrite = flag.Bool("rewrite", false, "write testdata/fleet.plan.txt anew")

// TestGolden reads a manifest like those of real fleets; what comes of it
// stands in testdata/fleet.plan.txt.
func TestGolden(t *testing.T) {
	m, err := manifest.Load("testdata/fleet.resolved.json")
	require.NoError(t, err)
	got := render(m)
	if *rewrite {
		require.NoError(t, os.WriteFile("testdata/fleet.plan.txt", []byte(got), 0o644))
	}
	want, err := os.ReadFile("testdata/fleet.plan.txt")
	require.NoError(t, err)
	require.Equal(t, string(want), got)
}

// render writes a plan so that a person can check it against its manifest.
func render(m *manifest.Manifest) string {
	var b strings.Builder
	p := m.Plan()
	fmt.Fprintf(&b, "ref %s, signed %s\n\n", p.Ref, p.SignedAt)
	for _, h := range p.Hosts {
		fmt.Fprintf(&b, "host %s: %s wave %s, target %s, soak %s, %s, deferred is done: %t\n",
			h.Host, h.Channel, h.Wave, h.Target, h.Policy.Soak, h.Policy.OnFailure, h.Policy.DeferredIsDone)
	}
	b.WriteString("\n")
	for _, e := range p.ChannelEdges {
		fmt.Fprintf(&b, "channel edge: %s before %s: %s\n", e.Gates, e.Gated, e.Reason)
	}
	for _, e := range p.HostEdges {
		fmt.Fprintf(&b, "host edge: %s before %s: %s\n", e.Gates, e.Gated, e.Reason)
	}
	for _, g := range p.Budgets {
		fmt.Fprintf(&b, "budget %q: at most %d of %v (%d hosts, %d %%)\n", g.Name, g.Limit(), g.Hosts, g.MaxInFlight, g.MaxPercent)
	}
	b.WriteString("\n")
	for _, w := range m.Warnings() {
		fmt.Fprintf(&b, "warning: %s\n", w)
	}
	return b.String()
}

// TestHostsOfAFullManifest says the golden file's main points without it, so
// that a rewritten file cannot hide a mistake.
func TestHostsOfAFullManifest(t *testing.T) {
	m, err := manifest.Load("testdata/fleet.resolved.json")
	require.NoError(t, err)
	p := m.Plan()
	require.Equal(t, states.Ref("a1b2c3d4"), p.Ref)
	require.Equal(t, "2026-05-04T09:30:00.250Z", p.SignedAt.String())
	waves := map[states.Host]states.Wave{}
	for _, h := range p.Hosts {
		waves[h.Host] = h.Wave
	}
	require.Equal(t, map[states.Host]states.Wave{
		"build-1": 0, "cache-1": 0, "cache-2": 0, "db-1": 1, "db-2": 1, "web-1": 0, "web-2": 1, "web-3": states.Unstaged,
	}, waves)
	require.Equal(t, []gates.ChannelEdge{{Gates: "stable", Gated: "edge-slow", Reason: "the edge follows what has proven itself"}}, p.ChannelEdges)
	require.Equal(t, []gates.HostEdge{{Gates: "db-2", Gated: "db-1", Reason: "the replica goes before the primary"}}, p.HostEdges)
	require.Equal(t, []states.Host{"cache-1", "cache-2", "web-2", "web-3"}, p.Budgets[1].Hosts)
}

func TestLoadNamesTheFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "fleet.resolved.json")
	_, err := manifest.Load(path)
	require.ErrorIs(t, err, os.ErrNotExist)
	require.ErrorContains(t, err, path)

	require.NoError(t, os.WriteFile(path, []byte(`{"schemaVersion": 2}`), 0o600))
	_, err = manifest.Load(path)
	var refused *manifest.Error
	require.ErrorAs(t, err, &refused)
	require.ErrorContains(t, err, path)
}

func TestAFileOverTheBoundIsRefused(t *testing.T) {
	_, err := manifest.Parse(make([]byte, manifest.MaxBytes+1))
	require.EqualError(t, err, "manifest: refused: the manifest is longer than 536870912 bytes, which is the most that is read")
}
