package exhaust

import (
	"fmt"

	"github.com/rollmend/rollmend/proptest"
	"github.com/rollmend/rollmend/reducer"
	"github.com/rollmend/rollmend/states"
	"github.com/rollmend/rollmend/synth"
)

// Share says which part of the records a run puts everything to: of those in
// one state on the same evidence every Of-th, from the I-th on, so that share 0
// has some of each. The zero Share is all of them.
type Share struct {
	I, Of int
}

// Options bound a run.
type Options struct {
	Depth int // how many things happen in a history, at most; must be at least 1
	Share Share
}

// Run walks over all histories up to a length and puts everything to the
// records of its share. The error is a [*Difference], or says that the options
// are wrong. The report counts what was asked until then.
func Run(sys proptest.System, opts Options) (Report, error) {
	if opts.Share == (Share{}) {
		opts.Share.Of = 1
	}
	if opts.Depth < 1 || opts.Share.I < 0 || opts.Share.I >= opts.Share.Of {
		return Report{}, fmt.Errorf("exhaust: want a depth of at least 1 and a share from 0 up to what it is a share of, not %+v", opts)
	}
	r := &run{sys: sys, Options: opts, bodies: bodies()}
	r.report = Report{Depth: opts.Depth, Combinations: map[Combination]uint64{}}
	for _, w := range worlds() {
		r.world = w
		if err := r.explore(); err != nil {
			return r.report, err
		}
	}
	return r.report, nil
}

// run is one run under way.
type run struct {
	Options
	sys    proptest.System
	world  world
	bodies []reducer.Body
	report Report
}

// explore walks over one world, breadth first, and asks its share as it goes.
func (r *run) explore() error {
	seen, known := map[string]bool{}, map[kin]int{}
	queue := []*node{{}}
	all := actions()
	for len(queue) > 0 {
		n := queue[0]
		queue = queue[1:]
		id := identity(&n.rec)
		if seen[id] {
			continue
		}
		seen[id] = true
		like := kinOf(&n.rec)
		mine := known[like]%r.Share.Of == r.Share.I
		known[like]++
		if mine {
			r.report.Asked++
			if err := r.askAll(n); err != nil {
				return err
			}
		}
		r.report.Records++
		// The opening is no part of a history's length.
		if n.depth > r.Depth {
			continue
		}
		if n.depth == 0 {
			all := []action{{event: reducer.Event{
				Key: key, Origin: reducer.Origin{By: reducer.ByControlPlane}, At: opening,
				Body: reducer.Opened{Wave: 2, Target: target, Policy: r.world.policy},
			}}}
			next, err := r.walk(n, &all[0])
			if err != nil {
				return err
			}
			queue = append(queue, next)
			continue
		}
		for i := range all {
			next, err := r.walk(n, &all[i])
			if err != nil {
				return err
			}
			if next != nil {
				queue = append(queue, next)
			}
		}
	}
	return nil
}

// walk goes on from a record with an action, and returns nil where nothing
// comes of it.
func (r *run) walk(n *node, a *action) (*node, error) {
	moment := states.Order{}
	if r.world.ordered {
		moment = a.moment
	}
	rec := read(&n.rec)
	if a.beat != nil {
		hb := *a.beat
		hb.Order = moment
		passed, _, _ := verdicts()
		l := lookAt(&n.rec, hb, passed)
		l.Seen.OffTarget = a.off
		found, err := r.chain(Walking, n, &rec, &l)
		if err != nil {
			return nil, err
		}
		return r.follow(n, &rec, found.events)
	}
	ev := a.event
	ev.Order = moment
	if ev.Origin.By == reducer.ByAgent {
		ev.Seq = rec.lastSeq + 1
		if a.jump {
			ev.Seq++
		}
	} else {
		ev.Order = states.Order{}
	}
	if rec.now.state == 0 {
		return r.follow(n, &rec, []reducer.Event{ev})
	}
	found, err := r.ahead(Walking, n, &rec, &ev)
	if err != nil {
		return nil, err
	}
	return r.follow(n, &rec, append(found.events, ev))
}

// follow applies events one by one, each of them a node of its own.
func (r *run) follow(n *node, rec *record, events []reducer.Event) (*node, error) {
	if len(events) == 0 {
		return nil, nil
	}
	depth := n.depth + 1
	for i := range events {
		out, err := r.step(Walking, n, rec, &events[i])
		if err != nil {
			return nil, err
		}
		n = &node{rec: out.record.written(), parent: n, what: tellEvent(&events[i]), depth: depth}
		rec = &out.record
	}
	return n, nil
}

// askAll puts every event and every heartbeat to one record.
func (r *run) askAll(n *node) (wrong error) {
	rec := read(&n.rec)
	everyEvent(&rec, r.bodies, func(ev reducer.Event) bool {
		if _, wrong = r.step(Step, n, &rec, &ev); wrong == nil && ev.Origin.By == reducer.ByAgent {
			_, wrong = r.ahead(Ahead, n, &rec, &ev)
		}
		return wrong == nil
	})
	if wrong != nil || rec.now.state == 0 {
		return wrong
	}
	for _, ev := range malformed(&rec) {
		if _, err := r.step(Step, n, &rec, &ev); err != nil {
			return err
		}
	}
	everyLook(&n.rec, &rec, func(l synth.Look) bool {
		_, wrong = r.chain(Chain, n, &rec, &l)
		return wrong == nil
	})
	return wrong
}

func (r *run) step(part Part, n *node, rec *record, ev *reducer.Event) (outcome, error) {
	want := step(rec, ev)
	var got reducer.Outcome
	var err error
	if panicked := guarded(func() { got, err = r.sys.Step(n.rec, *ev) }); panicked != "" {
		return want, r.differ(part, n, tellEvent(ev)).apart(nil, []string{panicked})
	}
	r.count(part, rec, tellKind(ev), want.disposition.String())
	if !want.agrees(&got, err, ev) {
		return want, r.differ(part, n, tellEvent(ev)).apart(want.lines(ev), outcomeLines(&got, err))
	}
	return want, nil
}

func (r *run) ahead(part Part, n *node, rec *record, ev *reducer.Event) (conclusion, error) {
	want := ahead(rec, ev)
	var got synth.Finding
	if panicked := guarded(func() { got = r.sys.Ahead(n.rec, *ev) }); panicked != "" {
		return want, r.differ(part, n, tellEvent(ev)).apart(nil, []string{panicked})
	}
	return want, r.conclude(part, n, rec, &want, &got, tellKind(ev), &synth.Look{}, func() string { return "ahead: " + tellEvent(ev) })
}

func (r *run) chain(part Part, n *node, rec *record, l *synth.Look) (conclusion, error) {
	want := chain(sight{record: rec, hb: &l.Seen.Heartbeat, look: l, passed: l.Verdict.Passed()})
	var got synth.Finding
	if panicked := guarded(func() { got = r.sys.Chain(*l) }); panicked != "" {
		return want, r.differ(part, n, tellLook(l)).apart(nil, []string{panicked})
	}
	put := "heartbeat running " + l.Seen.Heartbeat.Current.String()
	return want, r.conclude(part, n, rec, &want, &got, put, l, func() string { return tellLook(l) })
}

func (r *run) conclude(part Part, n *node, rec *record, want *conclusion, got *synth.Finding, put string, l *synth.Look, tell func() string) error {
	answer := want.reason.String()
	if want.why != 0 {
		answer += " " + want.why.String()
	}
	r.count(part, rec, put, answer)
	if want.agrees(got, &n.rec, l) {
		return nil
	}
	d := r.differ(part, n, tell())
	d.apart(findingLines(want.reason, want.why, want.events), findingLines(got.Reason, got.Case, got.Events))
	if len(d.System) == 0 {
		d.System = []string{fmt.Sprintf("%+v", *got)}
	}
	return d
}

func (r *run) count(part Part, rec *record, put, answer string) {
	evidence := "reported"
	if rec.guesses != nil {
		evidence = rec.guesses.list[len(rec.guesses.list)-1].Case.String()
	}
	r.report.Combinations[Combination{part, r.world.name, rec.now.state.String(), evidence, put, answer}]++
}

func (r *run) differ(part Part, n *node, put string) *Difference {
	return &Difference{World: r.world.name, History: n.history(), Put: put, Part: part}
}

// guarded runs f and says how it panicked.
func guarded(f func()) (panicked string) {
	defer func() {
		if p := recover(); p != nil {
			panicked = fmt.Sprintf("it panics: %v", p)
		}
	}()
	f()
	return ""
}

func tellKind(ev *reducer.Event) string {
	if ev.Body == nil {
		return "no body"
	}
	return ev.Body.Kind().String() + " " + ev.Origin.By.String()
}
