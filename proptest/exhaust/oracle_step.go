package exhaust

import (
	"maps"
	"slices"
	"strings"

	"github.com/rollmend/rollmend/reducer"
	"github.com/rollmend/rollmend/states"
)

// outcome is what the oracle says of one step.
type outcome struct {
	disposition reducer.Disposition
	record      record
	logged      bool
	quarantine  reducer.Quarantine
	transition  reducer.Transition
	refusal     refusal
}

// refusal is why an event was refused; the zero refusal is none.
type refusal struct {
	illegal   bool
	invariant reducer.Invariant
	other     string // "no body", "no number", "wrong record"
}

func (f refusal) String() string {
	switch {
	case f.illegal:
		return " illegal"
	case f.invariant != "":
		return " " + string(f.invariant)
	case f.other != "":
		return " " + f.other
	}
	return ""
}

// step is sections 4 and 6.2 of the specification: one event on one record. The
// checks are in the order of form, identity, number, legality, invariants.
func step(before *record, ev *reducer.Event) outcome {
	reported, opened := ev.Origin.By == reducer.ByAgent, before.now.state != 0
	refuse := func(by rule, why refusal) outcome {
		before.by(by)
		return outcome{disposition: reducer.Refused, record: *before, refusal: why}
	}
	switch {
	case ev.Body == nil:
		return refuse(noBody, refusal{other: "no body"})
	case !sends(ev.Origin.By, ev.Body.Kind()):
		return refuse(foreignSender, refusal{illegal: true})
	case !opened && ev.Body.Kind() != states.KindOpened:
		return refuse(notOpened, refusal{illegal: true})
	case opened && ev.Key != before.key:
		return refuse(wrongRecord, refusal{other: "wrong record"})
	case reported && ev.Seq == 0:
		return refuse(noNumber, refusal{other: "no number"})
	case reported && ev.Seq <= before.lastSeq:
		before.by(retransmit)
		return outcome{disposition: reducer.Duplicate, record: *before}
	}
	heard := before.clone()
	if reported {
		heard.hear(ev.Seq)
	} else if ev.Origin.By == reducer.BySynthesis {
		before.by(guessTakesNoNumber)
	}
	rec := heard.clone()
	out := outcome{}
	out.disposition, out.refusal = rec.place(ev)
	if out.disposition == reducer.Refused || out.disposition == reducer.Duplicate {
		rec = heard
	}
	out.log(before, &rec, ev)
	out.record = rec
	out.effects(before, ev)
	return out
}

// sends reports whether somebody sends events of a kind.
func sends(by reducer.By, kind states.Kind) bool {
	switch kind {
	case states.KindOpened, states.KindDispatched:
		return by == reducer.ByControlPlane
	case states.KindDispatchAck, states.KindActivationCompleted, states.KindActivationFailed,
		states.KindFailed, states.KindRollbackComplete, states.KindConverged:
		return by == reducer.ByAgent || by == reducer.BySynthesis
	}
	return by == reducer.ByAgent
}

// log decides whether the step is an entry, and counts it. The opening is the
// first entry and has no revision of its own.
func (out *outcome) log(before, rec *record, ev *reducer.Event) {
	reported, refused := ev.Origin.By == reducer.ByAgent, out.disposition == reducer.Refused
	out.logged = reported || !refused
	if !out.logged {
		before.by(refusedGuessIsNothing)
		return
	}
	before.by(keptInLog)
	if before.now.state != 0 {
		rec.revision++
	}
	if !refused && out.disposition != reducer.Duplicate {
		return
	}
	before.by(numberConsumed)
	if refused {
		before.by(refusalSaysWhy)
	}
	if ev.Seq > before.lastSeq+1 {
		before.by(gapStands)
	}
}

// hear takes a report's number. After a jump it counts anew which probes have
// reported since.
func (r *record) hear(seq states.Seq) {
	if seq > r.lastSeq+1 {
		r.by(gapAccepted)
		r.gap = true
		r.now.countAnew()
		if r.guesses != nil {
			r.guesses.before.countAnew()
		}
	}
	r.lastSeq = seq
}

func (b *belief) countAnew() {
	for name, p := range b.probes {
		p.SinceGap = false
		b.probes[name] = p
	}
}

// place writes an event where it belongs.
func (r *record) place(ev *reducer.Event) (reducer.Disposition, refusal) {
	if _, ok := legal[r.now.state][ev.Body.Kind()]; !ok {
		return r.placeLate(ev)
	}
	if r.repeatsFirst(ev) {
		return reducer.Duplicate, refusal{}
	}
	if broken := r.add(ev); broken != "" {
		return reducer.Refused, refusal{invariant: broken}
	}
	return reducer.Applied, refusal{}
}

// repeatsFirst reports whether a switch is said to begin that has begun. Of a
// probe's first run the record does not hold whose it was, so another is none.
func (r *record) repeatsFirst(ev *reducer.Event) bool {
	_, started := r.now.stamps[states.StartedAt]
	again := started && ev.Body.Kind() == states.KindActivationStarted
	if again {
		r.by(startedAgain)
	}
	return again
}

// add writes an event on top. A guess is remembered with what was before it; a
// report makes all below it definite.
func (r *record) add(ev *reducer.Event) reducer.Invariant {
	before := r.now.clone()
	if broken := r.write(ev); broken != "" {
		return broken
	}
	switch ev.Origin.By {
	case reducer.ByAgent:
		if r.guesses != nil {
			r.by(reportMakesDefinite)
		}
		r.guesses = nil
	case reducer.BySynthesis:
		r.by(guessRemembered)
		if r.guesses == nil {
			r.guesses = &guesses{before: before}
		}
		r.guesses.list = append(r.guesses.list, states.Guess{
			Kind: ev.Body.Kind(), Case: ev.Origin.Case, At: ev.At, From: ev.Origin.From,
		})
	}
	return ""
}

// effects are the quarantine and the transition that the step brings beside its
// entry.
func (out *outcome) effects(before *record, ev *reducer.Event) {
	rec := &out.record
	from, to := before.now.state, rec.now.state
	absorbed := out.disposition == reducer.Absorbed
	if from == to || from == 0 {
		if absorbed {
			before.by(twinHadEffects)
		}
		return
	}
	before.by(transitionStored)
	if absorbed {
		before.by(absorbedTransition)
	}
	out.transition = reducer.Transition{From: from, To: to, At: ev.At}
	if to == states.Reverted {
		before.by(quarantined)
		before.by(quarantineSaysWhy)
		out.quarantine = reducer.Quarantine{
			Channel: rec.key.Rollout.Channel, Closure: rec.target, Since: ev.At, Why: rec.why(),
			Rollout: rec.key.Rollout, Host: rec.key.Host,
		}
	}
}

// why says what went wrong with a target that was left, for an operator.
func (r *record) why() string {
	back := "; " + string(r.key.Host) + " went back to " + string(r.now.revertedTo)
	if _, ok := r.now.stamps[states.ActivationFailedAt]; ok {
		return "the activation failed" + back
	}
	var failing []string
	for _, name := range slices.Sorted(maps.Keys(r.now.probes)) {
		if p := r.now.probes[name]; p.Mode == states.Enforce && p.Status == states.Fail {
			failing = append(failing, name)
		}
	}
	if len(failing) == 0 {
		return "probes failed" + back
	}
	return "probes failed: " + strings.Join(failing, ", ") + back
}
