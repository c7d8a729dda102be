package proptest

import (
	"fmt"
	"strings"

	"github.com/rollmend/rollmend/gates"
	"github.com/rollmend/rollmend/reducer"
	"github.com/rollmend/rollmend/states"
)

// maxMoves bounds how long a host is driven to its end: far more than the
// longest life with every probe run a few times.
const maxMoves = 200

// lives is the longest life that is drawn before faults end.
const lives = 60

// lifeLaws are about whole lives, under the faults that each of them names.
var lifeLaws = []Property{
	law("whether or not it was guessed first, the reports of a finished life give the same record", confluence),
	law("what lies below the guesses is what the reports alone gave, at any moment", below),
	law("late truth is never refused and never lost", lateTruth),
	law("after the last fault one heartbeat, and the reports that its reply asks for, bring the record to the host's truth", agreement),
	law("a record never says what its host never was", nothingInvented),
	law("a time from the future stamps at most now and the bound", noFuture),
	law("a chain that was applied gives nothing more", idempotence),
}

func confluence(d *dice, sys System) error {
	w := newWorld(d, sys, faults{skew: true, wipes: true})
	for range d.times("length", 5, 5+lives) {
		w.act()
	}
	w.dispatch()
	w.inbox = false
	if w.host.state == 0 {
		w.host.take(d, w.now)
	}
	for range maxMoves {
		if w.host.ended() {
			break
		}
		w.now = w.now.Add(20 * second)
		w.host.live(d, w.now)
		if pick(d, "beats", 3) == 1 {
			w.deliver(w.host.beat(w.now))
		}
	}
	w.settle()
	d.met = w.plane.guessed
	if got, want := w.plane.rec.State, w.silent.rec.State; got != want {
		return w.dice.broken("with heartbeats the record says %s, without %s", got, want)
	}
	return w.sameAsSilent()
}

// ended reports whether nothing more happens to the host in this rollout.
func (h *host) ended() bool {
	return h.state.Terminal() || h.state == states.Failed && h.onFailure == states.Halt
}

func below(d *dice, sys System) error {
	w := newWorld(d, sys, faults{skew: true, wipes: true})
	var wrong error
	w.onTold = func(reducer.Event, answer) {
		if wrong == nil {
			d.met = d.met || w.plane.guessed
			wrong = w.sameAsSilent()
		}
	}
	for range d.times("length", 5, 5+lives) {
		w.act()
		if wrong != nil {
			return wrong
		}
	}
	return nil
}

// sameAsSilent compares the record, without what it guesses now, with that of
// the control plane that never heard a heartbeat: but for the revision, and
// the stamps and orders that no report gave.
func (w *world) sameAsSilent() error {
	a, b := w.plane.rec, w.silent.rec
	for _, r := range []*states.Record{&a, &b} {
		if r.Synthesised() {
			r.Belief = r.Before()
		}
		for which := range states.AllStamps() {
			if !r.Reported(which) {
				r.Clear(which)
			}
		}
		r.Revision, r.Dispatched = 0, 0
		r.Doubt = nil
		r.LastOrder, r.DeferredOrder = states.Order{}, states.Order{}
	}
	if !a.Equal(&b) {
		return w.dice.broken("with heartbeats the record is\n%s\nwithout\n%s", strings.Join(showOf(&a), "\n"), strings.Join(showOf(&b), "\n"))
	}
	return nil
}

// lateTruth holds under every fault but a clock that is wrong beyond the bound:
// a convergence that is cut to it may end before the soak of an activation that
// was not.
func lateTruth(d *dice, sys System) error {
	w := newWorld(d, sys, faults{first: true, skew: true, wipes: true, loses: true, overtakes: true})
	var wrong error
	w.onTold = func(ev reducer.Event, got answer) {
		d.met = d.met || w.plane.guessed
		if wrong == nil && (got.err != nil || got.disposition == reducer.Refused) {
			wrong = w.dice.broken("report %d %s was %s: %v", ev.Seq, ev.Kind(), got.disposition, got.err)
		}
	}
	for range d.times("length", 5, 5+lives) {
		w.act()
	}
	w.settle()
	if wrong != nil {
		return wrong
	}
	for _, ev := range w.host.kept {
		if ev.Seq > w.plane.rec.LastSeq && !w.plane.tellsNothing(ev) {
			return w.dice.broken("report %d %s was not heard; the last that was is %d", ev.Seq, ev.Kind(), w.plane.rec.LastSeq)
		}
	}
	return nil
}

// tellsNothing reports whether a report is one that nobody asks for: of a
// rollout whose end was reported, an acknowledgement said again, which an older
// copy of the store may lack for good.
func (p *plane) tellsNothing(ev reducer.Event) bool {
	return ev.Kind() == states.KindDispatchAck && p.rec.State.Terminal() && !p.rec.Synthesised()
}

func agreement(d *dice, sys System) error {
	w := newWorld(d, sys, faults{wipes: true})
	for range d.times("length", 5, 5+lives) {
		w.act()
	}
	w.settle()
	d.met = w.plane.guessed
	r := &w.plane.rec
	if want := w.host.truth(r); r.State != want {
		return w.dice.broken("the host is %s (switched %t, runs %s), the record says %s", want, w.host.switched, w.host.current, r.State)
	}
	return nil
}

// truth returns the state that a record must have once all is heard: the
// agent's own, or the one behind it where the closure has changed already.
func (h *host) truth(rec *states.Record) states.State {
	onTarget := h.current.Is(target)
	switch {
	case h.state == 0:
		return states.Pending
	case (h.state == states.Activating || h.state == states.Deferred) && onTarget:
		return states.Soaking
	case h.state == states.Failed && h.onFailure == states.RollbackAndHalt && h.current.Is(rec.AtDispatch):
		return states.Reverted
	}
	return h.state
}

func nothingInvented(d *dice, sys System) error {
	w := newWorld(d, sys, faults{wipes: true})
	var wrong error
	w.plane.watch = func(_ states.Record, ev reducer.Event, out reducer.Outcome, _ error) {
		d.met = d.met || ev.Synthesised()
		s := out.Record.State
		was := w.host.visited[s] ||
			s == states.Soaking && w.host.current.Is(target) ||
			s == states.Reverted && w.host.visited[states.Failed] && w.host.current.Is(old) && w.host.onFailure == states.RollbackAndHalt
		if !was && wrong == nil {
			wrong = w.dice.broken("the record says %s, the host was never more than %s", s, w.host.state)
		}
	}
	for range d.times("length", 5, 5+lives) {
		w.act()
		if wrong != nil {
			return wrong
		}
	}
	return nil
}

func noFuture(d *dice, sys System) error {
	w := newWorld(d, sys, faults{first: true, skew: true, wild: true, wipes: true, loses: true, overtakes: true})
	for range d.times("length", 5, 5+lives) {
		w.act()
		d.met = d.met || w.plane.cut
		r := &w.plane.rec
		for which := range states.AllStamps() {
			latest := w.now.Add(skewBound)
			if which == states.ConvergedAt {
				latest = max(latest, r.SoakDue())
			}
			if r.At(which) > latest {
				return w.dice.broken("at %s the stamp %s is %s", w.now, which, r.At(which))
			}
		}
	}
	return nil
}

func idempotence(d *dice, sys System) error {
	w := newWorld(d, sys, faults{first: true, skew: true, wild: true, wipes: true, loses: true, overtakes: true})
	for range d.times("length", 5, 5+lives) {
		w.act()
		// A heartbeat that is on its way, so that what it says is news.
		hb := w.host.beat(w.now)
		for _, verdict := range []gates.Verdict{w.verdict(), {}} {
			scratch := *w.plane
			scratch.watch = nil
			scratch.seen.Heartbeat, scratch.seen.Received = hb, w.now
			_, first := scratch.look(w.now, verdict)
			scratch.apply(first)
			d.met = d.met || len(first.Events) > 0
			if _, again := scratch.look(w.now, verdict); len(again.Events) > 0 {
				return w.dice.broken("%s\n  and again %s", first, again)
			}
			if got := fmt.Sprint(scratch.rec.LastSeq); got != fmt.Sprint(w.plane.rec.LastSeq) {
				return w.dice.broken("the chain took the number %s", got)
			}
		}
	}
	return nil
}
