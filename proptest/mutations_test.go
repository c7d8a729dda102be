package proptest_test

import (
	"flag"
	"slices"
	"testing"

	"github.com/rollmend/rollmend/proptest"
)

// usualCases is how many cases a mutation may survive.
const usualCases = 4000

func seed() int { return flagged("proptest.seed") }

func cases() int {
	if n := flagged("proptest.cases"); n > 0 {
		return n
	}
	return usualCases
}

// flagged reads a flag of the package.
func flagged(name string) int { return flag.Lookup(name).Value.(flag.Getter).Get().(int) }

// mutation is a defect, and the law that must catch it.
type mutation struct {
	name string
	law  string
	make func(*proptest.System)
}

// Every mutation is looked for in the same cases on every run; -proptest.seed
// moves on to others. The line of a caught one says how to see it alone.
func TestEveryMutationIsCaught(t *testing.T) {
	laws := map[string]proptest.Property{}
	for p := range proptest.Laws() {
		laws[p.Name] = p
	}
	catches := map[string]bool{}
	for _, m := range allMutations() {
		catches[m.law] = true
		t.Run(m.name, func(t *testing.T) {
			law, ok := laws[m.law]
			if !ok {
				t.Fatalf("there is no law %q", m.law)
			}
			sys := proptest.Real()
			m.make(&sys)
			found, ok := law.Search(sys, seed(), cases())
			if !ok {
				t.Fatalf("%d cases from seed %d on do not break the law: %s", cases(), seed(), m.law)
			}
			t.Logf("caught by %q; alone: -v -run '%s' -proptest.seed=%d -proptest.cases=1", m.law, t.Name(), found.Seed)
			if cases() == 1 {
				t.Log(found.Err)
			}
		})
	}
	for name := range laws {
		if !catches[name] {
			t.Errorf("no mutation shows that this law can fail: %s", name)
		}
	}
}

// The same search finds nothing where nothing is wrong: what catches a
// mutation is the mutation.
func TestTheRealSystemSurvivesTheSearch(t *testing.T) {
	laws := append(slices.Collect(proptest.Laws()), proptest.NoGateViolated(), proptest.AnyOrder(), proptest.SameAsMemory())
	for _, law := range laws {
		if found, ok := law.Search(proptest.Real(), seed(), 200); ok {
			t.Errorf("seed %d breaks the law %q: %v", found.Seed, law.Name, found.Err)
		}
	}
}

// Cases in which something was wrong once, in the library or in what judges it.
func TestCasesThatWereWrongOnceAreRight(t *testing.T) {
	for what, seed := range map[string]int{
		"the last report is an acknowledgement said again, and the copy of the store that is put back says already how its rollout ended": 28469000006542,
	} {
		for law := range proptest.Laws() {
			if found, ok := law.Search(proptest.Real(), seed, 1); ok {
				t.Errorf("%s: the law %q is broken: %v", what, law.Name, found.Err)
			}
		}
	}
}

func allMutations() []mutation {
	return slices.Concat(stepMutations, reducerMutations, synthMutations, gateMutations)
}
