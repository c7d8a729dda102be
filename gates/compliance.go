package gates

import (
	"fmt"

	"github.com/rollmend/rollmend/states"
)

// holdCompliance holds a host while enforced probes fail on hosts of an
// earlier wave, finished ones included.
func holdCompliance(v *View, ask *Ask, _ *pass, blocks []Block) []Block {
	r := v.rollouts[ask.Key.Rollout]
	for i := range min(int(ask.Wave), len(r.waves)) {
		if n := r.waves[i].failing; n > 0 {
			return append(blocks, Block{
				Gate:    "compliance-wave",
				Scope:   fmt.Sprintf("wave %d of %s", i, ask.Key.Rollout),
				Why:     fmt.Sprintf("enforced probes fail on %d of its hosts", n),
				Release: "the probes passing there again",
				Waits:   Wait{On: OnProbes, Rollout: ask.Key.Rollout, Wave: states.Wave(i)},
			})
		}
	}
	return blocks
}
