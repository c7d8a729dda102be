package proptest

import (
	"github.com/rollmend/rollmend/reducer"
	"github.com/rollmend/rollmend/states"
)

// nothing is what happened where nothing did.
const nothing = "nothing happens"

// take is the agent taking a dispatch, or acknowledging again one that it has.
func (h *host) take(d *dice, now states.Time) {
	if h.orphan {
		return
	}
	if h.state == 0 {
		h.become(states.Activating)
	}
	ack := reducer.DispatchAck{AtDispatch: old}
	if seldom(d, "closure at dispatch unknown", 8) {
		ack.AtDispatch = ""
	}
	h.say(now, ack)
}

// live is the next thing that happens to the host and its agent.
func (h *host) live(d *dice, now states.Time) string {
	if h.orphan {
		return h.liveAlone(d, now)
	}
	switch h.state {
	case states.Activating:
		return h.liveActivating(d, now)
	case states.Deferred:
		return h.liveDeferred(d, now)
	case states.Soaking:
		return h.liveSoaking(d, now)
	case states.Failed:
		return h.liveFailed(now)
	}
	return nothing
}

// liveAlone is what a host does whose agent forgot the rollout: a switch that
// was begun ends, and nobody says so.
func (h *host) liveAlone(d *dice, now states.Time) string {
	switch {
	case h.switched:
	case h.state == states.Activating || h.state == states.Deferred && pick(d, "reboots", 2) == 1:
		h.run(now, h.target)
		h.visited[states.Soaking] = true
		return "runs the target, and the agent does not know why"
	}
	return nothing
}

func (h *host) liveActivating(d *dice, now states.Time) string {
	if h.switched {
		return h.complete(now)
	}
	switch pick(d, "activation", 5) {
	case 1:
		h.say(now, reducer.ActivationStarted{Method: "switch"})
		return "starts its activation"
	case 2:
		h.say(now, reducer.ActivationDeferred{Component: "kernel"})
		h.become(states.Deferred)
		return "defers its activation"
	case 3:
		h.failedAt = states.KindActivationFailed
		h.say(now, reducer.ActivationFailed{ExitCode: 1})
		h.become(states.Failed)
		return "fails its activation"
	case 4:
		h.run(now, h.target)
		return "runs the target, and the agent has not noticed"
	}
	h.run(now, h.target)
	return h.complete(now)
}

func (h *host) complete(now states.Time) string {
	h.switched = false
	h.say(now, reducer.ActivationCompleted{Observed: h.target})
	h.become(states.Soaking)
	h.due = h.clock(now).Add(h.soak)
	return "completes its activation"
}

func (h *host) liveDeferred(d *dice, now states.Time) string {
	if h.switched {
		return h.complete(now)
	}
	if !h.first {
		h.order = states.Order{Boot: h.order.Boot + 1}
	}
	switch pick(d, "boot", 3) {
	case 1:
		return "reboots, and the target does not come up"
	case 2:
		h.failedAt = states.KindActivationFailed
		h.say(now, reducer.ActivationFailed{ExitCode: 2})
		h.become(states.Failed)
		return "reboots, and the activation failed"
	}
	h.run(now, h.target)
	return "reboots into the target"
}

func (h *host) liveSoaking(d *dice, now states.Time) string {
	set := func(name string, status states.Status) {
		h.probes = h.probes.With(states.Probe{Name: name, Mode: states.Enforce, Status: status})
		h.say(now, reducer.ProbeResult{Probe: name, Mode: states.Enforce, Status: status})
	}
	switch pick(d, "soak", 7) {
	case 1:
		h.say(now, reducer.ProbeTopologyDeclared{Probes: []reducer.Declaration{{Name: "http", Mode: states.Enforce}}})
		if _, ok := h.probes.Find("http"); !ok {
			h.probes = h.probes.With(states.Probe{Name: "http", Mode: states.Enforce})
		}
		return "declares a probe"
	case 2:
		h.say(now, reducer.ProbeObservedFirst{Probe: "http", Mode: states.Enforce})
		return "ran a probe"
	case 3:
		set("http", states.Pass)
		return "passes a probe"
	case 4:
		set("http", states.Fail)
		h.say(now, reducer.ProbeFailureFirst{Probe: "http", Mode: states.Enforce})
		return "fails a probe"
	case 5:
		set("http", states.Fail)
		h.failedAt = states.KindFailed
		h.say(now, reducer.Failed{Failing: []string{"http"}, PolicyApplied: h.onFailure})
		h.become(states.Failed)
		return "fails"
	}
	for _, p := range h.probes {
		if !p.Passes() {
			set(p.Name, states.Pass)
			return "passes a probe"
		}
	}
	if h.clock(now) < h.due {
		return nothing
	}
	h.say(now, reducer.Converged{Current: h.target})
	h.become(states.Converged)
	return "converges"
}

func (h *host) liveFailed(now states.Time) string {
	switch {
	case h.onFailure == states.Halt:
		return nothing
	case !h.switched:
		h.run(now, old)
		return "went back, and the agent has not noticed"
	}
	h.switched = false
	h.say(now, reducer.RollbackComplete{RevertedTo: old})
	h.become(states.Reverted)
	return "completes its rollback"
}
