package agent

import (
	"time"

	"github.com/rollmend/rollmend/reducer"
	"github.com/rollmend/rollmend/states"
)

// Dispatch is what the control plane hands out: bring the host to a closure.
type Dispatch struct {
	Rollout   states.Rollout
	Target    states.Closure
	Soak      time.Duration    // 0 where it was not said; then SoakDueAt counts
	SoakDueAt states.Time      // when it was sent, plus the soak, by the control plane's clock; 0 where there is to be none
	OnFailure states.OnFailure // 0 where it was not said; then the agent's own counts
}

// MaxAcks is how many acknowledgements of one rollout are kept. The control
// plane needs another one after it lost its records, which is rare; one that
// sends a dispatch for ever is given the newest again.
const MaxAcks = 8

// enter takes a dispatch of a rollout that the agent does not know yet. One
// that it knows, whether it holds it, finished it or left it for a newer one,
// is acknowledged again and nothing more. While the host is worked on nothing
// is taken: what is not acknowledged is sent again.
func (in Dispatched) enter(t *turn) {
	t.observe(in.Current)
	d := in.Dispatch
	if t.m.doing != idle || d.Rollout.IsZero() || !d.Target.Known() {
		return
	}
	w := t.m.find(d.Rollout)
	if w == nil || w.orphan && !w.state.Terminal() {
		w = t.take(Taken{
			Rollout:    d.Rollout,
			State:      states.Pending,
			Target:     d.Target,
			AtDispatch: in.Current,
			Soak:       d.Soak,
			SoakDueAt:  d.SoakDueAt,
			OnFailure:  d.OnFailure,
		})
		t.m.standing.Unproven = false
	}
	t.acknowledge(w)
}

// acknowledge says that the dispatch arrived, unless that is on its way. What is
// on its way of an earlier taking, which the agent does not know any more, does
// not begin this one.
func (t *turn) acknowledge(w *work) {
	begun := w.state != states.Pending
	switch {
	case begun && w.acked > w.answered:
	case !begun || w.acks < MaxAcks:
		t.report(w, reducer.DispatchAck{AtDispatch: w.AtDispatch})
	default:
		t.rewind(w, w.acked)
	}
}
