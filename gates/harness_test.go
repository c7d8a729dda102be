package gates_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/rollmend/rollmend/gates"
	"github.com/rollmend/rollmend/reducer"
	"github.com/rollmend/rollmend/states"
)

var (
	stable = states.Rollout{Channel: "stable", Ref: "a1b2"}
	edge   = states.Rollout{Channel: "edge", Ref: "a1b2"}
)

// watched is a view that is told of records, and keeps what that releases.
type watched struct {
	*gates.View
	t        *testing.T
	now      map[states.Key]gates.Standing
	released []gates.Wait
}

// watching returns a view of a plan with both rollouts of the tests open and
// nothing quarantined.
func watching(t *testing.T, plan gates.Plan) *watched {
	t.Helper()
	plan.Ref = "a1b2"
	w := &watched{View: gates.NewView(gates.NewFleet(plan), []reducer.Quarantine{}), t: t, now: map[states.Key]gates.Standing{}}
	w.Open(stable)
	w.Open(edge)
	return w
}

// planned lists hosts of the channel stable, all of wave 0.
func planned(hosts ...states.Host) []gates.PlannedHost {
	var out []gates.PlannedHost
	for _, host := range hosts {
		out = append(out, gates.PlannedHost{Host: host, Channel: "stable", Target: "new"})
	}
	return out
}

// is tells the view of a host's state in its rollout of the channel stable.
func (w *watched) is(host states.Host, state states.State, change ...func(*gates.Standing)) []gates.Wait {
	return w.in(stable, host, state, change...)
}

// in tells the view of a host's state in a rollout, and returns what it releases.
func (w *watched) in(id states.Rollout, host states.Host, state states.State, change ...func(*gates.Standing)) []gates.Wait {
	planned, _ := w.Fleet().Host(host)
	rec := states.Record{Key: states.Key{Rollout: id, Host: host}, Wave: planned.Wave, Belief: states.Belief{State: state}}
	to := gates.StandingOf(&rec)
	for _, c := range change {
		c(&to)
	}
	return w.told(w.now[rec.Key], to)
}

func (w *watched) told(from, to gates.Standing) []gates.Wait {
	if to.State == 0 {
		delete(w.now, from.Key)
	} else {
		w.now[to.Key] = to
	}
	return w.Track(from, to, nil)
}

func failing(s *gates.Standing)  { s.Failing = true }
func inFlight(s *gates.Standing) { s.InFlight = true }

// asks puts an ask for a dispatch.
func (w *watched) asks(host states.Host) gates.Verdict {
	return gates.Evaluate(w.View, w.ask(host))[0]
}

func (w *watched) ask(host states.Host) gates.Ask {
	planned, _ := w.Fleet().Host(host)
	return gates.Ask{
		Purpose: gates.Dispatch, Wave: planned.Wave, Target: "new",
		Key: states.Key{Rollout: states.Rollout{Channel: planned.Channel, Ref: "a1b2"}, Host: host},
	}
}

// holds makes sure that an ask is held by these blocks, and by no other.
func (w *watched) holds(what string, v gates.Verdict, blocks ...gates.Block) {
	w.t.Helper()
	if diff := cmp.Diff(blocks, v.Blocks); diff != "" {
		w.t.Errorf("%s:\n%s", what, diff)
	}
	if v.Passed() != (len(blocks) == 0) {
		w.t.Errorf("%s: passed is %t", what, v.Passed())
	}
}

// releases makes sure of what a change releases, in its order.
func (w *watched) releases(what string, got []gates.Wait, want ...gates.Wait) {
	w.t.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		w.t.Errorf("%s releases:\n%s", what, diff)
	}
}
