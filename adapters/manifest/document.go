package manifest

import (
	"time"

	"github.com/go-json-experiment/json/jsontext"
)

// document is the file as it is written. What rollmend does not read is left
// raw: a change there must not stop a fleet.
type document struct {
	SchemaVersion   int64                     `json:"schemaVersion"`
	Hosts           map[string]host           `json:"hosts"`
	Channels        map[string]channel        `json:"channels"`
	RolloutPolicies map[string]*rolloutPolicy `json:"rolloutPolicies"`
	Waves           map[string][]wave         `json:"waves"`
	Edges           []edge                    `json:"edges"`
	ChannelEdges    []channelEdge             `json:"channelEdges"`
	Budgets         []*budget                 `json:"disruptionBudgets"`
	Meta            meta                      `json:"meta"`
}

type host struct {
	System      jsontext.Value `json:"system"`
	Tags        []string       `json:"tags"`
	Channel     string         `json:"channel"`
	ClosureHash string         `json:"closureHash"`
	Pubkey      jsontext.Value `json:"pubkey"`
	Pin         jsontext.Value `json:"pin"`
}

type channel struct {
	RolloutPolicy            string         `json:"rolloutPolicy"`
	ReconcileIntervalMinutes jsontext.Value `json:"reconcileIntervalMinutes"`
	FreshnessWindow          jsontext.Value `json:"freshnessWindow"`
	SigningIntervalMinutes   jsontext.Value `json:"signingIntervalMinutes"`
	Compliance               jsontext.Value `json:"compliance"`
}

type rolloutPolicy struct {
	Strategy        jsontext.Value `json:"strategy"`
	Waves           []*policyWave  `json:"waves"`
	HealthGate      jsontext.Value `json:"healthGate"`
	OnHealthFailure string         `json:"onHealthFailure"`
}

type policyWave struct {
	Selector    selector `json:"selector"`
	SoakMinutes int64    `json:"soakMinutes"`
}

type wave struct {
	Hosts          []string `json:"hosts"`
	SoakMinutes    int64    `json:"soakMinutes"`
	DeferredIsDone *bool    `json:"deferredIsDone"`
}

// edge lets gated begin once gates is done.
type edge struct {
	Gated  string `json:"gated"`
	Gates  string `json:"gates"`
	Reason string `json:"reason"`
}

type channelEdge struct {
	Gated  string `json:"gated"`
	Gates  string `json:"gates"`
	Reason string `json:"reason"`

	// The names that older files use, known so that they are refused by name.
	Before jsontext.Value `json:"before"`
	After  jsontext.Value `json:"after"`
}

type budget struct {
	Selector       selector `json:"selector"`
	MaxInFlight    *int64   `json:"maxInFlight"`
	MaxInFlightPct *int64   `json:"maxInFlightPct"`
}

type meta struct {
	SchemaVersion      *int64         `json:"schemaVersion"`
	SignedAt           *time.Time     `json:"signedAt"`
	CICommit           string         `json:"ciCommit"`
	SignatureAlgorithm jsontext.Value `json:"signatureAlgorithm"`
}
