package proptest

import (
	"flag"
	"regexp"
	"testing"
)

var (
	seedFlag  = flag.Int("proptest.seed", 1, "the seed of the first case that is looked at")
	casesFlag = flag.Int("proptest.cases", 0, "how many cases of each law are looked at; 0: as many as the test says, or 1000")
)

// usualCases is how many cases [Run] looks at: some seconds for laws that need
// an engine, and many times what an ordinary defect survives.
const usualCases = 1000

// Run looks at a thousand cases of each property, a subtest each, and fails
// with the smallest case it can find that breaks it, as a scenario. The cases
// are the same on every run and every machine; the flags -proptest.seed and
// -proptest.cases choose others. A property that had nothing to judge in any of
// them fails too.
func Run(t *testing.T, sys System, properties ...Property) {
	t.Helper()
	from, cases := *seedFlag, usualCases
	if *casesFlag > 0 {
		cases = *casesFlag
	}
	for _, p := range properties {
		t.Run(p.Name, func(t *testing.T) {
			t.Helper()
			found, ok, met := p.find(sys, from, cases)
			if ok {
				t.Fatalf("\n%s\nseed %d; to see it again: go test -run '^%s$' -proptest.seed=%d -proptest.cases=1",
					found.Text(), found.Seed, regexp.QuoteMeta(t.Name()), found.Seed)
			}
			if met == 0 && p.check != nil && cases >= usualCases {
				t.Fatalf("in none of %d cases from seed %d on is there anything to judge", cases, from)
			}
			t.Logf("%d cases from seed %d on, %d with something to judge", cases, from, met)
		})
	}
}
