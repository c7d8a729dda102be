package exhaust

import (
	"github.com/rollmend/rollmend/reducer"
	"github.com/rollmend/rollmend/states"
)

// undecided reports whether what an event means here is left out of the
// comparison, because two of our own sentences contradict each other; a report
// counts what was left out.
//
// A convergence whose time was cut is to be held against the soak, says
// docs/decisions.md; a law has it attest its soak where no report gave the
// activation's stamp, and so does the system.
func undecided(r *record, ev *reducer.Event) bool {
	_, converged := ev.Body.(reducer.Converged)
	return converged && ev.Origin.By == reducer.ByAgent && ev.Clamped && unserved(r, ev.At)
}

// unserved reports whether a convergence of that time would come before the end
// of the soak that the record knows, or of one that is guessed for it.
func unserved(r *record, converged states.Time) bool {
	at := soakingBelief(r)
	if at == nil {
		// Its activation would be a guess that is made for it.
		return r.policy.Soak > 0 && len(missing(r.now.state, states.KindConverged)) > 0
	}
	activated := at.stamps[states.ActivatedAt]
	return converged < activated.at+states.Time(r.policy.Soak.Milliseconds())
}

// soakingBelief is what the record believes while it soaks, nil where it never
// does.
func soakingBelief(r *record) *belief {
	if r.now.state == states.Soaking {
		return &r.now
	}
	if r.guesses == nil {
		return nil
	}
	for n := range r.guesses.list {
		if below := r.below(n); below.now.state == states.Soaking {
			return &below.now
		}
	}
	return nil
}
