package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/rollmend/rollmend/states"
)

// operator asks the control plane what an operator would ask it.
type operator struct {
	base   string
	client *http.Client
}

// What of the operator's pages this program looks at; the names are those of
// the wire.
type (
	fleetPage struct {
		Ref         string        `json:"ref"`
		Silent      int           `json:"silent"`
		Rollouts    []rolloutLine `json:"rollouts"`
		Quarantines []struct {
			Channel  states.Channel `json:"channel"`
			Closure  states.Closure `json:"closure"`
			Why      string         `json:"why"`
			Hostname states.Host    `json:"hostname"`
		} `json:"quarantines"`
	}
	rolloutLine struct {
		RolloutID string         `json:"rolloutId"`
		State     string         `json:"state"`
		ByState   map[string]int `json:"byState"`
		Halting   []states.Host  `json:"halting"`
		Blocked   []block        `json:"blocked"`
	}
	hostPage struct {
		Hostname states.Host `json:"hostname"`
		Seen     *struct {
			ReceivedAt time.Time `json:"receivedAt"`
		} `json:"seen"`
		Silent  []states.Host `json:"silent"`
		Records []explained   `json:"records"`
	}
	explained struct {
		Record struct {
			RolloutID string         `json:"rolloutId"`
			Wave      states.Wave    `json:"wave"`
			State     string         `json:"state"`
			Evidence  string         `json:"evidence"`
			Target    states.Closure `json:"targetClosure"`
			Current   states.Closure `json:"currentClosure"`
			LastSeq   states.Seq     `json:"lastEventSeq"`
		} `json:"record"`
		Superseded bool `json:"superseded"`
		Finding    struct {
			Reason string  `json:"reason"`
			Case   string  `json:"case"`
			Detail string  `json:"detail"`
			Blocks []block `json:"blocks"`
		} `json:"finding"`
		Gates *struct {
			Passed bool    `json:"passed"`
			Blocks []block `json:"blocks"`
		} `json:"gates"`
		Withheld string     `json:"withheld"`
		Log      []logEntry `json:"log"`
	}
	block struct {
		Gate    string `json:"gate"`
		Scope   string `json:"scope"`
		Why     string `json:"why"`
		Release string `json:"release"`
	}
	logEntry struct {
		Disposition string    `json:"disposition"`
		Reason      string    `json:"reason"`
		Origin      string    `json:"origin"`
		Case        string    `json:"case"`
		From        string    `json:"from"`
		At          time.Time `json:"at"`
		Event       struct {
			Kind string     `json:"kind"`
			Seq  states.Seq `json:"seq"`
		} `json:"event"`
	}
)

// synthesised reports whether the entry was derived from an observation.
func (e logEntry) synthesised() bool { return e.Origin == "synthesised" }

// String returns a line for people.
func (b block) String() string {
	return fmt.Sprintf("%s (%s): %s; released by %s", b.Gate, b.Scope, b.Why, b.Release)
}

// of returns what is said of a rollout.
func (p *hostPage) of(rollout states.Rollout) (explained, bool) {
	for _, r := range p.Records {
		if r.Record.RolloutID == rollout.String() {
			return r, true
		}
	}
	return explained{}, false
}

func (o *operator) fleet(ctx context.Context) (p fleetPage, err error) {
	return p, o.read(ctx, "/v1/fleet", &p)
}

func (o *operator) host(ctx context.Context, name states.Host) (p hostPage, err error) {
	return p, o.read(ctx, "/v1/hosts/"+string(name), &p)
}

// answerWithin is how long the operator waits for a page.
const answerWithin = 2 * time.Second

func (o *operator) read(ctx context.Context, path string, into any) error {
	ctx, cancel := context.WithTimeout(ctx, answerWithin)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, o.base+path, nil)
	if err != nil {
		return fmt.Errorf("operator: %w", err)
	}
	resp, err := o.client.Do(req)
	if err != nil {
		return fmt.Errorf("operator: %w", err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		return fmt.Errorf("operator: %s: %w", path, err)
	}
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("operator: %s: %s: %s", path, resp.Status, b)
	}
	if err := json.Unmarshal(b, into); err != nil {
		return fmt.Errorf("operator: %s: %w", path, err)
	}
	return nil
}
