package gates

import (
	"fmt"

	"github.com/rollmend/rollmend/states"
)

// place is where a closure is quarantined.
type place struct {
	channel states.Channel
	closure states.Closure
}

// holdQuarantine holds a host whose target is quarantined on its channel.
func holdQuarantine(v *View, ask *Ask, _ *pass, blocks []Block) []Block {
	channel := ask.Key.Rollout.Channel
	q, ok := v.quarantines[place{channel, ask.Target}]
	if !ok {
		return blocks
	}
	return append(blocks, Block{
		Gate:    "quarantine",
		Scope:   fmt.Sprintf("%s on %s", ask.Target, channel),
		Why:     fmt.Sprintf("quarantined since %s: %s", q.Since, q.Why),
		Release: "an operator's clearance, with a reason, or a rollout of another closure",
		Waits:   Wait{On: OnClearance, Channel: channel, Closure: ask.Target},
	})
}
