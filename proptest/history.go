package proptest

import (
	"pgregory.net/rapid"

	"github.com/rollmend/rollmend/reducer"
	"github.com/rollmend/rollmend/scenario"
	"github.com/rollmend/rollmend/states"
	"github.com/rollmend/rollmend/synth"
)

// History is what a host did in a rollout, in order, and what its agent
// reported of it: the truth that a control plane tries to follow.
type History struct {
	Key     states.Key
	Opened  reducer.Opened // what the rollout was opened with
	Moments []Moment       // at least one: the agent takes the dispatch
}

// Moment is one thing that a host did.
type Moment struct {
	At      states.Time
	What    string           // in words, such as "completes its activation"
	Reports []reducer.Event  // what its agent reported of it, seldom nothing
	Runs    states.Closure   // from then on
	Holds   states.Rollout   // what its agent works on from then on; zero: nothing
	beat    *synth.Heartbeat // the one it could send then
}

// Reports returns all that the agent reported, in the order of its numbers.
func (h *History) Reports() (all []reducer.Event) {
	for _, m := range h.Moments {
		all = append(all, m.Reports...)
	}
	return all
}

// Beat returns the heartbeat that the host sends at a moment, counted from 0.
// It is true then, and stale once a record knows of a later moment.
func (h *History) Beat(moment int) synth.Heartbeat { return *h.Moments[moment].beat }

// Histories draws histories of one host: switches that work, fail, wait for a
// reboot or go unnoticed, probes that pass or fail, rollbacks. Some have not
// come to an end.
func Histories() *rapid.Generator[History] {
	return rapid.Custom(func(t *rapid.T) History { return anyHistory(&dice{rapid: t}) })
}

// Heartbeats draws a heartbeat that is true to a history at some moment of it.
func Heartbeats(h History) *rapid.Generator[synth.Heartbeat] {
	return rapid.Custom(func(t *rapid.T) synth.Heartbeat {
		return h.Beat(pick(&dice{rapid: t}, "moment", len(h.Moments)))
	})
}

// most moments that are drawn: enough to come to an end with every probe run a
// few times.
const mostMoments = 30

func anyHistory(d *dice) History {
	machine := newHost(d, faults{})
	h := History{Key: machine.key, Opened: reducer.Opened{
		Target: machine.target,
		Policy: states.Policy{Soak: machine.soak, OnFailure: machine.onFailure, DeferredIsDone: true},
	}}
	now, told := scenario.Epoch.Add(second), 0
	note := func(what string) {
		hb := machine.beat(now)
		h.Moments = append(h.Moments, Moment{
			At: now, What: what, Reports: machine.kept[told:len(machine.kept):len(machine.kept)],
			Runs: machine.current, Holds: machine.holds(), beat: &hb,
		})
		told = len(machine.kept)
	}
	machine.take(d, now)
	note("takes the dispatch")
	for range d.times("length", 0, mostMoments) {
		if machine.ended() {
			break
		}
		now = now.Add(20 * second)
		if what := machine.live(d, now); what != nothing {
			note(what)
		}
	}
	return h
}

// Accepted reports which of an agent's reports a control plane refuses, where
// it has them in the order of their numbers: nil where it refuses none. It is
// for those who write an agent of their own.
func Accepted(key states.Key, opened reducer.Opened, reports []reducer.Event) error {
	p := &plane{sys: Real()}
	p.step(reducer.Event{Key: key, At: scenario.Epoch, Origin: reducer.Origin{By: reducer.ByControlPlane}, Body: opened})
	d := &dice{}
	for _, ev := range reports {
		d.told.add("%s", reportNote{ev, ev.At})
		want := p.rec.LastSeq + 1
		before := p.rec.State
		out, err := p.step(ev)
		switch {
		case ev.Seq != want:
			return d.broken("report %d has the place of %d: numbers start at 1 and leave no gap", ev.Seq, want)
		case err != nil:
			return d.broken("in %s it is refused: %v", before, err)
		case out.Disposition == reducer.Refused:
			return d.broken("in %s it is refused", before)
		}
	}
	return nil
}
