package proptest

import (
	"fmt"

	"github.com/rollmend/rollmend/gates"
	"github.com/rollmend/rollmend/states"
)

// anyPlan draws a plan under every sort of gate.
func anyPlan(d *dice) gates.Plan {
	p := gates.Plan{Ref: fleetRef}
	for c := range d.times("channels", 1, len(channelNames)) {
		channel := channelNames[c]
		waves, untargeted := 1+pick(d, "waves", 3), seldom(d, "no rollout", 5)
		deferred := pick(d, "deferred is done", 3) < 2
		for i := range d.times("hosts", 0, 4) {
			h := gates.PlannedHost{
				Host: states.Host(fmt.Sprintf("%s-%d", channel, i)), Channel: channel,
				Wave: states.Wave(pick(d, "wave", waves)), Target: states.Closure("new-" + channel),
				Policy: states.Policy{OnFailure: states.Halt, DeferredIsDone: deferred},
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
	for i, a := range p.Hosts {
		for _, b := range p.Hosts[i+1:] {
			if a.Channel == b.Channel && seldom(d, "host edge", 6) {
				p.HostEdges = append(p.HostEdges, gates.HostEdge{Gates: a.Host, Gated: b.Host})
			}
		}
	}
}

func drawBudgets(d *dice, p *gates.Plan) {
	for i := range d.times("budgets", 0, 2) {
		b := gates.Budget{Name: fmt.Sprintf("budget-%d", i)}
		for _, h := range p.Hosts {
			if pick(d, "in budget", 3) < 2 {
				b.Hosts = append(b.Hosts, h.Host)
			}
		}
		if pick(d, "by share", 2) == 1 {
			b.MaxPercent = 10 + 20*pick(d, "percent", 4)
		}
		if b.MaxPercent == 0 || pick(d, "by number too", 2) == 1 {
			b.MaxInFlight = 1 + pick(d, "at most", 2)
		}
		p.Budgets = append(p.Budgets, b)
	}
}
