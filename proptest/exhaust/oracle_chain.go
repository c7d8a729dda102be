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

func (c *conclusion) String() string {
	if c.why == 0 {
		return c.reason.String()
	}
	return c.reason.String() + " " + c.why.String()
}

// sight is a look with the record in the oracle's form.
type sight struct {
	*record
	hb     *synth.Heartbeat
	look   *synth.Look
	passed bool // the gates let the host go
}

// idle is a finding without a chain, and the rule that it is by.
func (s sight) idle(by rule, reason synth.Reason) conclusion {
	s.by(by)
	return conclusion{reason: reason}
}

// chain is section 5 of the specification: what a heartbeat means for a record.
func chain(s sight) conclusion {
	onTarget := same(s.hb.Current, s.target)
	switch {
	case s.look.Seen.Received == 0:
		return s.idle(neverBeat, synth.Silent)
	case s.look.Now-s.look.Seen.Received > states.Time(s.look.Bounds.Silence.Milliseconds()):
		return s.idle(silent, synth.Silent)
	case unknown(s.hb.Current):
		return s.idle(closureUnknown, synth.ClosureUnknown)
	case s.stale():
		if s.now.state == states.Pending && s.dispatched != 0 && onTarget {
			return s.idle(dispatchedOnTarget, synth.DispatchedOnTarget)
		}
		return conclusion{reason: synth.Stale}
	}
	switch s.now.state {
	case 0:
		return s.idle(noRecordNoCase, synth.InStep)
	case states.Pending:
		return s.pending(onTarget)
	case states.Activating:
		if onTarget {
			return s.found(agentRestarted, states.AgentRestarted, s.began(), states.KindActivationCompleted)
		}
	case states.Deferred:
		return s.deferred(onTarget)
	case states.Soaking, states.Converged:
		if !onTarget {
			return s.idle(driftOff, synth.Drift)
		}
	case states.Failed:
		return s.failed(onTarget)
	case states.Reverted:
		if onTarget {
			return s.idle(driftReverted, synth.Drift)
		}
	}
	return s.idle(inStep, synth.InStep)
}

// stale is section 6.3.
func (s sight) stale() bool {
	if s.look.Seen.Newer {
		s.by(newerKnown)
		return true
	}
	last, moved := s.now.stamps[states.LastTransitionAt]
	if !moved {
		return s.beforeOpening()
	}
	if seen := readOrder(s.hb.Order); seen != nil && s.now.lastOrder != nil {
		if *seen == *s.now.lastOrder && s.restsOnBeat() {
			s.by(restsOnThisBeat)
			return false
		}
		older := !later(seen, s.now.lastOrder)
		if older {
			s.by(olderByOrder)
		}
		return older
	}
	if latest := s.look.Now + states.Time(s.look.Bounds.Skew.Milliseconds()); latest < last.at {
		s.by(transitionAhead)
		last.at = latest
	}
	older := s.hb.At < last.at
	if older {
		s.by(olderByClock)
	}
	return older
}

// beforeOpening reports whether the heartbeat is from before the opening, less
// what a clock may be off. The reply that it knows is by the clock of the
// opening.
func (s sight) beforeOpening() bool {
	earliest := s.believedOpening() - states.Time(s.look.Bounds.Skew.Milliseconds())
	switch {
	case s.hb.At >= earliest:
		return false
	case s.hb.LastReply >= earliest:
		s.by(replyKnown)
		return false
	}
	s.by(beforeOpening)
	return true
}

// believedOpening is the opening, or now where it is still to come.
func (s sight) believedOpening() states.Time {
	if s.look.Now < s.opened {
		s.by(openingAhead)
		return s.look.Now
	}
	return s.opened
}

// restsOnBeat reports whether the last transition was derived from a beat.
func (s sight) restsOnBeat() bool {
	if s.guesses == nil {
		return false
	}
	from := s.guesses.list[len(s.guesses.list)-1].From
	return from.Seq == 0
}

// pending tries 3c, 3b and 3, in this order.
func (s sight) pending(onTarget bool) conclusion {
	ack, activated := states.KindDispatchAck, states.KindActivationCompleted
	switch {
	case s.hb.Holds == s.key.Rollout && onTarget:
		return s.found(heldOnTarget, states.HeldByAgent, s.began(), ack, activated)
	case s.hb.Holds == s.key.Rollout:
		return s.found(heldOffTarget, states.HeldByAgent, s.notBefore(s.hb.At), ack)
	case !onTarget:
		return s.idle(waitsForDispatch, synth.InStep)
	case s.dispatched != 0:
		return s.found(reportsInFlight, states.ReportsInFlight, s.began(), ack, activated)
	case s.hb.Holds != (states.Rollout{}):
		return s.idle(holdsAnother, synth.InStep)
	case !s.passed:
		s.by(heldByGates)
		return conclusion{reason: synth.Held, why: states.RecordsLost}
	}
	return s.recordsLost(ack, activated)
}

// recordsLost is case 3: the soak was served before the wipe, unless something
// says when the host switched, and that was too short a time ago.
func (s sight) recordsLost(ack, activated states.Kind) conclusion {
	by, from, known := lostStamp, min(s.hb.At, s.believedOpening()), false
	if s.hb.CurrentSince != 0 {
		by, from, known = lostSince, s.hb.CurrentSince, true
	}
	if off := s.look.Seen.OffTarget; off != 0 && (!known || off > from) {
		by, from, known = lostOff, max(off, s.believedOpening()), true
	}
	due := from + states.Time(s.policy.Soak.Milliseconds())
	out := s.found(by, states.RecordsLost, from, ack, activated)
	switch {
	case s.enforcedFails():
		s.by(lostFailing)
		return out
	case known && s.hb.At < due:
		s.by(lostSoakOpen)
		return out
	}
	s.by(lostConverged)
	end := synthesised(s.record, states.KindConverged, states.RecordsLost, s.observation(), max(s.hb.At, due))
	out.events = append(out.events, end)
	return out
}

// enforcedFails reports whether the heartbeat names an enforced probe that
// fails.
func (s sight) enforcedFails() bool {
	for _, name := range s.hb.Failing {
		if p, known := s.now.probes[name]; !known || p.Mode == states.Enforce {
			return true
		}
	}
	return false
}

func (s sight) deferred(onTarget bool) conclusion {
	seen := readOrder(s.hb.Order)
	boots := seen != nil && s.now.deferredOrder != nil
	rebooted := boots && seen.Boot > s.now.deferredOrder.Boot
	switch {
	case onTarget && rebooted:
		return s.found(rebootFinished, states.RebootFinished, s.began(), states.KindActivationCompleted)
	case onTarget && !boots:
		return s.found(rebootUnnumbered, states.RebootFinished, s.began(), states.KindActivationCompleted)
	case onTarget:
		return s.idle(notRebooted, synth.InStep)
	case rebooted && same(s.hb.Current, s.now.atDispatch):
		return s.idle(notBooted, synth.DeferredNotBooted)
	}
	return s.idle(inStep, synth.InStep)
}

func (s sight) failed(onTarget bool) conclusion {
	back := same(s.hb.Current, s.now.atDispatch)
	applied, by := s.now.applied, haltSaid
	if _, activation := s.now.stamps[states.ActivationFailedAt]; activation {
		applied, by = s.policy.OnFailure, haltOwn
	}
	switch {
	case !onTarget && !back:
		return s.idle(driftFailed, synth.Drift)
	case applied == states.Halt:
		return s.idle(by, synth.Halted)
	case onTarget:
		return s.idle(notBackYet, synth.InStep)
	}
	return s.found(rollbackUnreported, states.RollbackUnreported, s.began(), states.KindRollbackComplete)
}

// found is a chain of events that all happened at one time.
func (s sight) found(by rule, why states.Case, at states.Time, kinds ...states.Kind) conclusion {
	s.by(by)
	s.by(observationSaid)
	out := conclusion{reason: synth.Missed, why: why}
	for _, kind := range kinds {
		if kind == states.KindDispatchAck {
			s.by(guessedAckUnknown)
		}
		out.events = append(out.events, synthesised(s.record, kind, why, s.observation(), at))
	}
	return out
}

// began is when the host began to run what it runs, as far as is known, but not
// before the record's last transition.
func (s sight) began() states.Time {
	if s.hb.CurrentSince != 0 {
		s.by(sinceGiven)
		return s.notBefore(s.hb.CurrentSince)
	}
	return s.notBefore(s.hb.At)
}

func (s sight) notBefore(at states.Time) states.Time {
	by, floor := notBeforeOpening, s.believedOpening()
	if last, ok := s.now.stamps[states.LastTransitionAt]; ok {
		by, floor = notBeforeTransition, last.at
	}
	if at < floor {
		s.by(by)
		return floor
	}
	return at
}

func (s sight) observation() states.Observation {
	return states.Observation{At: s.hb.At, Order: s.hb.Order, Current: s.hb.Current}
}
