package exhaust

import (
	"github.com/rollmend/rollmend/reducer"
	"github.com/rollmend/rollmend/states"
	"github.com/rollmend/rollmend/synth"
)

// conclusion is what the oracle says of a heartbeat or of a report that is
// ahead.
type conclusion struct {
	reason synth.Reason
	why    states.Case
	events []reducer.Event
}

// sight is a look with the record in the oracle's form.
type sight struct {
	*record
	hb     *synth.Heartbeat
	look   *synth.Look
	passed bool // the gates let the host go
}

// chain is section 5 of the specification: what a heartbeat means for a record.
func chain(s sight) conclusion {
	onTarget := same(s.hb.Current, s.target)
	switch {
	case s.look.Seen.Received == 0 || s.look.Now-s.look.Seen.Received > states.Time(s.look.Bounds.Silence.Milliseconds()):
		return conclusion{reason: synth.Silent}
	case unknown(s.hb.Current):
		return conclusion{reason: synth.ClosureUnknown}
	case s.stale() && s.now.state == states.Pending && s.dispatched != 0 && onTarget:
		return conclusion{reason: synth.DispatchedOnTarget}
	case s.stale():
		return conclusion{reason: synth.Stale}
	}
	switch s.now.state {
	case states.Pending:
		return s.pending(onTarget)
	case states.Activating:
		if onTarget {
			return s.found(states.AgentRestarted, s.began(), states.KindActivationCompleted)
		}
	case states.Deferred:
		return s.deferred(onTarget)
	case states.Soaking, states.Converged:
		if !onTarget {
			return conclusion{reason: synth.Drift}
		}
	case states.Failed:
		return s.failed(onTarget)
	case states.Reverted:
		if onTarget {
			return conclusion{reason: synth.Drift}
		}
	}
	return conclusion{reason: synth.InStep}
}

// stale is section 6.3.
func (s sight) stale() bool {
	if s.look.Seen.Newer {
		return true
	}
	last, moved := s.now.stamps[states.LastTransitionAt]
	if !moved {
		skew := states.Time(s.look.Bounds.Skew.Milliseconds())
		// It was taken after the reply that it knows, whatever its own clock says.
		return s.hb.At < s.opened-skew && s.hb.LastReply < s.opened-skew
	}
	if seen := readOrder(s.hb.Order); seen != nil && s.now.lastOrder != nil {
		if *seen == *s.now.lastOrder && s.restsOnBeat() {
			return false // it is the very beat that the record rests on
		}
		return !later(seen, s.now.lastOrder)
	}
	return s.hb.At < last.at
}

// restsOnBeat reports whether the last transition was derived from a beat.
func (s sight) restsOnBeat() bool {
	if s.guesses == nil {
		return false
	}
	from := s.guesses.list[len(s.guesses.list)-1].From
	return from.Seq == 0
}

func (s sight) pending(onTarget bool) conclusion {
	ack, activated := states.KindDispatchAck, states.KindActivationCompleted
	switch {
	case s.hb.Holds == s.key.Rollout && onTarget:
		return s.found(states.HeldByAgent, s.began(), ack, activated)
	case s.hb.Holds == s.key.Rollout:
		return s.found(states.HeldByAgent, s.notBefore(s.hb.At), ack)
	case !onTarget:
		return conclusion{reason: synth.InStep}
	case s.dispatched != 0:
		return s.found(states.ReportsInFlight, s.began(), ack, activated)
	case s.hb.Holds != (states.Rollout{}):
		return conclusion{reason: synth.InStep} // it proves nothing for this rollout
	case !s.passed:
		return conclusion{reason: synth.Held, why: states.RecordsLost}
	}
	return s.recordsLost(ack, activated)
}

// recordsLost is case 3: the soak was served before the wipe, unless something
// says when the host switched, and that was too short a time ago.
func (s sight) recordsLost(ack, activated states.Kind) conclusion {
	from, known := min(s.hb.At, s.opened), false
	if s.hb.CurrentSince != 0 {
		from, known = s.hb.CurrentSince, true
	}
	if off := s.look.Seen.OffTarget; off != 0 && (!known || off > from) {
		from, known = max(off, s.opened), true // it came in after the opening
	}
	due := from + states.Time(s.policy.Soak.Milliseconds())
	out := s.found(states.RecordsLost, from, ack, activated)
	if len(s.hb.Failing) > 0 || known && s.hb.At < due {
		return out
	}
	end := synthesised(s.record, states.KindConverged, states.RecordsLost, s.observation(), max(s.hb.At, due))
	out.events = append(out.events, end)
	return out
}

func (s sight) deferred(onTarget bool) conclusion {
	seen := readOrder(s.hb.Order)
	boots := seen != nil && s.now.deferredOrder != nil
	rebooted := boots && seen.Boot > s.now.deferredOrder.Boot
	switch {
	case onTarget && (rebooted || !boots):
		return s.found(states.RebootFinished, s.began(), states.KindActivationCompleted)
	case !onTarget && rebooted && same(s.hb.Current, s.now.atDispatch):
		return conclusion{reason: synth.DeferredNotBooted}
	}
	return conclusion{reason: synth.InStep}
}

func (s sight) failed(onTarget bool) conclusion {
	back := same(s.hb.Current, s.now.atDispatch)
	applied := s.now.applied
	if applied == 0 {
		applied = s.policy.OnFailure
	}
	switch {
	case !onTarget && !back:
		return conclusion{reason: synth.Drift}
	case applied == states.Halt:
		return conclusion{reason: synth.Halted}
	case onTarget:
		return conclusion{reason: synth.InStep} // the agent has not gone back yet
	}
	return s.found(states.RollbackUnreported, s.began(), states.KindRollbackComplete)
}

// found is a chain of events that all happened at one time.
func (s sight) found(why states.Case, at states.Time, kinds ...states.Kind) conclusion {
	out := conclusion{reason: synth.Missed, why: why}
	for _, kind := range kinds {
		out.events = append(out.events, synthesised(s.record, kind, why, s.observation(), at))
	}
	return out
}

// began is when the host began to run what it runs, as far as is known, but not
// before the record's last transition.
func (s sight) began() states.Time {
	if s.hb.CurrentSince != 0 {
		return s.notBefore(s.hb.CurrentSince)
	}
	return s.notBefore(s.hb.At)
}

func (s sight) notBefore(at states.Time) states.Time {
	if last, ok := s.now.stamps[states.LastTransitionAt]; ok {
		return max(at, last.at)
	}
	return max(at, s.opened)
}

func (s sight) observation() states.Observation {
	return states.Observation{At: s.hb.At, Order: s.hb.Order, Current: s.hb.Current}
}
