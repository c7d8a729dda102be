package proptest

import (
	"fmt"
	"slices"
	"time"

	"github.com/rollmend/rollmend/gates"
	"github.com/rollmend/rollmend/states"
)

// mostPerChannel and mostHosts bound a plan: a few hosts show what many would.
const (
	mostPerChannel = 4
	mostHosts      = 3 * mostPerChannel
)

// placeOf numbers hosts so that a number means the same host, whichever others
// there are.
func placeOf(h gates.PlannedHost) int {
	i := int(h.Host[len(h.Host)-1] - '0')
	return mostPerChannel*slices.Index(channelNames[:], h.Channel) + i
}

// anyPlan draws a plan under every sort of gate.
func anyPlan(d *dice) gates.Plan {
	p := gates.Plan{Ref: fleetRef}
	for _, channel := range channelNames {
		waves, untargeted := 1+pick(d, "waves", 3), seldom(d, "no rollout", 5)
		policy := states.Policy{
			Soak:           [...]time.Duration{cycle, 0, 10 * second}[pick(d, "soak", 3)],
			OnFailure:      [...]states.OnFailure{states.RollbackAndHalt, states.Halt}[pick(d, "policy", 2)],
			DeferredIsDone: pick(d, "deferred is done", 3) < 2,
		}
		for i := range d.times("hosts", 0, mostPerChannel) {
			h := gates.PlannedHost{
				Host: states.Host(fmt.Sprintf("%s-%d", channel, i)), Channel: channel,
				Wave: states.Wave(pick(d, "wave", waves)), Target: states.Closure("new-" + channel),
				Policy: policy,
			}
			if seldom(d, "unstaged", 12) {
				h.Wave = states.Unstaged
			}
			if untargeted || seldom(d, "no target", 12) {
				h.Target = ""
			}
			p.Hosts = append(p.Hosts, h)
		}
	}
	drawEdges(d, &p)
	drawBudgets(d, &p)
	return p
}

func drawEdges(d *dice, p *gates.Plan) {
	for i, gating := range channelNames {
		for _, gated := range channelNames[i+1:] {
			if pick(d, "channel edge", 3) == 1 {
				p.ChannelEdges = append(p.ChannelEdges, gates.ChannelEdge{Gates: gating, Gated: gated})
			}
		}
	}
	for range d.times("host edges", 0, 3) {
		i, j := pick(d, "gates", mostHosts), pick(d, "gated", mostHosts)
		front, known := hostAt(p, i)
		gated, too := hostAt(p, j)
		edge := gates.HostEdge{Gates: front.Host, Gated: gated.Host}
		if known && too && i < j && front.Channel == gated.Channel && !slices.Contains(p.HostEdges, edge) {
			p.HostEdges = append(p.HostEdges, edge)
		}
	}
}

func hostAt(p *gates.Plan, place int) (gates.PlannedHost, bool) {
	for _, h := range p.Hosts {
		if placeOf(h) == place {
			return h, true
		}
	}
	return gates.PlannedHost{}, false
}

func drawBudgets(d *dice, p *gates.Plan) {
	for i := range d.times("budgets", 0, 2) {
		b := gates.Budget{Name: fmt.Sprintf("budget-%d", i)}
		every, from := 1+pick(d, "every", 2), pick(d, "from", 3)
		for _, h := range p.Hosts {
			if j := placeOf(h); j >= from && (j-from)%every == 0 {
				b.Hosts = append(b.Hosts, h.Host)
			}
		}
		percent, most := pick(d, "percent", 8), pick(d, "at most", 4)
		if percent > 3 {
			b.MaxPercent = 10 + 20*(percent-4)
		}
		if b.MaxPercent == 0 || most > 1 {
			b.MaxInFlight = 1 + most%2
		}
		p.Budgets = append(p.Budgets, b)
	}
}
