package manifest_test

import (
	"bytes"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/rollmend/rollmend/adapters/manifest"
	"github.com/rollmend/rollmend/gates"
	"github.com/rollmend/rollmend/states"
)

func TestWarnings(t *testing.T) {
	for _, c := range []struct {
		name, old, changed string
		want               []string
	}{
		{"nothing odd", `"meta"`, `"meta"`, nil},
		{"no ref opens nothing", `, "ciCommit": "r1"`, ``, []string{"/meta/ciCommit: not given: no rollout is opened from this manifest"}},
		{"a host in no wave stays held", `"hosts": ["b"]`, `"hosts": []`, []string{
			"/waves/stable: 1 of the channel's hosts in none of its waves, so they stay held: b",
		}},
		{
			"an edge across channels holds nobody", `"edges": []`, `"edges": [{"gates": "a", "gated": "c"}]`,
			[]string{`/edges/0: "a" is of channel "stable" and "c" of "edge": an edge between hosts orders one channel alone, so this one holds nobody; write a channel edge`},
		},
		{"unknown names", `"meta": {`, `"notes": {"a": 1}, "meta": {"by": "x", `, []string{
			`/notes: unknown name "notes": ignored`, `/meta/by: unknown name "by": ignored`,
		}},
		{"an unknown name many times", `"waves": {"stable": [{`, `"waves": {"edge": [{"new": 1}, {"new": 2}], "stable": [{"new": 3, `, []string{
			`/waves/edge/0/new: unknown name "new": ignored, here and 2 more times`,
			"/waves/edge: 1 of the channel's hosts in none of its waves, so they stay held: c",
		}},
		{
			"a budget that bounds nothing", `"disruptionBudgets": []`, `"disruptionBudgets": [{"selector": {"hosts": ["y", "z"], "channel": "x"}, "maxInFlight": 1}]`,
			[]string{
				`/disruptionBudgets/0/selector/channel: no channel "x" in channels, so no host is of it`,
				`/disruptionBudgets/0/selector/hosts: not in hosts, so not selected: y, z`,
				`/disruptionBudgets/0: selects none of 3 hosts (channel x, hosts y, z), so it bounds nothing`,
			},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			m, err := manifest.Parse(with(t, c.old, c.changed))
			require.NoError(t, err)
			var got []string
			for _, w := range m.Warnings() {
				got = append(got, w.String())
			}
			require.Equal(t, c.want, got)
		})
	}
}

func TestAnEdgeFromAHostWithoutATargetWarns(t *testing.T) {
	b := with(t, `"closureHash": "ca"`, `"closureHash": null`)
	b = bytes.Replace(b, []byte(`"edges": []`), []byte(`"edges": [{"gates": "a", "gated": "b"}]`), 1)
	m, err := manifest.Parse(b)
	require.NoError(t, err)
	require.Equal(t, []manifest.Warning{{Path: "/edges/0", Reason: `"a" has no closureHash, so it is in no rollout, and "b" stays held`}}, m.Warnings())
	require.False(t, m.Plan().Hosts[0].Target.Known())
}

func TestAManifestWithoutARefHasAnEmptyPlanRef(t *testing.T) {
	m, err := manifest.Parse(with(t, `, "ciCommit": "r1"`, ``))
	require.NoError(t, err)
	require.Empty(t, m.Plan().Ref)
	require.False(t, m.Plan().SignedAt.IsSet())
}

func TestThePolicyOfAHost(t *testing.T) {
	for _, c := range []struct {
		name, old, changed string
		host               int // a is 0, c is 2
		want               gates.PlannedHost
	}{
		{"is its wave's", `"soakMinutes": 5}, {`, `"soakMinutes": 7, "deferredIsDone": true}, {`, 0, gates.PlannedHost{
			Host: "a", Channel: "stable", Target: "ca", Policy: states.Policy{Soak: 7 * time.Minute, OnFailure: states.Halt, DeferredIsDone: true},
		}},
		{"lets Deferred not be done where its wave says so", `"soakMinutes": 5}, {`, `"soakMinutes": 5, "deferredIsDone": false}, {`, 0, gates.PlannedHost{
			Host: "a", Channel: "stable", Target: "ca", Policy: states.Policy{Soak: 5 * time.Minute, OnFailure: states.Halt},
		}},
		{"says what to do on failure", `"halt"`, `"rollback-and-halt"`, 2, gates.PlannedHost{
			Host: "c", Channel: "edge", Target: "cc", Policy: states.Policy{OnFailure: states.RollbackAndHalt, DeferredIsDone: true},
		}},
		{
			"is the longest soak that selects it in a channel without waves", `"waves": [], "onHealthFailure"`,
			`"waves": [{"selector": {"tags": ["db"]}, "soakMinutes": 9}, {"selector": {"all": true}, "soakMinutes": 3}, {"selector": {"tags": ["web"]}, "soakMinutes": 20}, {"selector": {}, "soakMinutes": 30}], "onHealthFailure"`,
			2,
			gates.PlannedHost{
				Host: "c", Channel: "edge", Target: "cc", Policy: states.Policy{Soak: 9 * time.Minute, OnFailure: states.Halt, DeferredIsDone: true},
			},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			m, err := manifest.Parse(with(t, c.old, c.changed))
			require.NoError(t, err)
			require.Equal(t, c.want, m.Plan().Hosts[c.host])
		})
	}
}

func TestSelectors(t *testing.T) {
	for selector, want := range map[string]struct {
		name  string
		hosts []states.Host
	}{
		`{"all": true}`:                                 {"all hosts", []states.Host{"a", "b", "c"}},
		`{"tags": ["web"]}`:                             {"tagged web", []states.Host{"a", "b"}},
		`{"tags": ["web", "db"]}`:                       {"tagged web and db", nil},
		`{"tagsAny": ["web", "db"]}`:                    {"tagged web or db", []states.Host{"a", "b", "c"}},
		`{"hosts": ["c", "a", "a"]}`:                    {"hosts a, a, c", []states.Host{"a", "c"}},
		`{"hosts": ["c", "a"], "channel": "edge"}`:      {"channel edge, hosts a, c", []states.Host{"c"}},
		`{"channel": "stable", "not": {"hosts":["a"]}}`: {"channel stable, not (hosts a)", []states.Host{"b"}},
		`{"and": [{"tags": ["web"]}, {"not": {"and": [{"all": true}, {"hosts": ["b"]}]}}]}`: {
			"(tagged web), (not ((all hosts), (hosts b)))", []states.Host{"a"},
		},
	} {
		m, err := manifest.Parse(with(t, `"disruptionBudgets": []`, `"disruptionBudgets": [{"selector": `+selector+`, "maxInFlight": 2, "maxInFlightPct": 50}]`))
		require.NoError(t, err, selector)
		require.Equal(t, []gates.Budget{{Name: want.name, Hosts: want.hosts, MaxInFlight: 2, MaxPercent: 50}}, m.Plan().Budgets, selector)
	}
}
