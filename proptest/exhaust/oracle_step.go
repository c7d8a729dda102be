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

// step is sections 4 and 6.2 of the specification: one event on one record.
func step(before *record, ev *reducer.Event) outcome {
	reported := ev.Origin.By == reducer.ByAgent
	switch {
	case ev.Body == nil:
		return outcome{disposition: reducer.Refused, record: *before, refusal: refusal{other: "no body"}}
	case reported && ev.Seq == 0:
		return outcome{disposition: reducer.Refused, record: *before, refusal: refusal{other: "no number"}}
	case before.now.state == 0 && ev.Body.Kind() != states.KindOpened:
		// There is no record, and so no log that could keep it.
		return outcome{disposition: reducer.Refused, record: *before, refusal: refusal{illegal: true}}
	case before.now.state != 0 && ev.Key != before.key:
		return outcome{disposition: reducer.Refused, record: *before, refusal: refusal{other: "wrong record"}}
	case reported && ev.Seq <= before.lastSeq:
		return outcome{disposition: reducer.Duplicate, record: *before}
	}
	heard := before.clone()
	if reported {
		heard.hear(ev.Seq)
	}
	rec := heard.clone()
	out := outcome{}
	out.disposition, out.refusal = rec.place(ev)
	if out.disposition == reducer.Refused || out.disposition == reducer.Duplicate {
		rec = heard
	}
	out.logged = reported || out.disposition != reducer.Refused
	// The opening is the first entry and has no revision of its own.
	if out.logged && before.now.state != 0 {
		rec.revision++
	}
	out.record = rec
	out.effects(before, ev)
	return out
}

// hear takes a report's number. After a jump it counts anew which probes have
// reported since.
func (r *record) hear(seq states.Seq) {
	if seq > r.lastSeq+1 {
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
	return started && ev.Body.Kind() == states.KindActivationStarted
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
		r.guesses = nil
	case reducer.BySynthesis:
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
	if from == to || from == 0 {
		return
	}
	out.transition = reducer.Transition{From: from, To: to, At: ev.At}
	if to == states.Reverted {
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
