package synth_test

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/rollmend/rollmend/gates"
	"github.com/rollmend/rollmend/states"
	"github.com/rollmend/rollmend/synth"
)

func TestReasonsHaveNames(t *testing.T) {
	var names []string
	for r := range synth.Reasons() {
		names = append(names, r.String())
	}
	want := []string{
		"in-step", "chain", "held", "stale", "drift", "halted", "silent",
		"closure-unknown", "dispatched-on-target", "deferred-not-booted",
	}
	if diff := cmp.Diff(want, names); diff != "" {
		t.Error(diff)
	}
	for r := range synth.Reasons() {
		if r != synth.InStep {
			t.Errorf("the first reason is %s", r)
		}
		break
	}
	beyond := slices.Max(slices.Collect(synth.Reasons())) + 1
	if got := beyond.String(); got != "invalid" {
		t.Errorf("what is no reason is called %q", got)
	}
}

func TestAFindingIsOneLine(t *testing.T) {
	for _, c := range []struct {
		finding synth.Finding
		want    string
	}{
		{synth.Finding{Key: key, Reason: synth.InStep}, "stable@a1b2/web-1: in-step"},
		{synth.Finding{Key: key, Reason: synth.Drift, Detail: "it drifts"}, "stable@a1b2/web-1: drift: it drifts"},
		{
			synth.Finding{Key: key, Reason: synth.Held, Case: states.RecordsLost, Detail: "it waits", Blocks: []gates.Block{{Gate: "g", Scope: "s", Why: "w", Release: "r"}}},
			"stable@a1b2/web-1: held (records-lost): it waits; g (s): w; released by r",
		},
	} {
		if got := c.finding.String(); got != c.want {
			t.Errorf("got  %s\nwant %s", got, c.want)
		}
	}
}
