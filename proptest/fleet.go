package proptest

import (
	"fmt"
	"slices"
	"strings"

	"pgregory.net/rapid"

	"github.com/rollmend/rollmend/gates"
	"github.com/rollmend/rollmend/reducer"
	"github.com/rollmend/rollmend/states"
)

// member is one record of a small fleet, as flat as can be.
type member struct {
	rec     states.Record
	failing bool // a heartbeat names a failing probe
}

// smallFleet is a fleet with its records in a list, and beside it the view
// that follows them. What is asked of the view is asked of the list too, the
// slow way.
type smallFleet struct {
	trace
	sys         System
	plan        gates.Plan
	view        *gates.View
	members     []member
	open        map[states.Rollout]bool
	quarantined []reducer.Quarantine
	resumed     map[states.Key]bool
}

const fleetRef = states.Ref("a1b2")

var channelNames = []states.Channel{"canary", "edge", "stable"}

// newFleet draws a fleet of up to three channels with a few hosts each, under
// every sort of gate.
func newFleet(t *rapid.T, sys System) *smallFleet {
	f := &smallFleet{sys: sys, open: map[states.Rollout]bool{}, resumed: map[states.Key]bool{}}
	f.plan.Ref = fleetRef
	for _, channel := range channelNames[:1+pick(t, "channels", 3)] {
		waves, untargeted := 1+pick(t, "waves", 3), seldom(t, "no rollout", 5)
		deferred := pick(t, "deferred is done", 3) < 2
		for i := range pick(t, "hosts", 5) {
			h := gates.PlannedHost{
				Host: states.Host(fmt.Sprintf("%s-%d", channel, i)), Channel: channel,
				Wave: states.Wave(pick(t, "wave", waves)), Target: states.Closure("new-" + channel),
				Policy: states.Policy{OnFailure: states.Halt, DeferredIsDone: deferred},
			}
			if seldom(t, "unstaged", 12) {
				h.Wave = states.Unstaged
			}
			if untargeted || seldom(t, "no target", 12) {
				h.Target = ""
			}
			f.plan.Hosts = append(f.plan.Hosts, h)
		}
	}
	f.drawEdges(t)
	f.drawBudgets(t)
	f.view = gates.NewView(gates.NewFleet(f.plan), []reducer.Quarantine{})
	f.drawRecords(t)
	return f
}

func (f *smallFleet) drawEdges(t *rapid.T) {
	for i, gating := range channelNames {
		for _, gated := range channelNames[i+1:] {
			if pick(t, "channel edge", 3) == 1 {
				f.plan.ChannelEdges = append(f.plan.ChannelEdges, gates.ChannelEdge{Gates: gating, Gated: gated})
			}
		}
	}
	for i, a := range f.plan.Hosts {
		for _, b := range f.plan.Hosts[i+1:] {
			if a.Channel == b.Channel && seldom(t, "host edge", 6) {
				f.plan.HostEdges = append(f.plan.HostEdges, gates.HostEdge{Gates: a.Host, Gated: b.Host})
			}
		}
	}
}

func (f *smallFleet) drawBudgets(t *rapid.T) {
	for i := range pick(t, "budgets", 3) {
		b := gates.Budget{Name: fmt.Sprintf("budget-%d", i)}
		for _, h := range f.plan.Hosts {
			if pick(t, "in budget", 3) < 2 {
				b.Hosts = append(b.Hosts, h.Host)
			}
		}
		if pick(t, "by share", 2) == 1 {
			b.MaxPercent = 10 + 20*pick(t, "percent", 4)
		}
		if b.MaxPercent == 0 || pick(t, "by number too", 2) == 1 {
			b.MaxInFlight = 1 + pick(t, "at most", 2)
		}
		f.plan.Budgets = append(f.plan.Budgets, b)
	}
}

// drawRecords opens rollouts, gives every host with a target a record in them,
// and some hosts one of an older rollout that is still in flight.
func (f *smallFleet) drawRecords(t *rapid.T) {
	for _, h := range f.plan.Hosts {
		id := states.Rollout{Channel: h.Channel, Ref: fleetRef}
		if !h.Target.Known() {
			continue
		}
		if _, drawn := f.open[id]; !drawn {
			f.open[id] = !seldom(t, "not open", 10)
			if f.open[id] {
				f.view.Open(id)
			}
		}
		if f.open[id] {
			f.put(t, h, id, drawState(t))
		}
		if seldom(t, "superseded", 6) {
			f.put(t, h, states.Rollout{Channel: h.Channel, Ref: "0ld"}, states.Soaking)
		}
	}
	for i := range f.members {
		f.view.Track(gates.Standing{}, f.standing(&f.members[i]), nil)
		f.tell(&f.members[i])
	}
}

func drawState(t *rapid.T) states.State {
	return [...]states.State{
		states.Pending, states.Pending, states.Pending, states.Converged, states.Converged, states.Deferred,
		states.Activating, states.Soaking, states.Failed, states.Reverted,
	}[pick(t, "state", 10)]
}

func (f *smallFleet) put(t *rapid.T, h gates.PlannedHost, id states.Rollout, s states.State) {
	rec := states.Record{
		Key: states.Key{Rollout: id, Host: h.Host}, Wave: h.Wave, Target: h.Target, Policy: h.Policy,
		Belief: states.Belief{State: s},
	}
	if seldom(t, "dispatched", 3) {
		rec.Dispatched = 1
	}
	f.members = append(f.members, member{rec: rec, failing: seldom(t, "failing", 10)})
}

func (f *smallFleet) standing(m *member) gates.Standing {
	s := f.sys.Standing(&m.rec)
	s.Failing = s.Failing || m.failing
	return s
}

func (f *smallFleet) tell(m *member) {
	f.add("%s wave %s %s dispatched=%t failing=%t", m.rec.Key, m.rec.Wave, m.rec.State, m.rec.Dispatched.IsSet(), m.failing)
}

// change makes one thing happen to the fleet and returns what it releases.
func (f *smallFleet) change(t *rapid.T) []gates.Wait {
	switch n := pick(t, "change", 12); {
	case n == 0:
		return f.quarantine(t)
	case n == 1 && len(f.members) > 0:
		return f.resume(f.members[pick(t, "resumed", len(f.members))].rec.Rollout)
	case len(f.members) == 0:
		return nil
	}
	m := &f.members[pick(t, "which", len(f.members))]
	from := f.standing(m)
	switch pick(t, "how", 4) {
	case 0:
		m.failing = !m.failing
	case 1:
		m.rec.Dispatched = 1
	default:
		m.rec.State = drawState(t)
		if bad(from.State) && !bad(m.rec.State) {
			m.rec.State = states.Reverted // a failed host goes nowhere else
		}
	}
	f.tell(m)
	return f.sys.Track(f.view, from, f.standing(m), nil)
}

func bad(s states.State) bool { return s == states.Failed || s == states.Reverted }

func (f *smallFleet) quarantine(t *rapid.T) []gates.Wait {
	channel := channelNames[pick(t, "channel", 3)]
	q := reducer.Quarantine{Channel: channel, Closure: states.Closure("new-" + channel), Since: 1, Why: "it broke"}
	if i := slices.Index(f.quarantined, q); i >= 0 {
		f.quarantined = slices.Delete(f.quarantined, i, i+1)
		f.add("the quarantine of %s is cleared", q.Closure)
		return []gates.Wait{f.view.Clear(q.Channel, q.Closure)}
	}
	f.quarantined = append(f.quarantined, q)
	f.view.Quarantine(q)
	f.add("%s is quarantined", q.Closure)
	return nil
}

func (f *smallFleet) resume(id states.Rollout) []gates.Wait {
	var hosts []states.Host
	for i := range f.members {
		if rec := &f.members[i].rec; rec.Rollout == id && bad(rec.State) {
			hosts = append(hosts, rec.Host)
			f.resumed[rec.Key] = true
		}
	}
	f.add("%s is resumed past %v", id, hosts)
	return []gates.Wait{f.view.Resume(id, hosts)}
}

// asks returns an ask for every record of the plan's rollouts, and for what
// the plan does not know.
func (f *smallFleet) asks(p gates.Purpose) (asks []gates.Ask) {
	for i := range f.members {
		asks = append(asks, gates.AskOf(p, &f.members[i].rec))
	}
	return asks
}

// ask asks for one host alone.
func (f *smallFleet) ask(a gates.Ask) gates.Verdict { return f.sys.Evaluate(f.view, a)[0] }

// reason is what is compared of a block.
type reason struct {
	gate  string
	waits gates.Wait
}

// reasonsOf lists a verdict's blocks. Edges between channels come in no order
// that the specification gives.
func reasonsOf(blocks []gates.Block) []reason {
	var out []reason
	for _, b := range blocks {
		out = append(out, reason{b.Gate, b.Waits})
	}
	return sortedEdges(out)
}

func sortedEdges(reasons []reason) []reason {
	slices.SortStableFunc(reasons, func(a, b reason) int {
		if a.gate != "channel-edges" || b.gate != "channel-edges" {
			return 0
		}
		return strings.Compare(string(a.waits.Channel), string(b.waits.Channel))
	})
	return reasons
}
