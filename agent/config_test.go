package agent_test

import (
	"errors"
	"testing"

	"github.com/rollmend/rollmend/agent"
)

func TestAConfigWithoutAValueIsRefusedByName(t *testing.T) {
	for _, c := range []struct {
		field string
		clear func(*agent.Config)
		want  string
	}{
		{"Host", func(c *agent.Config) { c.Host = "" }, "agent: config: Host: want the host's name"},
		{"Generation", func(c *agent.Config) { c.Generation = 0 }, "agent: config: Generation: want Present or First"},
		{"OnFailure", func(c *agent.Config) { c.OnFailure = 0 }, "agent: config: OnFailure: want Halt or RollbackAndHalt"},
		{"BeatEvery", func(c *agent.Config) { c.BeatEvery = 0 }, "agent: config: BeatEvery: want at least a millisecond"},
		{"RetryEvery", func(c *agent.Config) { c.RetryEvery = 0 }, "agent: config: RetryEvery: want at least a millisecond"},
		{"ProbeEvery", func(c *agent.Config) { c.ProbeEvery = -1 }, "agent: config: ProbeEvery: want at least a millisecond"},
		{"FailAfter", func(c *agent.Config) { c.FailAfter = 0 }, "agent: config: FailAfter: want at least a millisecond"},
	} {
		cfg := config()
		c.clear(&cfg)
		_, err := agent.New(cfg)
		var ce *agent.ConfigError
		if !errors.As(err, &ce) {
			t.Fatalf("%s: error %v, want a *ConfigError", c.field, err)
		}
		diff(t, c.field, c.want, ce.Error())
	}
	_, err := agent.New(config())
	diff(t, "error", nil, err)
}
