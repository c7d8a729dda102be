package exhaust

import (
	"fmt"

	"github.com/rollmend/rollmend/reducer"
	"github.com/rollmend/rollmend/states"
	"github.com/rollmend/rollmend/synth"
)

// world is what does not change along a history.
type world struct {
	name    string
	policy  states.Policy
	ordered bool // the agent gives boot and beat
}

// worlds is every policy with and without a soak, of agents with and without
// an order.
func worlds() (out []world) {
	for _, onFailure := range []states.OnFailure{states.Halt, states.RollbackAndHalt} {
		for _, length := range []states.Policy{{}, {Soak: soak}} {
			for _, ordered := range []bool{true, false} {
				w := world{policy: length, ordered: ordered}
				w.policy.OnFailure, w.policy.DeferredIsDone = onFailure, ordered
				w.name = fmt.Sprintf("on-failure=%s soak=%s ordered=%t", onFailure, length.Soak, ordered)
				out = append(out, w)
			}
		}
	}
	return out
}

// opens is the opening of the world's rollout.
func (w *world) opens() reducer.Event {
	return reducer.Event{
		Key: key, Origin: reducer.Origin{By: reducer.ByControlPlane}, At: opening,
		Body: reducer.Opened{Wave: 2, Target: target, Policy: w.policy},
	}
}

// node is a record that a history leads to.
type node struct {
	rec      states.Record
	parent   *node
	happened reducer.Event // last
	depth    int
	between  bool // more of the same chain happened at once
}

// history tells what happened, oldest first.
func (n *node) history() []string {
	if n.parent == nil {
		return nil
	}
	return append(n.parent.history(), fmt.Sprintf("%s: %s", tellEvent(&n.happened), tellState(&n.rec)))
}

// alike is the record, and, where it waits for its activation, the same one with
// the old closure's probes: no history of one rollout leads to that, but a store
// may hold it, and nothing of it may count.
func (n *node) alike() []*node {
	if n.rec.Doubt != nil || n.rec.State != states.Activating && n.rec.State != states.Deferred {
		return []*node{n}
	}
	with := *n
	with.rec.Probes = states.Probes{{Name: "http", Mode: states.Enforce, Declared: true, Status: states.Pass, At: after(3)}}
	with.rec.Set(states.FirstProbeAt, after(3), true)
	with.rec.Set(states.FirstProbeFailureAt, after(3), true)
	return []*node{n, &with}
}

// action is one thing that a history can go on with.
type action struct {
	beat   *synth.Heartbeat
	off    states.Time // when the host was last seen off its target
	jump   bool        // the number before it is missing
	event  reducer.Event
	moment states.Order // the event's, where the agent gives one
}

func report(seconds int, beat uint64, body reducer.Body) action {
	return action{
		event:  reducer.Event{Key: key, At: after(seconds), Origin: origin(body), Body: body},
		moment: states.Order{Boot: 1, Beat: beat},
	}
}

// lateReport is a report that happened behind every heartbeat of the walk.
func lateReport(body reducer.Body) action {
	a := report(65, 3, body)
	a.moment.Boot = 2
	return a
}

func cutReport(seconds int, beat uint64, body reducer.Body) action {
	a := report(seconds, beat, body)
	a.event.Clamped = true
	return a
}

func lone(seconds int, beat uint64, body reducer.Body) action {
	a := report(seconds, beat, body)
	a.jump = true
	return a
}

// hearsay is a heartbeat, in the agent's first boot up to second 50 and behind
// it in its second.
func hearsay(seconds int, hb synth.Heartbeat) action {
	hb.At = after(seconds)
	a := action{beat: &hb, moment: states.Order{Boot: 1, Beat: uint64(seconds / 7)}}
	if seconds > 50 {
		a.moment = states.Order{Boot: 2, Beat: 1}
	}
	return a
}

// actions is what histories are made of: each kind of event at a time of its
// own, those that a rule tells apart once more, and the heartbeats that each
// case is found by.
func actions() []action {
	http := []reducer.Declaration{{Name: "http", Mode: states.Enforce}}
	shown := []reducer.Declaration{{Name: "http", Mode: states.Observe}}
	passes := reducer.ProbeResult{Probe: "http", Mode: states.Enforce, Status: states.Pass}
	fails := reducer.ProbeResult{Probe: "http", Mode: states.Enforce, Status: states.Fail, Reason: "refused"}
	unread := reducer.ProbeResult{Probe: "http", Mode: states.Observe, Status: states.Fail}
	runs, back := reducer.ActivationCompleted{Observed: target}, reducer.RollbackComplete{RevertedTo: old}
	return []action{
		report(5, 0, reducer.Dispatched{}),
		report(10, 1, reducer.DispatchAck{AtDispatch: old}), report(10, 1, reducer.DispatchAck{}),
		report(10, 1, reducer.DispatchAck{AtDispatch: target}), lateReport(reducer.DispatchAck{AtDispatch: old}),
		lone(10, 1, reducer.DispatchAck{AtDispatch: old}),
		report(12, 2, reducer.ActivationStarted{}),
		report(15, 3, runs), lateReport(runs), cutReport(90, 3, runs), lone(15, 3, runs),
		report(13, 3, reducer.ActivationDeferred{}), lateReport(reducer.ActivationDeferred{}),
		report(16, 4, reducer.ActivationFailed{}), lateReport(reducer.ActivationFailed{}),
		report(20, 5, reducer.ProbeTopologyDeclared{Probes: http}), report(20, 5, reducer.ProbeTopologyDeclared{Probes: shown}),
		report(20, 5, reducer.ProbeObservedFirst{Probe: "http", Mode: states.Enforce}),
		report(21, 5, passes), report(21, 5, fails), report(21, 5, unread), lone(21, 5, fails),
		report(22, 5, reducer.ProbeFailureFirst{Probe: "http", Mode: states.Enforce}),
		report(30, 6, reducer.Failed{}), report(30, 6, reducer.Failed{PolicyApplied: states.Halt}),
		report(30, 6, reducer.Failed{PolicyApplied: states.RollbackAndHalt}), lateReport(reducer.Failed{}),
		report(50, 8, back), report(50, 8, reducer.RollbackComplete{RevertedTo: other}),
		lone(50, 8, reducer.RollbackComplete{}),
		report(40, 7, reducer.Converged{Current: target}), report(14, 7, reducer.Converged{Current: target}),
		cutReport(90, 7, reducer.Converged{Current: target}),
		hearsay(14, synth.Heartbeat{Current: target}), hearsay(60, synth.Heartbeat{Current: target}),
		hearsay(60, synth.Heartbeat{Current: target, CurrentSince: after(14)}),
		hearsay(60, synth.Heartbeat{Current: target, CurrentSince: after(45)}),
		hearsay(60, synth.Heartbeat{Current: target, Failing: []string{"http"}}),
		hearsay(60, synth.Heartbeat{Current: target, Holds: rollout}), hearsay(60, synth.Heartbeat{Current: old, Holds: rollout}),
		hearsay(60, synth.Heartbeat{Current: old}), seenOff(hearsay(60, synth.Heartbeat{Current: target})),
	}
}

func seenOff(a action) action { a.off = after(55); return a }
