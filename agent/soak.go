package agent

import (
	"time"

	"github.com/rollmend/rollmend/reducer"
	"github.com/rollmend/rollmend/states"
)

// soak ends a soak: with a failure where enforced probes fail for long enough,
// with a convergence where its time is over and all of them passed.
func (t *turn) soak(w *work) {
	if !w.Target.Is(t.m.current) {
		return // drift: neither healthy nor failed on the target
	}
	if failed := t.m.failedFor(t.now); failed >= t.m.cfg.FailAfter {
		t.tellUnsaid(w)
		t.report(w, reducer.Failed{Duration: failed, Failing: failing(t.m.probes), PolicyApplied: w.policy()})
		return
	}
	if t.now >= w.due && w.told.declared && t.m.healthy() {
		t.tellUnsaid(w)
		t.report(w, reducer.Converged{Current: t.m.current})
	}
}

// failedFor returns how long the enforced probe that fails for the longest has
// been failing, zero where none fails.
func (m *Machine) failedFor(now states.Time) time.Duration {
	var longest time.Duration
	for _, p := range m.probes {
		if p.Mode == states.Enforce && p.Status == states.Fail {
			longest = max(longest, now.Sub(p.At))
		}
	}
	return longest
}

// healthy reports whether every enforced probe has passed.
func (m *Machine) healthy() bool {
	for _, p := range m.probes {
		if !p.Passes() {
			return false
		}
	}
	return true
}

// soakWake returns when time alone ends the soak, as things are; the next
// heartbeat where it does not.
func (m *Machine) soakWake(w *work) states.Time {
	wake := m.nextBeat
	if !w.Target.Is(m.current) {
		return wake
	}
	for _, p := range m.probes {
		if p.Mode == states.Enforce && p.Status == states.Fail {
			wake = min(wake, p.At.Add(m.cfg.FailAfter))
		}
	}
	if w.told.declared && m.healthy() {
		wake = min(wake, w.due)
	}
	return wake
}
