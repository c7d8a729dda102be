package manifest

import (
	"fmt"
	"math"

	"github.com/rollmend/rollmend/gates"
	"github.com/rollmend/rollmend/states"
)

func (r *reader) planBudgets() []gates.Budget {
	var out []gates.Budget
	for i, b := range r.doc.Budgets {
		path := at("disruptionBudgets", i)
		if b == nil {
			r.fault(path, "null is no budget")
			continue
		}
		if !r.checkSelector(path+"/selector", &b.Selector, 0) {
			continue
		}
		b.Selector.prepare()
		budget := gates.Budget{Name: b.Selector.String(), Hosts: r.selected(b.Selector)}
		r.readMaxima(path, b, len(budget.Hosts), &budget)
		if len(budget.Hosts) == 0 {
			r.warning(path, fmt.Sprintf("selects none of %d hosts (%s), so it bounds nothing", len(r.hosts), budget.Name))
		}
		out = append(out, budget)
	}
	return out
}

// readMaxima refuses maxima under which nobody could ever go, or that bound
// nothing by a slip.
func (r *reader) readMaxima(path string, b *budget, selected int, out *gates.Budget) {
	if b.MaxInFlight == nil && b.MaxInFlightPct == nil {
		r.fault(path, "has neither maxInFlight nor maxInFlightPct: a budget needs a maximum")
	}
	if m := b.MaxInFlight; m != nil {
		if *m < 1 {
			r.fault(path+"/maxInFlight", fmt.Sprintf("at most %d of %d selected hosts in flight can never be met: want at least 1", *m, selected))
		}
		out.MaxInFlight = int(min(*m, math.MaxInt32)) // an int of any machine
	}
	if pct := b.MaxInFlightPct; pct != nil {
		if *pct < 1 || *pct > 100 {
			r.fault(path+"/maxInFlightPct", fmt.Sprintf("%d %% of %d selected hosts is no maximum: want 1 to 100 %%", *pct, selected))
		}
		out.MaxPercent = int(*pct)
	}
}

// selected lists the hosts of a selector, sorted.
func (r *reader) selected(s selector) []states.Host {
	var out []states.Host
	for _, name := range r.hosts {
		if s.selects(name, r.doc.Hosts[name]) {
			out = append(out, states.Host(name))
		}
	}
	return out
}
