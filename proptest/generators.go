package proptest

import (
	"pgregory.net/rapid"

	"github.com/rollmend/rollmend/reducer"
	"github.com/rollmend/rollmend/states"
)

// Closures draws closures, the unknown one among them.
func Closures() *rapid.Generator[states.Closure] {
	return rapid.Custom(func(t *rapid.T) states.Closure { return anyClosure(&dice{rapid: t}) })
}

// Records draws records in any state that events can lead to: those of honest
// lives under faults, with guesses, gaps and times that were cut, and those
// that got whatever events there are. All are of one host in one rollout.
func Records() *rapid.Generator[states.Record] {
	return rapid.Custom(func(t *rapid.T) states.Record { return anyRecord(&dice{rapid: t}, Real()).plane.rec })
}

// Logs draws the logs of such records.
func Logs() *rapid.Generator[[]reducer.LogEntry] {
	return rapid.Custom(func(t *rapid.T) []reducer.LogEntry { return anyRecord(&dice{rapid: t}, Real()).plane.log })
}

// anyRecord leads a record somewhere.
func anyRecord(d *dice, sys System) *world {
	w := newWorld(d, sys, faults{first: true, skew: true, wild: true, wipes: true, loses: true, overtakes: true})
	if pick(d, "honest", 2) == 0 {
		for range d.times("length", 0, 40) {
			w.act()
		}
		return w
	}
	for range d.times("length", 0, 12) {
		w.put(anyEvent(d, &w.plane.rec, w.now.Add(second)))
	}
	return w
}

// Events draws events for a record, of every kind, from anybody, with numbers
// and times around those of the record. Most are illegal, or say what was said.
func Events(rec states.Record) *rapid.Generator[reducer.Event] {
	return rapid.Custom(func(t *rapid.T) reducer.Event { return eventFor(&dice{rapid: t}, &rec) })
}

// LegalEvents draws reports that a record takes in: applied, or absorbed
// beneath what was guessed. A record at its reported end has none; there, the
// case is skipped.
func LegalEvents(rec states.Record) *rapid.Generator[reducer.Event] {
	return reports(rec, func(d reducer.Disposition) bool { return d == reducer.Applied || d == reducer.Absorbed })
}

// IllegalEvents draws reports that a record refuses: of a kind that is not legal
// in its state, or against an invariant.
func IllegalEvents(rec states.Record) *rapid.Generator[reducer.Event] {
	return reports(rec, func(d reducer.Disposition) bool { return d == reducer.Refused })
}

// reports draws reports of which something certain comes.
func reports(rec states.Record, wanted func(reducer.Disposition) bool) *rapid.Generator[reducer.Event] {
	return rapid.Custom(func(t *rapid.T) reducer.Event {
		d := &dice{rapid: t}
		var fit []reducer.Event
		for k := range states.Kinds() {
			if !k.Agent() {
				continue
			}
			for _, honest := range []bool{true, false} {
				ev := eventFor(d, &rec)
				ev.Seq, ev.Origin, ev.Body = rec.LastSeq+1, reducer.Origin{}, anyBody(d, k)
				if honest {
					ev.Body = truthful(ev.Body)
				}
				if out, _ := reducer.Step(rec, ev); wanted(out.Disposition) {
					fit = append(fit, ev)
				}
			}
		}
		if len(fit) == 0 {
			t.Skip("the record has no such event")
		}
		return fit[pick(d, "which", len(fit))]
	})
}

// eventFor draws an event for a record, around the time of its last transition.
func eventFor(d *dice, rec *states.Record) reducer.Event {
	now := max(rec.Opened, rec.At(states.LastTransitionAt)).Add(second)
	ev := anyEvent(d, rec, now)
	ev.Key = rec.Key
	return ev
}
