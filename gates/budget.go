package gates

import "fmt"

// holdBudget holds a host while as many of its budget's hosts are in flight as
// may be. A host never counts against itself.
func holdBudget(v *View, ask *Ask, p *pass, blocks []Block) []Block {
	for _, i := range v.fleet.budgetsOf(ask.Key.Host) {
		b := &v.fleet.budgets[i]
		taken := v.inFlight[i].others(ask.Key.Host) + p.spent[i]
		if limit := b.Limit(); taken >= limit {
			blocks = append(blocks, Block{
				Gate:    "disruption-budget",
				Scope:   b.Name,
				Why:     fmt.Sprintf("%d of at most %d hosts in flight: %s", taken, limit, v.inFlight[i].names(ask.Key.Host)),
				Release: "one of them converged, deferred, failed or acknowledging a newer rollout",
				Waits:   Wait{On: OnBudget, Budget: b.Name},
			})
		}
	}
	return blocks
}

// spend counts a host that is let through against its budgets, once.
func spend(v *View, ask *Ask, p *pass) {
	for _, i := range v.fleet.budgetsOf(ask.Key.Host) {
		if !v.inFlight[i].has(ask.Key.Host) {
			if p.spent == nil {
				p.spent = map[int]int{}
			}
			p.spent[i]++
		}
	}
}
