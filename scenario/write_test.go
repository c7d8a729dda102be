package scenario_test

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/rollmend/rollmend/adapters"
	"github.com/rollmend/rollmend/adapters/memory"
	"github.com/rollmend/rollmend/gates"
	"github.com/rollmend/rollmend/reducer"
	"github.com/rollmend/rollmend/scenario"
	"github.com/rollmend/rollmend/states"
	"github.com/rollmend/rollmend/synth"
)

// declared begins a session with one host.
func declared(t *testing.T, c scenario.Control) *scenario.Session {
	t.Helper()
	s := c.Begin(t.Context())
	do(t, s, "rollout stable@a1b2 target=new")
	do(t, s, "host web-1 runs=old")
	return s
}

func do(t *testing.T, s *scenario.Session, line string) []string {
	t.Helper()
	said, err := s.Do(line)
	if err != nil {
		t.Fatalf("%s: %v", line, err)
	}
	return said
}

// A report that is written as a step makes the same report when it is read.
func TestReportsAreWrittenAsTheyAreRead(t *testing.T) {
	key := states.Key{Rollout: states.Rollout{Channel: "stable", Ref: "a1b2"}, Host: "web-1"}
	bodies := []reducer.Body{
		reducer.DispatchAck{AtDispatch: "old"},
		reducer.DispatchAck{},
		reducer.ActivationStarted{Method: "test"},
		reducer.ActivationCompleted{Observed: "new", ExitCode: 4},
		reducer.ActivationDeferred{Component: "init"},
		reducer.ActivationFailed{ExitCode: 2, StderrTail: "no space left"},
		reducer.ProbeTopologyDeclared{Probes: []reducer.Declaration{{Name: "http", Mode: states.Observe}, {Name: "disk", Mode: states.Enforce}}},
		reducer.ProbeObservedFirst{Probe: "http", Mode: states.Observe},
		reducer.ProbeResult{Probe: "http", Mode: states.Enforce, Status: states.Fail, Reason: "it is slow"},
		reducer.ProbeFailureFirst{Probe: "http", Mode: states.Disabled},
		reducer.Failed{Duration: 3 * time.Second, Failing: []string{"http", "disk"}, PolicyApplied: states.Halt},
		reducer.RollbackComplete{RevertedTo: "old", ExitCode: 1},
		reducer.Converged{Current: "new"},
	}
	kinds := map[states.Kind]bool{}
	for _, body := range bodies {
		ev := reducer.Event{Key: key, Seq: 1, At: scenario.Epoch.Add(7 * time.Second), Order: states.Order{Boot: 2, Beat: 3}, Body: body}
		kinds[ev.Kind()] = true
		s := declared(t, scenario.Control{})
		line := scenario.ReportLine(ev, scenario.Epoch)
		do(t, s, line)
		log, err := s.Store().Log(t.Context(), key)
		if err != nil {
			t.Fatal(err)
		}
		// Where the record was behind, what was missing stands before it.
		if diff := cmp.Diff(ev, log[len(log)-1].Event); diff != "" {
			t.Errorf("%s: (-want +got)\n%s", line, diff)
		}
	}
	for k := range states.Kinds() {
		if k.Agent() && !kinds[k] {
			t.Errorf("%s has no sample", k)
		}
	}
	if line := scenario.ReportLine(reducer.Event{Key: key, Body: reducer.Dispatched{}}, scenario.Epoch); line != "" {
		t.Errorf("what no agent reports is written as %q", line)
	}
}

// A heartbeat that is written as a step is the one that is read.
func TestHeartbeatsAreWrittenAsTheyAreRead(t *testing.T) {
	for _, want := range []synth.Heartbeat{
		{Host: "web-1", At: scenario.Epoch},
		{
			Host: "web-1", Current: "new", Holds: states.Rollout{Channel: "stable", Ref: "a1b2"}, At: scenario.Epoch.Add(-time.Second),
			Order: states.Order{Boot: 2, Beat: 3}, CurrentSince: scenario.Epoch.Add(-1500 * time.Millisecond),
			Failing: []string{"http", "disk"}, Queued: 4, LastReply: scenario.Epoch.Add(-time.Minute),
		},
	} {
		step, err := scenario.Parse("beat.txt", "# a beat\nhost web-1 channel=stable\n"+scenario.BeatLine(&want, scenario.Epoch)+"\n----\n")
		if err != nil {
			t.Fatal(err)
		}
		got := map[string]string{}
		for _, o := range step.Blocks[0].Steps[1].Options {
			got[o.Name] = o.Value
		}
		options := map[string]string{}
		if want.Current.Known() {
			options = map[string]string{
				"runs": "new", "holds": "stable@a1b2", "at": "-1s", "boot": "2", "beat": "3", "since": "-1.5s",
				"failing": "http,disk", "queued": "4", "last-reply": "-60s",
			}
		}
		if diff := cmp.Diff(options, got); diff != "" {
			t.Error(diff)
		}
		do(t, declared(t, scenario.Control{}), scenario.BeatLine(&want, scenario.Epoch))
	}
}

// frozen is a gate of the caller's own.
type frozen struct{}

func (frozen) Name() string { return "frozen" }

func (frozen) Hold(*gates.View, gates.Ask) (gates.Block, bool) {
	return gates.Block{Scope: "all", Why: "it is winter", Release: "spring"}, true
}

func TestAScenarioIsPlayedAgainstGatesOfTheCallers(t *testing.T) {
	c := scenario.Control{Rules: gates.Rules{Own: []gates.Gate{frozen{}}}}
	said := do(t, declared(t, c), "dispatch web-1")
	if want := []string{"web-1  not dispatched", "  block       frozen (all)"}; !slices.Equal(said, want) {
		t.Errorf("got %q", said)
	}
	text, err := c.Play(t.Context(), "frozen.txt", "# Winter.\nrollout stable@a1b2 target=new\nhost web-1 runs=old\npoll web-1\n----\n")
	if want := "# Winter.\nrollout stable@a1b2 target=new\nhost web-1 runs=old\npoll web-1\n----\nweb-1  not dispatched\n  block       frozen (all)\n"; text != want || err != nil {
		t.Errorf("got %q, %v", text, err)
	}
}

// A store of the caller's is opened for each empty one, and opened again, not
// filled again, where the control plane starts anew.
func TestAScenarioIsPlayedAgainstAStoreOfTheCallers(t *testing.T) {
	opened, reopened := 0, 0
	c := scenario.Control{
		Open:   func() (adapters.Store, error) { opened++; return memory.New(), nil },
		Reopen: func(s adapters.Store) (adapters.Store, error) { reopened++; return s, nil },
	}
	s := declared(t, c)
	do(t, s, "dispatch web-1")
	before := s.Store()
	do(t, s, "restart")
	if s.Store() != before || opened != 1 || reopened != 1 {
		t.Errorf("opened %d times, and again %d times", opened, reopened)
	}
	do(t, s, "save here")
	do(t, s, "wipe")
	do(t, s, "restore here")
	if s.Store() == before || opened != 3 || reopened != 1 {
		t.Errorf("opened %d times, and again %d times", opened, reopened)
	}
	if _, err := s.Store().Record(t.Context(), states.Key{Rollout: states.Rollout{Channel: "stable", Ref: "a1b2"}, Host: "web-1"}); err != nil {
		t.Error(err)
	}
	full := errors.New("full")
	c.Open = func() (adapters.Store, error) { return nil, full }
	if _, err := c.Begin(t.Context()).Do("dispatch web-1"); err == nil {
		t.Error("a store that cannot be opened goes unnoticed")
	}
}

// What is about to be stored is shown with the store as it is before, and can be
// refused.
func TestAScenarioIsWatched(t *testing.T) {
	refuse := false
	var seen []states.State
	s := declared(t, scenario.Control{Watch: func(store adapters.Store, changes []adapters.Change) error {
		rec, err := store.Record(context.Background(), changes[0].Record.Key)
		seen = append(seen, rec.State)
		if refuse {
			return errors.New("not this one")
		}
		return err
	}})
	do(t, s, "dispatch web-1")
	do(t, s, "ack web-1 seq=1")
	refuse = true
	if _, err := s.Do("activated web-1 seq=2"); err == nil || err.Error() != "not this one" {
		t.Errorf("got %v", err)
	}
	if want := []states.State{states.Pending, states.Pending, states.Activating}; !slices.Equal(seen, want) {
		t.Errorf("seen was %v", seen)
	}
}

// An operator may say twice what is in force.
func TestAnActThatIsInForceIsHarmless(t *testing.T) {
	s := declared(t, scenario.Control{})
	for range 2 {
		do(t, s, "impose stable bad reason=broken")
	}
	do(t, s, "dispatch web-1")
	if said := do(t, s, "ack web-1 seq=1"); !slices.Equal(said, []string{"web-1  Pending -> Activating"}) {
		t.Errorf("got %q", said)
	}
}
