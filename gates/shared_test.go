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
