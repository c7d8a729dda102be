package gates

import "fmt"

// holdHalted holds a rollout that a host has failed in, until an operator
// resumes it.
func holdHalted(v *View, ask *Ask, _ *pass, blocks []Block) []Block {
	r := v.rollouts[ask.Key.Rollout]
	if r.halting.size() == 0 {
		return blocks
	}
	return append(blocks, Block{
		Gate:    "halted",
		Scope:   ask.Key.Rollout.String(),
		Why:     fmt.Sprintf("%s failed in it", r.halting.names("")),
		Release: "an operator who resumes the rollout, with a reason, or a new rollout",
		Waits:   Wait{On: OnResume, Rollout: ask.Key.Rollout},
	})
}
