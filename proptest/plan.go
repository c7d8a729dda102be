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

// anyPlan draws a plan under every sort of gate.
func anyPlan(d *dice) gates.Plan {
	p := gates.Plan{Ref: fleetRef}
	for c := range d.times("channels", 1, len(channelNames)) {
		channel := channelNames[c]
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
	// A choice less or more does not move what is chosen behind it, so that a
	// host can be taken out of a case.
	for range d.times("host edges", 0, 3) {
		i, j := pick(d, "gates", mostHosts), pick(d, "gated", mostHosts)
		if i < j && j < len(p.Hosts) && p.Hosts[i].Channel == p.Hosts[j].Channel {
			edge := gates.HostEdge{Gates: p.Hosts[i].Host, Gated: p.Hosts[j].Host}
			if !slices.Contains(p.HostEdges, edge) {
				p.HostEdges = append(p.HostEdges, edge)
			}
		}
	}
}

func drawBudgets(d *dice, p *gates.Plan) {
	for i := range d.times("budgets", 0, 2) {
		b := gates.Budget{Name: fmt.Sprintf("budget-%d", i)}
		every, from := 1+pick(d, "every", 2), pick(d, "from", 3)
		for j, h := range p.Hosts {
			if j >= from && (j-from)%every == 0 {
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
