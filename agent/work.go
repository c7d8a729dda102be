package agent

import (
	"github.com/rollmend/rollmend/reducer"
	"github.com/rollmend/rollmend/states"
)

// work is a rollout that the agent holds or held.
type work struct {
	Taken
	orphan bool // reports without their Taken: whether it is held is not known

	// Folded from the reports behind Base.
	state    states.State
	starts   int         // how often the switch was begun
	due      states.Time // when the soak ends
	deferred states.Order
	applied  states.OnFailure // what a Failed said
	told     told

	queue

	rollbacks int // how often a rollback was begun in this process
}

// told is what the control plane was told of the probes of this soak.
type told struct {
	declared bool
	topology []reducer.Declaration
	results  states.Probes
	observed bool // a first result
	failed   bool // a first failure
	changes  int  // results told
}

// newWork begins a rollout on its terms, behind the reports that it may have.
func newWork(terms Taken, q queue) work {
	w := work{Taken: terms, state: terms.State, queue: q}
	w.highest = terms.Base
	if terms.State == states.Soaking {
		w.due = terms.SoakDueAt
	}
	return w
}

// hear folds one of the agent's own reports. It follows them live and after a
// restart alike.
func (w *work) hear(ev reducer.Event) {
	w.queue.add(ev)
	if ev.Seq <= w.Base {
		return // of an earlier taking
	}
	switch b := ev.Body.(type) {
	case reducer.DispatchAck:
		if w.state == states.Pending {
			w.state = states.Activating
		}
	case reducer.ActivationStarted:
		w.starts++
	case reducer.ActivationCompleted:
		w.state, w.told = states.Soaking, told{}
		w.due = w.soakEnd(ev.At)
	case reducer.ActivationDeferred:
		w.state, w.deferred = states.Deferred, ev.Order
	case reducer.ActivationFailed:
		w.state = states.Failed
	case reducer.Failed:
		w.state, w.applied = states.Failed, b.PolicyApplied
	case reducer.RollbackComplete:
		w.state = states.Reverted
	case reducer.Converged:
		w.state = states.Converged
	default:
		w.told.hear(ev)
	}
}

// hear folds what was said about probes.
func (s *told) hear(ev reducer.Event) {
	switch b := ev.Body.(type) {
	case reducer.ProbeTopologyDeclared:
		s.declared, s.topology = true, b.Probes
	case reducer.ProbeObservedFirst:
		s.observed = true
	case reducer.ProbeFailureFirst:
		s.failed = true
	case reducer.ProbeResult:
		s.results = s.results.With(states.Probe{Name: b.Probe, Mode: b.Mode, Status: b.Status, At: ev.At, Reason: b.Reason})
		s.changes++
	}
}

// soakEnd returns when a soak that begins now ends: after its length, or, where
// that was not said, when the control plane said.
func (w *work) soakEnd(activated states.Time) states.Time {
	if w.Soak > 0 {
		return activated.Add(w.Soak)
	}
	return max(activated, w.SoakDueAt)
}

// restart lets a soak start over whose beginning is further ahead than the soak
// is long: the clock was set back by more than that. A convergence before the
// activation that it follows is known to be by another clock, and attests its
// soak; one in between would be refused, so a smaller step is waited out. Where
// there is no soak, or it was not said, what is ahead is the activation, unless
// the control plane named that end.
func (w *work) restart(now states.Time) {
	switch over := now.Add(w.Soak); {
	case w.Soak == 0 && over < w.due:
		w.due = max(over, w.SoakDueAt)
	case over < w.due.Add(-w.Soak):
		w.due = over
	}
}

// released reports whether the control plane refused the convergence that
// ended the work: it is not finished, and a snapshot may hand it out again.
func (w *work) released() bool { return w.refused > w.Base }

// policy returns what the agent does when the host fails. Without a closure to
// go back to there is only standing still.
func (w *work) policy() states.OnFailure {
	policy := w.OnFailure
	if w.applied != 0 {
		policy = w.applied
	}
	if !w.AtDispatch.Known() || w.AtDispatch.Is(w.Target) {
		return states.Halt
	}
	return policy
}

// slots lists what the journal has of the work. What tells that it was taken
// comes last, so that a removal that is cut off is seen and ended.
func (w *work) slots() []Slot {
	var out []Slot
	for _, ev := range w.reports {
		out = append(out, Report{Event: ev}.Slot())
	}
	return append(out, Answered{Rollout: w.Rollout}.Slot(), Taken{Rollout: w.Rollout}.Slot())
}
