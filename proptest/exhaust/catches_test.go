package exhaust_test

import (
	"testing"

	"github.com/rollmend/rollmend/proptest/exhaust"
)

// Each rule of the oracle is broken by a fault that shows, and shows nowhere
// but where the rule has a part in the answer.
func TestEveryRuleCatchesItsFault(t *testing.T) {
	run := asked()
	if run.err != nil {
		t.Fatal(run.err)
	}
	broken := map[string]bool{}
	for i := range run.caught {
		c := &run.caught[i]
		broken[c.Rule] = true
		switch {
		case c.First == nil:
			t.Errorf("%s: %q shows nowhere", c.Rule, c.Name)
			continue
		case c.Elsewhere != nil:
			t.Errorf("%s: %q shows where the rule has no part: %v", c.Rule, c.Name, c.Elsewhere)
		case len(c.First.History) == 0 && c.First.Put == "" || len(c.First.System)+len(c.First.Oracle) == 0:
			t.Errorf("%s: %q does not say where it shows: %v", c.Rule, c.Name, c.First)
		}
		t.Logf("%-26s %-60s shown %d times or more", c.Rule, c.Name, c.Shown)
	}
	for _, r := range exhaust.Rules() {
		if !broken[r.Name] {
			t.Errorf("no fault breaks the rule %s (%s): %s", r.Name, r.Source, r.Says)
		}
	}
}
