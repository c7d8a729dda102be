package exhaust

import (
	"fmt"

	"github.com/rollmend/rollmend/gates"
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

	// Thin asks every Thin-th of the reports and heartbeats that there are for
	// the records of the share, 0 and 1 all of them.
	Thin int
}

func (o *Options) check() error {
	if o.Share == (Share{}) {
		o.Share.Of = 1
	}
	if o.Thin == 0 {
		o.Thin = 1
	}
	if o.Depth < 1 || o.Thin < 0 || o.Share.I < 0 || o.Share.I >= o.Share.Of {
		return fmt.Errorf("exhaust: want a depth of at least 1 and a share from 0 up to what it is a share of, not %+v", *o)
	}
	return nil
}

// Run walks over all histories up to a length and puts everything to the
// records of its share. The error is a [*Difference], or says that the options
// are wrong. The report counts what was asked until then.
func Run(sys proptest.System, opts Options) (Report, error) {
	r, err := newRun(sys, opts, nil)
	if err != nil {
		return Report{}, err
	}
	err = r.all()
	return r.told(), err
}

// run is one run under way.
type run struct {
	Options
	sys     proptest.System
	planted []*Caught
	world   world
	bodies  []reducer.Body
	passed  gates.Verdict
	turn    int // counts the questions, asked or not
	report  Report
	byRule  [ruleCount]uint64
}

func newRun(sys proptest.System, opts Options, planted []*Caught) (*run, error) {
	if err := opts.check(); err != nil {
		return nil, err
	}
	r := &run{sys: sys, Options: opts, bodies: bodies(), planted: planted}
	r.passed, _, _ = verdicts()
	r.report = Report{Depth: opts.Depth, Combinations: map[Combination]uint64{}, Rules: map[string]uint64{}}
	return r, nil
}

func (r *run) all() error {
	for _, w := range worlds() {
		r.world = w
		if err := r.explore(); err != nil {
			return err
		}
	}
	return nil
}

func (r *run) told() Report {
	for i := range rules {
		r.report.Rules[rules[i].Name] = r.byRule[i]
	}
	return r.report
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
		if n.between {
			id += "between"
		}
		if seen[id] {
			continue
		}
		seen[id] = true
		like := kinOf(&n.rec)
		mine := known[like]%r.Share.Of == r.Share.I
		known[like]++
		if mine {
			r.report.Asked++
			for _, at := range n.alike() {
				if err := r.askAll(at); err != nil {
					return err
				}
			}
		}
		r.report.Records++
		// The opening is no part of a history's length.
		if n.depth > r.Depth || n.between {
			continue
		}
		actions := all
		if n.depth == 0 {
			actions = []action{{event: r.world.opens()}}
		}
		for i := range actions {
			next, err := r.walk(n, &actions[i])
			if err != nil {
				return err
			}
			queue = append(queue, next...)
		}
	}
	return nil
}

// walk goes on from a record with an action. It returns the records that this
// leads to, those between the events of a chain too: a log that is cut may end
// there, though no history goes on from there.
func (r *run) walk(n *node, a *action) ([]*node, error) {
	moment := states.Order{}
	if r.world.ordered {
		moment = a.moment
	}
	rec := read(&n.rec)
	if a.beat != nil {
		hb := *a.beat
		hb.Order = moment
		l := lookAt(&n.rec, hb, r.passed)
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

// follow applies events one by one.
func (r *run) follow(n *node, rec *record, events []reducer.Event) (nodes []*node, err error) {
	depth := n.depth + 1
	for i := range events {
		out, err := r.step(Walking, n, rec, &events[i])
		if err != nil {
			return nil, err
		}
		n = &node{
			rec: out.record.written(), parent: n, happened: events[i], depth: depth,
			between: i < len(events)-1,
		}
		rec = &out.record
		nodes = append(nodes, n)
	}
	return nodes, nil
}

// askAll puts every event and every heartbeat to one record.
func (r *run) askAll(n *node) (wrong error) {
	rec := read(&n.rec)
	everyEvent(&rec, r.bodies, func(ev reducer.Event) bool {
		if ev.Origin.By == reducer.ByAgent && !r.due() {
			return true // the others are few
		}
		if _, wrong = r.step(Step, n, &rec, &ev); wrong == nil && ev.Origin.By == reducer.ByAgent {
			_, wrong = r.ahead(Ahead, n, &rec, &ev)
		}
		return wrong == nil
	})
	if wrong != nil {
		return wrong
	}
	for _, ev := range malformed(&rec) {
		if _, err := r.step(Step, n, &rec, &ev); err != nil {
			return err
		}
	}
	everyLook(&n.rec, &rec, func(l *synth.Look) bool {
		if r.due() {
			_, wrong = r.chain(Chain, n, &rec, l)
		}
		return wrong == nil
	})
	return wrong
}

// due reports whether the next question is one to ask.
func (r *run) due() bool {
	r.turn++
	return r.turn%r.Thin == 0
}
