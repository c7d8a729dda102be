package main

import (
	"io"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
	"testing"
	"time"
)

// planted are the settings for a package of which one condition is guarded by a
// test and another is not.
func planted(t *testing.T) settings {
	t.Helper()
	return settings{
		root:       filepath.Join("testdata", "planted"),
		packages:   []string{"guard"},
		judges:     []judge{{name: "its own tests", timeout: time.Second}},
		equivalent: filepath.Join(t.TempDir(), "equivalent.txt"),
		seed:       1,
		jobs:       2,
		progress:   io.Discard,
	}
}

func judged(t *testing.T, set settings) *summary {
	t.Helper()
	sum, err := run(t.Context(), set)
	if err != nil {
		t.Fatal(err)
	}
	return sum
}

func TestAGuardThatATestLooksAtIsKilled(t *testing.T) {
	set := planted(t)
	set.only = regexp.MustCompile("Share")
	sum := judged(t, set)
	if sum.Killed == 0 || sum.Survived != 0 || !sum.clean() {
		t.Errorf("of the guarded condition %d are killed, and there survived %v", sum.Killed, sum.Survivors)
	}
}

func TestAGuardThatNoTestLooksAtSurvives(t *testing.T) {
	set := planted(t)
	set.only = regexp.MustCompile("Known: .* negated")
	sum := judged(t, set)
	if sum.Killed != 0 || sum.Survived == 0 || sum.clean() {
		t.Fatalf("of the unguarded condition %d are killed and %d survive", sum.Killed, sum.Survived)
	}
	f := sum.Survivors[0]
	if f.File != "guard/guard.go" || f.Line != 15 || f.What != "`name != \"\"` negated" {
		t.Errorf("the survivor is told as %s", f)
	}
}

func TestAConditionIsForcedAsAWhole(t *testing.T) {
	set := planted(t)
	set.only = regexp.MustCompile(`Outside: .n < 0 \|\| n > 9. forced false`)
	if sum := judged(t, set); sum.Killed != 1 || sum.Mutants != 1 {
		t.Errorf("%d of %d killed, %v survived", sum.Killed, sum.Mutants, sum.Survivors)
	}
}

func TestAnEntryOfTheListSilencesASurvivor(t *testing.T) {
	set := planted(t)
	set.only = regexp.MustCompile("Known: `name != \"\"` negated")
	listed(t, set, "guard/guard.go Known\n`name != \"\"` negated\nnobody asks for the\nanswer\n")
	sum := judged(t, set)
	if sum.Equivalent != 1 || sum.Survived != 0 || !sum.clean() {
		t.Fatalf("%d equivalent, %d survived", sum.Equivalent, sum.Survived)
	}
	if got := sum.Equivalents[0].Reason; got != "nobody asks for the answer" {
		t.Errorf("the reason is %q", got)
	}
}

func TestAnEntryThatIsKilledIsUntrue(t *testing.T) {
	set := planted(t)
	set.only = regexp.MustCompile("Share: `whole == 0` negated")
	listed(t, set, "guard/guard.go Share\n`whole == 0` negated\nso they say\n")
	if sum := judged(t, set); len(sum.Untrue) != 1 || sum.clean() {
		t.Errorf("untrue entries: %v", sum.Untrue)
	}
}

func TestAListThatDoesNotHoldTogetherIsAnError(t *testing.T) {
	for text, want := range map[string]string{
		"guard/guard.go Share\n`whole == 1` negated\nno such thing\n":                                                 "there is no mutant",
		"guard/guard.go Share\n`whole == 0` negated\n":                                                                "and a reason",
		"guard/guard.go Share\n`whole == 0` negated\na\n\n# again\nguard/guard.go Share\n`whole == 0` negated\nb\n\n": "listed before",
	} {
		set := planted(t)
		listed(t, set, text)
		if _, err := run(t.Context(), set); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("of %q came %v, want %q", text, err, want)
		}
	}
}

func TestAMutantThatHangsIsKilledByTheTimeout(t *testing.T) {
	set := planted(t)
	set.only = regexp.MustCompile("Count: `i != n` forced true")
	if sum := judged(t, set); sum.Hung != 1 || sum.Killed != 1 {
		t.Errorf("%d hung, %d killed", sum.Hung, sum.Killed)
	}
}

// The mutants of a package are built together: each must be the one that it is
// told as, whatever stands around it.
func TestWhatIsDoneIsMutated(t *testing.T) {
	for what, wantKilled := range map[string]bool{
		"Sum: `sum \\+= n` deleted":                   true,
		"Sum: loop over `list` left at once":          true,
		"Sum: `continue` made break":                  true,
		"Twice: `p.A` of .* deleted":                  true,
		"Twice: `B: p.B` left unset":                  true,
		"Pair.Tell: `\"it is \"` emptied":             false,
		"Names: row `{\"one\"}` deleted":              true,
		"Share: \\* made / in `100 \\* part`":         true,
		"Share: / made \\* in `100 \\* part / whole`": true,
		"Count: `i != n` negated":                     true,
	} {
		set := planted(t)
		set.only = regexp.MustCompile(what + "$")
		sum := judged(t, set)
		if sum.Mutants != 1 || (sum.Killed == 1) != wantKilled || (sum.Survived == 1) == wantKilled {
			t.Errorf("%s: %d mutants, %d killed, survived %v", what, sum.Mutants, sum.Killed, sum.Survivors)
		}
	}
}

func TestTheSameMutantsComeInEveryOrder(t *testing.T) {
	set := planted(t)
	sum := judged(t, set)
	set.seed, set.jobs = 2, 1
	again := judged(t, set)
	if again.Seed = sum.Seed; !reflect.DeepEqual(sum, again) {
		t.Errorf("one order gives %+v, another %+v", sum, again)
	}
	if sum.Unbuilt != 0 || sum.Judged != sum.Mutants {
		t.Errorf("of %d mutants %d are judged, and %d do not build", sum.Mutants, sum.Judged, sum.Unbuilt)
	}
}

func TestVerdictsAreKeptUntilTheTestsChange(t *testing.T) {
	set := planted(t)
	set.root = t.TempDir()
	if err := os.CopyFS(set.root, os.DirFS(filepath.Join("testdata", "planted"))); err != nil {
		t.Fatal(err)
	}
	set.only = regexp.MustCompile("Known: `name != \"\"` negated")
	set.state = filepath.Join(t.TempDir(), "state.jsonl")
	judged(t, set)
	lines := func() int {
		text, err := os.ReadFile(set.state)
		if err != nil {
			t.Fatal(err)
		}
		return strings.Count(string(text), "\n")
	}
	if sum := judged(t, set); lines() != 1 || sum.Survived != 1 {
		t.Fatalf("after two runs %d lines are kept, and %d survive", lines(), sum.Survived)
	}
	more := filepath.Join(set.root, "guard", "known_test.go")
	test := "package guard\nimport \"testing\"\nfunc TestKnown(t *testing.T) { if !Known(\"x\") { t.Fatal() } }\n"
	if err := os.WriteFile(more, []byte(test), 0o600); err != nil {
		t.Fatal(err)
	}
	if sum := judged(t, set); lines() != 2 || sum.Killed != 1 {
		t.Errorf("after a new test %d lines are kept, and %d are killed", lines(), sum.Killed)
	}
}

func TestABudgetStopsCleanly(t *testing.T) {
	set := planted(t)
	set.budget = time.Nanosecond
	if sum := judged(t, set); sum.Mutants == 0 || sum.Judged != sum.Unbuilt || !sum.clean() {
		t.Errorf("%d of %d mutants are judged", sum.Judged, sum.Mutants)
	}
}

func listed(t *testing.T, set settings, text string) {
	t.Helper()
	if err := os.WriteFile(set.equivalent, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}
