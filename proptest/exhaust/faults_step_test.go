package exhaust_test

import (
	"errors"
	"slices"

	"github.com/rollmend/rollmend/reducer"
	"github.com/rollmend/rollmend/states"
)

// formFaults are of what comes before the table, of numbers, and of effects.
var formFaults = []fault{
	{"no-body", "an event without a body is waved through", steps(func(s *stepped) {
		if s.ev.Body == nil {
			s.waved()
		}
	})},
	{"foreign-sender", "the control plane speaks for the agent", steps(func(s *stepped) {
		if s.ev.Body != nil && s.ev.Origin.By == reducer.ByControlPlane && s.ev.Kind().Agent() {
			s.again(func(rec *states.Record, ev *reducer.Event) { ev.Origin, ev.Seq = reducer.Origin{}, rec.LastSeq+1 })
		}
	})},
	{"not-opened", "a report to nothing is waved through", steps(func(s *stepped) {
		if s.rec.State == 0 && s.ev.Reported() && s.ev.Kind().Agent() {
			s.waved()
		}
	})},
	{"wrong-record", "an event is put to whatever record is at hand", steps(func(s *stepped) {
		var wrong *reducer.WrongRecordError
		if errors.As(s.err, &wrong) {
			s.again(func(rec *states.Record, ev *reducer.Event) { ev.Key = rec.Key })
		}
	})},
	{"no-number", "a report without a number takes the next", steps(func(s *stepped) {
		if errors.Is(s.err, reducer.ErrNoNumber) {
			s.again(func(rec *states.Record, ev *reducer.Event) { ev.Seq = rec.LastSeq + 1 })
		}
	})},
	{"retransmit", "a retransmit is applied again", steps(func(s *stepped) {
		if s.wellFormed() && s.ev.Reported() && s.ev.Seq != 0 && s.ev.Seq <= s.rec.LastSeq {
			s.again(func(rec *states.Record, ev *reducer.Event) { ev.Seq = rec.LastSeq + 1 })
		}
	})},
	{"gap-accepted", "a jump is no gap", steps(func(s *stepped) {
		if s.ev.Seq > s.rec.LastSeq+1 {
			s.out.Record.Gap = s.rec.Gap
		}
	})},
	{"gap-accepted", "a jump does not count anew which probes report", steps(func(s *stepped) {
		if s.ev.Seq > s.rec.LastSeq+1 && s.out.Record.Doubt == nil && s.rec.Doubt == nil {
			for _, p := range s.rec.Probes {
				if is, ok := s.out.Record.Probes.Find(p.Name); ok && p.SinceGap {
					is.SinceGap = true
					s.out.Record.Probes = s.out.Record.Probes.With(is)
				}
			}
		}
	})},
	{"gap-stands", "a refused report forgets its gap", steps(func(s *stepped) {
		if s.out.Disposition == reducer.Refused {
			s.out.Record.Gap = s.rec.Gap
		}
	})},
	{"number-consumed", "a refused report does not take its number", steps(func(s *stepped) {
		if s.out.Disposition == reducer.Refused {
			s.out.Record.LastSeq = s.rec.LastSeq
		}
	})},
	{"number-consumed", "what is said again does not take its number", steps(func(s *stepped) {
		if s.out.Disposition == reducer.Duplicate {
			s.out.Record.LastSeq = s.rec.LastSeq
		}
	})},
	{"guess-takes-no-number", "a synthesised event takes a number", steps(func(s *stepped) {
		if s.ev.Synthesised() && s.out.Disposition == reducer.Applied {
			s.out.Record.LastSeq++
		}
	})},
	{"kept-in-log", "a duplicate is not logged", steps(func(s *stepped) {
		if s.out.Disposition == reducer.Duplicate {
			s.out.Effects = reducer.Effects{}
		}
	})},
	{"refusal-says-why", "a refusal gives no reason", steps(func(s *stepped) { s.out.Effects.Entry.Reason = "" })},
	{"refused-guess-is-nothing", "a guess that comes too late is an entry", steps(func(s *stepped) {
		if s.wellFormed() && s.out.Disposition == reducer.Refused && !s.ev.Reported() {
			s.out.Record.Revision++
		}
	})},
	{"illegal", "an illegal report is waved through", steps(func(s *stepped) {
		if s.wellFormed() && s.illegal() {
			s.waved()
		}
	})},
	{"started-again", "a second start stamps again", steps(func(s *stepped) {
		switching := s.rec.State == states.Activating || s.rec.Before().State == states.Activating
		if s.ev.Kind() == states.KindActivationStarted && s.out.Disposition == reducer.Duplicate && s.ev.Seq > s.rec.LastSeq && switching {
			s.out.Record.Set(states.StartedAt, s.ev.At, true)
		}
	})},
	{"said-again", "a second acknowledgement stamps again", steps(func(s *stepped) {
		if s.ev.Kind() == states.KindDispatchAck && s.out.Disposition == reducer.Duplicate && s.ev.Seq > s.rec.LastSeq {
			s.out.Record.Set(states.AckedAt, s.ev.At, true)
		}
	})},
	{"said-again", "an unknown closure at dispatch is stored over a known one", steps(func(s *stepped) {
		if s.ev.Kind() == states.KindDispatchAck && s.out.Disposition == reducer.Duplicate && s.ev.Seq > s.rec.LastSeq {
			s.out.Record.AtDispatch = ""
		}
	})},

	{"transition", "a transition is not stored", steps(func(s *stepped) { s.out.Effects.Transition = reducer.Transition{} })},
	{"quarantine", "a guessed rollback quarantines nothing", steps(func(s *stepped) {
		if s.ev.Synthesised() {
			s.out.Effects.Quarantine = reducer.Quarantine{}
		}
	})},
	{"quarantine-says-why", "a quarantine does not say why", steps(func(s *stepped) { s.out.Effects.Quarantine.Why = "" })},
	{"absorbed-transition", "an absorbed report's transition is not stored", steps(func(s *stepped) {
		if s.out.Disposition == reducer.Absorbed {
			s.out.Effects.Transition = reducer.Transition{}
		}
	})},
	{"twin-had-effects", "a late rollback quarantines once more", steps(func(s *stepped) {
		if s.ev.Kind() == states.KindRollbackComplete && s.out.Disposition == reducer.Absorbed {
			s.out.Effects.Quarantine = reducer.Quarantine{Closure: s.out.Record.Target}
		}
	})},
}

// writeFaults are of what an event writes.
var writeFaults = []fault{
	{"opening-target", "a rollout to nowhere is opened", steps(func(s *stepped) {
		if s.broke(reducer.ClosureTargetRequired) {
			s.waved()
		}
	})},
	{"opening-writes", "the wave of the opening is lost", gives(states.KindOpened, func(_ *stepped, rec *states.Record) { rec.Wave = 0 })},
	{"dispatched-stamp", "a dispatch is not stamped", gives(states.KindDispatched, func(s *stepped, rec *states.Record) { rec.Dispatched = s.rec.Dispatched })},
	{"dispatched-once", "a dispatch that is sent again is stamped again", gives(states.KindDispatched, func(s *stepped, rec *states.Record) { rec.Dispatched = s.ev.At })},
	{"ack-known", "the closure at dispatch is not kept", gives(states.KindDispatchAck, func(_ *stepped, rec *states.Record) { rec.AtDispatch = "" })},
	{"ack-unknown", "an unknown closure is stored by a name", gives(states.KindDispatchAck, func(_ *stepped, rec *states.Record) {
		if !rec.AtDispatch.Known() {
			rec.AtDispatch = "nowhere"
		}
	})},
	{"started-stamp", "a start is not stamped", gives(states.KindActivationStarted, func(_ *stepped, rec *states.Record) { rec.Clear(states.StartedAt) })},
	{"activated-off-target", "an activation on another closure is taken", steps(func(s *stepped) {
		if s.ev.Kind() == states.KindActivationCompleted && s.broke(reducer.NotOnTarget) {
			s.again(func(rec *states.Record, ev *reducer.Event) {
				ev.Body = reducer.ActivationCompleted{Observed: rec.Target}
			})
		}
	})},
	{"activated-current", "current stays what it was", gives(states.KindActivationCompleted, func(s *stepped, rec *states.Record) { rec.Current = s.rec.Current })},
	{"activated-clears", "the old closure's probes count for the new one", gives(states.KindActivationCompleted, func(s *stepped, rec *states.Record) { rec.Probes = s.rec.Probes })},
	{"activated-clears", "the old closure's first probe is kept", gives(states.KindActivationCompleted, func(s *stepped, rec *states.Record) {
		rec.Set(states.FirstProbeAt, s.rec.At(states.FirstProbeAt), s.rec.Reported(states.FirstProbeAt))
	})},
	{"activation-ends-gap", "a gap survives the activation", gives(states.KindActivationCompleted, func(s *stepped, rec *states.Record) {
		if s.ev.Reported() && s.rec.Gap {
			rec.Gap = true
		}
	})},
	{"deferred-order", "the order of a deferral is lost", gives(states.KindActivationDeferred, func(_ *stepped, rec *states.Record) { rec.DeferredOrder = states.Order{} })},
	{"activation-failed-stamps", "activation failed is not stamped", gives(states.KindActivationFailed, func(_ *stepped, rec *states.Record) { rec.Clear(states.ActivationFailedAt) })},
	{"activation-failed-stamps", "failed is not stamped with it", gives(states.KindActivationFailed, func(_ *stepped, rec *states.Record) { rec.Clear(states.FailedAt) })},
	{"policy-own", "the record's own policy is not what was applied", gives(states.KindActivationFailed, func(_ *stepped, rec *states.Record) { rec.PolicyApplied = 0 })},
	{"policy-said", "the agent's word on its policy is not heard", gives(states.KindFailed, func(s *stepped, rec *states.Record) { rec.PolicyApplied = s.rec.Policy.OnFailure })},
	{"first-probe-once", "another first probe stamps again", gives(states.KindProbeObservedFirst, func(s *stepped, rec *states.Record) {
		rec.Set(states.FirstProbeAt, s.ev.At, !s.ev.Clamped)
	})},
	{"first-failure-once", "another first failure stamps again", gives(states.KindProbeFailureFirst, func(s *stepped, rec *states.Record) {
		rec.Set(states.FirstProbeFailureAt, s.ev.At, !s.ev.Clamped)
	})},
	{"declared-exists", "a probe passes by being declared", gives(states.KindProbeTopologyDeclared, func(s *stepped, rec *states.Record) {
		for _, d := range s.ev.Body.(reducer.ProbeTopologyDeclared).Probes {
			if p, _ := rec.Probes.Find(d.Name); p.Status == 0 {
				p.Status = states.Pass
				rec.Probes = rec.Probes.With(p)
			}
		}
	})},
	{"declared-keeps-result", "a probe that is declared loses its result", gives(states.KindProbeTopologyDeclared, func(s *stepped, rec *states.Record) {
		for _, d := range s.ev.Body.(reducer.ProbeTopologyDeclared).Probes {
			p, _ := rec.Probes.Find(d.Name)
			p.Status = 0
			rec.Probes = rec.Probes.With(p)
		}
	})},
	{"result-updates", "the first result counts", gives(states.KindProbeResult, func(s *stepped, rec *states.Record) {
		said := s.ev.Body.(reducer.ProbeResult)
		if was, known := s.rec.Probes.Find(said.Probe); known && was.Status != 0 {
			p, _ := rec.Probes.Find(said.Probe)
			p.Status = was.Status
			rec.Probes = rec.Probes.With(p)
		}
	})},
	{"mode-not-lowered", "a result lowers the declared mode", gives(states.KindProbeResult, func(s *stepped, rec *states.Record) {
		said := s.ev.Body.(reducer.ProbeResult)
		p, _ := rec.Probes.Find(said.Probe)
		p.Mode = said.Mode
		rec.Probes = rec.Probes.With(p)
	})},
	{"result-since-gap", "a probe that reports after a gap has not reported since", gives(states.KindProbeResult, func(s *stepped, rec *states.Record) {
		p, _ := rec.Probes.Find(s.ev.Body.(reducer.ProbeResult).Probe)
		p.SinceGap = false
		rec.Probes = rec.Probes.With(p)
	})},
	{"reverted-unknown", "a rollback to nowhere is taken", steps(func(s *stepped) {
		if s.broke(reducer.RevertedToUnknown) {
			s.again(func(_ *states.Record, ev *reducer.Event) { ev.Body = reducer.RollbackComplete{RevertedTo: "nowhere"} })
		}
	})},
	{"reverted-target", "a rollback to the target is taken", steps(func(s *stepped) {
		if s.broke(reducer.RevertedToTarget) {
			s.again(func(rec *states.Record, _ *reducer.Event) { rec.Target = "something else" })
		}
	})},
	{"reverted-writes", "a rollback leaves current", gives(states.KindRollbackComplete, func(s *stepped, rec *states.Record) { rec.Current = s.rec.Current })},
	{"failed-stamp", "a failure is not stamped", gives(states.KindFailed, func(_ *stepped, rec *states.Record) { rec.Clear(states.FailedAt) })},
	{"stamp-reported", "a reported stamp counts as guessed", gives(states.KindDispatchAck, func(s *stepped, rec *states.Record) {
		if s.ev.Reported() {
			rec.Set(states.AckedAt, s.ev.At, false)
		}
	})},
	{"stamp-cut", "a time that was cut counts as reported", steps(func(s *stepped) {
		s.again(func(_ *states.Record, ev *reducer.Event) { ev.Clamped = false })
	})},
	{"stamp-guessed", "a guessed stamp counts as reported", gives(states.KindActivationCompleted, func(s *stepped, rec *states.Record) {
		if s.ev.Synthesised() {
			rec.Set(states.ActivatedAt, s.ev.At, true)
		}
	})},
	{"last-transition", "the order of a report is lost", steps(func(s *stepped) {
		if s.ev.Reported() && s.out.Disposition == reducer.Applied && s.out.Effects.Transition != (reducer.Transition{}) {
			s.out.Record.LastOrder = states.Order{}
		}
	})},
	{"guessed-transition", "a guess's order is lost", steps(func(s *stepped) {
		if s.ev.Synthesised() && s.out.Disposition == reducer.Applied {
			s.out.Record.LastOrder = states.Order{}
		}
	})},
	{"transition-not-ahead", "a convergence in the future makes the present stale", gives(states.KindConverged, func(s *stepped, rec *states.Record) {
		if s.ev.Synthesised() {
			rec.Set(states.LastTransitionAt, s.ev.At, false)
		}
	})},
	{"guess-remembered", "a guess is not remembered", steps(func(s *stepped) {
		if s.ev.Synthesised() && s.out.Disposition == reducer.Applied {
			s.out.Record.Doubt = nil
		}
	})},
	{"guess-remembered", "a guess forgets its time", steps(func(s *stepped) {
		if s.ev.Synthesised() && s.out.Disposition == reducer.Applied {
			changed(&s.out.Record, func(g *states.Guess) { g.At = 0 })
		}
	})},
	{"report-makes-definite", "a report on top leaves the guesses below in doubt", steps(func(s *stepped) {
		if s.ev.Reported() && s.out.Disposition == reducer.Applied {
			s.out.Record.Doubt = s.rec.Doubt
		}
	})},
}

// soakFaults are of the three invariants.
var soakFaults = []fault{
	{"converged-off-target", "a convergence on another closure is taken", steps(func(s *stepped) {
		if s.ev.Kind() == states.KindConverged && s.broke(reducer.NotOnTarget) {
			s.again(func(rec *states.Record, ev *reducer.Event) { ev.Body = reducer.Converged{Current: rec.Target} })
		}
	})},
	{"soak-not-over", "the soak is not held against a convergence", steps(func(s *stepped) {
		if s.broke(reducer.SoakNotOver) {
			s.again(func(_ *states.Record, ev *reducer.Event) { ev.At, ev.Clamped = ev.At.Add(1e15), false })
		}
	})},
	{"soak-attested", "a convergence does not attest its soak", steps(func(s *stepped) {
		if s.soaking() && s.err == nil && !s.ev.Clamped && !s.rec.Reported(states.ActivatedAt) && s.ev.At < s.rec.SoakDue() {
			s.again(func(rec *states.Record, _ *reducer.Event) {
				rec.Set(states.ActivatedAt, rec.At(states.ActivatedAt), true)
			})
		}
	})},
	{"soak-attested", "the activation stays where it was guessed", steps(func(s *stepped) {
		if s.soaking() && s.out.Disposition == reducer.Applied {
			s.out.Record.Set(states.ActivatedAt, s.rec.At(states.ActivatedAt), s.rec.Reported(states.ActivatedAt))
		}
	})},
	{"cut-soak-attested", "a convergence whose time was cut does not attest its soak", steps(func(s *stepped) {
		if s.soaking() && s.err == nil && s.ev.Clamped && !s.rec.Reported(states.ActivatedAt) && s.ev.At < s.rec.SoakDue() {
			s.again(func(rec *states.Record, _ *reducer.Event) {
				rec.Set(states.ActivatedAt, rec.At(states.ActivatedAt), true)
			})
		}
	})},
	{"other-clock", "a convergence of another clock keeps its time", steps(func(s *stepped) {
		if s.soaking() && s.out.Disposition == reducer.Applied && s.rec.Reported(states.ActivatedAt) {
			s.out.Record.Set(states.ConvergedAt, s.ev.At, s.out.Record.Reported(states.ConvergedAt))
		}
	})},
	{"other-clock", "a time that was cut is never of another clock", steps(func(s *stepped) {
		if s.soaking() && s.err == nil && s.ev.Clamped && s.rec.Reported(states.ActivatedAt) && s.ev.At < s.rec.At(states.ActivatedAt) {
			s.again(func(_ *states.Record, ev *reducer.Event) { ev.At = s.rec.At(states.ActivatedAt) })
		}
	})},
	{"probe-held", "an enforced probe is not held against a convergence", steps(func(s *stepped) {
		if s.broke(reducer.EnforcedProbeFailing) {
			s.again(func(rec *states.Record, _ *reducer.Event) { rec.Probes = nil })
		}
	})},
	{"probe-held", "a failed probe that reported since the gap is attested", steps(func(s *stepped) {
		if s.broke(reducer.EnforcedProbeFailing) && s.rec.Gap {
			s.again(func(rec *states.Record, _ *reducer.Event) {
				rec.Probes = rec.Probes.Map(func(p states.Probe) states.Probe { p.SinceGap = false; return p })
			})
		}
	})},
	{"probe-gap-attested", "a gap attests nothing", steps(func(s *stepped) {
		waved := slices.ContainsFunc(s.rec.Probes, func(p states.Probe) bool { return !p.Passes() })
		if s.soaking() && s.err == nil && waved {
			s.again(func(rec *states.Record, ev *reducer.Event) { rec.Gap, ev.Seq = false, rec.LastSeq+1 })
		}
	})},
	{"observe-never-gates", "a probe that is only observed gates", steps(func(s *stepped) {
		shown := slices.ContainsFunc(s.rec.Probes, func(p states.Probe) bool { return p.Mode != states.Enforce && p.Status != states.Pass })
		if s.soaking() && s.err == nil && shown {
			s.again(func(rec *states.Record, _ *reducer.Event) {
				rec.Probes = rec.Probes.Map(func(p states.Probe) states.Probe { p.Mode = states.Enforce; return p })
			})
		}
	})},
}
