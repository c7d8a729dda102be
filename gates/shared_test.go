package gates_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/rollmend/rollmend/gates"
	"github.com/rollmend/rollmend/reducer"
	"github.com/rollmend/rollmend/states"
)

// behindAChannel is a fleet with a host in each of three waves of a channel
// that is behind another.
func behindAChannel() (*gates.View, states.Rollout) {
	plan := gates.Plan{
		Ref:          "a1b2",
		ChannelEdges: []gates.ChannelEdge{{Gates: "canary", Gated: "stable"}},
		Hosts:        []gates.PlannedHost{{Host: "bird", Channel: "canary", Target: "new"}},
		HostEdges:    []gates.HostEdge{{Gates: "web-0", Gated: "web-2b"}},
	}
	for i, host := range []states.Host{"web-0", "web-1", "web-2", "web-2b"} {
		plan.Hosts = append(plan.Hosts, gates.PlannedHost{Host: host, Channel: "stable", Wave: states.Wave(min(i, 2)), Target: "new"})
	}
	fleet := gates.NewFleet(plan)
	view := gates.NewView(fleet, []reducer.Quarantine{})
	for _, h := range plan.Hosts {
		id, _ := fleet.Rollout(h.Channel)
		view.Open(id)
		view.Track(gates.Standing{}, gates.Standing{
			Key: states.Key{Rollout: id, Host: h.Host}, Wave: h.Wave, State: states.Pending,
		}, nil)
	}
	id, _ := fleet.Rollout("stable")
	return view, id
}

func synthesis(id states.Rollout, host states.Host, wave states.Wave) gates.Ask {
	a := ask(id, host, wave)
	a.Purpose = gates.Synthesis
	return a
}

// named is a gate that holds everything.
type named string

func (n named) Name() string { return string(n) }

func (named) Hold(*gates.View, gates.Ask) (gates.Block, bool) { return gates.Block{}, true }

func gatesOf(v gates.Verdict) string {
	var names []string
	for _, b := range v.Blocks {
		names = append(names, b.Gate)
	}
	return strings.Join(names, " ")
}

// Blocks that many hosts share are put into words once. What one verdict has
// behind them is in no other.
func TestVerdictsThatShareBlocksDoNotMix(t *testing.T) {
	view, id := behindAChannel()
	rules := gates.Rules{Own: []gates.Gate{freeze{"stable": "until Monday"}}}
	first := gates.Evaluate(view, synthesis(id, "web-2", 2))[0]
	was := slices.Clone(first.Blocks)
	with := rules.EvaluateOne(view, synthesis(id, "web-2", 2))
	edge := gates.Evaluate(view, synthesis(id, "web-2b", 2))[0]
	bad := synthesis(id, "web-2", 2)
	bad.Target = "worse"
	view.Quarantine(reducer.Quarantine{Channel: "stable", Closure: "worse"})
	quarantined := gates.Evaluate(view, bad)[0]
	again := gates.Evaluate(view, synthesis(id, "web-2", 2))[0]
	frozen := rules.EvaluateOne(view, synthesis(id, "web-0", 0))
	closed := gates.Rules{Own: []gates.Gate{named("shop")}}.EvaluateOne(view, synthesis(id, "web-0", 0))
	for _, c := range []struct {
		v    gates.Verdict
		want string
	}{
		{frozen, "channel-edges freeze"},
		{closed, "channel-edges shop"},
		{first, "channel-edges wave-promotion"},
		{with, "channel-edges wave-promotion freeze"},
		{quarantined, "quarantine channel-edges wave-promotion"},
		{edge, "channel-edges wave-promotion host-edges"},
		{again, "channel-edges wave-promotion"},
	} {
		if got := gatesOf(c.v); got != c.want {
			t.Errorf("%s: got %s, want %s", c.v.Ask.Key.Host, got, c.want)
		}
	}
	if diff := cmp.Diff(was, first.Blocks); diff != "" {
		t.Errorf("a later ask changed an earlier verdict:\n%s", diff)
	}
}

// What was put into words holds only while the view is as it was.
func TestAVerdictFollowsTheView(t *testing.T) {
	view, id := behindAChannel()
	canary := states.Rollout{Channel: "canary", Ref: "a1b2"}
	converge := func(rollout states.Rollout, host states.Host, wave states.Wave) {
		s := gates.Standing{Key: states.Key{Rollout: rollout, Host: host}, Wave: wave, State: states.Pending}
		done := s
		done.State, done.Done = states.Converged, true
		view.Track(s, done, nil)
	}
	var got []string
	look := func() { got = append(got, gatesOf(gates.Evaluate(view, synthesis(id, "web-2", 2))[0])) }
	look()
	converge(canary, "bird", 0)
	look()
	converge(id, "web-0", 0)
	look()
	why := gates.Evaluate(view, synthesis(id, "web-2", 2))[0].Blocks[0].Why
	converge(id, "web-1", 1)
	look()
	want := []string{"channel-edges wave-promotion", "wave-promotion", "wave-promotion", ""}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if want := "wave 1 is current, 1 of its hosts are not done"; why != want {
		t.Errorf("got %q, want %q", why, want)
	}
}

// shares reports whether two verdicts are made of the same words: the very same,
// not equal ones.
func shares(a, b gates.Verdict) bool {
	return len(a.Blocks) > 0 && len(a.Blocks) == len(b.Blocks) && &a.Blocks[0] == &b.Blocks[0]
}

// What holds every host of a wave is put into words once for all of them.
func TestTheHostsOfAWaveShareTheirWords(t *testing.T) {
	host := func(name states.Host, wave states.Wave) gates.PlannedHost {
		return gates.PlannedHost{Host: name, Channel: "stable", Target: "new", Wave: wave}
	}
	plan := gates.Plan{
		Hosts: []gates.PlannedHost{
			host("a0", 0), host("b0", 0), host("a1", 1), host("b1", 1),
			host("stray-a", states.Unstaged), host("stray-b", states.Unstaged),
			{Host: "canary", Channel: "edge", Target: "new"},
		},
	}
	behind := plan
	behind.ChannelEdges = []gates.ChannelEdge{{Gates: "edge", Gated: "stable"}}
	for _, c := range []struct {
		what string
		plan gates.Plan
		tell func(*watched)
		a, b states.Host
		want string
	}{
		{"a halted rollout", plan, func(w *watched) { w.is("b1", states.Reverted) }, "a0", "b0", "halted"},
		{"a channel in front", behind, func(w *watched) { w.in(edge, "canary", states.Pending) }, "a0", "b0", "channel-edges"},
		{"a wave in front", plan, func(w *watched) { w.is("a0", states.Pending) }, "a1", "b1", "wave-promotion"},
		{"no wave", plan, func(w *watched) { w.is("a0", states.Pending) }, "stray-a", "stray-b", "wave-promotion"},
		{"probes that fail in front", plan, func(w *watched) { w.is("a0", states.Converged, failing) }, "a1", "b1", "compliance-wave"},
		{
			"a channel and a wave in front", behind, func(w *watched) {
				w.in(edge, "canary", states.Pending)
				w.is("a0", states.Pending)
			}, "a1", "b1", "channel-edges wave-promotion",
		},
	} {
		w := watching(t, c.plan)
		c.tell(w)
		first, second := w.asks(c.a), w.asks(c.b)
		if got := gatesOf(first); got != c.want || gatesOf(second) != c.want {
			t.Errorf("%s: held by %s and %s, want %s", c.what, got, gatesOf(second), c.want)
		}
		if !shares(first, second) {
			t.Errorf("%s is put into words for each host anew", c.what)
		}
		w.is("b0", states.Soaking)
		if shares(first, w.asks(c.a)) {
			t.Errorf("%s: the words are older than the view", c.what)
		}
	}
}

// What is said behind blocks of a host's own is not said behind another's.
func TestWordsBehindBlocksOfOnesOwnAreNotShared(t *testing.T) {
	view, id := behindAChannel()
	for _, closure := range []states.Closure{"worse", "worst"} {
		view.Quarantine(reducer.Quarantine{Channel: "stable", Closure: closure, Why: string(closure)})
	}
	for _, closure := range []states.Closure{"worse", "worst", "worse"} {
		bad := synthesis(id, "web-2", 2)
		bad.Target = closure
		v := gates.Evaluate(view, bad)[0]
		if got := gatesOf(v); got != "quarantine channel-edges wave-promotion" || v.Blocks[0].Waits.Closure.String() != closure.String() {
			t.Errorf("an ask for %s: %s", closure, v)
		}
	}
}

// A wave that the view has not heard of is answered as well, however far it is;
// one that there cannot be takes nobody down.
func TestWavesThatNobodyIsIn(t *testing.T) {
	view, id := behindAChannel()
	for wave, want := range map[states.Wave]string{
		-2:      "channel-edges wave-promotion",
		3:       "channel-edges wave-promotion",
		4:       "channel-edges wave-promotion",
		1 << 30: "channel-edges wave-promotion",
	} {
		for range 2 {
			if got := gatesOf(gates.Evaluate(view, synthesis(id, "web-2", wave))[0]); got != want {
				t.Errorf("wave %s: held by %s, want %s", wave, got, want)
			}
		}
	}
	// The next one is put into words once, like those that it has heard of.
	if a, b := gates.Evaluate(view, synthesis(id, "web-2", 3))[0], gates.Evaluate(view, synthesis(id, "web-2", 3))[0]; !shares(a, b) {
		t.Error("the wave behind the last is put into words for each host anew")
	}
}

// An opening changes what is said of those behind it.
func TestWordsFollowAnOpening(t *testing.T) {
	w := watching(t, gates.Plan{
		Hosts:        append(planned("web-1"), gates.PlannedHost{Host: "slow-1", Channel: "edge-slow", Target: "new"}),
		ChannelEdges: []gates.ChannelEdge{{Gates: "edge-slow", Gated: "stable"}},
	})
	if v := w.asks("web-1"); v.Passed() || v.Blocks[0].Why != "edge-slow@a1b2 is not open yet" {
		t.Error(v)
	}
	w.Open(states.Rollout{Channel: "edge-slow", Ref: "a1b2"})
	if v := w.asks("web-1"); !v.Passed() {
		t.Errorf("behind a rollout that was opened without a host: %s", v)
	}
}

// Where a caller says that the plan lists a host is a hint: a wrong one answers
// like none.
func TestThePlaceOfAHostIsAHint(t *testing.T) {
	w := watching(t, gates.Plan{Hosts: planned("web-1", "web-2")})
	for host, listed := range map[states.Host]bool{"web-1": true, "web-2": true, "ghost": false} {
		for place := int32(-1); place <= 4; place++ {
			ask := w.ask("web-1")
			ask.Key.Host, ask.Place = host, place
			if v := gates.Evaluate(w.View, ask)[0]; v.Passed() != listed {
				t.Errorf("%s at %d: %s", host, place, v)
			}
		}
	}
}

// A host that the plan does not list is in flight under no budget.
func TestAHostThatIsNotListedTakesNoPlace(t *testing.T) {
	w := watching(t, gates.Plan{
		Hosts:   planned("web-1", "web-2"),
		Budgets: []gates.Budget{{Name: "web", Hosts: []states.Host{"web-1", "web-2"}, MaxInFlight: 1}},
	})
	w.is("ghost", states.Soaking)
	if got := w.Holders("web-2"); got != nil {
		t.Errorf("web-2 waits for %v", got)
	}
}

// lets is a gate that holds nothing. With one of the caller's own, every host is
// judged by itself.
type lets struct{}

func (lets) Name() string { return "lets" }

func (lets) Hold(*gates.View, gates.Ask) (gates.Block, bool) { return gates.Block{}, false }

// A host that is judged for all of its wave gets what it would get by itself,
// whichever of the others was asked for first.
func TestWhoIsJudgedForOthersIsJudgedAsByHimself(t *testing.T) {
	hosts := []states.Host{"web-0", "web-1", "web-2", "web-2b", "ghost"}
	moves := []func(*gates.View, states.Rollout){
		func(*gates.View, states.Rollout) {},
		func(v *gates.View, _ states.Rollout) {
			v.Quarantine(reducer.Quarantine{Channel: "stable", Closure: "worse"})
		},
		func(v *gates.View, id states.Rollout) {
			was := gates.Standing{Key: states.Key{Rollout: id, Host: "web-0"}, State: states.Pending}
			done := was
			done.State, done.Done = states.Converged, true
			v.Track(was, done, nil)
		},
		func(v *gates.View, _ states.Rollout) { v.Clear("stable", "worse") },
	}
	view, id := behindAChannel()
	alone := gates.Rules{Own: []gates.Gate{lets{}}}
	unopened := states.Rollout{Channel: "stable", Ref: "other"}
	for n, move := range moves {
		move(view, id)
		for _, rollout := range []states.Rollout{id, unopened} {
			for i := range 3 * len(hosts) {
				a := synthesis(rollout, hosts[i%len(hosts)], states.Wave(min(i%len(hosts), 2)))
				if i%3 == 0 {
					a.Target = "worse"
				}
				if diff := cmp.Diff(alone.EvaluateOne(view, a).Blocks, gates.Rules{}.EvaluateOne(view, a).Blocks); diff != "" {
					t.Errorf("after %d moves, %s to %s:\n%s", n, a.Key, a.Target, diff)
				}
			}
		}
	}
}

// Of a wave that wants to be believed at once, only the first host is judged:
// the others cost nothing but finding the answer.
func TestOneHostIsJudgedForItsWave(t *testing.T) {
	view, id := behindAChannel()
	ask := synthesis(id, "web-2", 2)
	if v := (gates.Rules{}).EvaluateOne(view, ask); v.Passed() {
		t.Fatal("nothing holds it")
	}
	if v := (gates.Rules{}).EvaluateOne(view, ask); v.Ask != ask {
		t.Errorf("the answer is to %v", v.Ask)
	}
	if n := testing.AllocsPerRun(100, func() { _ = gates.Rules{}.EvaluateOne(view, ask) }); n != 0 {
		t.Errorf("%.0f allocations for a host whose wave is judged", n)
	}
}
