package exhaust

import (
	"github.com/rollmend/rollmend/reducer"
	"github.com/rollmend/rollmend/states"
)

// placeLate places an event that is not legal on top: below the guesses where
// the road has a place for it, with what they still support replayed behind it.
func (r *record) placeLate(ev *reducer.Event) (reducer.Disposition, refusal) {
	// A prefix has the weight of the report that it is made for; any other guess
	// has none against what stands.
	weighs := ev.Origin.By == reducer.ByAgent || ev.Origin.By == reducer.BySynthesis && ev.Origin.Case == states.ReportAhead
	if r.guesses != nil && weighs {
		for n := range r.guesses.list {
			below := r.below(n)
			if _, ok := legal[below.now.state][ev.Body.Kind()]; !ok {
				continue
			}
			if below.repeatsFirst(ev) {
				return reducer.Duplicate, refusal{}
			}
			if broken := below.add(ev); broken != "" {
				return reducer.Refused, refusal{invariant: broken}
			}
			guess := ev.Origin.By == reducer.BySynthesis
			if !guess {
				below.replay(r.guesses.list[n:], ev)
			}
			*r = below
			if guess {
				return reducer.Applied, refusal{} // what was guessed behind a prefix falls
			}
			return reducer.Absorbed, refusal{}
		}
	}
	if ev.Origin.By == reducer.ByAgent && r.holds(ev) {
		return reducer.Duplicate, refusal{}
	}
	return reducer.Refused, refusal{illegal: true}
}

// below is the record with its first n guesses alone.
func (r *record) below(n int) record {
	out := r.clone()
	out.now, out.guesses = r.guesses.before.clone(), nil
	for _, g := range r.guesses.list[:n] {
		ev := out.again(g, g.At)
		out.add(&ev)
	}
	return out
}

// again is a guess as the event that it was.
func (r *record) again(g states.Guess, at states.Time) reducer.Event {
	return synthesised(r, g.Kind, g.Case, g.From, at)
}

// synthesised is the event of that kind which an observation proves.
func synthesised(r *record, kind states.Kind, why states.Case, from states.Observation, at states.Time) reducer.Event {
	ev := reducer.Event{
		Key: r.key, At: at, // its order is that of what it rests on
		Origin: reducer.Origin{By: reducer.BySynthesis, Case: why, From: from},
	}
	switch kind {
	case states.KindDispatchAck:
		ev.Body = reducer.DispatchAck{}
	case states.KindActivationCompleted:
		ev.Body = reducer.ActivationCompleted{Observed: r.target}
	case states.KindActivationFailed:
		ev.Body = reducer.ActivationFailed{}
	case states.KindFailed:
		ev.Body = reducer.Failed{}
	case states.KindRollbackComplete:
		ev.Body = reducer.RollbackComplete{RevertedTo: from.Current}
	case states.KindConverged:
		ev.Body = reducer.Converged{Current: r.target}
	}
	return ev
}

// replay puts guesses behind a report, up to the first that no longer stands.
// The report's own twin is replaced by it.
func (r *record) replay(rest []states.Guess, report *reducer.Event) {
	for _, g := range rest {
		if g.Kind == report.Body.Kind() {
			continue
		}
		if _, ok := legal[r.now.state][g.Kind]; !ok || !r.supports(g, report) {
			return
		}
		at := max(g.At, r.now.stamps[states.LastTransitionAt].at)
		if g.Kind == states.KindConverged {
			at = max(g.From.At, r.now.stamps[states.LastTransitionAt].at)
		}
		ev := r.again(g, at)
		if r.add(&ev) != "" {
			return
		}
	}
}

// supports reports whether the observation under a guess still carries it: it
// was made after the report, after the reboot that ends a deferral, and, for a
// convergence, after the soak.
func (r *record) supports(g states.Guess, report *reducer.Event) bool {
	seen, said := readOrder(g.From.Order), readOrder(report.Order)
	if seen != nil && said != nil {
		if !later(seen, said) {
			return false // a report that carries a beat happened after it
		}
	} else if g.From.At < report.At {
		return false
	}
	if r.now.state == states.Deferred && seen != nil && r.now.deferredOrder != nil && seen.Boot <= r.now.deferredOrder.Boot {
		return false
	}
	soak := states.Time(r.policy.Soak.Milliseconds())
	return g.Kind != states.KindConverged || g.From.At >= r.now.stamps[states.ActivatedAt].at+soak
}

// holds reports whether the definite part of the record says already what a
// report says that is legal nowhere.
func (r *record) holds(ev *reducer.Event) bool {
	b := r.definite()
	has := func(which states.Stamp) bool { _, ok := b.stamps[which]; return ok }
	switch body := ev.Body.(type) {
	case reducer.DispatchAck:
		return has(states.AckedAt)
	case reducer.ActivationStarted:
		return has(states.StartedAt)
	case reducer.ActivationCompleted:
		return has(states.ActivatedAt) && same(body.Observed, r.target)
	case reducer.ActivationDeferred:
		return has(states.DeferredAt)
	case reducer.ActivationFailed:
		return has(states.ActivationFailedAt)
	case reducer.Failed:
		return has(states.FailedAt) && !has(states.ActivationFailedAt)
	case reducer.RollbackComplete:
		return has(states.RevertedAt) && same(body.RevertedTo, b.revertedTo)
	case reducer.Converged:
		return has(states.ConvergedAt) && same(body.Current, r.target)
	}
	// What was said of probes is not kept well enough to tell a repeat.
	return false
}
