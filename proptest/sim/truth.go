package sim

import (
	"slices"
	"time"

	"github.com/rollmend/rollmend/agent"
	"github.com/rollmend/rollmend/reducer"
	"github.com/rollmend/rollmend/states"
)

// truth is what a host really did. Only the simulator knows it.
type truth struct {
	deeds   map[states.Rollout]*deeds
	beats   []said
	said    int              // beats in all
	replies []given          // to its heartbeats
	has     []states.Closure // everything that the host ever ran
	since   []int64          // when, in true time, it first ran each of them
	changed int64            // true time of the last thing that it did
}

// deeds is what a host did in one rollout, over all its agents' lives.
type deeds struct {
	kinds   [states.KindConverged + 1]bool
	reports map[states.Seq]reducer.Event // of the present installation
	taken   bool                         // from a dispatch or a snapshot
	lost    bool                         // an installation before the present one knew more
	earlier states.Seq                   // of a report of such a one that was taken for the present one's; 0: none
}

// said is a heartbeat as it was sent, and what was true then.
type said struct {
	agent.Heartbeat
	nth  int
	life int // of the installation
}

// given is a reply to a heartbeat.
type given struct {
	received states.Time // as it says
	at       int64       // when it was truly given
}

// served reports whether the host has run a closure for so long by a time of its
// clock, which is right.
func (t *truth) served(c states.Closure, soak time.Duration, at states.Time) bool {
	i := slices.Index(t.has, c)
	return i >= 0 && at >= states.Time(dawn+t.since[i]).Add(soak)
}

// hadSince reports whether a reply that says so was given since a moment.
func (t *truth) hadSince(received states.Time, since int64) bool {
	return slices.ContainsFunc(t.replies, func(g given) bool { return g.received == received && g.at >= since })
}

// beatsKept bounds how many heartbeats of a host, and replies, are remembered: those of more
// than an hour, which is longer than any of them is under way.
const beatsKept = 128

func (t *truth) of(id states.Rollout) *deeds {
	if t.deeds == nil {
		t.deeds = map[states.Rollout]*deeds{}
	}
	d := t.deeds[id]
	if d == nil {
		d = &deeds{reports: map[states.Seq]reducer.Event{}}
		t.deeds[id] = d
	}
	return d
}

// keep takes note of what the agent keeps: its reports are its own words.
func (t *truth) keep(h *host, e agent.Entry) {
	switch e := e.(type) {
	case agent.Report:
		d := t.of(e.Event.Key.Rollout)
		d.kinds[e.Event.Kind()] = true
		d.reports[e.Event.Seq] = e.Event
		t.changed = h.now
		h.note(string(h.name), "keeps %s %d of %s", e.Event.Kind(), int(e.Event.Seq), e.Event.Key.Rollout)
	case agent.Taken:
		t.of(e.Rollout).taken = true
		t.changed = h.now
	}
}

// ran takes note of what the host runs.
func (t *truth) ran(c states.Closure, now int64) {
	if !slices.Contains(t.has, c) {
		t.has, t.since = append(t.has, c), append(t.since, now)
	}
	t.changed = now
}

// reinstalled forgets what the installation knew; that it happened stays true.
func (t *truth) reinstalled() {
	for _, d := range t.deeds {
		d.reports = map[states.Seq]reducer.Event{}
		d.lost = true
	}
}

// atBeat remembers a heartbeat.
func (t *truth) atBeat(h *host, hb agent.Heartbeat) said {
	s := said{Heartbeat: hb, life: h.lives}
	t.said++
	s.nth = t.said
	if len(t.beats) == beatsKept {
		t.beats = t.beats[1:]
	}
	t.beats = append(t.beats, s)
	return s
}

// showed lists the heartbeats of the host that an observation can rest on. One
// whose time was cut is known by its order, or, of the first generation, by what
// it showed alone; what it was cut to can be the very time of another.
func (t *truth) showed(o states.Observation, cuts bool) []said {
	var exact, cut []said
	for _, b := range t.beats {
		switch {
		case !b.Current.Is(o.Current) || b.Order != o.Order:
		case b.At == o.At:
			exact = append(exact, b)
		case b.At > o.At || o.Order.Given():
			cut = append(cut, b)
		}
	}
	if len(exact) > 0 && !cuts {
		return exact
	}
	return append(exact, cut...)
}

// failed reports whether the host ever failed in the rollout.
func (d *deeds) failed() bool {
	return d.kinds[states.KindFailed] || d.kinds[states.KindActivationFailed]
}

// standing returns how far the agent is with a rollout by its own journal,
// and whether its own reports say so. Where its convergence was refused it has
// let go of the rollout, and says nothing of it until a snapshot hands it out
// again.
func standing(j agent.Journal, id states.Rollout) (states.State, bool) {
	var state states.State
	var base states.Seq
	known := false
	for _, e := range j {
		if t, ok := e.(agent.Taken); ok && t.Rollout == id {
			state, base = t.State, t.Base
		}
	}
	for _, e := range j {
		if a, ok := e.(agent.Answered); ok && a.Rollout == id && a.Refused > base {
			return states.Soaking, false
		}
		r, ok := e.(agent.Report)
		if !ok || r.Event.Key.Rollout != id || r.Event.Seq <= base {
			continue
		}
		known = true
		switch r.Event.Kind() {
		case states.KindDispatchAck:
			if state == states.Pending {
				state = states.Activating
			}
		case states.KindActivationCompleted:
			state = states.Soaking
		case states.KindActivationDeferred:
			state = states.Deferred
		case states.KindActivationFailed, states.KindFailed:
			state = states.Failed
		case states.KindRollbackComplete:
			state = states.Reverted
		case states.KindConverged:
			state = states.Converged
		}
	}
	return state, known
}
