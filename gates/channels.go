package gates

import "fmt"

// holdChannelEdges holds a channel until those in front of it have converged.
func holdChannelEdges(v *View, ask *Ask, _ *pass, blocks []Block) []Block {
	for _, edge := range v.fleet.channels[ask.Key.Rollout.Channel].behind {
		why := v.unfinished(edge.Gates)
		if why == "" {
			continue
		}
		if edge.Reason != "" {
			why += " (" + edge.Reason + ")"
		}
		blocks = append(blocks, Block{
			Gate:    "channel-edges",
			Scope:   fmt.Sprintf("%s behind %s", ask.Key.Rollout.Channel, edge.Gates),
			Why:     why,
			Release: fmt.Sprintf("every host of %s converged", edge.Gates),
			Waits:   Wait{On: OnChannel, Channel: edge.Gates},
		})
	}
	return blocks
}
