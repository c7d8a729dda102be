package reducer_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/rollmend/rollmend/reducer"
	"github.com/rollmend/rollmend/states"
)

// The soak is ten seconds; where a report gave the activation, it was at two.
func TestASoakIsServedOrAttested(t *testing.T) {
	reportedActivation := func() *life { return reported(t, states.Soaking) }
	guessedActivation := func() *life {
		l := reported(t, states.Activating)
		l.guessed(states.KindActivationCompleted, sec(20))
		return l
	}
	for _, c := range []struct {
		what      string
		of        *life
		at        states.Time
		guessed   bool
		activated states.Time // zero: refused
		converged states.Time
		reported  bool // the convergence's stamp
	}{
		{"over to the millisecond", reportedActivation(), sec(12), false, sec(2), sec(12), true},
		{"a millisecond short", reportedActivation(), sec(12) - 1, false, 0, 0, false},
		{"by another clock, before the activation", reportedActivation(), sec(2) - 1, false, sec(2), sec(12), false},
		{"at the activation itself", reportedActivation(), sec(2), false, 0, 0, false},
		{"a guess attests nothing", reportedActivation(), sec(2) - 1, true, 0, 0, false},
		{"a guess behind the soak", reportedActivation(), sec(12), true, sec(2), sec(12), false},
		{"attested, the stamp moves back", guessedActivation(), sec(25), false, sec(15), sec(25), true},
		{"attested, the stamp stays where it is early enough", guessedActivation(), sec(40), false, sec(20), sec(40), true},
		{"a guess does not attest a guess", guessedActivation(), sec(25), true, 0, 0, false},
		{"a guess behind a guess", guessedActivation(), sec(30), true, sec(20), sec(30), false},
	} {
		ev := c.of.next(c.at, reducer.Converged{Current: "new"})
		if c.guessed {
			ev = reducer.Synthesise(&c.of.rec, states.KindConverged, states.RecordsLost, states.Observation{At: c.at, Current: "new"}, c.at)
		}
		given := c.of.rec.Reported(states.ActivatedAt)
		if c.activated == 0 {
			c.of.refused(c.what, ev, &reducer.InvariantError{
				Key: webOne, Kind: states.KindConverged, Invariant: reducer.SoakNotOver,
				Detail: "at " + c.at.String() + ", the soak ends at " + c.of.rec.SoakDue().String(),
			})
			continue
		}
		rec := c.of.must(ev).Record
		if got := rec.At(states.ActivatedAt); got != c.activated || rec.Reported(states.ActivatedAt) != given {
			t.Errorf("%s: activated %s, want %s; given by a report: %t, want %t", c.what, got, c.activated, rec.Reported(states.ActivatedAt), given)
		}
		if got := rec.At(states.ConvergedAt); got != c.converged || rec.Reported(states.ConvergedAt) != c.reported {
			t.Errorf("%s: converged %s, want %s; given by a report: %t", c.what, got, c.converged, rec.Reported(states.ConvergedAt))
		}
	}
}

// A time that was cut to the bound was given by no report.
func TestATimeThatWasCutIsNotGiven(t *testing.T) {
	l := reported(t, states.Activating)
	ev := l.next(sec(2), reducer.ActivationCompleted{Observed: "new"})
	ev.Clamped = true
	rec := l.must(ev).Record
	for _, stamp := range []states.Stamp{states.ActivatedAt, states.LastTransitionAt} {
		if rec.At(stamp) != sec(2) || rec.Reported(stamp) {
			t.Errorf("%s is %s, given by a report: %t", stamp, rec.At(stamp), rec.Reported(stamp))
		}
	}
	if !rec.Reported(states.AckedAt) {
		t.Error("the acknowledgement's time was not cut")
	}
}

func TestAFirstProbeIsStampedOnce(t *testing.T) {
	l := reported(t, states.Soaking)
	l.says(sec(3), reducer.ProbeObservedFirst{Probe: "http"})
	l.says(sec(4), reducer.ProbeFailureFirst{Probe: "http"})
	l.says(sec(5), reducer.ProbeObservedFirst{Probe: "dns"})
	rec := l.says(sec(6), reducer.ProbeFailureFirst{Probe: "dns"}).Record
	if rec.At(states.FirstProbeAt) != sec(3) || rec.At(states.FirstProbeFailureAt) != sec(4) {
		t.Errorf("first probe %s, first failure %s", rec.At(states.FirstProbeAt), rec.At(states.FirstProbeFailureAt))
	}
}

func TestWhatAResultMakesOfAProbe(t *testing.T) {
	declared := func(mode states.Mode) reducer.Body {
		return reducer.ProbeTopologyDeclared{Probes: []reducer.Declaration{{Name: "http", Kind: "get", Mode: mode}}}
	}
	result := func(mode states.Mode, status states.Status, reason string) reducer.Body {
		return reducer.ProbeResult{Probe: "http", Mode: mode, Status: status, Reason: reason}
	}
	for _, c := range []struct {
		what string
		says []reducer.Body // the first at second 3
		want states.Probe
	}{
		{
			"declared, without a result",
			[]reducer.Body{declared(states.Enforce)},
			states.Probe{Name: "http", Mode: states.Enforce, Declared: true},
		},
		{
			"a result lowers no declared mode",
			[]reducer.Body{declared(states.Enforce), result(states.Observe, states.Fail, "503")},
			states.Probe{Name: "http", Mode: states.Enforce, Declared: true, Status: states.Fail, At: sec(4), Reason: "503"},
		},
		{
			"a result raises a declared mode",
			[]reducer.Body{declared(states.Observe), result(states.Enforce, states.Fail, "503")},
			states.Probe{Name: "http", Mode: states.Enforce, Declared: true, Status: states.Fail, At: sec(4), Reason: "503"},
		},
		{
			"a mode that nobody declared follows the results",
			[]reducer.Body{result(states.Enforce, states.Fail, "503"), result(states.Observe, states.Pass, "")},
			states.Probe{Name: "http", Mode: states.Observe, Status: states.Pass, At: sec(4)},
		},
		{
			"a declaration keeps the result, and its mode counts",
			[]reducer.Body{result(states.Enforce, states.Fail, "503"), declared(states.Observe)},
			states.Probe{Name: "http", Mode: states.Observe, Declared: true, Status: states.Fail, At: sec(3), Reason: "503"},
		},
		{
			"the last result counts",
			[]reducer.Body{result(states.Enforce, states.Pass, ""), result(states.Enforce, states.Fail, "503")},
			states.Probe{Name: "http", Mode: states.Enforce, Status: states.Fail, At: sec(4), Reason: "503"},
		},
	} {
		l := reported(t, states.Soaking)
		for i, body := range c.says {
			l.says(sec(3+i), body)
		}
		if diff := cmp.Diff(states.Probes{c.want}, l.rec.Probes); diff != "" {
			t.Errorf("%s:\n%s", c.what, diff)
		}
	}
}

// After an accepted gap the agent's own Converged speaks for the enforced
// probes that have said nothing since; a guess, or no gap, speaks for none.
func TestAConvergenceSpeaksForWhatAGapHides(t *testing.T) {
	probe := func(name string, mode states.Mode, status states.Status) reducer.Body {
		return reducer.ProbeResult{Probe: name, Mode: mode, Status: status, Reason: "so"}
	}
	soaking := func(gap bool, since ...reducer.Body) *life {
		l := reported(t, states.Soaking)
		l.says(sec(3), probe("dns", states.Enforce, states.Fail))
		l.says(sec(3), probe("load", states.Observe, states.Fail))
		l.says(sec(3), probe("tls", states.Enforce, states.Fail))
		if gap {
			l.rec.LastSeq++
		}
		ev := l.next(sec(4), probe("http", states.Enforce, states.Pass))
		if gap {
			l.rec.LastSeq-- // one was lost
		}
		l.must(ev)
		for _, body := range since {
			l.says(sec(5), body)
		}
		return l
	}
	refusal := &reducer.InvariantError{
		Key: webOne, Kind: states.KindConverged, Invariant: reducer.EnforcedProbeFailing, Detail: `probe "dns" has not passed`,
	}
	end := reducer.Converged{Current: "new"}

	whole := soaking(false)
	whole.refused("no gap", whole.next(sec(12), end), refusal)
	known := soaking(true, probe("dns", states.Enforce, states.Fail))
	known.refused("it failed since the gap", known.next(sec(12), end), refusal)
	guessed := soaking(true)
	guessed.refused("a guess", reducer.Synthesise(&guessed.rec, states.KindConverged, states.RecordsLost, states.Observation{At: sec(12), Current: "new"}, sec(12)), refusal)

	attested := soaking(true)
	out := attested.says(sec(12), end)
	want := states.Probes{
		{Name: "dns", Mode: states.Enforce, Status: states.Pass, At: sec(12)},
		{Name: "http", Mode: states.Enforce, Status: states.Pass, At: sec(4), Reason: "so", SinceGap: true},
		{Name: "load", Mode: states.Observe, Status: states.Fail, At: sec(3), Reason: "so"},
		{Name: "tls", Mode: states.Enforce, Status: states.Pass, At: sec(12)},
	}
	if diff := cmp.Diff(want, out.Record.Probes); diff != "" {
		t.Error(diff)
	}
	if !out.Record.Gap {
		t.Error("the gap is forgotten")
	}
}

// A gap that is accepted makes every probe that reported before it one that has
// not reported since, in what the record guessed and in what it was before.
func TestAGapBeginsTheCountAnew(t *testing.T) {
	l := reported(t, states.Soaking)
	for range 2 { // one lost, one heard
		l.rec.LastSeq++
		ev := l.next(sec(3), reducer.ProbeResult{Probe: "http", Mode: states.Enforce, Status: states.Pass})
		l.rec.LastSeq--
		l.must(ev)
		if p, _ := l.rec.Probes.Find("http"); !p.SinceGap {
			t.Error("the report behind the gap came before it")
		}
	}
	l.guessed(states.KindConverged, sec(20))
	was := l.rec
	for _, lost := range []states.Seq{0, 1} {
		l.rec = was
		ev := l.next(sec(4), reducer.RollbackComplete{RevertedTo: "old"}) // it is refused, and takes its number
		ev.Seq += lost
		out, _ := l.step(ev)
		p, _ := out.Record.Probes.Find("http")
		before, _ := out.Record.Doubt.Before.Probes.Find("http")
		if still := lost == 0; p.SinceGap != still || before.SinceGap != still {
			t.Errorf("after %d lost: since the gap %t, before the guess %t", lost, p.SinceGap, before.SinceGap)
		}
		if p, _ := was.Probes.Find("http"); !p.SinceGap {
			t.Error("the record that was handed in is written to")
		}
		if before, _ := was.Doubt.Before.Probes.Find("http"); !before.SinceGap {
			t.Error("the record that was handed in is written to, before its guess")
		}
	}
}

// Missing reports in front of a reported activation were about the old closure;
// a guessed one says nothing of that.
func TestAReportedActivationEndsAGap(t *testing.T) {
	for _, guess := range []bool{false, true} {
		l := reported(t, states.Activating)
		l.rec.Gap = true
		if guess {
			l.guessed(states.KindActivationCompleted, sec(2))
		} else {
			l.says(sec(2), reducer.ActivationCompleted{Observed: "new"})
		}
		if l.rec.Gap != guess {
			t.Errorf("guessed: %t, and the gap is open: %t", guess, l.rec.Gap)
		}
	}
}

// The first number is 1: one that begins later leaves a gap.
func TestTheFirstNumberIsOne(t *testing.T) {
	for seq, gap := range map[states.Seq]bool{1: false, 2: true} {
		out, err := opened(t).step(reducer.Event{Key: webOne, Seq: seq, At: sec(1), Body: reducer.DispatchAck{}})
		if err != nil || out.Record.Gap != gap || out.Record.LastSeq != seq {
			t.Errorf("begins at %d: gap %t, last %d (%v)", seq, out.Record.Gap, out.Record.LastSeq, err)
		}
	}
}

func TestWhichPolicyAFailureSays(t *testing.T) {
	for _, c := range []struct {
		of   states.State
		body reducer.Body
		want states.OnFailure
	}{
		{states.Soaking, reducer.Failed{PolicyApplied: states.Halt}, states.Halt},
		{states.Soaking, reducer.Failed{}, states.RollbackAndHalt},
		{states.Activating, reducer.ActivationFailed{}, states.RollbackAndHalt},
	} {
		l := reported(t, c.of)
		rec := l.says(sec(5), c.body).Record
		if rec.PolicyApplied != c.want || rec.At(states.FailedAt) != sec(5) {
			t.Errorf("%s: policy %s, failed %s", c.body.Kind(), rec.PolicyApplied, rec.At(states.FailedAt))
		}
	}
}
