package bench_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/rollmend/rollmend/gates"
	"github.com/rollmend/rollmend/reducer"
	"github.com/rollmend/rollmend/states"
)

// decisions is how many a round of the benchmark takes.
const decisions = 1000

// BenchmarkGates decides for one host of small, big and bigger fleets: for a
// dispatch that every gate lets through, and for one of a later wave, under a
// budget that is spent. All gates are asked; they are shown beside each other,
// over the smallest fleet.
func BenchmarkGates(b *testing.B) {
	for name, ask := range map[string]func(int) states.Host{
		"passing": func(int) states.Host { return hostName(1) },
		"held":    func(hosts int) states.Host { return hostName(hosts - 1) },
	} {
		b.Run(name, func(b *testing.B) {
			var sizes []contender
			for _, hosts := range []int{1_000, 100_000, 1_000_000} {
				sizes = append(sizes, contender{name: fmt.Sprint(hosts), run: decide(b, hosts, ask(hosts), name == "passing")})
			}
			beside(b, decisions, sizes...)
		})
	}
}

// decide returns a round of decisions on one host of a fleet in two waves,
// whose second half shares a budget of one that is taken.
func decide(b *testing.B, hosts int, host states.Host, pass bool) func() {
	plan := planned(hosts, 2)
	for half, limit := range []int{hosts, 1} {
		budget := gates.Budget{Name: fmt.Sprintf("half %d", half), MaxInFlight: limit}
		for i := range hosts / 2 {
			budget.Hosts = append(budget.Hosts, hostName(half*hosts/2+i))
		}
		plan.Budgets = append(plan.Budgets, budget)
	}
	view := gates.NewView(gates.NewFleet(plan), []reducer.Quarantine{})
	view.Open(stable)
	for i := range plan.Hosts {
		standing := gates.Standing{
			Key: states.Key{Rollout: stable, Host: plan.Hosts[i].Host}, Wave: plan.Hosts[i].Wave, State: states.Pending,
			InFlight: i == hosts/2,
		}
		view.Track(gates.Standing{}, standing, nil)
	}
	planned, ok := view.Fleet().Host(host)
	require.True(b, ok)
	ask := gates.Ask{Purpose: gates.Dispatch, Key: states.Key{Rollout: stable, Host: host}, Wave: planned.Wave, Target: planned.Target}
	return func() {
		for range decisions {
			if verdict := gates.Evaluate(view, ask)[0]; verdict.Passed() != pass {
				b.Fatal(verdict)
			}
		}
	}
}
