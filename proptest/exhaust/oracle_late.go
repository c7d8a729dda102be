package exhaust

import (
	"github.com/rollmend/rollmend/reducer"
	"github.com/rollmend/rollmend/states"
)

// placeLate places an event that is not legal on top: below the guesses where
// the road has a place for it, with what they still support replayed behind it.
func (r *record) placeLate(ev *reducer.Event) (reducer.Disposition, refusal) {
	below, rest, found := r.placeBelow(ev.Body.Kind())
	prefix := ev.Origin.By == reducer.BySynthesis && ev.Origin.Case == states.ReportAhead
	switch {
	case found && ev.Origin.By == reducer.ByAgent:
		return r.absorb(&below, rest, ev)
	case found && prefix:
		// What was guessed behind a prefix falls.
		r.by(prefixWeighs)
		if broken := below.add(ev); broken != "" {
			return reducer.Refused, refusal{invariant: broken}
		}
		*r = below
		return reducer.Applied, refusal{}
	case found:
		r.by(guessHasNoWeight)
	case ev.Origin.By == reducer.ByAgent && r.holds(ev):
		r.by(saidAgain)
		return reducer.Duplicate, refusal{}
	}
	r.by(illegal)
	return reducer.Refused, refusal{illegal: true}
}

// placeBelow finds the first guess below which an event of a kind is legal.
func (r *record) placeBelow(kind states.Kind) (below record, rest []states.Guess, found bool) {
	if r.guesses == nil {
		return record{}, nil, false
	}
	for n := range r.guesses.list {
		below = r.below(n)
		if _, ok := legal[below.now.state][kind]; ok {
			return below, r.guesses.list[n:], true
		}
	}
	return record{}, nil, false
}

// absorb puts a report below guesses.
func (r *record) absorb(below *record, rest []states.Guess, ev *reducer.Event) (reducer.Disposition, refusal) {
	if below.repeatsFirst(ev) {
		return reducer.Duplicate, refusal{}
	}
	r.by(placedBelow)
	if broken := below.add(ev); broken != "" {
		return reducer.Refused, refusal{invariant: broken}
	}
	below.replay(rest, ev)
	*r = *below
	return reducer.Absorbed, refusal{}
}

// below is the record with its first n guesses alone.
func (r *record) below(n int) record {
	out := r.quiet()
	out.now, out.guesses = r.guesses.before.clone(), nil
	for _, g := range r.guesses.list[:n] {
		ev := out.again(g, g.At)
		out.add(&ev)
	}
	out.used = r.used
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
		if _, ok := legal[r.now.state][g.Kind]; !ok {
			r.by(fallsOffRoad)
			return
		}
		if !r.supports(g, report) {
			return
		}
		at := max(g.At, r.now.stamps[states.LastTransitionAt].at)
		if at != g.At {
			r.by(timesInOrder)
		}
		if g.Kind == states.KindConverged {
			r.by(convergedMoves)
			at = max(g.From.At, r.soakDue())
		}
		ev := r.again(g, at)
		quiet := r.quiet()
		if quiet.add(&ev) != "" {
			r.by(fallsOffRoad)
			return
		}
		r.by(stands)
		r.add(&ev)
	}
}

// supports reports whether the observation under a guess still carries it: it
// was made after the report, after the reboot that ends a deferral, and, for a
// convergence, after the soak.
func (r *record) supports(g states.Guess, report *reducer.Event) bool {
	seen, said := readOrder(g.From.Order), readOrder(report.Order)
	if seen != nil && said != nil {
		if !later(seen, said) {
			r.by(fallsByOrder)
			return false
		}
	} else if g.From.At < report.At {
		r.by(fallsByClock)
		return false
	}
	switch g.Kind {
	case states.KindActivationCompleted:
		if r.now.state == states.Deferred && seen != nil && r.now.deferredOrder != nil && seen.Boot <= r.now.deferredOrder.Boot {
			r.by(fallsWithoutReboot)
			return false
		}
	case states.KindConverged:
		if g.From.At < r.soakDue() {
			r.by(fallsBeforeSoak)
			return false
		}
	}
	return true
}

// soakDue is activated plus soak.
func (r *record) soakDue() states.Time {
	return r.now.stamps[states.ActivatedAt].at + states.Time(r.policy.Soak.Milliseconds())
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
