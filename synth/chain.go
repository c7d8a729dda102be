package synth

import (
	"time"

	"github.com/rollmend/rollmend/gates"
	"github.com/rollmend/rollmend/reducer"
	"github.com/rollmend/rollmend/states"
)

// Look is one record and what is known of its host, at one moment.
type Look struct {
	Record  states.Record
	Seen    Seen
	Now     states.Time // the control plane's clock
	Bounds  Bounds
	Verdict gates.Verdict // of an ask for gates.Synthesis; only records-lost reads it

	// Room is memory for the finding's events, whatever it holds: they are put into
	// it as far as it suffices. nil: they get their own.
	Room []reducer.Event
}

// Gated reports whether what a heartbeat means depends on the verdict: only then
// need the gates be asked.
func (l *Look) Gated() bool {
	rec, hb := &l.Record, &l.Seen.Heartbeat
	return rec.State == states.Pending && !rec.Dispatched.IsSet() && hb.Holds.IsZero() && hb.Current.Is(rec.Target)
}

// Chain concludes what a heartbeat means for a record. Where a transition was
// missed, the finding has the events that make it up; they are to be applied
// in their order, by reducer.Step, and committed together.
//
// Only the case records-lost passes the gates. A caller may leave the Verdict
// zero, which holds, and ask the gates when the finding comes back [Held], or
// first, where the look is [Look.Gated]. Records of superseded rollouts are not
// to be handed in.
func Chain(l Look) Finding {
	rec, hb := &l.Record, &l.Seen.Heartbeat
	switch {
	case !l.Seen.Received.IsSet():
		return find(rec, Silent, "the host never beat since this control plane started; the record says %s on %s", rec.State, rec.Current)
	case l.Now.Sub(l.Seen.Received) > l.Bounds.Silence:
		return find(rec, Silent, "the host last beat at %s, longer ago than %s", l.Seen.Received, l.Bounds.Silence)
	case !hb.Current.Known():
		return find(rec, ClosureUnknown, "the heartbeat does not say what the host runs")
	}
	if f, ok := stale(&l); ok {
		return f
	}
	return conclude(&l)
}

// conclude finds what a heartbeat can mean, by the record's state. It is a
// switch, not a table of functions, so that the look stays on the stack.
func conclude(l *Look) Finding {
	switch l.Record.State {
	case states.Pending:
		return pending(l)
	case states.Activating:
		return activating(l)
	case states.Deferred:
		return deferred(l)
	case states.Soaking:
		return soaking(l)
	case states.Converged:
		return converged(l)
	case states.Failed:
		return failed(l)
	case states.Reverted:
		return reverted(l)
	}
	return find(&l.Record, InStep, "the rollout is not open")
}

// stale holds back a heartbeat that is older than what it would undo.
func stale(l *Look) (Finding, bool) {
	rec, hb := &l.Record, &l.Seen.Heartbeat
	why := ""
	switch last := rec.At(states.LastTransitionAt); {
	case l.Seen.Newer:
		why = "a newer heartbeat of the host is known"
	case !last.IsSet():
		if bound := opened(l).Add(-l.Bounds.Skew); hb.At < bound && hb.LastReply < bound {
			why = "it was taken at " + hb.At.String() + " by the host's clock, before the opening at " + rec.Opened.String()
		}
	case rec.LastOrder.Given() && hb.Order.Given():
		if !hb.Order.After(rec.LastOrder) && !restsOn(rec, hb) {
			why = "beat " + hb.Order.String() + " came before the last transition, which was after beat " + rec.LastOrder.String()
		}
	case hb.At < min(last, l.Now.Add(l.Bounds.Skew)): // cut like the heartbeat, see Bounds.Skew
		why = "it was taken at " + hb.At.String() + " by the host's clock, before the last transition at " + last.String()
	}
	if why == "" {
		return Finding{}, false
	}
	if rec.State == states.Pending && rec.Dispatched.IsSet() && hb.Current.Is(rec.Target) {
		return find(rec, DispatchedOnTarget, "the host says that it runs the target, and is sent it again: %s", why), true
	}
	return find(rec, Stale, "%s", why), true
}

// restsOn reports whether the record's last transition was concluded from this
// very heartbeat, which then is as new as the record.
func restsOn(rec *states.Record, hb *Heartbeat) bool {
	last := rec.LastGuess()
	return last.From.Seq == 0 && last.From.Order == hb.Order
}

// since returns when the host began to run what it runs: by its own word, else
// by the heartbeat; never before the record's last transition, nor before its
// opening where there is none.
func since(l *Look) states.Time {
	at := l.Seen.Heartbeat.At
	if given := l.Seen.Heartbeat.CurrentSince; given.IsSet() {
		at = given
	}
	return notBefore(l, at)
}

func notBefore(l *Look, at states.Time) states.Time {
	if last := l.Record.At(states.LastTransitionAt); last.IsSet() {
		return max(at, last)
	}
	return max(at, opened(l))
}

// opened returns when the rollout was opened, as far as that can be believed: a
// control plane's clock that was ahead then, and was set right since, has it in
// the future.
func opened(l *Look) states.Time { return min(l.Record.Opened, l.Now) }

// soaked reports whether a soak that began then was over at the heartbeat.
func soaked(from states.Time, soak time.Duration, hb *Heartbeat) bool {
	return from.Add(soak) <= hb.At
}
