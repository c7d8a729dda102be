package states_test

import (
	"errors"
	"iter"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/rollmend/rollmend/states"
)

func texts[E interface{ String() string }](values iter.Seq[E]) (out []string) {
	for v := range values {
		out = append(out, v.String())
	}
	return out
}

// upTo yields what there is from 0 to a value, and the one behind it.
func upTo[E ~uint8](last E) iter.Seq[E] {
	return func(yield func(E) bool) {
		for e := E(0); e <= last+1; e++ {
			if !yield(e) {
				return
			}
		}
	}
}

// Names leave the process: on the wire, in stores, in scenarios.
func TestNames(t *testing.T) {
	for _, c := range []struct {
		what      string
		got, want []string
	}{
		{"states", texts(states.States()), []string{"Pending", "Activating", "Deferred", "Soaking", "Converged", "Failed", "Reverted"}},
		{"kinds", texts(states.Kinds()), []string{
			"Opened", "Dispatched", "DispatchAck", "ActivationStarted", "ActivationCompleted", "ActivationDeferred", "ActivationFailed",
			"ProbeTopologyDeclared", "ProbeObservedFirst", "ProbeResult", "ProbeFailureFirst", "Failed", "RollbackComplete", "Converged",
		}},
		{"cases", texts(states.Cases()), []string{
			"agent-restarted", "reboot-finished", "records-lost", "reports-in-flight", "held-by-agent", "rollback-unreported", "report-ahead",
		}},
		{"stamps", texts(states.AllStamps()), []string{
			"acked", "activation-started", "activated", "deferred", "activation-failed", "first-probe", "first-probe-failure",
			"converged", "failed", "reverted", "last-transition",
		}},
		{"no state", texts(upTo(states.State(0))), []string{"invalid", "Pending"}},
		{"behind the states", []string{(states.Reverted + 1).String()}, []string{"invalid(8)"}},
		{"no kind", []string{states.Kind(0).String(), states.Kind(99).String()}, []string{"invalid", "invalid(99)"}},
		{"no case", []string{states.Case(0).String(), states.Case(99).String()}, []string{"reported", "invalid(99)"}},
		{"behind the stamps", []string{(states.LastTransitionAt + 1).String()}, []string{"invalid(11)"}},
		{"policies", texts(upTo(states.RollbackAndHalt)), []string{"unset", "halt", "rollback-and-halt", "invalid(3)"}},
		{"modes", texts(upTo(states.Enforce)), []string{"unset", "disabled", "observe", "enforce", "invalid(4)"}},
		{"results", texts(upTo(states.Fail)), []string{"none", "pass", "fail", "invalid(3)"}},
	} {
		if diff := cmp.Diff(c.want, c.got); diff != "" {
			t.Errorf("%s:\n%s", c.what, diff)
		}
	}
	for range states.States() {
		break // whoever has seen enough is not given more
	}
	for range states.AllStamps() {
		break
	}
}

// reads makes sure that what is written is read again, and nothing else.
func reads[E interface {
	~uint8
	String() string
}](t *testing.T, parse func(string) (E, error), what, want string, all iter.Seq[E]) {
	t.Helper()
	for e := range all {
		if got, err := parse(e.String()); err != nil || got != e {
			t.Errorf("%s is read as %s (%v)", e, got, err)
		}
	}
	for _, text := range []string{"", "nothing", E(0).String(), "invalid(99)"} {
		got, err := parse(text)
		if diff := cmp.Diff(&states.NameError{What: what, Name: text, Want: want}, err); diff != "" || got != 0 {
			t.Errorf("%q is read as %s:\n%s", text, got, diff)
		}
	}
}

func TestNamesAreReadAgain(t *testing.T) {
	reads(t, states.ParseState, "state", "one of Pending, Activating, Deferred, Soaking, Converged, Failed, Reverted", states.States())
	reads(t, states.ParseKind, "event kind", "one of Opened, Dispatched, DispatchAck, ActivationStarted, ActivationCompleted, ActivationDeferred, "+
		"ActivationFailed, ProbeTopologyDeclared, ProbeObservedFirst, ProbeResult, ProbeFailureFirst, Failed, RollbackComplete, Converged", states.Kinds())
	reads(t, states.ParseCase, "case", "one of agent-restarted, reboot-finished, records-lost, reports-in-flight, held-by-agent, rollback-unreported, report-ahead", states.Cases())
	reads(t, states.ParseOnFailure, "failure policy", "one of halt, rollback-and-halt", slices.Values([]states.OnFailure{states.Halt, states.RollbackAndHalt}))
	reads(t, states.ParseMode, "probe mode", "one of disabled, observe, enforce", slices.Values([]states.Mode{states.Disabled, states.Observe, states.Enforce}))
	reads(t, states.ParseStatus, "probe status", "one of pass, fail", slices.Values([]states.Status{states.Pass, states.Fail}))
}

func TestARolloutIsBothHalves(t *testing.T) {
	for text, want := range map[string]states.Rollout{
		"stable@a1b2": {Channel: "stable", Ref: "a1b2"},
		"stable":      {},
		"@a1b2":       {},
		"stable@":     {},
		"stable@a@b":  {},
		"@":           {},
		"":            {},
	} {
		got, err := states.ParseRollout(text)
		if got != want {
			t.Errorf("%q is read as %+v (%v)", text, got, err)
		}
		if want.IsZero() {
			var wrong *states.NameError
			if !errors.As(err, &wrong) {
				t.Fatalf("%q: %v", text, err)
			}
			if want := (states.NameError{What: "rollout", Name: text, Want: `"channel@ref", with one @ and both halves given`}); *wrong != want {
				t.Errorf("%q: %v", text, err)
			}
			continue
		}
		if err != nil || got.String() != text {
			t.Errorf("%q is written as %q (%v)", text, got, err)
		}
	}
	err := &states.NameError{What: "rollout", Name: "x", Want: "two halves"}
	if got := err.Error(); got != `states: "x" is no rollout: want two halves` {
		t.Error(got)
	}
	if got := (states.Rollout{}).String(); got != "" {
		t.Errorf("no rollout is called %q", got)
	}
	for _, half := range []states.Rollout{{Channel: "stable"}, {Ref: "a1b2"}} {
		if half.IsZero() {
			t.Errorf("%+v names no rollout", half)
		}
	}
	if got := (states.Key{Rollout: states.Rollout{Channel: "stable", Ref: "a1b2"}, Host: "web-1"}).String(); got != "stable@a1b2/web-1" {
		t.Error(got)
	}
}

func TestUnknownIsNoClosure(t *testing.T) {
	for _, c := range []struct {
		c, d states.Closure
		want bool
	}{{"new", "new", true}, {"new", "old", false}, {"", "", false}, {"new", "", false}, {"", "new", false}} {
		if got := c.c.Is(c.d); got != c.want {
			t.Errorf("%s is %s: %t", c.c, c.d, got)
		}
	}
	if states.Closure("").Known() || !states.Closure("new").Known() {
		t.Error("what is known is not told from what is not")
	}
	if got := states.Closure("").String() + " " + states.Closure("new").String(); got != "unknown new" {
		t.Error(got)
	}
}

func TestTheOrderOfBoots(t *testing.T) {
	order := func(boot, beat uint64) states.Order { return states.Order{Boot: boot, Beat: beat} }
	for _, c := range []struct {
		o, p states.Order
		want bool
	}{
		{order(2, 1), order(1, 9), true},
		{order(1, 9), order(2, 1), false},
		{order(2, 2), order(2, 1), true},
		{order(2, 1), order(2, 1), false},
		{order(2, 1), order(2, 2), false},
	} {
		if got := c.o.After(c.p); got != c.want {
			t.Errorf("%s is after %s: %t", c.o, c.p, got)
		}
	}
	if order(0, 5).Given() || !order(1, 0).Given() {
		t.Error("a boot is what makes an order")
	}
	if got := order(0, 5).String() + " " + order(3, 7).String(); got != "none 3.7" {
		t.Error(got)
	}
	if got := states.Unstaged.String() + " " + states.Wave(0).String() + " " + states.Wave(12).String(); got != "unstaged 0 12" {
		t.Error(got)
	}
}

func TestWhoSendsAnEvent(t *testing.T) {
	for kind := range upTo(states.KindConverged) {
		want := kind >= states.KindDispatchAck && kind <= states.KindConverged
		if got := kind.Agent(); got != want {
			t.Errorf("the agent sends %s: %t", kind, got)
		}
	}
}

func TestWhatAStateIs(t *testing.T) {
	type is struct{ Valid, Live, Terminal bool }
	want := map[states.State]is{
		0: {}, states.Reverted + 1: {},
		states.Pending: {true, true, false}, states.Activating: {true, true, false}, states.Deferred: {true, true, false},
		states.Soaking: {true, true, false}, states.Failed: {true, true, false},
		states.Converged: {true, false, true}, states.Reverted: {true, false, true},
	}
	got := map[states.State]is{}
	for state := range upTo(states.Reverted) {
		got[state] = is{state.Valid(), state.Live(), state.Terminal()}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}
