package agent

import (
	"fmt"
	"time"

	"github.com/rollmend/rollmend/states"
)

// Config says how an agent behaves. No field has a default: [New] refuses a
// zero in any of them.
type Config struct {
	Host       states.Host
	Generation Generation

	BeatEvery  time.Duration // between heartbeats, where the control plane does not pace them
	RetryEvery time.Duration // before a report that was not answered is sent again
	ProbeEvery time.Duration // between two runs of the probes
	FailAfter  time.Duration // how long an enforced probe fails before the host fails

	// OnFailure is the policy where the dispatch does not say one. The first
	// generation, which does not read it there, always goes by this.
	OnFailure states.OnFailure
}

// Generation says how much of the protocol an agent knows.
type Generation uint8

// The generations.
const (
	// Present keeps its reports and its numbers across restarts.
	Present Generation = iota + 1

	// First is what was deployed before: it deletes what was acknowledged, holds
	// no rollout after a restart, gives no order, and knows neither the soak's
	// length nor requests for a replay. It exists so that a simulated fleet has
	// such hosts.
	First
)

// ConfigError says which field of a [Config] cannot be worked with.
type ConfigError struct {
	Field string
	Want  string
}

func (e *ConfigError) Error() string {
	return fmt.Sprintf("agent: config: %s: want %s", e.Field, e.Want)
}

// New returns a machine that waits for [Started]. The error is a
// [*ConfigError].
func New(cfg Config) (Machine, error) {
	switch {
	case cfg.Host == "":
		return Machine{}, &ConfigError{Field: "Host", Want: "the host's name"}
	case cfg.Generation != Present && cfg.Generation != First:
		return Machine{}, &ConfigError{Field: "Generation", Want: "Present or First"}
	case cfg.OnFailure != states.Halt && cfg.OnFailure != states.RollbackAndHalt:
		return Machine{}, &ConfigError{Field: "OnFailure", Want: "Halt or RollbackAndHalt"}
	}
	for _, d := range []struct {
		field string
		value time.Duration
	}{
		{"BeatEvery", cfg.BeatEvery},
		{"RetryEvery", cfg.RetryEvery},
		{"ProbeEvery", cfg.ProbeEvery},
		{"FailAfter", cfg.FailAfter},
	} {
		if d.value < time.Millisecond {
			return Machine{}, &ConfigError{Field: d.field, Want: "at least a millisecond"}
		}
	}
	return Machine{cfg: cfg}, nil
}
