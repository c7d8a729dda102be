package agent

import (
	"github.com/rollmend/rollmend/reducer"
	"github.com/rollmend/rollmend/states"
)

// MaxRollbacks is how often a process tries to roll back a host that stays on
// the target. Beyond it the host stays Failed, for a person or a restart.
const MaxRollbacks = 3

// retreat takes a failed host back, where the policy says so and it is not
// back already.
func (t *turn) retreat(w *work) {
	if w.policy() != states.RollbackAndHalt {
		return
	}
	switch {
	case w.AtDispatch.Is(t.m.current):
		t.report(w, reducer.RollbackComplete{RevertedTo: t.m.current})
	case w.rollbacks < MaxRollbacks:
		w.rollbacks++
		t.m.doing = rollingBack
		t.host = append(t.host, RollBack{To: w.AtDispatch})
	}
}

// enter reports where the rollback led, as long as that is off the target.
func (in RollbackFinished) enter(t *turn) {
	t.observe(in.Current)
	w := t.m.held()
	if t.m.doing != rollingBack || w == nil {
		return
	}
	t.m.doing = idle
	if in.Current.Known() && !in.Current.Is(w.Target) {
		t.report(w, reducer.RollbackComplete{RevertedTo: in.Current, ExitCode: in.ExitCode})
	}
}
