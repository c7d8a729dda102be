package proptest

import (
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"pgregory.net/rapid"

	"github.com/rollmend/rollmend/gates"
	"github.com/rollmend/rollmend/states"
)

// Manifests draws documents of fleet.resolved.json that package manifest
// accepts: fleets such as those of [Plans].
func Manifests() *rapid.Generator[[]byte] {
	return rapid.Custom(func(t *rapid.T) []byte {
		d := &dice{rapid: t}
		return encode(documentOf(d, anyPlan(d)))
	})
}

// RefusedManifest is a document that is to be refused, and for what.
type RefusedManifest struct {
	JSON  []byte
	Fault string // such as "a host is in two waves"
}

// RefusedManifests draws documents that package manifest refuses: those of
// [Manifests], each with a fault put into it.
func RefusedManifests() *rapid.Generator[RefusedManifest] {
	return rapid.Custom(func(t *rapid.T) RefusedManifest {
		d := &dice{rapid: t}
		doc := documentOf(d, anyPlan(d))
		fault := manifestFaults[pick(d, "fault", len(manifestFaults))]
		fault.put(doc)
		return RefusedManifest{JSON: encode(doc), Fault: fault.what}
	})
}

// document is a manifest as it is written.
type document map[string]any

func encode(doc document) []byte {
	b, err := json.MarshalIndent(doc, "", "  ")
	if err != nil {
		panic(fmt.Sprintf("proptest: a manifest that cannot be written: %v", err)) // it holds plain values alone
	}
	return b
}

// documentOf writes a plan as a manifest, as far as one can say it: no host
// waits for one of a later wave, no budget selects nobody, a soak is of whole
// minutes.
func documentOf(d *dice, p gates.Plan) document {
	hosts, channels, policies, waves := document{}, document{}, document{}, document{}
	for _, h := range p.Hosts {
		name, policy := string(h.Channel), "policy-of-"+string(h.Channel)
		host := document{"system": "x86_64-linux", "tags": []string{name}, "channel": name, "pubkey": nil, "closureHash": nil}
		if h.Target.Known() {
			host["closureHash"] = h.Target
		}
		hosts[string(h.Host)] = host
		channels[name] = document{"rolloutPolicy": policy, "reconcileIntervalMinutes": 30, "freshnessWindow": 1440, "signingIntervalMinutes": 60}
		policies[policy] = document{"strategy": "waves", "onHealthFailure": h.Policy.OnFailure.String(), "healthGate": document{}}
		waves[name] = wavesOf(p, h.Channel)
	}
	return document{
		"schemaVersion": 1, "hosts": hosts, "channels": channels, "rolloutPolicies": policies, "waves": waves,
		"edges": edgesOf(p), "channelEdges": channelEdgesOf(p, channels), "disruptionBudgets": budgetsOf(p),
		"meta": document{
			"schemaVersion": 1, "ciCommit": p.Ref,
			"signedAt": time.Unix(946_684_800+int64(pick(d, "signed", 1000)), 0).UTC().Format(time.RFC3339),
		},
	}
}

// wavesOf lists a channel's waves; an unstaged host is in none.
func wavesOf(p gates.Plan, channel states.Channel) []document {
	waves := []document{}
	for _, h := range p.Hosts {
		if h.Channel != channel || h.Wave == states.Unstaged {
			continue
		}
		for len(waves) <= int(h.Wave) {
			waves = append(waves, document{
				"hosts": []string{}, "soakMinutes": int(h.Policy.Soak / time.Minute), "deferredIsDone": h.Policy.DeferredIsDone,
			})
		}
		wave := waves[h.Wave]
		wave["hosts"] = append(wave["hosts"].([]string), string(h.Host))
	}
	return waves
}

func edgesOf(p gates.Plan) []document {
	edges := []document{}
	wave := map[states.Host]states.Wave{}
	for _, h := range p.Hosts {
		wave[h.Host] = h.Wave
	}
	for _, e := range p.HostEdges {
		if wave[e.Gates] <= wave[e.Gated] || wave[e.Gated] == states.Unstaged {
			edges = append(edges, document{"gates": e.Gates, "gated": e.Gated, "reason": e.Reason})
		}
	}
	return edges
}

func channelEdgesOf(p gates.Plan, channels document) []document {
	edges := []document{}
	for _, e := range p.ChannelEdges {
		if channels[string(e.Gates)] != nil && channels[string(e.Gated)] != nil {
			edges = append(edges, document{"gates": e.Gates, "gated": e.Gated, "reason": e.Reason})
		}
	}
	return edges
}

func budgetsOf(p gates.Plan) []document {
	budgets := []document{}
	for _, b := range p.Budgets {
		if len(b.Hosts) == 0 {
			continue
		}
		budget := document{"selector": document{"hosts": slices.Clone(b.Hosts)}}
		if b.MaxInFlight > 0 {
			budget["maxInFlight"] = b.MaxInFlight
		}
		if b.MaxPercent > 0 {
			budget["maxInFlightPct"] = b.MaxPercent
		}
		budgets = append(budgets, budget)
	}
	return budgets
}

// manifestFaults are faults that any document can be given.
var manifestFaults = []struct {
	what string
	put  func(document)
}{
	{"another schema", func(doc document) { doc["schemaVersion"] = 2 }},
	{"a host of an unknown channel", func(doc document) {
		doc["hosts"].(document)["stray-1"] = document{"system": "x86_64-linux", "tags": []string{}, "channel": "nowhere", "pubkey": nil}
	}},
	{"an edge to an unknown host", func(doc document) {
		doc["edges"] = append(doc["edges"].([]document), document{"gates": "nobody", "gated": "nobody-else"})
	}},
	{"an edge between channels of an older file", func(doc document) {
		doc["channelEdges"] = append(doc["channelEdges"].([]document), document{"before": "stable", "after": "edge"})
	}},
	{"a cycle of edges", func(doc document) {
		twins(doc)
		doc["edges"] = append(doc["edges"].([]document), document{"gates": "twin-1", "gated": "twin-2"}, document{"gates": "twin-2", "gated": "twin-1"})
	}},
	{"a host is in two waves", func(doc document) {
		twins(doc)
		doc["waves"].(document)["twins"] = []document{
			{"hosts": []string{"twin-1"}, "soakMinutes": 1}, {"hosts": []string{"twin-1", "twin-2"}, "soakMinutes": 1},
		}
	}},
	{"a wave names an unknown host", func(doc document) {
		twins(doc)
		doc["waves"].(document)["twins"] = []document{{"hosts": []string{"nobody"}, "soakMinutes": 1}}
	}},
	{"a budget that can never be met", func(doc document) {
		doc["disruptionBudgets"] = append(doc["disruptionBudgets"].([]document), document{"selector": document{"all": true}, "maxInFlight": 0})
	}},
	{"a budget without a maximum", func(doc document) {
		doc["disruptionBudgets"] = append(doc["disruptionBudgets"].([]document), document{"selector": document{"all": true}})
	}},
	{"a ref that holds an @", func(doc document) { doc["meta"].(document)["ciCommit"] = "stable@a1b2" }},
}

// twins adds a channel with two hosts.
func twins(doc document) {
	for _, name := range []string{"twin-1", "twin-2"} {
		doc["hosts"].(document)[name] = document{"system": "x86_64-linux", "tags": []string{}, "channel": "twins", "closureHash": "new-twins", "pubkey": nil}
	}
	doc["rolloutPolicies"].(document)["policy-of-twins"] = document{"strategy": "waves", "onHealthFailure": "halt", "healthGate": document{}}
	doc["channels"].(document)["twins"] = document{
		"rolloutPolicy": "policy-of-twins", "reconcileIntervalMinutes": 30, "freshnessWindow": 1440, "signingIntervalMinutes": 60,
	}
}
