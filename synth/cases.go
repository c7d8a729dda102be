package synth

import (
	"slices"

	"github.com/rollmend/rollmend/reducer"
	"github.com/rollmend/rollmend/states"
)

// chained makes a finding whose events happened at one time.
func chained(l *Look, why states.Case, at states.Time, detail string, kinds ...states.Kind) Finding {
	f := Finding{Key: l.Record.Key, Reason: Missed, Detail: detail, Case: why}
	// With room for the convergence that may follow.
	f.Events = slices.Grow(l.Room[:0], len(kinds)+1)
	for _, kind := range kinds {
		f.Events = append(f.Events, event(l, why, kind, at))
	}
	return f
}

func event(l *Look, why states.Case, kind states.Kind, at states.Time) reducer.Event {
	return reducer.Synthesise(&l.Record, kind, why, l.Seen.Heartbeat.observation(), at)
}

// pending tries held-by-agent, reports-in-flight and records-lost, in this
// order; the first that matches names the case.
func pending(l *Look) Finding {
	rec, hb := &l.Record, &l.Seen.Heartbeat
	onTarget := hb.Current.Is(rec.Target)
	switch {
	case hb.Holds == rec.Rollout && onTarget:
		return chained(l, states.HeldByAgent, since(l),
			"the agent holds the rollout and runs its target",
			states.KindDispatchAck, states.KindActivationCompleted)
	case hb.Holds == rec.Rollout:
		return chained(l, states.HeldByAgent, notBefore(l, hb.At),
			"the agent holds the rollout: it acknowledged a dispatch that was forgotten",
			states.KindDispatchAck)
	case !onTarget && rec.Dispatched.IsSet():
		return find(rec, InStep, "dispatched, not acknowledged; the host runs %s", hb.Current)
	case !onTarget:
		return find(rec, InStep, "waits for its dispatch; the host runs %s", hb.Current)
	case rec.Dispatched.IsSet():
		return chained(l, states.ReportsInFlight, since(l),
			"the host runs the target of our dispatch, its reports are on the way",
			states.KindDispatchAck, states.KindActivationCompleted)
	case l.Gated():
		return recordsLost(l)
	}
	return find(rec, InStep, "the host runs the target, but its agent holds %s: that proves nothing for this rollout", hb.Holds)
}

// recordsLost is the case of a control plane that was wiped: the host ran the
// target all along. It alone passes the gates.
func recordsLost(l *Look) Finding {
	rec, hb := &l.Record, &l.Seen.Heartbeat
	if !l.Verdict.Passed() {
		f := find(rec, Held, "the host runs the target; it is taken as converged as soon as its gates open")
		f.Case, f.Blocks = states.RecordsLost, l.Verdict.Blocks
		return f
	}
	from, known := activatedAt(l)
	f := chained(l, states.RecordsLost, from, "the host ran the target all along",
		states.KindDispatchAck, states.KindActivationCompleted)
	switch {
	case len(hb.Failing) > 0:
		f.Detail = "the host runs the target, but enforced probes fail on it"
	case known && !soaked(from, rec.Policy.Soak, hb):
		f.Detail = "the host runs the target, but not for as long as the soak"
	default:
		due := from.Add(rec.Policy.Soak)
		f.Events = append(f.Events, event(l, states.RecordsLost, states.KindConverged, max(hb.At, due)))
	}
	return f
}

// activatedAt returns since when the host has run the target, and whether that
// is known rather than concluded from the wipe.
//
// A host that was seen off its target was so after the opening, whatever its
// clock said: a slow one must not make a soak look served.
func activatedAt(l *Look) (at states.Time, known bool) {
	hb := &l.Seen.Heartbeat
	off, since := l.Seen.OffTarget, hb.CurrentSince
	switch {
	case off.IsSet() && (!since.IsSet() || off > since):
		return max(off, opened(l)), true
	case since.IsSet():
		return since, true
	}
	return min(hb.At, opened(l)), false
}

func activating(l *Look) Finding {
	rec, hb := &l.Record, &l.Seen.Heartbeat
	if !hb.Current.Is(rec.Target) {
		return find(rec, InStep, "acknowledged; the host still runs %s", hb.Current)
	}
	return chained(l, states.AgentRestarted, since(l),
		"the host runs the target, and nothing said that the activation completed",
		states.KindActivationCompleted)
}

func deferred(l *Look) Finding {
	rec, hb := &l.Record, &l.Seen.Heartbeat
	boots := rec.DeferredOrder.Given() && hb.Order.Given()
	booted := boots && hb.Order.Boot > rec.DeferredOrder.Boot
	switch {
	case hb.Current.Is(rec.Target) && (booted || !boots):
		return chained(l, states.RebootFinished, since(l),
			"a reboot finished the activation",
			states.KindActivationCompleted)
	case booted && hb.Current.Is(rec.AtDispatch):
		return find(rec, DeferredNotBooted, "boot %d runs %s, what the host had at dispatch: the staged closure did not come up", hb.Order.Boot, hb.Current)
	}
	return find(rec, InStep, "staged for the next boot; the host runs %s", hb.Current)
}

func soaking(l *Look) Finding {
	if f, ok := offTarget(l); ok {
		return f
	}
	return find(&l.Record, InStep, "on the target, soaking until %s", l.Record.SoakDue())
}

func converged(l *Look) Finding {
	if f, ok := offTarget(l); ok {
		return f
	}
	return find(&l.Record, InStep, "converged")
}

// offTarget names a host that left the target without a word. It is shown, and
// never repaired by an event that nobody saw.
func offTarget(l *Look) (Finding, bool) {
	rec, hb := &l.Record, &l.Seen.Heartbeat
	if hb.Current.Is(rec.Target) {
		return Finding{}, false
	}
	return find(rec, Drift, "%s, but the host runs %s, not its target %s", rec.State, hb.Current, rec.Target), true
}

func failed(l *Look) Finding {
	rec, hb := &l.Record, &l.Seen.Heartbeat
	onTarget := hb.Current.Is(rec.Target)
	back := hb.Current.Is(rec.AtDispatch) && !rec.AtDispatch.Is(rec.Target)
	switch {
	case !onTarget && !hb.Current.Is(rec.AtDispatch):
		return find(rec, Drift, "Failed, and the host runs %s, which is neither its target nor what it had at dispatch", hb.Current)
	case rec.Applied() == states.Halt:
		return find(rec, Halted, "failed under the policy halt; the host runs %s and waits for an operator", hb.Current)
	case back:
		return chained(l, states.RollbackUnreported, since(l),
			"the host is back on what it had at dispatch, and nothing said so",
			states.KindRollbackComplete)
	}
	return find(rec, InStep, "failed; the agent has not gone back yet")
}

func reverted(l *Look) Finding {
	rec, hb := &l.Record, &l.Seen.Heartbeat
	if hb.Current.Is(rec.Target) {
		return find(rec, Drift, "Reverted, but the host runs the target %s", hb.Current)
	}
	return find(rec, InStep, "reverted; the host runs %s", hb.Current)
}
