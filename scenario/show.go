package scenario

import (
	"errors"
	"fmt"
	"strings"

	"github.com/rollmend/rollmend/engine"
	"github.com/rollmend/rollmend/gates"
	"github.com/rollmend/rollmend/reducer"
	"github.com/rollmend/rollmend/states"
	"github.com/rollmend/rollmend/synth"
)

// sayChanges says what was stored: a line for each report, and for each run of
// events that were synthesised for one case, with their effects below it.
func (p *player) sayChanges(changes []told) {
	for _, c := range changes {
		rec := c.before
		for i := 0; i < len(c.Effects); {
			first, from := c.Effects[i].Entry.Event, rec.State
			var below []string
			note := ""
			for ; i < len(c.Effects); i++ {
				ev := c.Effects[i].Entry.Event
				if ev.Origin != first.Origin || note != "" && ev.Reported() {
					break
				}
				out, err := reducer.Step(rec, ev)
				rec, note = out.Record, noteOf(ev, out.Disposition, err)
				below = append(below, effectLines(&c.Effects[i])...)
			}
			if first.Origin.By == reducer.ByControlPlane {
				continue // the answer to the poll says it
			}
			p.sayMove(c.Record.Key, from, rec.State, note)
			for _, line := range below {
				p.say("  %s", line)
			}
		}
	}
}

// noteOf says what became of an event.
func noteOf(ev reducer.Event, d reducer.Disposition, err error) string {
	var invariant *reducer.InvariantError
	switch {
	case ev.Synthesised():
		return "synthesised: " + ev.Origin.Case.String()
	case errors.As(err, &invariant):
		return "refused: " + string(invariant.Invariant)
	case err != nil:
		return "refused: illegal"
	}
	return d.String()
}

// sayMove says how a record's state changed. That a report was applied goes
// without saying where it did something.
func (p *player) sayMove(key states.Key, from, to states.State, note string) {
	switch {
	case from == to:
		p.say("%s  %s  (%s)", p.label(key), to, note)
	case note == reducer.Applied.String():
		p.say("%s  %s -> %s", p.label(key), from, to)
	default:
		p.say("%s  %s -> %s  (%s)", p.label(key), from, to, note)
	}
}

// effectLines describes the effects of one step. Those of a report that are
// plain from the step itself are left out.
func effectLines(e *reducer.Effects) []string {
	var lines []string
	synthesised := e.Entry.Event.Synthesised()
	if synthesised {
		lines = append(lines, "log         "+bodyText(e.Entry.Event))
	}
	if q := e.Quarantine; q != (reducer.Quarantine{}) {
		lines = append(lines, fmt.Sprintf("quarantine  %s on %s: %s", q.Closure, q.Channel, q.Why))
	}
	if t := e.Transition; synthesised && t != (reducer.Transition{}) {
		lines = append(lines, fmt.Sprintf("transition  %s -> %s", t.From, t.To))
	}
	return lines
}

// bodyText writes an event with what its body says.
func bodyText(ev reducer.Event) string {
	text := ev.Kind().String()
	add := func(name string, value fmt.Stringer, set bool) {
		if set {
			text += " " + name + "=" + value.String()
		}
	}
	switch b := ev.Body.(type) {
	case reducer.Opened:
		add("target", b.Target, true)
		add("wave", b.Wave, true)
	case reducer.DispatchAck:
		add("closure", b.AtDispatch, b.AtDispatch.Known())
	case reducer.ActivationCompleted:
		add("observed", b.Observed, true)
	case reducer.Failed:
		add("policy", b.PolicyApplied, b.PolicyApplied != 0)
	case reducer.RollbackComplete:
		add("reverted-to", b.RevertedTo, true)
	case reducer.Converged:
		add("current", b.Current, true)
	}
	return text
}

// sayFinding says what was concluded where nothing was done, with every block.
func (p *player) sayFinding(f synth.Finding) {
	line := p.label(f.Key) + "  " + f.Reason.String()
	if f.Case != 0 {
		line += "  (" + f.Case.String() + ")"
	}
	p.say("%s", line)
	p.sayBlocks(f.Blocks)
}

func (p *player) sayBlocks(blocks []gates.Block) {
	for _, b := range blocks {
		p.say("  block       %s (%s)", b.Gate, b.Scope)
	}
}

// sayWithheld says why a host that asked was not sent its dispatch.
func (p *player) sayWithheld(host states.Host) error {
	ex, err := p.explain(host)
	if err != nil {
		return err
	}
	for _, e := range ex.Records {
		switch {
		case e.Superseded:
			continue
		case e.Record.State != states.Pending:
			p.say("%s  not dispatched: %s", host, e.Record.State)
		case e.Withheld != "":
			p.say("%s  not dispatched: %s", host, e.Withheld)
		default:
			p.say("%s  not dispatched", host)
			p.sayBlocks(e.Verdict.Blocks)
		}
		return nil
	}
	p.say("%s  not dispatched: no rollout has it", host)
	return nil
}

func (p *player) explain(host states.Host) (engine.Explanation, error) {
	if err := p.plane.provide(p.ctx, []engine.Input{engine.Poll{Host: host}}); err != nil {
		return engine.Explanation{}, err
	}
	return p.plane.core.Explain(p.now, host)
}

func explain(p *player, s Step, _ *options) error {
	if err := p.known(s.Args[0]); err != nil {
		return err
	}
	ex, err := p.explain(states.Host(s.Args[0]))
	if err != nil {
		return err
	}
	for _, e := range ex.Records {
		line := fmt.Sprintf("%s  %s", p.label(e.Record.Key), e.Record.State)
		if e.Superseded {
			p.say("%s  superseded", line)
			continue
		}
		line += "  " + e.Finding.Reason.String()
		if e.Finding.Case != 0 {
			line += " (" + e.Finding.Case.String() + ")"
		}
		p.say("%s: %s", line, e.Finding.Detail)
		blocks := e.Finding.Blocks
		if e.Finding.Reason != synth.Held {
			blocks = e.Verdict.Blocks
		}
		for _, b := range blocks {
			p.say("  block       %s", b)
		}
		if e.Withheld != "" {
			p.say("  withheld    %s", e.Withheld)
		}
	}
	for _, other := range ex.Silent {
		p.say("  silent      %s has not beaten for long, and this host waits for it", other)
	}
	return nil
}

func showFleet(p *player, _ Step, _ *options) error {
	o := p.plane.core.Overview(p.now)
	for _, r := range o.Rollouts {
		var counts []string
		for s := range states.States() {
			if n := r.ByState[s]; n > 0 && r.State != engine.Superseded {
				counts = append(counts, fmt.Sprintf("%s=%d", s, n))
			}
		}
		p.say("%s  %s  %s", r.Rollout, r.State, strings.Join(counts, " "))
	}
	for _, q := range o.Quarantines {
		p.say("%s  quarantined on %s since %s: %s", q.Closure, q.Channel, q.Since, q.Why)
	}
	return nil
}

func showReply(p *player, s Step, _ *options) error {
	r, ok := p.reply[states.Host(s.Args[0])]
	if !ok {
		return fmt.Errorf("%s has not beaten in this file", s.Args[0])
	}
	if r.ReplayFrom != 0 {
		p.say("%s  send again from %d", s.Args[0], r.ReplayFrom)
	}
	if r.Newest.Given() {
		p.say("%s  its newest beat is %s", s.Args[0], r.Newest)
	}
	for _, snap := range r.Snapshots {
		p.say("%s  snapshot %s %s target=%s last=%d", s.Args[0], snap.Record.Rollout, snap.Record.State, snap.Record.Target, snap.Record.LastSeq)
	}
	for _, want := range r.Replay {
		p.say("%s  reports of %s wanted from %d", s.Args[0], want.Rollout, want.From)
	}
	return nil
}
