package states_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/rollmend/rollmend/states"
)

func TestTimesAreWholeMilliseconds(t *testing.T) {
	at := time.Date(2026, 3, 1, 12, 0, 0, 7_999_999, time.FixedZone("CET", 3600))
	ms := states.TimeOf(at)
	if want := states.Time(at.UnixMilli()); ms != want || !ms.IsSet() {
		t.Errorf("%s is %d, set: %t", at, ms, ms.IsSet())
	}
	if got := ms.String(); got != "2026-03-01T11:00:00.007Z" {
		t.Error(got)
	}
	if got := ms.UTC(); !got.Equal(at.Truncate(time.Millisecond)) || got.Location() != time.UTC {
		t.Errorf("for readers it is %s", got)
	}
	never := states.TimeOf(time.Time{})
	if never != 0 || never.IsSet() || !never.UTC().IsZero() || never.String() != "never" {
		t.Errorf("no time is %d, %s, %s", never, never.UTC(), never)
	}
	if got := states.Time(1_000).Add(1500*time.Microsecond + time.Second); got != 2_001 {
		t.Errorf("added up: %d", got)
	}
	if got := states.Time(5_000).Sub(3_500); got != 1500*time.Millisecond {
		t.Errorf("between: %s", got)
	}
}

func TestAStampKnowsWhetherAReportGaveIt(t *testing.T) {
	var s states.Stamps
	s.Set(states.AckedAt, 5, true)
	s.Set(states.LastTransitionAt, 6, true)
	s.Set(states.ActivatedAt, 7, false)
	s.Set(states.FailedAt, 0, true) // no time was given by nobody
	for stamp, want := range map[states.Stamp]struct {
		at    states.Time
		given bool
	}{
		states.AckedAt: {5, true}, states.LastTransitionAt: {6, true}, states.ActivatedAt: {7, false},
		states.FailedAt: {}, states.StartedAt: {},
	} {
		if s.At(stamp) != want.at || s.Reported(stamp) != want.given {
			t.Errorf("%s: %d, given by a report: %t", stamp, s.At(stamp), s.Reported(stamp))
		}
	}
	s.Set(states.AckedAt, 8, false)
	s.Clear(states.LastTransitionAt)
	if s.At(states.AckedAt) != 8 || s.Reported(states.AckedAt) || s.At(states.LastTransitionAt).IsSet() || s.Reported(states.LastTransitionAt) {
		t.Errorf("after a change: %+v", s)
	}
}

func TestProbesAreSortedAndCopied(t *testing.T) {
	var probes states.Probes
	for _, name := range []string{"http", "dns", "tls", "load"} {
		probes = probes.With(states.Probe{Name: name, Mode: states.Observe})
	}
	was := probes
	probes = probes.With(states.Probe{Name: "http", Mode: states.Enforce})
	added := was.With(states.Probe{Name: "zip"})
	mapped := was.Map(func(p states.Probe) states.Probe { p.Reason = "so"; return p })
	for what, c := range map[string]struct {
		got   states.Probes
		names []string
	}{
		"what was":       {was, []string{"dns", "http", "load", "tls"}},
		"with one more":  {added, []string{"dns", "http", "load", "tls", "zip"}},
		"with one anew":  {probes, []string{"dns", "http", "load", "tls"}},
		"with a reason":  {mapped, []string{"dns", "http", "load", "tls"}},
		"of nothing":     {states.Probes(nil).Map(func(p states.Probe) states.Probe { return p }), nil},
		"of none at all": {states.Probes{}.Map(func(p states.Probe) states.Probe { return p }), nil},
	} {
		var names []string
		for _, p := range c.got {
			names = append(names, p.Name)
		}
		if diff := cmp.Diff(c.names, names); diff != "" {
			t.Errorf("%s:\n%s", what, diff)
		}
	}
	for _, name := range []string{"dns", "http", "load", "tls"} {
		p, ok := was.Find(name)
		if want := (states.Probe{Name: name, Mode: states.Observe}); !ok || p != want {
			t.Errorf("%s is now %+v", name, p)
		}
		if p, _ := mapped.Find(name); p.Reason != "so" {
			t.Errorf("%s was not mapped: %+v", name, p)
		}
	}
	if p, _ := probes.Find("http"); p.Mode != states.Enforce {
		t.Errorf("put anew: %+v", p)
	}
	if p, ok := was.Find("ftp"); ok || p != (states.Probe{}) {
		t.Errorf("what there is not: %+v", p)
	}
	if states.Probes(nil).Map(nil) != nil || states.Probes([]states.Probe{}).Map(nil) != nil {
		t.Error("no probes become some")
	}
	// Two that are added to one do not write into the same place.
	first, second := was.With(states.Probe{Name: "x"}), was.With(states.Probe{Name: "y"})
	if first[4].Name != "x" || second[4].Name != "y" {
		t.Error("two additions share their memory")
	}
}

func TestWhichProbesGate(t *testing.T) {
	for mode := states.Mode(0); mode <= states.Enforce; mode++ {
		for status := states.Status(0); status <= states.Fail; status++ {
			p := states.Probe{Name: "http", Mode: mode, Status: status}
			if want := mode != states.Enforce || status == states.Pass; p.Passes() != want {
				t.Errorf("%s, %s: passes %t", mode, status, p.Passes())
			}
			probes := states.Probes{{Name: "dns", Mode: states.Enforce, Status: states.Pass}, p}
			if want := mode == states.Enforce && status == states.Fail; probes.Failing() != want {
				t.Errorf("%s, %s: failing %t", mode, status, probes.Failing())
			}
		}
	}
}

func TestWhatARecordComesTo(t *testing.T) {
	soak := states.Policy{Soak: 5 * time.Second, OnFailure: states.Halt}
	opened := states.Record{Opened: 1_000, Policy: soak}
	activated := opened
	activated.Set(states.ActivatedAt, 2_000, true)
	if opened.SoakDue() != 6_000 || activated.SoakDue() != 7_000 {
		t.Errorf("the soak ends at %d, and behind an activation at %d", opened.SoakDue(), activated.SoakDue())
	}
	said := opened
	said.PolicyApplied = states.RollbackAndHalt
	if opened.Applied() != states.Halt || said.Applied() != states.RollbackAndHalt {
		t.Errorf("applied: %s, and where the agent said so %s", opened.Applied(), said.Applied())
	}
	for state := states.State(0); state <= states.Reverted; state++ {
		for _, c := range []struct {
			deferredIsDone bool
			dispatched     states.Time
		}{{false, 0}, {true, 1}} {
			rec := states.Record{Policy: states.Policy{DeferredIsDone: c.deferredIsDone}, Dispatched: c.dispatched, Belief: states.Belief{State: state}}
			if want := state == states.Converged || state == states.Deferred && c.deferredIsDone; rec.Done() != want {
				t.Errorf("%s, deferred is done %t: done %t", state, c.deferredIsDone, rec.Done())
			}
			want := state == states.Activating || state == states.Soaking || state == states.Pending && c.dispatched != 0
			if rec.InFlight() != want {
				t.Errorf("%s, dispatched %d: in flight %t", state, c.dispatched, rec.InFlight())
			}
		}
	}
}

func TestWhatARecordRestsOn(t *testing.T) {
	first, last := states.Guess{Kind: states.KindDispatchAck, At: 1}, states.Guess{Kind: states.KindActivationCompleted, At: 2}
	before := states.Belief{State: states.Pending, Current: "old"}
	rec := states.Record{Belief: states.Belief{State: states.Soaking}, Doubt: &states.Doubt{Before: before, Guesses: []states.Guess{first, last}}}
	if !rec.Synthesised() || rec.LastGuess() != last {
		t.Errorf("synthesised %t, by %+v", rec.Synthesised(), rec.LastGuess())
	}
	if diff := cmp.Diff(before, rec.Before()); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]states.Guess{first, last}, rec.Guesses()); diff != "" {
		t.Error(diff)
	}
	sure := states.Record{Belief: states.Belief{State: states.Soaking}}
	if sure.Synthesised() || sure.Guesses() != nil || sure.LastGuess() != (states.Guess{}) {
		t.Errorf("without a guess it rests on %+v", sure.Guesses())
	}
	if diff := cmp.Diff(states.Belief{}, sure.Before()); diff != "" {
		t.Error(diff)
	}
}

func TestAnObservationIsOneLine(t *testing.T) {
	for _, c := range []struct {
		from states.Observation
		want string
	}{
		{states.Observation{}, "heartbeat at never"},
		{states.Observation{At: 1_000, Current: "new"}, "heartbeat at 1970-01-01T00:00:01.000Z running new"},
		{states.Observation{At: 1_000, Order: states.Order{Boot: 3, Beat: 7}, Seq: 5}, "report 5 at 1970-01-01T00:00:01.000Z (boot.beat 3.7)"},
		{
			states.Observation{At: 1_000, Order: states.Order{Boot: 3, Beat: 7}, Current: "new"},
			"heartbeat at 1970-01-01T00:00:01.000Z (boot.beat 3.7) running new",
		},
	} {
		if got := c.from.String(); got != c.want {
			t.Errorf("got  %s\nwant %s", got, c.want)
		}
	}
}

// Records are the same where every field is: one that differs anywhere must be
// stored.
func TestRecordsAreTheSameInEveryFieldOrNotAtAll(t *testing.T) {
	whole := func() states.Record {
		return states.Record{
			Key:  states.Key{Rollout: states.Rollout{Channel: "stable", Ref: "a1b2"}, Host: "web-1"},
			Wave: 1, Target: "new", Policy: states.Policy{Soak: 1}, Opened: 1, Dispatched: 2,
			LastSeq: 3, Gap: true, Revision: 4,
			Belief: states.Belief{State: states.Soaking, Probes: states.Probes{{Name: "http"}}},
			Doubt:  &states.Doubt{Guesses: []states.Guess{{At: 1}}},
		}
	}
	same := whole()
	if other := whole(); !same.Equal(&other) {
		t.Error("a record is not the same as itself")
	}
	unknown := states.Record{}
	if other := (states.Record{}); !unknown.Equal(&other) {
		t.Error("two fields that are unknown differ")
	}
	for what, change := range map[string]func(*states.Record){
		"channel":         func(r *states.Record) { r.Rollout.Channel = "edge" },
		"host":            func(r *states.Record) { r.Host = "web-2" },
		"wave":            func(r *states.Record) { r.Wave = 2 },
		"target":          func(r *states.Record) { r.Target = "old" },
		"policy":          func(r *states.Record) { r.Policy.DeferredIsDone = true },
		"opened":          func(r *states.Record) { r.Opened = 9 },
		"dispatched":      func(r *states.Record) { r.Dispatched = 9 },
		"last number":     func(r *states.Record) { r.LastSeq = 9 },
		"gap":             func(r *states.Record) { r.Gap = false },
		"revision":        func(r *states.Record) { r.Revision = 9 },
		"state":           func(r *states.Record) { r.State = states.Converged },
		"a stamp":         func(r *states.Record) { r.Set(states.AckedAt, 9, false) },
		"who gave it":     func(r *states.Record) { r.Given = 1 },
		"at dispatch":     func(r *states.Record) { r.AtDispatch = "old" },
		"current":         func(r *states.Record) { r.Current = "old" },
		"reverted to":     func(r *states.Record) { r.RevertedTo = "old" },
		"policy applied":  func(r *states.Record) { r.PolicyApplied = states.Halt },
		"a probe":         func(r *states.Record) { r.Probes = states.Probes{{Name: "http", Status: states.Pass}} },
		"last order":      func(r *states.Record) { r.LastOrder.Beat = 9 },
		"deferred order":  func(r *states.Record) { r.DeferredOrder.Beat = 9 },
		"no guess":        func(r *states.Record) { r.Doubt = nil },
		"another guess":   func(r *states.Record) { r.Doubt.Guesses[0].At = 9 },
		"one more guess":  func(r *states.Record) { r.Doubt.Guesses = append(r.Doubt.Guesses, states.Guess{}) },
		"before a guess":  func(r *states.Record) { r.Doubt.Before.Current = "old" },
		"the first guess": func(r *states.Record) { r.Doubt.Guesses = nil },
	} {
		other := whole()
		change(&other)
		if same.Equal(&other) || other.Equal(&same) {
			t.Errorf("%s makes no difference", what)
		}
	}
}
