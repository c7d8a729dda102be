package reducer_test

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/rollmend/rollmend/reducer"
	"github.com/rollmend/rollmend/states"
)

// What an operator or a log is told, word for word.
func TestErrorsSayWhatWasWrongAndWhere(t *testing.T) {
	other := states.Key{Rollout: states.Rollout{Channel: "edge", Ref: "c3d4"}, Host: "web-2"}
	for _, c := range []struct {
		err  error
		want string
	}{
		{&reducer.WrongRecordError{Record: webOne, Event: other}, "reducer: event of edge@c3d4/web-2 handed to the record of stable@a1b2/web-1"},
		{&reducer.IllegalError{Key: webOne, Kind: states.KindDispatchAck}, "reducer: stable@a1b2/web-1: DispatchAck is not legal before the rollout is opened"},
		{&reducer.IllegalError{Key: webOne, State: states.Soaking, Kind: states.KindDispatchAck}, "reducer: stable@a1b2/web-1: DispatchAck is not legal in Soaking"},
		{
			&reducer.InvariantError{Key: webOne, Kind: states.KindConverged, Invariant: reducer.SoakNotOver, Detail: "too early"},
			"reducer: stable@a1b2/web-1: Converged refused (soak-not-over): too early",
		},
		{&reducer.LogError{Key: webOne, Entry: 3, Reason: "it is torn"}, "reducer: log of stable@a1b2/web-1, entry 3: it is torn"},
	} {
		if got := c.err.Error(); got != c.want {
			t.Errorf("got  %s\nwant %s", got, c.want)
		}
	}
}

func TestAnInvariantThatIsBrokenSaysByWhat(t *testing.T) {
	broken := func(kind states.Kind, which reducer.Invariant, detail string) error {
		return &reducer.InvariantError{Key: webOne, Kind: kind, Invariant: which, Detail: detail}
	}
	soaking := reported(t, states.Soaking)
	enforcing := reported(t, states.Soaking)
	enforcing.says(sec(3), reducer.ProbeTopologyDeclared{Probes: []reducer.Declaration{{Name: "http", Mode: states.Enforce}}})
	strayed := reported(t, states.Soaking)
	strayed.rec.Current = "third"
	for _, c := range []struct {
		what string
		of   *life
		at   states.Time
		body reducer.Body
		want error
	}{
		{
			"an activation on another closure", reported(t, states.Activating), sec(2),
			reducer.ActivationCompleted{Observed: "third"},
			broken(states.KindActivationCompleted, reducer.NotOnTarget, "observed third, the target is new"),
		},
		{
			"an activation on nobody knows what", reported(t, states.Deferred), sec(2),
			reducer.ActivationCompleted{},
			broken(states.KindActivationCompleted, reducer.NotOnTarget, "observed unknown, the target is new"),
		},
		{
			"a convergence on another closure", soaking, sec(12),
			reducer.Converged{Current: "third"},
			broken(states.KindConverged, reducer.NotOnTarget, "the host runs third (the record says new), the target is new"),
		},
		{
			"a convergence of a host that the record has elsewhere", strayed, sec(12),
			reducer.Converged{Current: "new"},
			broken(states.KindConverged, reducer.NotOnTarget, "the host runs new (the record says third), the target is new"),
		},
		{
			"a convergence a millisecond too early", soaking, sec(12) - 1,
			reducer.Converged{Current: "new"},
			broken(states.KindConverged, reducer.SoakNotOver, "at 1970-01-01T00:16:51.999Z, the soak ends at 1970-01-01T00:16:52.000Z"),
		},
		{
			"a convergence past a probe that never reported", enforcing, sec(12),
			reducer.Converged{Current: "new"},
			broken(states.KindConverged, reducer.EnforcedProbeFailing, `probe "http" has not passed`),
		},
		{
			"a rollback to nowhere", reported(t, states.Failed), sec(4),
			reducer.RollbackComplete{},
			broken(states.KindRollbackComplete, reducer.RevertedToUnknown, "it does not say what the host went back to"),
		},
		{
			"a rollback to what was rolled out", reported(t, states.Failed), sec(4),
			reducer.RollbackComplete{RevertedTo: "new"},
			broken(states.KindRollbackComplete, reducer.RevertedToTarget, "new is what was rolled out"),
		},
	} {
		c.of.refused(c.what, c.of.next(c.at, c.body), c.want)
	}
}

func TestDispositionsAndSourcesHaveNames(t *testing.T) {
	var names []string
	for d := reducer.Disposition(0); d <= reducer.Refused+1; d++ {
		names = append(names, d.String())
	}
	for by := reducer.ByAgent; by <= reducer.BySynthesis+1; by++ {
		names = append(names, by.String())
	}
	want := []string{
		"invalid", "applied", "absorbed", "duplicate", "refused", "invalid",
		"reported", "control-plane", "synthesised", "invalid",
	}
	if diff := cmp.Diff(want, names); diff != "" {
		t.Error(diff)
	}
}

// What brought a closure into quarantine is said in one line.
func TestAQuarantineSaysWhatWentWrong(t *testing.T) {
	result := func(probe string, mode states.Mode, status states.Status) reducer.ProbeResult {
		return reducer.ProbeResult{Probe: probe, Mode: mode, Status: status}
	}
	probes := reported(t, states.Soaking)
	for _, r := range []reducer.ProbeResult{
		result("dns", states.Enforce, states.Fail),
		result("http", states.Enforce, states.Pass),
		result("load", states.Observe, states.Fail),
		result("tls", states.Enforce, states.Fail),
	} {
		probes.says(sec(3), r)
	}
	probes.says(sec(4), reducer.Failed{})
	switched := reported(t, states.Activating)
	switched.says(sec(3), reducer.ActivationFailed{ExitCode: 1})
	for _, c := range []struct {
		of   *life
		want string
	}{
		{probes, "probes failed: dns, tls; web-1 went back to old"},
		{switched, "the activation failed; web-1 went back to old"},
		{reported(t, states.Failed), "probes failed; web-1 went back to old"},
	} {
		out := c.of.says(sec(5), reducer.RollbackComplete{RevertedTo: "old"})
		want := reducer.Quarantine{
			Channel: "stable", Closure: "new", Since: sec(5), Why: c.want, Rollout: webOne.Rollout, Host: "web-1",
		}
		if diff := cmp.Diff(want, out.Effects.Quarantine); diff != "" {
			t.Error(diff)
		}
	}
}

// sink notes what it takes, and fails at one of the effects.
type sink struct {
	fails string
	took  []string
}

var errFull = errors.New("the disk is full")

func (s *sink) take(what string) error {
	if s.took = append(s.took, what); s.fails == what {
		return errFull
	}
	return nil
}

func (s *sink) Log(reducer.LogEntry) error          { return s.take("log entry") }
func (s *sink) Quarantine(reducer.Quarantine) error { return s.take("quarantine") }
func (s *sink) Transition(reducer.Transition) error { return s.take("transition") }

func TestEffectsStopAtTheFirstThatIsNotStored(t *testing.T) {
	all := []string{"log entry", "quarantine", "transition"}
	out := reported(t, states.Failed).says(sec(5), reducer.RollbackComplete{RevertedTo: "old"})
	for i, fails := range all {
		s := &sink{fails: fails}
		err := out.Effects.To(s)
		if !errors.Is(err, errFull) || err.Error() != fails+": the disk is full" {
			t.Errorf("where the %s is not stored: %v", fails, err)
		}
		if diff := cmp.Diff(all[:i+1], s.took); diff != "" {
			t.Errorf("where the %s is not stored:\n%s", fails, diff)
		}
	}
}

func TestOnlyWhatThereIsIsStored(t *testing.T) {
	soaking := reported(t, states.Soaking)
	for _, c := range []struct {
		what    string
		effects reducer.Effects
		want    []string
	}{
		{"nothing", reducer.Effects{}, nil},
		{"a result", soaking.says(sec(3), reducer.ProbeResult{Probe: "http", Status: states.Pass}).Effects, []string{"log entry"}},
		{"a failure", soaking.says(sec(4), reducer.Failed{}).Effects, []string{"log entry", "transition"}},
		{"an opening", reducer.Effects{Entry: opened(t).log[0]}, []string{"log entry"}},
	} {
		s := &sink{}
		if err := c.effects.To(s); err != nil {
			t.Errorf("%s: %v", c.what, err)
		}
		if diff := cmp.Diff(c.want, s.took); diff != "" {
			t.Errorf("%s:\n%s", c.what, diff)
		}
	}
}
