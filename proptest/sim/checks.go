package sim

import (
	"context"
	"maps"
	"slices"

	"github.com/rollmend/rollmend/adapters"
	"github.com/rollmend/rollmend/agent"
	"github.com/rollmend/rollmend/engine"
	"github.com/rollmend/rollmend/gates"
	"github.com/rollmend/rollmend/reducer"
	"github.com/rollmend/rollmend/states"
)

// The sentences that a run is held to.
const (
	nothingMissing   = "nothing acknowledged is missing"
	nothingTwice     = "nothing is counted twice"
	nothingInvented  = "nothing is invented"
	noGatePassed     = "no gate is passed"
	nobodyDisturbed  = "no host is disturbed"
	soakServed       = "a soak is time spent on the new closure"
	quarantineKept   = "a rollback brings its quarantine"
	terminalStays    = "what was reported terminal stays terminal"
	logGivesRecord   = "the log gives the record"
	recordsAgree     = "after the last fault every record agrees with its host"
	allowedHappens   = "what the gates allow happens"
	decidedOnCurrent = "a change is stored on top of what it was decided on"
)

// checks is what the checkers keep beside the store: all that it acknowledged.
type checks struct {
	records map[states.Key]states.Record // revision not 0
	changed map[states.Key]int64         // when, in true time, a record was last stored
	agreed  map[states.Key]int64         // when it last agreed with its host, after the last fault
	fleet   adapters.Fleet
	commits int
}

// foldEvery says how often a changed record is folded from its log: each fold
// reads the whole log, and whatever is missed is found when the store is
// opened the next time.
const foldEvery = 8

// acts follows what was enacted.
func (c *checks) acts(w *world) {
	fleet, err := w.store.Fleet(context.Background())
	if err != nil {
		w.violate("the store can be read", "%v", err)
	}
	c.fleet = fleet
}

// forgot reports whether a rollout was forgotten.
func (c *checks) forgot(id states.Rollout) bool {
	return slices.ContainsFunc(c.fleet.Openings, func(o adapters.Opening) bool {
		return o.Rollout == id && len(o.Members) == 0
	})
}

// pruned follows a pruning. Nothing that is forgotten may hold a place in a
// budget: it would be free for somebody else.
func (c *checks) pruned(w *world, id states.Rollout) {
	plan := w.newest()
	held := func(h gates.PlannedHost) bool { return c.superseded(w, c.record(plan, h)) }
	var before []gates.PlannedHost
	for _, h := range plan.Hosts {
		if held(h) {
			before = append(before, h)
		}
	}
	maps.DeleteFunc(c.records, func(key states.Key, _ states.Record) bool { return key.Rollout == id })
	for _, h := range before {
		if !held(h) {
			w.violate(noGatePassed, "%s is forgotten, and %s holds its place in a budget by it", id, h.Host)
		}
	}
	c.acts(w)
}

// before returns the records that a batch is about to change.
func (c *checks) before(w *world, changes []adapters.Change) []states.Record {
	before := make([]states.Record, len(changes))
	for i := range changes {
		rec, err := w.store.Record(context.Background(), changes[i].Record.Key)
		if err != nil && !c.forgot(changes[i].Record.Rollout) {
			w.violate("what is changed exists", "%s: %v", changes[i].Record.Key, err)
		}
		before[i] = rec
	}
	return before
}

// committed checks what was stored.
func (c *checks) committed(p *plane, changes []adapters.Change, results []adapters.Result, before []states.Record) {
	for i := range changes {
		if results[i].Err != nil {
			continue
		}
		ch := &changes[i]
		rec, was := &ch.Record, &before[i]
		c.commits++
		if was.Revision != ch.Expect {
			p.violate(decidedOnCurrent, "%s: revision %d on top of %d", rec.Key, ch.Expect, was.Revision)
		}
		c.entries(p, was, ch)
		if was.State.Terminal() && !was.Synthesised() && rec.State != was.State {
			p.violate(terminalStays, "%s went from %s to %s", rec.Key, was.State, rec.State)
		}
		if c.commits%foldEvery == 0 {
			c.fold(p.world, rec)
		}
	}
	defer c.quarantined(p, changes, results, before)
	for i := range changes {
		if results[i].Err == nil {
			c.records[changes[i].Record.Key] = changes[i].Record
			c.changed[changes[i].Record.Key] = p.now
		}
	}
	c.acts(p.world)
}

// quarantined checks that what brought a record to Reverted brought its
// quarantine, unless an operator has cleared that one before.
func (c *checks) quarantined(p *plane, changes []adapters.Change, results []adapters.Result, before []states.Record) {
	for i := range changes {
		rec := &changes[i].Record
		if results[i].Err != nil || rec.State != states.Reverted || before[i].State == states.Reverted {
			continue
		}
		in := slices.ContainsFunc(c.fleet.Quarantines, func(q reducer.Quarantine) bool {
			return q.Channel == rec.Rollout.Channel && q.Closure.Is(rec.Target)
		})
		cleared := slices.ContainsFunc(c.fleet.Clearances, func(cl adapters.Clearance) bool {
			return cl.Channel == rec.Rollout.Channel && cl.Closure.Is(rec.Target)
		})
		if !in && !cleared {
			p.violate(quarantineKept, "%s is Reverted, and %s is not quarantined", rec.Key, rec.Target)
		}
	}
}

// entries checks the log entries of a change, one by one.
func (c *checks) entries(p *plane, was *states.Record, ch *adapters.Change) {
	last, state := was.LastSeq, was.State
	for i := range ch.Effects {
		e := &ch.Effects[i]
		ev := &e.Entry.Event
		p.note(p.name, "stores %s of %s by %s at %s: %s %s", ev.Kind(), ev.Key, ev.Origin.By, ev.At, e.Entry.Disposition, e.Entry.Reason)
		if t := e.Transition; t.To != 0 {
			if t.From != state {
				p.violate(nothingTwice, "%s: a transition from %s, where the record was %s", ev.Key, t.From, state)
			}
			state = t.To
		}
		switch {
		case ev.Reported():
			if ev.Seq <= last {
				p.violate(nothingTwice, "%s: report %d after %d", ev.Key, ev.Seq, last)
			}
			last = ev.Seq
			c.reported(p, was, &e.Entry)
		case ev.Synthesised():
			c.synthesised(p, was, ev)
		}
	}
}

// reported checks that an agent said what the log says that it said, and that
// what is taken for a convergence was preceded by its soak.
func (c *checks) reported(p *plane, was *states.Record, entry *reducer.LogEntry) {
	ev := &entry.Event
	h := p.hostNamed(ev.Key.Host)
	d := h.truth.of(ev.Key.Rollout)
	// An agent of the first generation does not know how long it is to soak, and
	// attests it all the same where no report gave the activation's stamp.
	knows := h.config.Generation != agent.First || was.Reported(states.ActivatedAt)
	right := !h.jumped && h.clockOff == 0 && !ev.Clamped && knows
	if ev.Kind() == states.KindConverged && entry.Disposition <= reducer.Absorbed && right &&
		!h.truth.served(was.Target, was.Policy.Soak, ev.At) {
		switch activated := was.At(states.ActivatedAt); {
		case h.config.Generation == agent.First && ev.At < activated:
			p.report.Exceptions["an agent of the first generation numbers anew where it is sent a rollout again: a report of the first time, long under way, is taken for one of the second"]++
		case d.lost && !h.truth.served(was.Target, 0, activated):
			// Its time was cut, by a clock far behind, or it was concluded after a wipe.
			p.report.Exceptions["a host was installed anew within its soak, and its record bears an activation that is too early: the new agent soaks from there"]++
		default:
			p.violate(soakServed, "%s: converged at %s, a soak of %s after what it ran", ev.Key, ev.At, was.Policy.Soak)
		}
	}
	if !d.kinds[ev.Kind()] {
		p.violate(nothingInvented, "%s: the agent never said %s", ev.Key, ev.Kind())
	}
	// An agent that was installed anew goes on behind the numbers that it is told.
	// What the one before it sent last may still be under way, with the next one.
	_, goesOn := standing(h.journal, ev.Key.Rollout)
	if said, own := d.reports[ev.Seq]; d.lost && goesOn && (!own || said.Kind() != ev.Kind()) {
		p.report.Exceptions["a host was installed anew: a report from before, long under way, is taken for one of the agent that came after"]++
		d.earlier = ev.Seq
	}
}

// fold folds a record's log.
func (c *checks) fold(w *world, rec *states.Record) {
	log, err := w.store.Log(context.Background(), rec.Key)
	if err != nil {
		w.violate(logGivesRecord, "%s: %v", rec.Key, err)
		return
	}
	folded, err := reducer.Rederive(log)
	if err != nil || !folded.Equal(rec) {
		w.violate(logGivesRecord, "%s: %v\nfolded %+v\nstored %+v", rec.Key, err, folded, *rec)
	}
}

// reopened compares a store that was opened again with all that it had
// acknowledged, where it was not put back.
func (c *checks) reopened(w *world, putBack bool) {
	now := map[states.Key]states.Record{}
	for rec, err := range sortedRecords(w.store) {
		if err != nil {
			w.violate("the store can be read", "%v", err)
			return
		}
		now[rec.Key] = rec
		c.fold(w, &rec)
	}
	if !putBack {
		for key, was := range c.records {
			if rec, ok := now[key]; !ok || rec.Revision < was.Revision {
				w.violate(nothingMissing, "%s was stored at revision %d, and is at %d after the crash", key, was.Revision, rec.Revision)
			}
		}
	}
	c.records = now
	c.acts(w)
}

// answered checks a final answer to a report: the report is in the log, unless
// the agent is told that it is lost to it.
func (c *checks) answered(p *plane, ev reducer.Event, r engine.Reply) {
	if r.Err != nil || c.forgot(ev.Key.Rollout) {
		return
	}
	rec := c.records[ev.Key]
	if rec.LastSeq < ev.Seq {
		p.violate(nothingMissing, "%s: report %d is answered %s, and the store is at %d", ev.Key, ev.Seq, r.Report.Disposition, rec.LastSeq)
		return
	}
	if r.Report.Disposition <= reducer.Absorbed {
		return
	}
	log, err := p.store.Log(context.Background(), ev.Key)
	if err != nil {
		p.violate(nothingMissing, "%s: %v", ev.Key, err)
		return
	}
	heard := slices.ContainsFunc(log, func(e reducer.LogEntry) bool {
		return e.Event.Reported() && e.Event.Seq == ev.Seq
	})
	switch {
	case heard:
	case r.Report.Disposition == reducer.Refused && rec.LastSeq > ev.Seq:
		p.report.Exceptions["a report came behind a gap that was accepted over it, and is refused"]++
	default:
		p.violate(nothingMissing, "%s: report %d, %s, is answered %s, and is not in the log", ev.Key, ev.Seq, ev.Kind(), r.Report.Disposition)
	}
}
