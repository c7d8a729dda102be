package gates

import (
	"fmt"

	"github.com/rollmend/rollmend/states"
)

// holdHostEdges holds a host until those in front of it are Converged or
// Deferred in the same rollout.
func holdHostEdges(v *View, ask *Ask, _ *pass, blocks []Block) []Block {
	for _, edge := range v.fleet.edgesTo(ask.Key.Host) {
		state := v.gating[states.Key{Rollout: ask.Key.Rollout, Host: edge.Gates}]
		if state == states.Converged || state == states.Deferred {
			continue
		}
		why := fmt.Sprintf("%s is %s", edge.Gates, state)
		if state == 0 {
			why = fmt.Sprintf("%s is not part of the rollout", edge.Gates)
		}
		if edge.Reason != "" {
			why += " (" + edge.Reason + ")"
		}
		blocks = append(blocks, Block{
			Gate:    "host-edges",
			Scope:   fmt.Sprintf("%s behind %s", ask.Key.Host, edge.Gates),
			Why:     why,
			Release: fmt.Sprintf("%s Converged or Deferred in %s", edge.Gates, ask.Key.Rollout),
			Waits:   Wait{On: OnRecord, Rollout: ask.Key.Rollout, Host: edge.Gates},
		})
	}
	return blocks
}
