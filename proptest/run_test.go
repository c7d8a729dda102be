package proptest_test

import (
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/rollmend/rollmend/proptest"
)

// childMode says, in the process that [child] starts, what it is to run.
const childMode = "PROPTEST_CHILD"

// TestInAChild does nothing but in a process of its own, where it fails.
func TestInAChild(t *testing.T) {
	switch os.Getenv(childMode) {
	case "gate":
		proptest.Run(t, homeMade(), proptest.NoGateViolated(halfOfStable))
	case "empty":
		for p := range proptest.Laws() {
			if p.Name == "a chain applies, and leads where the host is" {
				proptest.Run(t, deaf(), p)
			}
		}
	case "store":
		sys := proptest.Real()
		sys.Open = openForgetting
		sys.Reopen = reopenForgetting
		proptest.Run(t, sys, proptest.NoGateViolated())
	}
}

// child runs TestInAChild where it counts.
func child(t *testing.T, mode string, args ...string) (out string, passed bool) {
	t.Helper()
	cmd := exec.Command(os.Args[0], append([]string{"-test.run=^TestInAChild$", "-test.v"}, args...)...)
	cmd.Env = append(os.Environ(), childMode+"="+mode)
	b, err := cmd.CombinedOutput()
	return string(b), err == nil
}

func wants(t *testing.T, out string, parts ...string) {
	t.Helper()
	for _, part := range parts {
		if !strings.Contains(out, part) {
			t.Errorf("it does not say %q:\n%s", part, out)
		}
	}
}

// A user's test fails with the timeline, the seed, and what shows it again.
func TestRunSaysWhatItFoundAndHowToSeeItAgain(t *testing.T) {
	first, passed := child(t, "gate", "-proptest.seed=1")
	if passed {
		t.Fatalf("it passes:\n%s", first)
	}
	timeline := []string{"rollout edge@a1b2 target=new-edge", "edge-0 is taken for converged, and the rule holds it: edge waits for half of stable"}
	wants(t, first, append(timeline, "seed 3; to see it again: go test -run '^TestInAChild/nothing_is_dispatched", "-proptest.seed=3 -proptest.cases=1")...)
	again, passed := child(t, "gate", "-proptest.seed=3", "-proptest.cases=1")
	if passed {
		t.Fatalf("the case alone passes:\n%s", again)
	}
	wants(t, again, timeline...)
}

func TestRunFailsWhereThereIsNothingToJudge(t *testing.T) {
	out, passed := child(t, "empty", "-proptest.seed=1")
	if passed {
		t.Fatalf("it passes:\n%s", out)
	}
	wants(t, out, "in none of 1000 cases from seed 1 on is there anything to judge")
}

// A gate that is not asked lets somebody go: here the control plane does not
// know of a quarantine, since its store forgets them once when it is opened
// again.
func TestAnEngineThatPassesAGateIsSeen(t *testing.T) {
	out, passed := child(t, "store", "-proptest.seed=1")
	if passed {
		t.Fatalf("it passes:\n%s", out)
	}
	wants(t, out, "\n        restart\n", "the gate quarantine holds it")
}
