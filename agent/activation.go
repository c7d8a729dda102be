package agent

import (
	"fmt"

	"github.com/rollmend/rollmend/reducer"
	"github.com/rollmend/rollmend/states"
)

const (
	// MaxStarts is how often a switch is begun that never came to an end, as
	// when it kills the agent, before it counts as failed. Each one disturbs the
	// host; a few are needed because the agent may be killed for other reasons.
	MaxStarts = 5

	// MaxStderr is how many bytes of a switch's errors are reported: enough for
	// the lines that tell, far below the bound of a report.
	MaxStderr = 4096

	switchMethod = "switch"

	// cutOff is the exit code of a switch that never gave one.
	cutOff = -1
)

// maxMoves bounds how far a rollout is taken in one step: from Activating to
// Failed to Reverted, or from Deferred to Soaking to Failed to Reverted.
const maxMoves = 4

// advance does what the held rollout needs now, whatever brought it there.
func (t *turn) advance() {
	for range maxMoves {
		w := t.m.held()
		if w == nil || t.m.doing != idle {
			return
		}
		before := w.state
		switch w.state {
		case states.Activating:
			t.activate(w)
		case states.Deferred:
			t.finishDeferral(w)
		case states.Soaking:
			w.restart(t.now)
			t.soak(w)
		case states.Failed:
			t.retreat(w)
		}
		if w.state == before {
			return
		}
	}
}

// activate switches the host to the target, unless it runs it already.
func (t *turn) activate(w *work) {
	switch {
	case !t.m.current.Known():
		// It may be the target: nothing is switched until that can be told.
	case w.Target.Is(t.m.current):
		t.completed(w, 0)
	case w.starts >= MaxStarts:
		t.report(w, reducer.ActivationFailed{
			ExitCode:   cutOff,
			StderrTail: fmt.Sprintf("the switch was begun %d times and cut off each time", w.starts),
		})
	default:
		t.report(w, reducer.ActivationStarted{Method: switchMethod})
		t.m.doing = switching
		t.host = append(t.host, Activate{Target: w.Target})
	}
}

// completed begins the soak. What probes said before is of another activation.
func (t *turn) completed(w *work, exitCode int) {
	t.report(w, reducer.ActivationCompleted{Observed: t.m.current, ExitCode: exitCode})
	t.m.probes = nil
	t.m.nextProbes = t.now
}

func (in SwitchFinished) enter(t *turn) {
	t.observe(in.Current)
	w := t.m.held()
	if t.m.doing != switching || w == nil {
		return
	}
	t.m.doing = idle
	if w.Target.Is(in.Current) {
		t.completed(w, in.ExitCode)
		return
	}
	stderr := in.Stderr
	if len(stderr) > MaxStderr {
		stderr = stderr[len(stderr)-MaxStderr:]
	}
	t.report(w, reducer.ActivationFailed{ExitCode: in.ExitCode, StderrTail: stderr})
}

func (in SwitchDeferred) enter(t *turn) {
	t.observe(in.Current)
	w := t.m.held()
	if t.m.doing != switching || w == nil {
		return
	}
	t.m.doing = idle
	t.report(w, reducer.ActivationDeferred{Component: in.Component})
}

// finishDeferral completes a deferred activation once the host runs the target,
// and, where the boot of the deferral is known, in a later one.
func (t *turn) finishDeferral(w *work) {
	later := !w.deferred.Given() || t.m.standing.Order.Boot > w.deferred.Boot
	if later && w.Target.Is(t.m.current) {
		t.completed(w, 0)
	}
}
