package gates_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/rollmend/rollmend/gates"
	"github.com/rollmend/rollmend/states"
)

func TestTheLimitOfABudget(t *testing.T) {
	for _, c := range []struct{ hosts, max, percent, want int }{
		{4, 0, 0, 0}, // none is set: whoever it selects is held
		{4, 3, 0, 3},
		{4, 0, 50, 2},
		{4, 0, 49, 1},  // rounded down
		{4, 0, 1, 1},   // at least one
		{0, 0, 50, 1},  // at least one of nobody
		{4, 3, 50, 2},  // the smaller one counts
		{4, 1, 100, 1}, // the smaller one counts
		{4, 2, 50, 2},
		{300, 0, 33, 99},
		{4, 3, -1, 3}, // no share
	} {
		b := gates.Budget{Hosts: make([]states.Host, c.hosts), MaxInFlight: c.max, MaxPercent: c.percent}
		if got := b.Limit(); got != c.want {
			t.Errorf("of %d hosts %d, %d%%: %d, want %d", c.hosts, c.max, c.percent, got, c.want)
		}
	}
}

func TestAFleetIsWhatItsPlanLists(t *testing.T) {
	web := gates.PlannedHost{Host: "web-1", Channel: "stable", Wave: 3, Target: "new", Policy: states.Policy{Soak: 5}}
	fleet := gates.NewFleet(gates.Plan{
		Ref: "a1b2",
		Hosts: []gates.PlannedHost{
			web,
			{Host: "web-2", Channel: "stable"}, // no part of the rollout
			{Host: "web-3", Channel: "edge"},
			{Host: "web-4", Channel: "edge", Target: "new"},
			{Host: "web-5", Channel: "calm"},
		},
		HostEdges: []gates.HostEdge{{Gates: "ghost-1", Gated: "ghost-2"}, {Gates: "web-1", Gated: "ghost-3"}},
		Budgets:   []gates.Budget{{Name: "all", Hosts: []states.Host{"ghost-4", "web-1"}, MaxInFlight: 1}},
	})
	if got, ok := fleet.Host("web-1"); !ok || got != web {
		t.Errorf("web-1 is planned as %+v, listed: %t", got, ok)
	}
	for _, name := range []states.Host{"ghost-1", "ghost-2", "ghost-3", "ghost-4"} {
		if got, ok := fleet.Host(name); ok || got != (gates.PlannedHost{}) {
			t.Errorf("%s is listed, as %+v", name, got)
		}
	}
	if diff := cmp.Diff([]states.Channel{"calm", "edge", "stable"}, fleet.Channels()); diff != "" {
		t.Error(diff)
	}
	for channel, want := range map[states.Channel]states.Rollout{
		"stable": stable, "edge": edge, "calm": {}, "ghost": {},
	} {
		if got, ok := fleet.Rollout(channel); got != want || ok == want.IsZero() {
			t.Errorf("the rollout of %s is %s, %t", channel, got, ok)
		}
	}
	unnamed := gates.NewFleet(gates.Plan{Hosts: []gates.PlannedHost{web}})
	if got, ok := unnamed.Rollout("stable"); ok {
		t.Errorf("a plan without a ref has the rollout %s", got)
	}
	if got := fleet.Plan().Ref; got != "a1b2" {
		t.Errorf("the plan's ref is %s", got)
	}
}

// An edge between hosts orders one channel alone; one from a host that is not
// listed holds, since absent counts as not done.
func TestWhichHostEdgesCount(t *testing.T) {
	w := watching(t, gates.Plan{
		Hosts: append(planned("web-1", "web-2"), gates.PlannedHost{Host: "canary-1", Channel: "edge", Target: "new"}),
		HostEdges: []gates.HostEdge{
			{Gates: "canary-1", Gated: "web-1"},
			{Gates: "ghost", Gated: "web-2"},
			{Gates: "ghost", Gated: "another-ghost"},
		},
		// Nobody is in flight under it, and nobody may be: it selects none of them.
		Budgets: []gates.Budget{{Name: "nobody", Hosts: []states.Host{"ghost"}}},
	})
	if v := w.asks("web-1"); !v.Passed() {
		t.Errorf("behind a host of another channel, with what others have: %s", v)
	}
	if v := w.asks("web-2"); v.Passed() {
		t.Error("behind a host that is not listed: it may go")
	}
}

// blocked returns the channels that a channel waits for while nobody converged.
func blocked(t *testing.T, channel states.Channel, edges []gates.ChannelEdge, open ...states.Channel) []states.Channel {
	t.Helper()
	plan := gates.Plan{ChannelEdges: edges}
	for _, name := range append([]states.Channel{channel}, open...) {
		plan.Hosts = append(plan.Hosts, gates.PlannedHost{Host: states.Host(name) + "-1", Channel: name, Target: "new"})
	}
	plan.Hosts = append(plan.Hosts, gates.PlannedHost{Host: "idle-1", Channel: "idle"})
	w := watching(t, plan)
	w.Open(states.Rollout{Channel: channel, Ref: "a1b2"})
	var out []states.Channel
	for _, b := range w.asks(states.Host(channel) + "-1").Blocks {
		out = append(out, b.Waits.Channel)
	}
	return out
}

func TestAChannelWaitsOnceForEachInFront(t *testing.T) {
	for _, c := range []struct {
		what  string
		edges []gates.ChannelEdge
		open  []states.Channel
		want  []states.Channel
	}{
		{"two in front", []gates.ChannelEdge{{Gates: "a", Gated: "z"}, {Gates: "b", Gated: "z"}}, []states.Channel{"a", "b"}, []states.Channel{"a", "b"}},
		{"the same edge twice", []gates.ChannelEdge{{Gates: "a", Gated: "z"}, {Gates: "a", Gated: "z"}}, []states.Channel{"a"}, []states.Channel{"a"}},
		{
			"an edge of another channel in between",
			[]gates.ChannelEdge{{Gates: "a", Gated: "m"}, {Gates: "b", Gated: "m"}, {Gates: "a", Gated: "z"}},
			[]states.Channel{"a", "b", "m"},
			[]states.Channel{"a"},
		},
		{"through one without a rollout", []gates.ChannelEdge{{Gates: "a", Gated: "idle"}, {Gates: "idle", Gated: "z"}}, []states.Channel{"a"}, []states.Channel{"a"}},
		{
			"twice through ones without a rollout, and once more behind",
			[]gates.ChannelEdge{
				{Gates: "a", Gated: "idle"},
				{Gates: "a", Gated: "calm"},
				{Gates: "b", Gated: "calm"},
				{Gates: "idle", Gated: "z"},
				{Gates: "calm", Gated: "z"},
			},
			[]states.Channel{"a", "b"},
			[]states.Channel{"a", "b"},
		},
		{"in a circle through ones without a rollout", []gates.ChannelEdge{{Gates: "idle", Gated: "calm"}, {Gates: "calm", Gated: "idle"}, {Gates: "idle", Gated: "z"}}, nil, nil},
		{"one with a rollout is not looked through", []gates.ChannelEdge{{Gates: "a", Gated: "b"}, {Gates: "b", Gated: "z"}}, []states.Channel{"a", "b"}, []states.Channel{"b"}},
	} {
		if diff := cmp.Diff(c.want, blocked(t, "z", c.edges, c.open...)); diff != "" {
			t.Errorf("%s:\n%s", c.what, diff)
		}
	}
}
