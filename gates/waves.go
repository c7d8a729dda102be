package gates

import "fmt"

// holdWave holds a host of a later wave than the current one, and one that is
// in none of its channel's waves.
func holdWave(v *View, ask *Ask, _ *pass, blocks []Block) []Block {
	rollout := ask.Key.Rollout
	if ask.Wave < 0 { // unstaged, or none that there can be
		return append(blocks, Block{
			Gate:    "wave-promotion",
			Scope:   "unstaged host of " + string(rollout.Channel),
			Why:     "the channel has waves and the host is in none of them",
			Release: "a manifest that puts it into a wave",
			Waits:   Wait{On: OnManifest},
		})
	}
	r := v.rollouts[rollout]
	current, undone := r.currentWave()
	if ask.Wave <= current {
		return blocks
	}
	return append(blocks, Block{
		Gate:    "wave-promotion",
		Scope:   fmt.Sprintf("wave %s of %s", ask.Wave, rollout),
		Why:     fmt.Sprintf("wave %s is current, %d of its hosts are not done", current, undone),
		Release: fmt.Sprintf("every host of wave %s and of those up to %s done", current, ask.Wave-1),
		Waits:   Wait{On: OnWave, Rollout: rollout, Wave: ask.Wave},
	})
}
