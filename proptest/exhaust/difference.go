package exhaust

import (
	"fmt"
	"slices"
	"strings"

	"github.com/rollmend/rollmend/reducer"
	"github.com/rollmend/rollmend/states"
	"github.com/rollmend/rollmend/synth"
)

// Difference is one answer in which the system and the oracle differ.
type Difference struct {
	World   string   // the policy, and whether the agent gives an order
	History []string // what happened to the record, oldest first
	Put     string   // the event, or the look, that was put to it
	Part    Part     // what was asked
	Rules   []string // the oracle's rules that have a part in the answer
	Oracle  []string // what the oracle says, where it differs
	System  []string // what the system says there
}

// Error tells the record's history as a timeline, what was put to it, and what
// each side says.
func (d *Difference) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "exhaust: %s: the system and the oracle differ\n  world  %s\n", d.Part, d.World)
	for _, line := range d.History {
		fmt.Fprintf(&b, "  %s\n", line)
	}
	fmt.Fprintf(&b, "  put    %s\n", d.Put)
	fmt.Fprintf(&b, "  rules  %s\n", strings.Join(d.Rules, ", "))
	for _, line := range d.Oracle {
		fmt.Fprintf(&b, "    oracle  %s\n", line)
	}
	for _, line := range d.System {
		fmt.Fprintf(&b, "    system  %s\n", line)
	}
	return b.String()
}

// apart keeps the lines that only one side has.
func (d *Difference) apart(want, got []string) *Difference {
	for _, line := range want {
		if !slices.Contains(got, line) {
			d.Oracle = append(d.Oracle, line)
		}
	}
	for _, line := range got {
		if !slices.Contains(want, line) {
			d.System = append(d.System, line)
		}
	}
	return d
}

func (want *outcome) lines(ev *reducer.Event) []string {
	rec := want.record.written()
	entry := "none"
	if want.logged {
		entry = fmt.Sprintf("revision %d %s of %s", rec.Revision, want.disposition, tellEvent(ev))
	}
	return append(tellRecord(&rec),
		"disposition "+want.disposition.String(), fmt.Sprintf("refusal %+v", want.refusal), "entry "+entry,
		fmt.Sprintf("quarantine %+v", want.quarantine), fmt.Sprintf("transition %+v", want.transition))
}

func outcomeLines(got *reducer.Outcome, err error) []string {
	entry := "none"
	if e := &got.Effects.Entry; e.Event.Body != nil || e.Disposition != 0 {
		entry = fmt.Sprintf("revision %d %s of %s", e.Revision, e.Disposition, tellEvent(&e.Event))
		if (e.Reason != "") != (err != nil) {
			entry += " reason " + e.Reason
		}
	}
	return append(tellRecord(&got.Record),
		"disposition "+got.Disposition.String(), fmt.Sprintf("refusal %+v", refusalOf(err)), "entry "+entry,
		fmt.Sprintf("quarantine %+v", got.Effects.Quarantine), fmt.Sprintf("transition %+v", got.Effects.Transition))
}

func findingLines(reason synth.Reason, why states.Case, events []reducer.Event) []string {
	out := []string{fmt.Sprintf("%s (%s), %d events", reason, why, len(events))}
	for i := range events {
		out = append(out, fmt.Sprintf("%d: %s", i+1, tellEvent(&events[i])))
	}
	return out
}

func tellEvent(ev *reducer.Event) string {
	if ev.Body == nil {
		return "an event without a body"
	}
	s := fmt.Sprintf("%s%+v %s seq=%d at=%s order=%s cut=%t", ev.Body.Kind(), ev.Body, ev.Origin.By, ev.Seq, ev.At, ev.Order, ev.Clamped)
	if ev.Origin.By == reducer.BySynthesis {
		s += fmt.Sprintf(" case=%s from=[%s]", ev.Origin.Case, ev.Origin.From)
	}
	return s
}

func tellLook(l *synth.Look) string {
	hb := &l.Seen.Heartbeat
	return fmt.Sprintf("a heartbeat at=%s order=%s runs=%s holds=%q since=%s failing=%v last-reply=%s received=%s off-target=%s newer-known=%t verdict=%q",
		hb.At, hb.Order, hb.Current, hb.Holds, hb.CurrentSince, hb.Failing, hb.LastReply, l.Seen.Received, l.Seen.OffTarget,
		l.Seen.Newer, l.Verdict)
}

func tellState(rec *states.Record) string {
	s := rec.State.String()
	if rec.Doubt != nil {
		s += fmt.Sprintf(" on %d guesses", len(rec.Doubt.Guesses))
	}
	return s
}

// tellRecord has a line for each part of a record.
func tellRecord(rec *states.Record) []string {
	out := []string{
		fmt.Sprintf("opened %s wave=%s target=%s policy=%+v at=%s dispatched=%s", rec.Key, rec.Wave, rec.Target, rec.Policy, rec.Opened, rec.Dispatched),
		fmt.Sprintf("numbers last=%d gap=%t revision=%d", rec.LastSeq, rec.Gap, rec.Revision),
	}
	out = append(out, tellBelief("now", &rec.Belief)...)
	if rec.Doubt == nil {
		return out
	}
	out = append(out, tellBelief("before", &rec.Doubt.Before)...)
	for i, g := range rec.Doubt.Guesses {
		out = append(out, fmt.Sprintf("guess %d: %s (%s) at=%s from %s", i+1, g.Kind, g.Case, g.At, g.From))
	}
	return out
}

func tellBelief(which string, b *states.Belief) []string {
	out := []string{
		fmt.Sprintf("%s: state %s", which, b.State),
		fmt.Sprintf("%s: closures at-dispatch=%s current=%s reverted-to=%s applied=%s", which, b.AtDispatch, b.Current, b.RevertedTo, b.PolicyApplied),
		fmt.Sprintf("%s: order last=%s deferred=%s", which, b.LastOrder, b.DeferredOrder),
	}
	for i, at := range b.Times {
		if at != 0 || b.Given>>i&1 == 1 {
			out = append(out, fmt.Sprintf("%s: stamp %s=%s reported=%t", which, states.Stamp(i), at, b.Given>>i&1 == 1))
		}
	}
	for _, p := range b.Probes {
		out = append(out, fmt.Sprintf("%s: probe %+v", which, p))
	}
	return out
}
