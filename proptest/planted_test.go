package proptest_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/rollmend/rollmend/proptest"
	"github.com/rollmend/rollmend/scenario"
)

// The defect of the doc page's gate is found whichever seed the search begins
// at, and told in few lines.
func TestThePlantedDefectIsFoundAndSmall(t *testing.T) {
	const cases, lines = 10_000, 8
	for from := seed(); from < seed()+8*cases; from += cases {
		found, ok := proptest.NoGateViolated(halfOfStable).Find(homeMade(), from, cases)
		var v *proptest.Violation
		if !ok || !errors.As(found.Err, &v) {
			t.Fatalf("%d cases from seed %d on do not show it: %v", cases, from, found.Err)
		}
		if len(v.Timeline) > lines {
			t.Errorf("seed %d is told in %d lines, want at most %d\n%s", found.Seed, len(v.Timeline), lines, found.Text())
		}
		if _, err := scenario.Parse("found.txt", found.Text()); err != nil {
			t.Errorf("seed %d is told in what is no scenario: %v", found.Seed, err)
		}
	}
}

// What is found can be found again from its seed, and comes out the same.
func TestWhatIsFoundIsFoundAgain(t *testing.T) {
	law := proptest.NoGateViolated(halfOfStable)
	found, _ := law.Find(homeMade(), seed(), 10_000)
	again, ok := law.Find(homeMade(), found.Seed, 1)
	if !ok || again.Text() != found.Text() || again.Seed != found.Seed {
		t.Errorf("first\n%s\nand then\n%s", found.Text(), again.Text())
	}
}

// Every law that is broken by a defect is told as a scenario: it parses, and
// says how the law is broken.
func TestWhatIsFoundIsAScenario(t *testing.T) {
	laws := map[string]proptest.Property{}
	for p := range proptest.Laws() {
		laws[p.Name] = p
	}
	for _, m := range allMutations() {
		sys := proptest.Real()
		m.make(&sys)
		found, ok := laws[m.law].Find(sys, seed(), usualCases)
		if !ok {
			t.Fatalf("%s: not found", m.name)
		}
		if strings.Count(found.Text(), "\n") > 60 {
			t.Errorf("%s: told at length\n%s", m.name, found.Text())
			continue
		}
		f, err := scenario.Parse("found.txt", found.Text())
		if err != nil {
			t.Errorf("%s: %v\n%s", m.name, err, found.Text())
			continue
		}
		// Ours, without the defect, can be put through the same.
		session := scenario.Control{}.Begin(t.Context())
		for _, line := range f.Blocks[0].Input {
			if strings.HasPrefix(line, "#") {
				continue
			}
			if _, err := session.Do(line); err != nil {
				t.Errorf("%s: %s: %v\n%s", m.name, line, err, found.Text())
			}
		}
	}
}
