package sim

import (
	"slices"
	"time"

	"github.com/rollmend/rollmend/agent"
	"github.com/rollmend/rollmend/states"
)

const (
	// pass is what a host's kept reports take after its heartbeat: one at a
	// time, each a round trip and a commit, with the manifest read again first.
	pass = 40 * time.Second

	// settleMost bounds what a fleet needs after the last fault: waves and
	// channels one after the other, each with its soak and its reboots.
	settleMost = 150 * cycle

	// quietFor is how long nothing has to have changed for a run to end: longer
	// than any step of a host takes, a reboot by an operator included.
	quietFor = 8 * cycle

	// quieterFor is the same for replicas whose clocks were not the same: a host
	// is sent nothing before it beats at one of them twice in a row.
	quieterFor = 40 * cycle

	// lookEvery is how often hosts and records are compared.
	lookEvery = time.Second
)

// settle follows the fleet until nothing happens any more.
func (w *world) settle() {
	quiet := quietFor
	if len(w.planes) > 1 && w.skewed {
		quiet = quieterFor
	}
	w.calm()
	calm := w.now
	var look func()
	look = func() {
		w.compare(calm)
		if w.violated == nil && w.now < calm+settleMost.Milliseconds() && w.now < w.lastChange(calm)+quiet.Milliseconds() {
			w.after(lookEvery, look)
			return
		}
		w.over = true
	}
	look()
	for !w.over && w.violated == nil {
		w.next()
	}
	if w.violated == nil {
		w.liveness()
	}
}

func (w *world) lastChange(calm int64) int64 {
	last := calm
	for _, h := range w.hosts {
		last = max(last, h.truth.changed)
	}
	return last
}

// compare finds the longest that a record disagreed with its host, counted
// from the last fault, from the last thing that the host did, from when the
// record was last stored, and from when they last agreed: a host that is held
// does, until its gate opens.
func (w *world) compare(calm int64) {
	plan := w.newest()
	for i, ph := range plan.Hosts {
		h := w.hosts[i]
		rec := w.checks.record(plan, ph)
		if w.agrees(h, rec) {
			w.checks.agreed[rec.Key] = w.now
			continue
		}
		lag := time.Duration(w.now-max(calm, h.truth.changed, w.checks.changed[rec.Key], w.checks.agreed[rec.Key])) * time.Millisecond
		w.report.WorstSettle = max(w.report.WorstSettle, lag)
		if lag > w.bound(h)+h.late(calm) {
			s, known := standing(h.journal, rec.Rollout)
			w.violate(recordsAgree, "%s after %s: %s", rec.Key, lag, hostLine(h, rec, s, known))
			return
		}
	}
}

// bound is how long a record may disagree with its host. The heartbeat of a host
// whose clock is slow by more than the bound on skew looks older than the
// opening; it counts once it names a reply that came after that.
func (w *world) bound(h *host) time.Duration {
	for _, p := range w.planes {
		if h.clockOff < p.clockOff-skew {
			return 2*cycle + pass
		}
	}
	return cycle + pass
}

// late is by how much later than usual the host may beat after the last fault. A
// clock that is set back by less than what it showed since the agent last did
// something looks to it like time that did not pass.
func (h *host) late(calm int64) time.Duration {
	if h.jumped && h.jumpedAt > calm-cycle.Milliseconds() {
		return cycle
	}
	return 0
}

// staleByClock reports whether the newest heartbeat of an agent of the first
// generation looks older than what is known of its host. It gives no order, so
// its clock counts, as the specification names: it is stale until that has
// caught up.
func (w *world) staleByClock(h *host, rec *states.Record) bool {
	if h.config.Generation != agent.First || len(h.truth.beats) == 0 {
		return false
	}
	newest := h.truth.beats[len(h.truth.beats)-1].At
	for _, o := range w.checks.fleet.Openings {
		if o.Rollout == rec.Rollout && newest < min(o.At, w.planes[0].at()).Add(-skew) {
			return true
		}
	}
	return newest < rec.At(states.LastTransitionAt) ||
		slices.ContainsFunc(h.truth.beats, func(s said) bool { return s.At > newest })
}

// agrees reports whether a record says what its host is at.
func (w *world) agrees(h *host, rec states.Record) bool {
	if h.config.Generation == agent.First {
		return w.firstAgrees(h, rec)
	}
	s, known := standing(h.journal, rec.Rollout)
	if known {
		return rec.State == s || rec.LastSeq != 0 && rec.LastSeq == h.truth.of(rec.Rollout).earlier
	}
	if held := h.machine.Held(); held == rec.Rollout && rec.State != states.Pending || !held.IsZero() && held != rec.Rollout {
		// It goes by a snapshot, and knows no more than that; or it is not done
		// with an older rollout, and says so.
		return true
	}
	switch rec.State {
	case states.Pending:
		return !h.runs.Is(rec.Target) || len(w.checks.held(w, w.newest(), &rec, false)) > 0
	case states.Activating, states.Deferred:
		return false // the agent must be given a snapshot
	case states.Soaking:
		return !h.runs.Is(rec.Target)
	}
	return true
}

// firstAgrees holds agents of the first generation to what they can be held
// to: they forget what they did.
func (w *world) firstAgrees(h *host, rec states.Record) bool {
	if held := h.machine.Held(); !held.IsZero() && held != rec.Rollout {
		return true // it is not done with an older rollout, and says so
	}
	return w.staleByClock(h, &rec) || rec.State != states.Pending || !h.runs.Is(rec.Target) || h.machine.Queued() > 0 ||
		len(w.checks.held(w, w.newest(), &rec, false)) > 0
}

// liveness checks, when nothing happens any more, that nothing could.
func (w *world) liveness() {
	plan := w.newest()
	for i, ph := range plan.Hosts {
		h := w.hosts[i]
		rec := w.checks.record(plan, ph)
		if w.staleByClock(h, &rec) {
			continue
		}
		s, known := standing(h.journal, rec.Rollout)
		if h.machine.Queued() > 0 {
			w.violate(allowedHappens, "reports are not taken: %s", hostLine(h, rec, s, known))
		}
		switch rec.State {
		case states.Pending:
			onTarget := h.runs.Is(rec.Target)
			if held := h.machine.Held(); onTarget && !held.IsZero() && held != rec.Rollout {
				continue
			}
			if len(w.checks.held(w, w.newest(), &rec, !onTarget)) == 0 && !w.mayHold(h, &rec) {
				w.violate(allowedHappens, "%s waits, and nothing holds it: %s", rec.Key, hostLine(h, rec, s, known))
			}
		case states.Activating, states.Deferred, states.Soaking:
			if h.config.Generation == agent.First && h.machine.SoakDue() > h.at() {
				continue // it was told when by a clock of a control plane that was ahead
			}
			if _, known := standing(h.journal, rec.Rollout); !known && h.machine.State() == states.Failed {
				w.report.Exceptions["a host failed and was installed anew, and the records were lost: an operator's turn"]++
				continue
			}
			if h.runs.Is(rec.Target) && h.fate(rec.Target) < fateProbeFails {
				w.violate(allowedHappens, "%s does not end: %s", rec.Key, hostLine(h, rec, s, known))
			}
		}
	}
}

// mayHold reports whether something holds a dispatch that the naive gates leave
// out: probes that fail by an earlier wave's heartbeats, or the place in a
// budget of a record that was superseded in flight.
func (w *world) mayHold(h *host, rec *states.Record) bool {
	for i, ph := range w.newest().Hosts {
		other := w.hosts[i]
		if n := len(other.truth.beats); n > 0 && ph.Channel == h.channel && ph.Wave < rec.Wave &&
			len(other.truth.beats[n-1].FailingProbes) > 0 {
			return true
		}
	}
	for key, old := range w.checks.records {
		if len(w.shape.budgets) > 0 && key.Host != h.name && key.Rollout.Ref != rec.Rollout.Ref && old.InFlight() {
			return true
		}
	}
	return false
}
