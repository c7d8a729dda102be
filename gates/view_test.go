package gates_test

import (
	"testing"

	"github.com/rollmend/rollmend/gates"
	"github.com/rollmend/rollmend/reducer"
	"github.com/rollmend/rollmend/states"
)

func standing(id states.Rollout, host states.Host, state states.State) gates.Standing {
	rec := states.Record{Key: states.Key{Rollout: id, Host: host}, Belief: states.Belief{State: state}}
	return gates.StandingOf(&rec)
}

func TestAHostWhoseRecordIsForgottenLetsNobodyGo(t *testing.T) {
	fleet := gates.NewFleet(gates.Plan{
		Ref: "a1b2",
		Hosts: []gates.PlannedHost{
			{Host: "db", Channel: "stable", Target: "new"},
			{Host: "web", Channel: "stable", Target: "new"},
		},
		HostEdges: []gates.HostEdge{{Gates: "db", Gated: "web"}},
	})
	id, _ := fleet.Rollout("stable")
	view := gates.NewView(fleet, []reducer.Quarantine{})
	view.Open(id)
	done := standing(id, "db", states.Converged)
	view.Track(gates.Standing{}, done, nil)
	if v := gates.Evaluate(view, ask(id, "web", 0))[0]; !v.Passed() {
		t.Fatalf("behind a converged host: %s", v)
	}
	view.Track(done, gates.Standing{}, nil)
	if v := gates.Evaluate(view, ask(id, "web", 0))[0]; v.Passed() {
		t.Fatal("passed behind a host that is not known")
	}
}

func TestAHostThatFailsAgainHaltsAgain(t *testing.T) {
	view, id := twoWaves()
	was := standing(id, "web-1", states.Pending)
	for _, state := range []states.State{states.Failed, states.Soaking, states.Failed} {
		is := standing(id, "web-1", state)
		view.Track(was, is, nil)
		was = is
		if state == states.Failed && len(view.HaltedBy(id)) != 1 {
			t.Fatal("a failed host does not halt its rollout")
		}
		view.Resume(id, view.HaltedBy(id))
	}
}
