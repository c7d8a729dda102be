package gates_test

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/rollmend/rollmend/gates"
	"github.com/rollmend/rollmend/states"
)

func passed(verdicts []gates.Verdict) (out []bool) {
	for _, v := range verdicts {
		out = append(out, v.Passed())
	}
	return out
}

// What is let through in one call counts against the later asks of it: a
// dispatch that may go, once, against every budget that selects its host.
func TestOnePassCannotOverspend(t *testing.T) {
	four := []states.Host{"web-1", "web-2", "web-3", "web-4"}
	for _, c := range []struct {
		what  string
		tell  func(*watched)
		asks  func(*watched) []gates.Ask
		max   int
		other int // the limit of a second budget of the same hosts; 0: there is none
		want  []bool
	}{
		{
			"as many as may be", func(*watched) {},
			func(w *watched) []gates.Ask {
				return []gates.Ask{w.ask("web-1"), w.ask("web-2"), w.ask("web-3"), w.ask("web-4")}
			},
			3, 0,
			[]bool{true, true, true, false},
		},
		{
			"the smaller of two budgets counts, and both are spent", func(*watched) {},
			func(w *watched) []gates.Ask { return []gates.Ask{w.ask("web-1"), w.ask("web-2"), w.ask("web-3")} },
			2, 3,
			[]bool{true, true, false},
		},
		{
			"a host that is in flight already spends nothing when it is sent again",
			func(w *watched) { w.is("web-1", states.Pending, inFlight) },
			func(w *watched) []gates.Ask { return []gates.Ask{w.ask("web-1"), w.ask("web-2"), w.ask("web-3")} },
			2, 0,
			[]bool{true, true, false},
		},
		{
			"one that is held spends nothing",
			func(w *watched) { w.is("db-1", states.Pending) },
			func(w *watched) []gates.Ask { return []gates.Ask{w.ask("web-2"), w.ask("web-1"), w.ask("web-3")} },
			2, 0,
			[]bool{false, true, true},
		},
		{
			"a synthesis disrupts nobody, and spends nothing", func(*watched) {},
			func(w *watched) []gates.Ask {
				s := w.ask("web-1")
				s.Purpose = gates.Synthesis
				return []gates.Ask{s, s, s, w.ask("web-3")}
			},
			1, 0,
			[]bool{true, true, true, true},
		},
	} {
		plan := gates.Plan{
			Hosts:     planned(append(four, "db-1")...),
			HostEdges: nil,
			Budgets:   []gates.Budget{{Name: "web", Hosts: four, MaxInFlight: c.max}},
		}
		if c.what == "one that is held spends nothing" {
			plan.HostEdges = []gates.HostEdge{{Gates: "db-1", Gated: "web-2"}}
		}
		if c.other > 0 {
			plan.Budgets = append(plan.Budgets, gates.Budget{Name: "all", Hosts: four, MaxInFlight: c.other})
		}
		w := watching(t, plan)
		c.tell(w)
		if diff := cmp.Diff(c.want, passed(gates.Evaluate(w.View, c.asks(w)...))); diff != "" {
			t.Errorf("%s:\n%s", c.what, diff)
		}
		// The next call begins anew.
		last := c.asks(w)
		if v := gates.Evaluate(w.View, last[len(last)-1])[0]; !v.Passed() {
			t.Errorf("%s, the last one alone: %s", c.what, v)
		}
	}
}

func TestABudgetNamesWhomItWaitsFor(t *testing.T) {
	var hosts []states.Host
	for i := range 8 {
		hosts = append(hosts, states.Host(fmt.Sprintf("web-%d", i)))
	}
	why := func(inFlight int, first states.Host, max int) string {
		w := watching(t, gates.Plan{
			Hosts:   planned(hosts...),
			Budgets: []gates.Budget{{Name: "web", Hosts: hosts, MaxInFlight: max}},
		})
		for _, host := range hosts[:inFlight] {
			w.is(host, states.Soaking)
		}
		verdicts := gates.Evaluate(w.View, w.ask("web-7"), w.ask(first))
		blocks := verdicts[1].Blocks
		if len(blocks) == 0 {
			return "may go"
		}
		return blocks[0].Why
	}
	for _, c := range []struct {
		inFlight int
		asks     states.Host
		max      int
		want     string
	}{
		{3, "web-6", 3, "3 of at most 3 hosts in flight: web-0, web-1, web-2"},
		{3, "web-1", 2, "2 of at most 2 hosts in flight: web-0, web-2"}, // itself is left out
		{3, "web-1", 3, "may go"},
		{5, "web-6", 5, "5 of at most 5 hosts in flight: web-0, web-1, web-2, web-3, web-4"},
		{6, "web-6", 6, "6 of at most 6 hosts in flight: web-0, web-1, web-2, web-3, web-4, ..."},
		{6, "web-0", 5, "5 of at most 5 hosts in flight: web-1, web-2, web-3, web-4, web-5"},
		{7, "web-6", 6, "6 of at most 6 hosts in flight: web-0, web-1, web-2, web-3, web-4, ..."},
		{7, "web-7", 7, "7 of at most 7 hosts in flight: web-0, web-1, web-2, web-3, web-4, ..."},
		{0, "web-6", 1, "1 of at most 1 hosts in flight: those let through in this pass"},
		{0, "web-6", 2, "may go"},
	} {
		if got := why(c.inFlight, c.asks, c.max); got != c.want {
			t.Errorf("%d in flight, %s asks: %s", c.inFlight, c.asks, got)
		}
	}
}

// A host counts once, however many rollouts have it in flight, and until the
// last of them lets it go.
func TestAHostOfTwoRolloutsKeepsItsPlaceUntilBothLetItGo(t *testing.T) {
	older := states.Rollout{Channel: "stable", Ref: "0000"}
	w := watching(t, gates.Plan{
		Hosts:   planned("web-1", "web-2", "web-3", "web-4"),
		Budgets: []gates.Budget{{Name: "web", Hosts: []states.Host{"web-1", "web-2", "web-3"}, MaxInFlight: 2}},
	})
	w.Open(older)
	freed := gates.Wait{On: gates.OnBudget, Budget: "web"}
	holders := func(want ...states.Host) {
		t.Helper()
		if diff := cmp.Diff(want, w.Holders("web-2")); diff != "" {
			t.Error(diff)
		}
	}
	w.releases("an old dispatch", w.in(older, "web-1", states.Pending, inFlight))
	holders("web-1")
	w.releases("a new one, planned", w.is("web-1", states.Pending))
	w.releases("and done without a dispatch", w.is("web-1", states.Deferred))
	holders("web-1")
	w.releases("a new one that is dispatched", w.is("web-1", states.Activating))
	holders("web-1")
	if got := w.Holders("web-1"); got != nil {
		t.Errorf("a host waits for itself, and for %v", got)
	}
	if v := w.asks("web-3"); !v.Passed() {
		t.Errorf("one host of two rollouts takes two places: %s", v)
	}
	w.releases("what was not in flight", w.is("web-2", states.Pending))
	w.releases("what is not in flight still", w.is("web-2", states.Deferred))
	holders("web-1")
	w.releases("the old one superseded", w.in(older, "web-1", states.Pending))
	holders("web-1")
	w.releases("a change of what is in flight", w.is("web-1", states.Soaking))
	holders("web-1")
	w.releases("the new one converged", w.is("web-1", states.Converged), freed)
	holders()
	w.releases("what has left long ago, told once more", w.told(
		gates.Standing{Key: states.Key{Rollout: older, Host: "web-1"}, State: states.Pending, InFlight: true},
		gates.Standing{Key: states.Key{Rollout: older, Host: "web-1"}, State: states.Pending},
	))
	w.releases("a host that no budget selects", w.is("web-4", states.Soaking))
	w.releases("and that goes", w.is("web-4", states.Failed))
}

// Whoever leaves, the others stay where they are, and each once.
func TestTheOthersStayWhenAHostLeaves(t *testing.T) {
	hosts := []states.Host{"web-1", "web-2", "web-3", "web-4"}
	older := states.Rollout{Channel: "stable", Ref: "0000"}
	for _, c := range []struct {
		leave []states.Host
		want  []states.Host
	}{
		{nil, []states.Host{"web-1", "web-2", "web-3", "web-4"}},
		{[]states.Host{"web-4"}, []states.Host{"web-1", "web-2", "web-3"}},
		{[]states.Host{"web-1"}, []states.Host{"web-4", "web-2", "web-3"}}, // the last takes its place
		{[]states.Host{"web-1", "web-4"}, []states.Host{"web-3", "web-2"}},
		{[]states.Host{"web-2", "web-4", "web-1"}, []states.Host{"web-3"}},
		{[]states.Host{"web-2", "web-1", "web-3", "web-4"}, nil},
	} {
		w := watching(t, gates.Plan{
			Hosts: planned(append(hosts, "db-1")...),
			Budgets: []gates.Budget{
				{Name: "web", Hosts: append([]states.Host{"db-1"}, hosts...), MaxInFlight: 9},
				{Name: "again", Hosts: []states.Host{"web-3", "db-1", "web-4"}, MaxInFlight: 9},
			},
		})
		w.Open(older)
		for _, host := range hosts {
			w.is(host, states.Soaking)
		}
		w.in(older, "web-4", states.Soaking) // it is in flight twice
		for _, host := range c.leave {
			if host == "web-4" {
				w.in(older, host, states.Converged)
			}
			w.is(host, states.Converged)
		}
		if diff := cmp.Diff(c.want, w.Holders("db-1")); diff != "" {
			t.Errorf("after %v left:\n%s", c.leave, diff)
		}
		for _, host := range c.want {
			if host == "web-4" { // of its two, one is left
				w.is(host, states.Converged)
				if diff := cmp.Diff(c.want, w.Holders("db-1")); diff != "" {
					t.Errorf("after %v left, and web-4 once:\n%s", c.leave, diff)
				}
			}
		}
	}
	w := watching(t, gates.Plan{Hosts: planned("web-1")})
	if got := w.Holders("ghost"); got != nil {
		t.Errorf("a host that nobody knows waits for %v", got)
	}
}
