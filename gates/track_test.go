package gates_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/rollmend/rollmend/gates"
	"github.com/rollmend/rollmend/reducer"
	"github.com/rollmend/rollmend/states"
)

func TestTheStandingOfARecord(t *testing.T) {
	key := states.Key{Rollout: stable, Host: "web-1"}
	for _, c := range []struct {
		rec  states.Record
		want gates.Standing
	}{
		{
			states.Record{Key: key, Wave: 2, Belief: states.Belief{State: states.Pending}},
			gates.Standing{Key: key, Wave: 2, State: states.Pending},
		},
		{
			states.Record{Key: key, Dispatched: 1, Belief: states.Belief{State: states.Pending}},
			gates.Standing{Key: key, State: states.Pending, InFlight: true},
		},
		{
			states.Record{Key: key, Belief: states.Belief{State: states.Soaking, Probes: states.Probes{{Name: "http", Mode: states.Enforce, Status: states.Fail}}}},
			gates.Standing{Key: key, State: states.Soaking, InFlight: true, Failing: true},
		},
		{
			states.Record{Key: key, Belief: states.Belief{State: states.Converged, Probes: states.Probes{{Name: "http", Mode: states.Observe, Status: states.Fail}}}},
			gates.Standing{Key: key, State: states.Converged, Done: true},
		},
		{
			states.Record{Key: key, Policy: states.Policy{DeferredIsDone: true}, Belief: states.Belief{State: states.Deferred}},
			gates.Standing{Key: key, State: states.Deferred, Done: true},
		},
		{
			states.Record{Key: key, Belief: states.Belief{State: states.Deferred}},
			gates.Standing{Key: key, State: states.Deferred},
		},
	} {
		if diff := cmp.Diff(c.want, gates.StandingOf(&c.rec)); diff != "" {
			t.Error(diff)
		}
	}
}

// inWaves is a plan of one host to a wave, named for it.
func inWaves(hosts ...states.Host) gates.Plan {
	plan := gates.Plan{Hosts: planned(hosts...)}
	for i := range plan.Hosts {
		plan.Hosts[i].Wave = states.Wave(i)
	}
	return plan
}

func TestEachWaveIsReleasedAsItIsReached(t *testing.T) {
	w := watching(t, inWaves("zero", "one", "two", "three"))
	reached := func(wave states.Wave) gates.Wait { return gates.Wait{On: gates.OnWave, Rollout: stable, Wave: wave} }
	terminal := gates.Wait{On: gates.OnChannel, Channel: "stable"}
	for _, host := range []states.Host{"three", "two", "one", "zero"} {
		w.is(host, states.Pending)
	}
	w.releases("a later wave that is done first", w.is("one", states.Converged))
	w.releases("a step within the wave", w.is("zero", states.Activating))
	w.releases("the first wave", w.is("zero", states.Converged), reached(1), reached(2))
	w.releases("the same, said again", w.is("zero", states.Converged))
	w.releases("a wave that is open again", w.is("one", states.Failed))
	w.releases("and done again", w.is("one", states.Converged), reached(2))
	w.releases("the third wave", w.is("two", states.Converged), reached(3))
	w.releases("the last wave", w.is("three", states.Converged), reached(4), terminal)
	w.releases("a host that is taken out", w.told(w.now[states.Key{Rollout: stable, Host: "two"}], gates.Standing{}))
	w.releases("a rollout that is not open", w.in(states.Rollout{Channel: "stable", Ref: "0000"}, "zero", states.Converged))
}

func TestAChannelIsReleasedWhenItsLastHostConverges(t *testing.T) {
	w := watching(t, gates.Plan{Hosts: planned("web-1", "web-2")})
	wave := gates.Wait{On: gates.OnWave, Rollout: stable, Wave: 1}
	terminal := gates.Wait{On: gates.OnChannel, Channel: "stable"}
	w.is("web-1", states.Pending)
	w.is("web-2", states.Pending)
	w.releases("the first", w.is("web-1", states.Converged))
	w.releases("a deferred one, which is not done here", w.is("web-2", states.Deferred))
	w.releases("the last", w.is("web-2", states.Converged), wave, terminal)
	w.releases("one that is no longer converged", w.is("web-2", states.Failed))
	w.releases("one that fails, taken out", w.told(w.now[states.Key{Rollout: stable, Host: "web-2"}], gates.Standing{}), wave, terminal)
}

func TestProbesThatPassAgainReleaseWhoIsBehindThem(t *testing.T) {
	w := watching(t, gates.Plan{Hosts: append(planned("web-1", "web-2"), gates.PlannedHost{Host: "stray", Channel: "stable", Target: "new", Wave: states.Unstaged})})
	passing := gates.Wait{On: gates.OnProbes, Rollout: stable, Wave: 0}
	for _, host := range []states.Host{"web-1", "web-2", "stray"} {
		w.is(host, states.Soaking)
	}
	w.releases("one that fails", w.is("web-1", states.Soaking, failing))
	w.releases("another that fails", w.is("web-2", states.Soaking, failing))
	w.releases("one of two that passes", w.is("web-1", states.Soaking))
	w.releases("one that fails still, in another state", w.is("web-2", states.Failed, failing))
	w.releases("the last that passes", w.is("web-2", states.Failed), passing)
	w.releases("one that never failed", w.is("web-1", states.Failed))
	w.releases("an unstaged one that fails", w.is("stray", states.Soaking, failing))
	w.releases("and passes: nobody is behind it", w.is("stray", states.Soaking))
	w.is("web-1", states.Failed, failing)
	w.releases("one that fails and is taken out", w.told(w.now[states.Key{Rollout: stable, Host: "web-1"}], gates.Standing{}), passing)
	waves := watching(t, inWaves("zero", "one"))
	waves.is("zero", states.Pending)
	waves.is("one", states.Soaking, failing)
	waves.releases("one of a later wave", waves.is("one", states.Soaking), gates.Wait{On: gates.OnProbes, Rollout: stable, Wave: 1})
	w.releases("what has no state counts for nothing", w.Track(
		gates.Standing{Key: states.Key{Rollout: stable, Host: "ghost"}, Wave: 1, Failing: true}, gates.Standing{}, nil))
}

func TestAHostThatIsDoneReleasesWhoIsBehindIt(t *testing.T) {
	w := watching(t, gates.Plan{
		Hosts:     planned("db-1", "web-1", "web-2"),
		HostEdges: []gates.HostEdge{{Gates: "db-1", Gated: "web-1"}},
	})
	done := gates.Wait{On: gates.OnRecord, Rollout: stable, Host: "db-1"}
	w.is("web-1", states.Pending)
	w.is("web-2", states.Pending)
	w.releases("on its way", w.is("db-1", states.Soaking))
	w.releases("failed", w.is("db-1", states.Failed))
	w.releases("deferred", w.is("db-1", states.Deferred), done)
	w.releases("deferred, said again", w.is("db-1", states.Deferred))
	w.releases("converged", w.is("db-1", states.Converged), done)
	w.releases("one that nobody is behind", w.is("web-2", states.Converged))
	if got := w.released; got != nil {
		t.Error(got)
	}
	// What came before is kept.
	from, to := w.now[states.Key{Rollout: stable, Host: "db-1"}], gates.Standing{Key: states.Key{Rollout: stable, Host: "db-1"}, State: states.Deferred}
	w.releases("behind what was released before", w.Track(from, to, []gates.Wait{{On: gates.OnManifest}}), gates.Wait{On: gates.OnManifest}, done)
}

// An operator resumes past the failures that there are; the next one of the same
// host halts again, but not what follows from this one.
func TestAResumptionHoldsUntilTheNextFailure(t *testing.T) {
	w := watching(t, gates.Plan{Hosts: planned("web-1", "web-2", "web-3")})
	halted := func(what string, want ...states.Host) {
		t.Helper()
		if diff := cmp.Diff(want, w.HaltedBy(stable)); diff != "" {
			t.Errorf("%s:\n%s", what, diff)
		}
		if p, _ := w.Progress(stable); p.Halting != len(want) {
			t.Errorf("%s: %d halt it", what, p.Halting)
		}
	}
	resumed := gates.Wait{On: gates.OnResume, Rollout: stable}
	w.is("web-1", states.Failed)
	w.is("web-2", states.Reverted)
	w.is("web-3", states.Pending)
	halted("two failed", "web-1", "web-2")
	if got := w.Resume(stable, []states.Host{"web-1"}); got != resumed {
		t.Errorf("a resumption releases %+v", got)
	}
	halted("one resumed", "web-2")
	w.is("web-1", states.Reverted)
	halted("it goes back, as was to be expected", "web-2")
	w.is("web-1", states.Reverted, failing)
	halted("and stays there", "web-2")
	w.is("web-2", states.Pending)
	halted("the other is put right")
	w.is("web-1", states.Soaking)
	w.is("web-1", states.Failed)
	halted("it fails once more", "web-1")
	w.told(w.now[states.Key{Rollout: stable, Host: "web-1"}], gates.Standing{})
	halted("it is taken out")

	nowhere := states.Rollout{Channel: "stable", Ref: "0000"}
	if got := w.Resume(nowhere, []states.Host{"web-1"}); got != (gates.Wait{On: gates.OnResume, Rollout: nowhere}) {
		t.Errorf("a resumption of what is not open releases %+v", got)
	}
	if got := w.HaltedBy(nowhere); got != nil {
		t.Errorf("what is not open is halted by %v", got)
	}
}

// Who resumes a list that he was given does not write into the view.
func TestWhatHaltsARolloutIsACopy(t *testing.T) {
	w := watching(t, gates.Plan{Hosts: planned("web-1", "web-2")})
	w.is("web-1", states.Failed)
	w.is("web-2", states.Failed)
	w.HaltedBy(stable)[0] = "nobody"
	w.Resume(stable, w.HaltedBy(stable))
	if got := w.HaltedBy(stable); len(got) != 0 {
		t.Errorf("after its resumption it is halted by %v", got)
	}
}

func TestTheProgressOfARollout(t *testing.T) {
	w := watching(t, inWaves("zero", "one", "two"))
	w.is("zero", states.Converged)
	w.is("one", states.Failed)
	w.is("two", states.Pending)
	got, ok := w.Progress(stable)
	if want := (gates.Progress{Hosts: 3, Converged: 1, CurrentWave: 1, Halting: 1}); !ok || got != want {
		t.Errorf("%+v, open: %t", got, ok)
	}
	w.Open(stable)
	if again, _ := w.Progress(stable); again != got {
		t.Errorf("opened again, it is at %+v", again)
	}
	if got, ok := w.Progress(states.Rollout{Channel: "stable", Ref: "0000"}); ok || got != (gates.Progress{}) {
		t.Errorf("what is not open is at %+v, open: %t", got, ok)
	}
	if got, ok := w.Progress(edge); !ok || got != (gates.Progress{}) {
		t.Errorf("without hosts it is at %+v, open: %t", got, ok)
	}
}

func TestQuarantinesInForce(t *testing.T) {
	fleet := gates.NewFleet(gates.Plan{Ref: "a1b2", Hosts: planned("web-1")})
	view := gates.NewView(fleet, []reducer.Quarantine{{Channel: "stable", Closure: "new"}, {Channel: "edge", Closure: "old"}})
	for place, want := range map[[2]string]bool{
		{"stable", "new"}: true, {"edge", "old"}: true, {"stable", "old"}: false, {"edge", "new"}: false,
	} {
		channel, closure := states.Channel(place[0]), states.Closure(place[1])
		if got := view.Quarantined(channel, closure); got != want {
			t.Errorf("%s on %s: %t", closure, channel, got)
		}
	}
	if got := view.Clear("stable", "new"); got != (gates.Wait{On: gates.OnClearance, Channel: "stable", Closure: "new"}) {
		t.Errorf("a clearance releases %+v", got)
	}
	if view.Quarantined("stable", "new") || !view.Quarantined("edge", "old") {
		t.Error("another quarantine was cleared")
	}
}
