package exhaust

import (
	"fmt"

	"github.com/rollmend/rollmend/proptest"
	"github.com/rollmend/rollmend/reducer"
	"github.com/rollmend/rollmend/synth"
)

// question is what was put to a record, and which rules answer it.
type question struct {
	part  Part
	at    *node
	rules ruleset
	tell  func() string
}

// unlike is the lines that the oracle and a system say of one question.
type unlike struct {
	oracle, system []string
}

func (r *run) step(part Part, n *node, rec *record, ev *reducer.Event) (outcome, error) {
	var used ruleset
	rec.used = &used
	want := step(rec, ev)
	written := want.record.written()
	r.count(part, rec, &used, tellKind(ev), want.disposition.String()+want.refusal.String())
	q := question{part, n, used, func() string { return tellEvent(ev) }}
	return want, r.judge(&q, func(sys *proptest.System) *unlike {
		got, err := sys.Step(n.rec, *ev)
		if want.agrees(&written, &got, err, ev) {
			return nil
		}
		return &unlike{want.lines(ev), outcomeLines(&got, err)}
	})
}

func (r *run) ahead(part Part, n *node, rec *record, ev *reducer.Event) (conclusion, error) {
	var used ruleset
	rec.used = &used
	want := ahead(rec, ev)
	r.count(part, rec, &used, tellKind(ev), want.String())
	q := question{part, n, used, func() string { return "ahead: " + tellEvent(ev) }}
	return want, r.judge(&q, func(sys *proptest.System) *unlike {
		got := sys.Ahead(n.rec, *ev)
		return want.unlike(&got, n, &synth.Look{})
	})
}

func (r *run) chain(part Part, n *node, rec *record, l *synth.Look) (conclusion, error) {
	var used ruleset
	rec.used = &used
	want := chain(sight{record: rec, hb: &l.Seen.Heartbeat, look: l, passed: l.Verdict.Passed()})
	r.count(part, rec, &used, "heartbeat running "+l.Seen.Heartbeat.Current.String(), want.String())
	q := question{part, n, used, func() string { return tellLook(l) }}
	return want, r.judge(&q, func(sys *proptest.System) *unlike {
		got := sys.Chain(*l)
		return want.unlike(&got, n, l)
	})
}

// unlike compares a finding with the oracle's.
func (want *conclusion) unlike(got *synth.Finding, n *node, l *synth.Look) *unlike {
	if want.agrees(got, &n.rec, l) {
		return nil
	}
	return &unlike{
		append(findingLines(want.reason, want.why, want.events), "as it should be told"),
		append(findingLines(got.Reason, got.Case, got.Events), fmt.Sprintf("%q, %d blocks, of %s", got.Detail, len(got.Blocks), got.Key)),
	}
}

// judge puts a question to the system, and to the faults that are planted.
func (r *run) judge(q *question, ask func(*proptest.System) *unlike) error {
	if d := r.differs(q, &r.sys, ask); d != nil {
		return d
	}
	for _, c := range r.planted {
		if !c.due(q) {
			continue
		}
		if d := r.differs(q, &c.System, ask); d != nil {
			c.caught(q, d)
		}
	}
	return nil
}

// differs puts a question to one system. One that panics differs.
func (r *run) differs(q *question, sys *proptest.System, ask func(*proptest.System) *unlike) (d *Difference) {
	defer func() {
		if p := recover(); p != nil {
			d = r.differ(q).apart(nil, []string{fmt.Sprintf("it panics: %v", p)})
		}
	}()
	if not := ask(sys); not != nil {
		return r.differ(q).apart(not.oracle, not.system)
	}
	return nil
}

func (r *run) differ(q *question) *Difference {
	d := &Difference{World: r.world.name, History: q.at.history(), Put: q.tell(), Part: q.part}
	for i := range rules {
		if q.rules.has(rule(i)) {
			d.Rules = append(d.Rules, rules[i].Name)
		}
	}
	return d
}

func (r *run) count(part Part, rec *record, used *ruleset, put, answer string) {
	evidence := "reported"
	if rec.guesses != nil {
		evidence = rec.guesses.list[len(rec.guesses.list)-1].Case.String()
	}
	r.report.Combinations[Combination{part, r.world.name, rec.now.state.String(), evidence, put, answer}]++
	for i := range r.byRule {
		if used.has(rule(i)) {
			r.byRule[i]++
		}
	}
}

func tellKind(ev *reducer.Event) string {
	if ev.Body == nil {
		return "no body"
	}
	return ev.Body.Kind().String() + " " + ev.Origin.By.String()
}
