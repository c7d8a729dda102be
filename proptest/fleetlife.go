package proptest

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/rollmend/rollmend/adapters"
	"github.com/rollmend/rollmend/gates"
	"github.com/rollmend/rollmend/reducer"
	"github.com/rollmend/rollmend/scenario"
	"github.com/rollmend/rollmend/states"
)

// fleetLife is a fleet with honest agents under the core of the engine, told
// step by step as a scenario.
type fleetLife struct {
	dice    *dice
	plan    gates.Plan
	session *scenario.Session
	done    []string // every step so far
	hosts   []*host
	places  []int // of the hosts, so that one means the same when others are not there
	last    int   // the place of the host that something happened to last
	now     states.Time
	failing map[states.Host]bool
	marked  map[states.Key]bool // dispatched for the first time by this step

	// passed, where it is given, judges what is let through, before it counts.
	passed func(f *Fleet, ask gates.Ask, spent []states.Host) error
}

// newFleetLife declares a fleet. Some of its hosts run their target already.
func newFleetLife(d *dice, sys System) (*fleetLife, error) {
	l := &fleetLife{dice: d, plan: anyPlan(d), now: scenario.Epoch, failing: map[states.Host]bool{}}
	l.session = l.control(sys, l.watch).Begin(context.Background())
	runs := map[states.Host]states.Closure{}
	var done [mostHosts]bool
	for i := range done {
		done[i] = seldom(d, "done long ago", 3)
	}
	for _, p := range l.plan.Hosts {
		h := &host{
			key:    states.Key{Rollout: states.Rollout{Channel: p.Channel, Ref: l.plan.Ref}, Host: p.Host},
			target: p.Target, soak: p.Policy.Soak, onFailure: p.Policy.OnFailure, current: old,
			visited: map[states.State]bool{states.Pending: true}, answered: map[states.Seq]bool{},
			order: states.Order{Boot: 1},
		}
		if done[placeOf(p)] && h.target.Known() {
			h.run(l.now, h.target)
			h.since, h.state = 0, states.Converged
		}
		runs[h.key.Host] = h.current
		l.places = append(l.places, placeOf(p))
		l.hosts = append(l.hosts, h)
	}
	for _, line := range scenario.PlanLines(l.plan, func(h states.Host) states.Closure { return runs[h] }) {
		if _, err := l.do(line); err != nil {
			return nil, err
		}
	}
	return l, nil
}

// control is what the life is played against.
func (l *fleetLife) control(sys System, watch func(adapters.Store, []adapters.Change) error) scenario.Control {
	return scenario.Control{Rules: sys.rules(l.plan), Open: sys.Open, Reopen: sys.Reopen, Watch: watch}
}

// do does a step, now, and returns what came of it.
func (l *fleetLife) do(line string) ([]string, error) {
	if l.session.Now() != l.now {
		if _, err := l.step(scenario.TimeLine(l.now)); err != nil {
			return nil, err
		}
	}
	return l.step(line)
}

func (l *fleetLife) step(line string) ([]string, error) {
	l.done = append(l.done, line)
	l.dice.told.add("%s", line)
	said, err := l.session.Do(line)
	if err != nil {
		return nil, l.dice.broken("%v", err)
	}
	return said, nil
}

// act is one random thing that happens.
func (l *fleetLife) act() error {
	d := l.dice
	// Nothing, or about a third of a soak.
	if n := pick(d, "seconds", 40) - 20; n > 0 {
		l.now = l.now.Add(time.Duration(n) * second)
	}
	if len(l.hosts) == 0 {
		return nil
	}
	n := pick(d, "action", 36)
	// What happens to a host is seldom all that happens to it.
	if pick(d, "another host", 2) == 0 || !slices.Contains(l.places, l.last) {
		l.last = d.choose("host", l.places)
	}
	h := l.hosts[slices.Index(l.places, l.last)]
	switch {
	case n < 7:
		return l.dispatch(h)
	case n < 13:
		return l.beat(h)
	case n < 24:
		return l.live(h)
	case n < 31:
		return l.report(h)
	}
	return l.operate(n, h)
}

// live is the next thing that a host does. Its reports mostly arrive at once.
func (l *fleetLife) live(h *host) error {
	what := h.live(l.dice, l.now)
	if h.state == states.Converged && what == nothing {
		l.dice.told.add("# %s %s", h.key.Host, l.decay(h))
		return l.beat(h)
	}
	if what == nothing {
		return nil
	}
	l.dice.told.add("# %s %s", h.key.Host, what)
	if pick(l.dice, "reports at once", 3) == 0 {
		return nil
	}
	for range len(h.waiting()) {
		if err := l.report(h); err != nil {
			return err
		}
	}
	return nil
}

// decay lets a probe fail, or pass again, on a host that has converged. Its
// heartbeats alone say so.
func (l *fleetLife) decay(h *host) string {
	status, what := states.Fail, "has a probe that fails"
	if p, known := h.probes.Find("http"); known && p.Status == states.Fail {
		status, what = states.Pass, "has no probe that fails any more"
	}
	h.probes = h.probes.With(states.Probe{Name: "http", Mode: states.Enforce, Status: status})
	return what
}

// operate is what an operator does, or what happens to the store.
func (l *fleetLife) operate(n int, h *host) error {
	var line string
	switch n {
	case 31:
		line, l.failing = "restart", map[states.Host]bool{}
	case 32:
		line, l.failing = "wipe", map[states.Host]bool{}
	case 33:
		line = fmt.Sprintf("resume %s reason=checked", h.key.Rollout)
	case 34:
		line = fmt.Sprintf("impose %s %s reason=broken", h.key.Rollout.Channel, "new-"+h.key.Rollout.Channel)
	default:
		line = fmt.Sprintf("clear %s %s reason=mended", h.key.Rollout.Channel, "new-"+h.key.Rollout.Channel)
	}
	_, err := l.do(line)
	return err
}

// dispatch lets a host ask for its dispatch, or it and the one behind it in one
// pass. Who gets one may take it later, or never.
func (l *fleetLife) dispatch(h *host) error {
	asking := []*host{h}
	if seldom(l.dice, "two in one pass", 4) {
		if other := l.hosts[slices.Index(l.places, l.dice.choose("the other", l.places))]; other != h {
			asking = append(asking, other)
		}
	}
	line := "dispatch"
	for _, h := range asking {
		line += " " + string(h.key.Host)
	}
	l.marked = map[states.Key]bool{}
	said, err := l.do(line)
	if err != nil {
		return err
	}
	for _, h := range asking {
		if slices.ContainsFunc(said, func(s string) bool { return strings.HasPrefix(s, string(h.key.Host)+"  not dispatched") }) {
			continue
		}
		if err := l.sentAgain(h); err != nil {
			return err
		}
		if pick(l.dice, "taken", 3) < 2 {
			h.take(l.dice, l.now)
		}
	}
	return nil
}

// sentAgain judges a dispatch that was handed out before: nothing is stored of
// it, and the gates are asked anew all the same.
func (l *fleetLife) sentAgain(h *host) error {
	if l.passed == nil || l.marked[h.key] {
		return nil
	}
	f, err := l.read(l.session.Store())
	if err != nil {
		return l.dice.broken("%v", err)
	}
	for _, ask := range f.Asks(gates.Dispatch) {
		if ask.Key != h.key {
			continue
		}
		if err := l.passed(f, ask, nil); err != nil {
			return l.dice.broken("again %v", err)
		}
	}
	return nil
}

// report hands a host's next report over.
func (l *fleetLife) report(h *host) error {
	waiting := h.waiting()
	if len(waiting) == 0 {
		return nil
	}
	ev := waiting[0]
	said, err := l.do(scenario.ReportLine(ev, l.now))
	if err != nil {
		return err
	}
	for _, s := range said {
		var from states.Seq
		if _, behind, ok := strings.Cut(s, "put back: reports wanted from "); ok {
			if _, err := fmt.Sscan(behind, &from); err == nil {
				h.again(from)
				return nil
			}
		}
	}
	h.told(ev.Seq)
	return nil
}

// beat lets a host beat.
func (l *fleetLife) beat(h *host) error {
	hb := h.beat(l.now)
	l.failing[h.key.Host] = len(hb.Failing) > 0
	if _, err := l.do(scenario.BeatLine(&hb, l.now)); err != nil {
		return err
	}
	h.lastReply = l.now
	reply, _ := l.session.Reply(h.key.Host)
	from := reply.ReplayFrom
	for _, want := range reply.Replay {
		if want.Rollout == h.key.Rollout {
			from = want.From
		}
	}
	if from != 0 {
		h.again(from)
	}
	return nil
}

// watch judges what is about to be stored.
func (l *fleetLife) watch(store adapters.Store, changes []adapters.Change) error {
	if l.passed == nil {
		return nil
	}
	f, err := l.read(store)
	if err != nil {
		return err
	}
	var spent []states.Host
	for i := range changes {
		rec := &changes[i].Record
		for j := range changes[i].Effects {
			ask, ok := letThrough(rec, changes[i].Effects[j].Entry.Event)
			if !ok {
				continue
			}
			if err := l.passed(f, ask, spent); err != nil {
				return err
			}
			if ask.Purpose == gates.Dispatch {
				spent = append(spent, rec.Host)
				l.marked[rec.Key] = true
			}
		}
	}
	return nil
}

// letThrough returns the ask that must have passed the gates for an event.
func letThrough(rec *states.Record, ev reducer.Event) (gates.Ask, bool) {
	switch {
	case ev.Kind() == states.KindDispatched:
		return gates.AskOf(gates.Dispatch, rec), true
	case ev.Kind() == states.KindConverged && ev.Synthesised() && ev.Origin.Case == states.RecordsLost:
		return gates.AskOf(gates.Synthesis, rec), true
	}
	return gates.Ask{}, false
}

// read reads the fleet from a store.
func (l *fleetLife) read(store adapters.Store) (*Fleet, error) {
	ctx := context.Background()
	held, err := store.Fleet(ctx)
	if err != nil {
		return nil, err
	}
	f := &Fleet{Plan: l.plan, Quarantines: held.Quarantines}
	for _, opening := range held.Openings {
		f.Open = append(f.Open, opening.Rollout)
		for _, m := range opening.Members {
			rec, err := store.Record(ctx, states.Key{Rollout: opening.Rollout, Host: m.Host})
			if err != nil {
				return nil, err
			}
			f.Records = append(f.Records, rec)
			if l.failing[m.Host] || rec.Probes.Failing() {
				f.Failing = append(f.Failing, rec.Key)
			}
		}
	}
	for _, resumption := range held.Resumptions {
		for _, host := range resumption.Hosts {
			f.Resumed = append(f.Resumed, states.Key{Rollout: resumption.Rollout, Host: host})
		}
	}
	return f, nil
}
