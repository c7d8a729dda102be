package exhaust

import (
	"slices"
	"time"

	"github.com/rollmend/rollmend/gates"
	"github.com/rollmend/rollmend/reducer"
	"github.com/rollmend/rollmend/states"
	"github.com/rollmend/rollmend/synth"
)

// The bounds that every look has: three cycles, and the five minutes that a
// clock may be off unless set.
var bounds = synth.Bounds{Silence: 3 * time.Minute, Skew: 5 * time.Minute}

// now is the control plane's clock at every look: behind all that the walk
// stamps.
var now = after(500)

// verdicts are a host that may go, one that a quarantine holds, and one for
// which no gate was asked.
func verdicts() (passed, held, unasked gates.Verdict) {
	ask := gates.Ask{Purpose: gates.Synthesis, Key: key, Target: target}
	plan := gates.NewFleet(gates.Plan{
		Ref: rollout.Ref, Hosts: []gates.PlannedHost{{Host: key.Host, Channel: rollout.Channel, Target: target}},
	})
	free := gates.NewView(plan, []reducer.Quarantine{})
	free.Open(rollout)
	shut := gates.NewView(plan, []reducer.Quarantine{{
		Channel: rollout.Channel, Closure: target, Since: after(-100), Why: "set by an operator",
	}})
	shut.Open(rollout)
	return gates.Evaluate(free, ask)[0], gates.Evaluate(shut, ask)[0], gates.Verdict{}
}

// lookAt is a look at a record through a heartbeat that came just now.
func lookAt(rec *states.Record, hb synth.Heartbeat, verdict gates.Verdict) synth.Look {
	hb.Host = key.Host
	return synth.Look{
		Record: *rec, Seen: synth.Seen{Heartbeat: hb, Received: now}, Now: now, Bounds: bounds, Verdict: verdict,
	}
}

// everyLook yields what a heartbeat can say to a record: each closure, holding
// and edge with each order and each age of what runs. What only a host that may
// have lost its records is judged by is multiplied out there, and put once to
// the others.
func everyLook(rec *states.Record, r *record, yield func(*synth.Look) bool) {
	passed, held, unasked := verdicts()
	for hb := range everyBeat(r) {
		l := lookAt(rec, hb, passed)
		if !yield(&l) {
			return
		}
		if hb.Holds == rollout || unknown(hb.Current) {
			continue
		}
		if r.now.state != states.Pending || r.dispatched != 0 || !same(hb.Current, r.target) {
			l.Verdict, l.Seen.OffTarget, l.Seen.Heartbeat.Failing = held, after(30), []string{"http"}
			if !yield(&l) {
				return
			}
			continue
		}
		for _, verdict := range []gates.Verdict{passed, held, unasked} {
			for _, off := range []states.Time{0, r.opened - 1, r.opened, after(5), hb.At - 1} {
				for _, failing := range [][]string{nil, {"http"}} {
					l.Verdict, l.Seen.OffTarget, l.Seen.Heartbeat.Failing = verdict, off, failing
					if !yield(&l) {
						return
					}
				}
			}
		}
	}
	everyStaleness(rec, r, passed, yield)
	everySetBack(rec, r, passed, yield)
}

// everySetBack yields looks by a control plane whose clock was set back since it
// opened the rollout, by less and by more than a clock may be off.
func everySetBack(rec *states.Record, r *record, passed gates.Verdict, yield func(*synth.Look) bool) {
	skew := states.Time(bounds.Skew.Milliseconds())
	for _, clock := range []states.Time{r.opened - 1, r.opened - 2*skew} {
		for _, current := range []states.Closure{target, old, other} {
			for _, at := range []states.Time{clock - skew - 1, clock - skew, clock, clock + skew} {
				for _, off := range []states.Time{0, clock - 1, clock + 1} {
					l := lookAt(rec, synth.Heartbeat{Current: current, At: at}, passed)
					l.Now, l.Seen.Received, l.Seen.OffTarget = clock, clock, off
					if !yield(&l) {
						return
					}
				}
			}
		}
	}
}

// everyBeat yields the heartbeats themselves. A clock that was set back since
// makes what runs younger than the heartbeat.
func everyBeat(r *record) func(func(synth.Heartbeat) bool) {
	times, places := beatTimes(r), orders(r)
	length := states.Time(r.policy.Soak.Milliseconds())
	return func(yield func(synth.Heartbeat) bool) {
		for _, current := range []states.Closure{target, old, other, ""} {
			for _, holds := range []states.Rollout{{}, rollout, foreign} {
				for _, at := range times {
					for _, order := range places {
						for _, since := range []states.Time{0, after(-100), at - length, at - length + 1, at, at + 1} {
							hb := synth.Heartbeat{Current: current, Holds: holds, At: at, Order: order, CurrentSince: since}
							if !yield(hb) {
								return
							}
						}
					}
				}
			}
		}
	}
}

// beatTimes is the record's edges and the ends of what an opening takes.
func beatTimes(r *record) []states.Time {
	skew := states.Time(bounds.Skew.Milliseconds())
	out := append(edges(r), r.opened-skew-1, r.opened-skew, r.opened)
	slices.Sort(out)
	return slices.Compact(out)
}

// everyStaleness yields the looks that are about whether to look at all: when
// the host last beat, what its agent had heard, and whether a newer one is
// known.
func everyStaleness(rec *states.Record, r *record, passed gates.Verdict, yield func(*synth.Look) bool) {
	silence, skew := states.Time(bounds.Silence.Milliseconds()), states.Time(bounds.Skew.Milliseconds())
	for _, current := range []states.Closure{target, old, other, ""} {
		for _, at := range beatTimes(r) {
			for _, reply := range []states.Time{0, r.opened - skew - 1, r.opened - skew, r.opened} {
				for _, received := range []states.Time{0, now - silence - 1, now - silence, now} {
					for _, newer := range []bool{false, true} {
						l := lookAt(rec, synth.Heartbeat{Current: current, At: at, LastReply: reply}, passed)
						l.Seen.Received, l.Seen.Newer = received, newer
						if !yield(&l) {
							return
						}
					}
				}
			}
		}
	}
}
