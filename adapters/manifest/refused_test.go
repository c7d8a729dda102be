package manifest_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/rollmend/rollmend/adapters/manifest"
)

// small is a manifest without faults, from which each case below departs.
const small = `{
  "schemaVersion": 1,
  "hosts": {
    "a": {"tags": ["web"], "channel": "stable", "closureHash": "ca"},
    "b": {"tags": ["web"], "channel": "stable", "closureHash": "cb"},
    "c": {"tags": ["db"], "channel": "edge", "closureHash": "cc"}
  },
  "channels": {"stable": {"rolloutPolicy": "p"}, "edge": {"rolloutPolicy": "p"}},
  "rolloutPolicies": {"p": {"waves": [], "onHealthFailure": "halt"}},
  "waves": {"stable": [{"hosts": ["a"], "soakMinutes": 5}, {"hosts": ["b"], "soakMinutes": 5}]},
  "edges": [],
  "channelEdges": [],
  "disruptionBudgets": [],
  "meta": {"schemaVersion": 1, "ciCommit": "r1"}
}`

// with returns the small manifest with one text in the place of another.
func with(t *testing.T, old, changed string) []byte {
	t.Helper()
	require.Equal(t, 1, strings.Count(small, old), "the case must change one thing: %s", old)
	return []byte(strings.Replace(small, old, changed, 1))
}

func edges(list string) (old, changed string) { return `"edges": []`, `"edges": ` + list }
func channelEdges(list string) (old, changed string) {
	return `"channelEdges": []`, `"channelEdges": ` + list
}

func budgets(list string) (old, changed string) {
	return `"disruptionBudgets": []`, `"disruptionBudgets": ` + list
}

func TestRefusals(t *testing.T) {
	type refusal struct {
		name   string
		change func() (old, changed string)
		want   []string // the faults, in order
	}
	is := func(old, changed string) func() (string, string) {
		return func() (string, string) { return old, changed }
	}
	for _, c := range []refusal{
		{"malformed", is(`"meta": {`, `"meta": [`), []string{
			`/meta: malformed JSON at byte 587: invalid character ':' after array element (expecting ',' or ']')`,
		}},
		{"a name twice", is(`"edges": []`, `"edges": [], "edges": []`), []string{
			`/edges: the name stands twice in its object, and only one of them can be meant`,
		}},
		{"a host twice", is(`"c": {"tags"`, `"b": {"tags"`), []string{
			`/hosts/b: the name stands twice in its object, and only one of them can be meant`,
		}},
		{"wrong case", is(`"ciCommit"`, `"cicommit"`), []string{
			`/meta/cicommit: names are compared as they are: write "ciCommit"`,
		}},
		{"snake case, and all of them", is(`"stable": {"rolloutPolicy"`, `"stable": {"rollout_policy": "p", "RolloutPolicy"`), []string{
			`/channels/stable/rollout_policy: names are compared as they are: write "rolloutPolicy"`,
			`/channels/stable/RolloutPolicy: names are compared as they are: write "rolloutPolicy"`,
		}},
		{"a text for a list", is(`"tags": ["db"]`, `"tags": "db"`), []string{`/hosts/c/tags: want a list, found a string`}},
		{"a number for a name", is(`"closureHash": "cc"`, `"closureHash": 7`), []string{`/hosts/c/closureHash: want a string, found a number`}},
		{"half a minute", is(`["b"], "soakMinutes": 5`, `["b"], "soakMinutes": 0.5`), []string{
			`/waves/stable/1/soakMinutes: want a whole number, found 0.5: invalid syntax`,
		}},
		{"a time that is none", is(`"ciCommit"`, `"signedAt": "yesterday", "ciCommit"`), []string{
			`/meta/signedAt: want an RFC 3339 time, found a string: parsing time "yesterday" as "2006-01-02T15:04:05Z07:00": cannot parse "yesterday" as "2006"`,
		}},
		{"another version", is(`"schemaVersion": 1,
  "hosts"`, `"schemaVersion": 2,
  "hosts"`), []string{`/schemaVersion: 2 is unknown: this version of rollmend reads 1`}},
		{"no version", is(`"schemaVersion": 1,
  "hosts"`, `"hosts"`), []string{`/schemaVersion: not given: this version of rollmend reads 1, and does not guess`}},
		{"another version of meta", is(`"meta": {"schemaVersion": 1`, `"meta": {"schemaVersion": 3`), []string{
			`/meta/schemaVersion: 3 is unknown: this version of rollmend reads 1`,
		}},
		{"a ref that parts ids", is(`"ciCommit": "r1"`, `"ciCommit": "r@1"`), []string{
			`/meta/ciCommit: "r@1" has an @, which parts channel and ref in the id "channel@ref"`,
		}},

		{"a host without a name", is(`"c": {`, `"": {`), []string{`/hosts/: a host needs a name`}},
		{"a host of no channel", is(`"db"], "channel": "edge"`, `"db"], "channel": "edgy"`), []string{
			`/hosts/c/channel: no channel "edgy" in channels`,
		}},
		{"a host that does not say its channel", is(`"db"], "channel": "edge"`, `"db"]`), []string{
			`/hosts/c/channel: no channel "" in channels`,
		}},
		{"a channel that parts ids", is(`"channels": {`, `"channels": {"x@y": {"rolloutPolicy": "p"}, `), []string{
			`/channels/x@y: "x@y" cannot name a channel: want a name without the @ that parts channel and ref in the id "channel@ref"`,
		}},
		{"an unknown rollout policy", is(`"edge": {"rolloutPolicy": "p"}`, `"edge": {"rolloutPolicy": "q"}`), []string{
			`/channels/edge/rolloutPolicy: no policy "q" in rolloutPolicies`,
		}},
		{"a policy that is null", is(`"rolloutPolicies": {`, `"rolloutPolicies": {"n": null, `), []string{`/rolloutPolicies/n: null is no policy`}},
		{"a policy's wave that is null", is(`"waves": [], "onHealthFailure"`, `"waves": [null], "onHealthFailure"`), []string{
			`/rolloutPolicies/p/waves/0: null is no wave`,
		}},
		{"an unknown failure policy", is(`"halt"`, `"hold"`), []string{
			`/rolloutPolicies/p/onHealthFailure: states: "hold" is no failure policy: want one of halt, rollback-and-halt`,
		}},
		{"a negative soak", is(`["b"], "soakMinutes": 5`, `["b"], "soakMinutes": -5`), []string{
			`/waves/stable/1/soakMinutes: -5 is no soak: want 0 to 527040 minutes, which is a year`,
		}},
		{"a soak beyond a year", is(`"waves": [], "onHealthFailure"`, `"waves": [{"selector": {"all": true}, "soakMinutes": 527041}], "onHealthFailure"`), []string{
			`/rolloutPolicies/p/waves/0/soakMinutes: 527041 is no soak: want 0 to 527040 minutes, which is a year`,
		}},

		{"waves of no channel", is(`"waves": {"stable"`, `"waves": {"stible": [], "stable"`), []string{`/waves/stible: no channel "stible" in channels`}},
		{"a wave with a stranger", is(`"hosts": ["b"]`, `"hosts": ["b", "z"]`), []string{`/waves/stable/1/hosts/1: no host "z" in hosts`}},
		{"a wave with another channel's host", is(`"hosts": ["b"]`, `"hosts": ["b", "c"]`), []string{
			`/waves/stable/1/hosts/1: host "c" is of channel "edge", and this wave is of "stable"`,
		}},
		{"a host in two waves", is(`"hosts": ["b"]`, `"hosts": ["b", "a"]`), []string{
			`/waves/stable/1/hosts/1: host "a" is in wave 0 already, at /waves/stable/0/hosts/0: a host goes once`,
		}},

		{"an edge to strangers", func() (string, string) { return edges(`[{"gates": "y", "gated": "z"}]`) }, []string{
			`/edges/0/gates: no host "y" in hosts`, `/edges/0/gated: no host "z" in hosts`,
		}},
		{"a host that waits for itself", func() (string, string) { return edges(`[{"gates": "a", "gated": "a"}]`) }, []string{
			`/edges: a cycle, in which each waits for the one before it: a -> a`,
		}},
		{"an edge against the waves", func() (string, string) { return edges(`[{"gates": "b", "gated": "a"}]`) }, []string{
			`/edges/0: "a" of wave 0 waits for "b" of wave 1, and wave 1 for all of wave 0: neither can ever go`,
		}},
		{"a channel edge to strangers", func() (string, string) { return channelEdges(`[{"gates": "x", "gated": "edge"}]`) }, []string{
			`/channelEdges/0/gates: no channel "x" in channels`,
		}},
		{"a cycle of channels", func() (string, string) {
			return channelEdges(`[{"gates": "stable", "gated": "edge"}, {"gates": "edge", "gated": "stable"}]`)
		}, []string{`/channelEdges: a cycle, in which each waits for the one before it: edge -> stable -> edge`}},
		{"the older names of channel edges", func() (string, string) { return channelEdges(`[{"before": "stable", "after": "edge"}]`) }, []string{
			`/channelEdges/0: "before" and "after" are the names of older files, and are not guessed at: write "gates" for the channel that must have converged and "gated" for the one that waits for it`,
		}},

		{"a budget of nobody at a time", func() (string, string) { return budgets(`[{"selector": {"tags": ["web"]}, "maxInFlight": 0}]`) }, []string{
			`/disruptionBudgets/0/maxInFlight: at most 0 of 2 selected hosts in flight can never be met: want at least 1`,
		}},
		{"a negative budget", func() (string, string) { return budgets(`[{"selector": {"all": true}, "maxInFlight": -1}]`) }, []string{
			`/disruptionBudgets/0/maxInFlight: at most -1 of 3 selected hosts in flight can never be met: want at least 1`,
		}},
		{"a budget of no per cent", func() (string, string) { return budgets(`[{"selector": {"all": true}, "maxInFlightPct": 0}]`) }, []string{
			`/disruptionBudgets/0/maxInFlightPct: 0 % of 3 selected hosts is no maximum: want 1 to 100 %`,
		}},
		{"a budget of more than all", func() (string, string) { return budgets(`[{"selector": {"all": true}, "maxInFlightPct": 101}]`) }, []string{
			`/disruptionBudgets/0/maxInFlightPct: 101 % of 3 selected hosts is no maximum: want 1 to 100 %`,
		}},
		{"a budget without a maximum", func() (string, string) { return budgets(`[{"selector": {"all": true}}]`) }, []string{
			`/disruptionBudgets/0: has neither maxInFlight nor maxInFlightPct: a budget needs a maximum`,
		}},
		{"a budget that is null", func() (string, string) { return budgets(`[null]`) }, []string{`/disruptionBudgets/0: null is no budget`}},
		{"empty selectors", func() (string, string) {
			return budgets(`[{"selector": {"all": false, "tags": []}, "maxInFlight": 1}, {"selector": {"and": [{}], "not": {}}, "maxInFlight": 1}]`)
		}, []string{
			`/disruptionBudgets/0/selector: an empty selector selects nothing: give tags, tagsAny, hosts, channel, and, not, or "all": true`,
			`/disruptionBudgets/1/selector/and/0: an empty selector selects nothing: give tags, tagsAny, hosts, channel, and, not, or "all": true`,
			`/disruptionBudgets/1/selector/not: an empty selector selects nothing: give tags, tagsAny, hosts, channel, and, not, or "all": true`,
		}},
		{"a selector too deep to read", func() (string, string) {
			return budgets(`[{"selector": ` + strings.Repeat(`{"not": `, 16) + `{"all": true}` + strings.Repeat(`}`, 16) + `, "maxInFlight": 1}]`)
		}, []string{`/disruptionBudgets/0/selector` + strings.Repeat("/not", 16) + `: selectors nest deeper than 16`}},
	} {
		t.Run(c.name, func(t *testing.T) {
			m, err := manifest.Parse(with(t, first(c.change), second(c.change)))
			require.Nil(t, m)
			var refused *manifest.Error
			require.ErrorAs(t, err, &refused)
			var got []string
			for _, f := range refused.Faults {
				got = append(got, f.String())
			}
			require.Equal(t, c.want, got)
			require.EqualError(t, err, "manifest: refused: "+strings.Join(c.want, "; "))
		})
	}
}

func first(change func() (old, changed string)) string  { old, _ := change(); return old }
func second(change func() (old, changed string)) string { _, changed := change(); return changed }

func TestNoManifestAtAll(t *testing.T) {
	for in, want := range map[string]string{
		``:     `manifest: refused: malformed JSON at byte 0: unexpected EOF`,
		`null`: `manifest: refused: /schemaVersion: not given: this version of rollmend reads 1, and does not guess`,
		`[]`:   `manifest: refused: want an object, found a list`,
		`{} x`: `manifest: refused: malformed JSON at byte 3: invalid character 'x' after top-level value`,
	} {
		_, err := manifest.Parse([]byte(in))
		require.EqualError(t, err, want, in)
	}
}

// TestEveryFaultIsTold: an operator mends a file once, not fault by fault.
func TestEveryFaultIsTold(t *testing.T) {
	b := strings.NewReplacer(
		`"halt"`, `"hold"`, `"hosts": ["b"]`, `"hosts": ["b", "z"]`, `"channelEdges": []`, `"channelEdges": [{"gates": "stable", "gated": "stable"}]`,
	).Replace(small)
	_, err := manifest.Parse([]byte(b))
	require.ErrorContains(t, err, `"hold" is no failure policy`)
	require.ErrorContains(t, err, `no host "z" in hosts`)
	require.ErrorContains(t, err, `stable -> stable`)
}

// TestManyFaultsAreCounted: what nobody reads is not kept.
func TestManyFaultsAreCounted(t *testing.T) {
	strangers := make([]string, 250)
	for i := range strangers {
		strangers[i] = fmt.Sprintf(`"z%d"`, i)
	}
	_, err := manifest.Parse(with(t, `"hosts": ["b"]`, `"hosts": [`+strings.Join(strangers, ",")+`]`))
	var refused *manifest.Error
	require.ErrorAs(t, err, &refused)
	require.Len(t, refused.Faults, 100)
	require.Equal(t, 150, refused.More)
	require.ErrorContains(t, err, `no host "z9" in hosts; and 240 more`)
}

// TestEveryCycleIsTold: two cycles, a tail into one and a tail out of one.
func TestEveryCycleIsTold(t *testing.T) {
	channels, edges := []string{}, []string{}
	for _, e := range []string{"tail>q", "q>r", "r>p", "p>q", "r>out", "y>x", "x>y", "out>y"} {
		from, to, _ := strings.Cut(e, ">")
		edges = append(edges, fmt.Sprintf(`{"gates": %q, "gated": %q}`, from, to))
	}
	for _, c := range []string{"tail", "p", "q", "r", "out", "x", "y"} {
		channels = append(channels, fmt.Sprintf(`%q: {"rolloutPolicy": "p"}`, c))
	}
	b := strings.NewReplacer(
		`"channels": {`, `"channels": {`+strings.Join(channels, ",")+`,`,
		`"channelEdges": []`, `"channelEdges": [`+strings.Join(edges, ",")+`]`,
	).Replace(small)
	_, err := manifest.Parse([]byte(b))
	require.EqualError(t, err, "manifest: refused: "+
		"/channelEdges: a cycle, in which each waits for the one before it: p -> q -> r -> p; "+
		"/channelEdges: a cycle, in which each waits for the one before it: x -> y -> x")
}
