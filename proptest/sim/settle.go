package sim

import (
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

	// lookEvery is how often hosts and records are compared.
	lookEvery = time.Second
)

// settle follows the fleet until nothing happens any more.
func (w *world) settle() {
	w.calm()
	calm := w.now
	var look func()
	look = func() {
		w.compare(calm)
		if w.violated == nil && w.now < calm+settleMost.Milliseconds() && w.now < w.lastChange(calm)+quietFor.Milliseconds() {
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
// from the last fault, or from the last thing that the host did.
func (w *world) compare(calm int64) {
	plan := w.manifests[len(w.manifests)-1].plan
	for i, ph := range plan.Hosts {
		h := w.hosts[i]
		rec := w.checks.record(plan, ph)
		if w.agrees(h, rec) {
			continue
		}
		lag := time.Duration(w.now-max(calm, h.truth.changed)) * time.Millisecond
		w.report.WorstSettle = max(w.report.WorstSettle, lag)
		if lag > cycle+pass {
			s, known := standing(h.journal, rec.Rollout)
			w.violate(recordsAgree, "%s after %s: %s", rec.Key, lag, hostLine(h, rec, s, known))
			return
		}
	}
}

// agrees reports whether a record says what its host is at.
func (w *world) agrees(h *host, rec states.Record) bool {
	if h.config.Generation == agent.First {
		return w.firstAgrees(h, rec)
	}
	s, known := standing(h.journal, rec.Rollout)
	if known {
		return rec.State == s && h.machine.Queued() == 0
	}
	switch rec.State {
	case states.Pending:
		return !h.runs.Is(rec.Target) || len(w.checks.held(w.planes[0], &rec, false)) > 0
	case states.Activating, states.Deferred:
		return false // the agent must be given a snapshot
	case states.Soaking:
		return !h.runs.Is(rec.Target)
	}
	return true
}

// firstAgrees holds agents of the first generation to what they can be held
// to: they forget what they did, and a clock that was set back makes their
// heartbeats stale.
func (w *world) firstAgrees(h *host, rec states.Record) bool {
	if h.setBack || h.clockOff != 0 {
		return true
	}
	return rec.State != states.Pending || !h.runs.Is(rec.Target) || h.machine.Queued() > 0 ||
		len(w.checks.held(w.planes[0], &rec, false)) > 0
}

// liveness checks, when nothing happens any more, that nothing could.
func (w *world) liveness() {
	plan := w.manifests[len(w.manifests)-1].plan
	for i, ph := range plan.Hosts {
		h := w.hosts[i]
		rec := w.checks.record(plan, ph)
		if h.config.Generation == agent.First && (h.setBack || h.clockOff != 0) {
			continue
		}
		s, known := standing(h.journal, rec.Rollout)
		switch rec.State {
		case states.Pending:
			onTarget := h.runs.Is(rec.Target)
			if len(w.checks.held(w.planes[0], &rec, !onTarget)) == 0 {
				w.violate(allowedHappens, "%s waits, and nothing holds it: %s", rec.Key, hostLine(h, rec, s, known))
			}
		case states.Activating, states.Deferred, states.Soaking:
			if h.runs.Is(rec.Target) && h.fate(rec.Target) < fateProbeFails {
				w.violate(allowedHappens, "%s does not end: %s", rec.Key, hostLine(h, rec, s, known))
			}
		}
	}
}
