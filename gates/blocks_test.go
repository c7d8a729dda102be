package gates_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/rollmend/rollmend/gates"
	"github.com/rollmend/rollmend/reducer"
	"github.com/rollmend/rollmend/states"
)

// Every gate says what it looked at, what holds, what would release it, and
// what a program can wait for.
func TestWhatEachGateSays(t *testing.T) {
	w := watching(t, gates.Plan{
		Hosts: []gates.PlannedHost{
			{Host: "canary-1", Channel: "edge", Target: "new"},
			{Host: "canary-2", Channel: "edge", Target: "new"},
			{Host: "db-1", Channel: "stable", Target: "new"},
			{Host: "db-2", Channel: "stable", Target: "new"},
			{Host: "web-1", Channel: "stable", Target: "new", Wave: 1},
		},
		ChannelEdges: []gates.ChannelEdge{{Gates: "edge", Gated: "stable", Reason: "they see it first"}},
		HostEdges: []gates.HostEdge{
			{Gates: "db-1", Gated: "web-1", Reason: "the schema"},
			{Gates: "ghost", Gated: "web-1"},
		},
		Budgets: []gates.Budget{{Name: "all", Hosts: []states.Host{"db-1", "db-2", "web-1"}, MaxInFlight: 1}},
	})
	w.Quarantine(reducer.Quarantine{Channel: "stable", Closure: "new", Since: 5_000, Why: "probes failed: http"})
	w.in(edge, "canary-1", states.Converged)
	w.in(edge, "canary-2", states.Pending)
	w.is("db-1", states.Activating, failing)
	w.is("db-2", states.Failed)
	w.is("web-1", states.Pending)
	w.holds("web-1", w.asks("web-1"),
		gates.Block{
			Gate: "quarantine", Scope: "new on stable",
			Why:     "quarantined since 1970-01-01T00:00:05.000Z: probes failed: http",
			Release: "an operator's clearance, with a reason, or a rollout of another closure",
			Waits:   gates.Wait{On: gates.OnClearance, Channel: "stable", Closure: "new"},
		},
		gates.Block{
			Gate: "halted", Scope: "stable@a1b2",
			Why:     "db-2 failed in it",
			Release: "an operator who resumes the rollout, with a reason, or a new rollout",
			Waits:   gates.Wait{On: gates.OnResume, Rollout: stable},
		},
		gates.Block{
			Gate: "channel-edges", Scope: "stable behind edge",
			Why:     "1 of 2 hosts of edge@a1b2 have not converged (they see it first)",
			Release: "every host of edge converged",
			Waits:   gates.Wait{On: gates.OnChannel, Channel: "edge"},
		},
		gates.Block{
			Gate: "wave-promotion", Scope: "wave 1 of stable@a1b2",
			Why:     "wave 0 is current, 2 of its hosts are not done",
			Release: "every host of wave 0 and of those up to 0 done",
			Waits:   gates.Wait{On: gates.OnWave, Rollout: stable, Wave: 1},
		},
		gates.Block{
			Gate: "host-edges", Scope: "web-1 behind db-1",
			Why:     "db-1 is Activating (the schema)",
			Release: "db-1 Converged or Deferred in stable@a1b2",
			Waits:   gates.Wait{On: gates.OnRecord, Rollout: stable, Host: "db-1"},
		},
		gates.Block{
			Gate: "host-edges", Scope: "web-1 behind ghost",
			Why:     "ghost is not part of the rollout",
			Release: "ghost Converged or Deferred in stable@a1b2",
			Waits:   gates.Wait{On: gates.OnRecord, Rollout: stable, Host: "ghost"},
		},
		gates.Block{
			Gate: "disruption-budget", Scope: "all",
			Why:     "1 of at most 1 hosts in flight: db-1",
			Release: "one of them converged, deferred, failed or acknowledging a newer rollout",
			Waits:   gates.Wait{On: gates.OnBudget, Budget: "all"},
		},
		gates.Block{
			Gate: "compliance-wave", Scope: "wave 0 of stable@a1b2",
			Why:     "enforced probes fail on 1 of its hosts",
			Release: "the probes passing there again",
			Waits:   gates.Wait{On: gates.OnProbes, Rollout: stable, Wave: 0},
		},
	)
	unstaged := w.ask("web-1")
	unstaged.Wave, unstaged.Purpose = states.Unstaged, gates.Synthesis
	if got := gates.Evaluate(w.View, unstaged)[0].Blocks[2]; got != (gates.Block{
		Gate: "wave-promotion", Scope: "unstaged host of stable",
		Why:     "the channel has waves and the host is in none of them",
		Release: "a manifest that puts it into a wave",
		Waits:   gates.Wait{On: gates.OnManifest},
	}) {
		t.Errorf("an unstaged host is held by %#v", got)
	}
}

func TestWhatIsNotKnownHolds(t *testing.T) {
	open := func() *watched {
		return watching(t, gates.Plan{Hosts: []gates.PlannedHost{
			{Host: "web-1", Channel: "stable", Target: "new"},
			{Host: "idle-1", Channel: "idle"},
		}})
	}
	w := open()
	unopened := &watched{View: gates.NewView(w.Fleet(), []reducer.Quarantine{}), t: t}
	blind := &watched{View: gates.NewView(w.Fleet(), nil), t: t}
	blind.Open(stable)
	manifest := gates.Wait{On: gates.OnManifest}
	ask := func(change func(*gates.Ask)) gates.Ask {
		a := w.ask("web-1")
		change(&a)
		return a
	}
	same := func(*gates.Ask) {}
	for _, c := range []struct {
		what string
		view *gates.View
		ask  gates.Ask
		want gates.Block
	}{
		{
			"an ask without a purpose", w.View, ask(func(a *gates.Ask) { a.Purpose = 0 }),
			gates.Block{Gate: "unknown", Scope: "web-1", Why: "the ask does not say what for", Release: "an ask with a purpose", Waits: manifest},
		},
		{
			"an ask with a purpose that there is not", w.View, ask(func(a *gates.Ask) { a.Purpose = gates.Synthesis + 1 }),
			gates.Block{Gate: "unknown", Scope: "web-1", Why: "the ask does not say what for", Release: "an ask with a purpose", Waits: manifest},
		},
		{
			"no view", nil, ask(same),
			gates.Block{Gate: "unknown", Scope: "fleet", Why: "no manifest is loaded", Release: "loading one", Waits: manifest},
		},
		{
			"an empty view", &gates.View{}, ask(same),
			gates.Block{Gate: "unknown", Scope: "fleet", Why: "no manifest is loaded", Release: "loading one", Waits: manifest},
		},
		{
			"quarantines that nobody read", blind.View, ask(same),
			gates.Block{Gate: "quarantine", Scope: "fleet", Why: "the quarantines are not known", Release: "reading them from the store", Waits: manifest},
		},
		{
			"a host that the manifest does not list", w.View, ask(func(a *gates.Ask) { a.Key.Host = "ghost" }),
			gates.Block{Gate: "unknown", Scope: "ghost", Why: "the manifest does not list the host", Release: "a manifest that does", Waits: manifest},
		},
		{
			"another rollout than the manifest's", w.View, ask(func(a *gates.Ask) { a.Key.Rollout.Ref = "c3d4" }),
			gates.Block{Gate: "unknown", Scope: "stable@c3d4", Why: "it is not the rollout of the manifest", Release: "a manifest that names it", Waits: manifest},
		},
		{
			"no rollout at all", w.View, ask(func(a *gates.Ask) { a.Key.Rollout = states.Rollout{}; a.Key.Host = "idle-1" }),
			gates.Block{Gate: "unknown", Scope: "", Why: "it is not the rollout of the manifest", Release: "a manifest that names it", Waits: manifest},
		},
		{
			"a rollout that is not open", unopened.View, ask(same),
			gates.Block{Gate: "unknown", Scope: "stable@a1b2", Why: "the rollout is not open", Release: "opening it", Waits: manifest},
		},
	} {
		w.holds(c.what, gates.Evaluate(c.view, c.ask)[0], c.want)
		synthesis := c.ask
		if synthesis.Purpose == gates.Dispatch {
			synthesis.Purpose = gates.Synthesis
			w.holds(c.what+", for a synthesis", gates.Evaluate(c.view, synthesis)[0], c.want)
		}
	}
	if v := w.asks("web-1"); !v.Passed() {
		t.Error(v)
	}
}

func TestVerdictsAreOneLine(t *testing.T) {
	w := watching(t, gates.Plan{Hosts: planned("web-1")})
	block := gates.Block{Gate: "freeze", Scope: "stable", Why: "it is Friday", Release: "Monday"}
	for _, c := range []struct {
		verdict gates.Verdict
		want    string
	}{
		{gates.Verdict{}, "held: no gate was asked"},
		{gates.Verdict{Blocks: []gates.Block{block}}, "held: no gate was asked"},
		{w.asks("web-1"), "may go"},
		{gates.Rules{Own: []gates.Gate{freezing(block), freezing(block)}}.Evaluate(w.View, w.ask("web-1"))[0], "held: own (stable): it is Friday; released by Monday; own (stable): it is Friday; released by Monday"},
	} {
		if got := c.verdict.String(); got != c.want {
			t.Errorf("got  %s\nwant %s", got, c.want)
		}
		if c.verdict.Passed() != (c.want == "may go") {
			t.Errorf("%s: passed is %t", c.want, c.verdict.Passed())
		}
	}
	var names []string
	for p := gates.Purpose(0); p <= gates.Synthesis+1; p++ {
		names = append(names, p.String())
	}
	if diff := cmp.Diff([]string{"invalid", "dispatch", "synthesis", "invalid"}, names); diff != "" {
		t.Error(diff)
	}
}

// freezing is a gate of one's own that holds with a block, and lets go where
// that is zero.
type freezing gates.Block

func (freezing) Name() string { return "own" }

func (f freezing) Hold(*gates.View, gates.Ask) (gates.Block, bool) {
	return gates.Block(f), f != freezing{}
}

func TestAGateOfOnesOwnHoldsWhenItSaysSo(t *testing.T) {
	w := watching(t, gates.Plan{Hosts: planned("web-1")})
	block := gates.Block{Gate: "another name", Scope: "stable", Why: "it is Friday", Release: "Monday", Waits: gates.Wait{On: gates.OnManifest}}
	rules := gates.Rules{Own: []gates.Gate{freezing{}, freezing(block), freezing{}}}
	block.Gate = "own"
	for _, purpose := range []gates.Purpose{gates.Dispatch, gates.Synthesis} {
		ask := w.ask("web-1")
		ask.Purpose = purpose
		w.holds(purpose.String(), rules.Evaluate(w.View, ask)[0], block)
		w.holds(purpose.String(), gates.Rules{Own: rules.Own[:1]}.Evaluate(w.View, ask)[0])
	}
	// What nobody knows is not put to it.
	ghost := w.ask("ghost")
	if v := rules.Evaluate(w.View, ghost)[0]; len(v.Blocks) != 1 || v.Blocks[0].Gate != "unknown" {
		t.Errorf("a host that nobody knows: %s", v)
	}
}

func TestTheGatesInTheirOrder(t *testing.T) {
	type named struct {
		Name      string
		Synthesis bool
	}
	want := []named{
		{"quarantine", true},
		{"halted", false},
		{"channel-edges", true},
		{"wave-promotion", true},
		{"host-edges", true},
		{"disruption-budget", false},
		{"compliance-wave", false},
	}
	var got []named
	for name, synthesis := range gates.Names() {
		got = append(got, named{name, synthesis})
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	for name := range gates.Names() {
		if name != "quarantine" {
			t.Errorf("the first is %s", name)
		}
		break
	}
}

func TestEveryEdgeIsLookedAt(t *testing.T) {
	w := watching(t, gates.Plan{
		Hosts: append(planned("db-1", "db-2", "web-1"),
			gates.PlannedHost{Host: "canary-1", Channel: "edge", Target: "new"},
			gates.PlannedHost{Host: "slow-1", Channel: "edge-slow", Target: "new"}),
		ChannelEdges: []gates.ChannelEdge{{Gates: "edge", Gated: "stable"}, {Gates: "edge-slow", Gated: "stable"}},
		HostEdges:    []gates.HostEdge{{Gates: "db-1", Gated: "web-1"}, {Gates: "db-2", Gated: "web-1"}},
	})
	w.in(edge, "canary-1", states.Converged)
	w.is("db-1", states.Deferred)
	w.is("db-2", states.Soaking)
	w.is("web-1", states.Pending)
	w.holds("behind one that is done and one that is not, twice", w.asks("web-1"),
		gates.Block{
			Gate: "channel-edges", Scope: "stable behind edge-slow",
			Why: "edge-slow@a1b2 is not open yet", Release: "every host of edge-slow converged",
			Waits: gates.Wait{On: gates.OnChannel, Channel: "edge-slow"},
		},
		gates.Block{
			Gate: "host-edges", Scope: "web-1 behind db-2",
			Why: "db-2 is Soaking", Release: "db-2 Converged or Deferred in stable@a1b2",
			Waits: gates.Wait{On: gates.OnRecord, Rollout: stable, Host: "db-2"},
		},
	)
}

// The gate looks at earlier waves alone, at as many as there are, and names the
// first that fails.
func TestComplianceLooksAtTheWavesInFront(t *testing.T) {
	host := func(name states.Host, wave states.Wave) gates.PlannedHost {
		return gates.PlannedHost{Host: name, Channel: "stable", Target: "new", Wave: wave}
	}
	for _, c := range []struct {
		fails []states.Host
		want  string // the wave that is named; empty: it may go
	}{
		{nil, ""},
		{[]states.Host{"first"}, "wave 0 of stable@a1b2"},
		{[]states.Host{"second"}, "wave 1 of stable@a1b2"},
		{[]states.Host{"first", "second"}, "wave 0 of stable@a1b2"},
		{[]states.Host{"third"}, ""},
	} {
		w := watching(t, gates.Plan{Hosts: []gates.PlannedHost{host("first", 0), host("second", 1), host("third", 2), host("late", 5)}})
		for _, name := range []states.Host{"first", "second", "third"} {
			w.is(name, states.Converged)
		}
		for _, name := range c.fails {
			w.is(name, states.Converged, failing)
		}
		v := w.asks("third")
		if got := scope(v); got != c.want {
			t.Errorf("with %v failing: %s", c.fails, v)
		}
		if c.want == "wave 1 of stable@a1b2" && v.Blocks[0].Waits != (gates.Wait{On: gates.OnProbes, Rollout: stable, Wave: 1}) {
			t.Errorf("with %v failing it waits for %+v", c.fails, v.Blocks[0].Waits)
		}
		if v := w.asks("late"); len(c.fails) == 0 && scope(v) != "wave 5 of stable@a1b2" {
			t.Errorf("a wave that nobody is in yet: %s", v)
		}
	}
}

// scope is that of a verdict's first block.
func scope(v gates.Verdict) string {
	if len(v.Blocks) == 0 {
		return ""
	}
	return v.Blocks[0].Scope
}
