package broken_test

import (
	"os"
	"slices"
	"testing"

	"github.com/rollmend/rollmend/adapters/storetest"
	"github.com/rollmend/rollmend/adapters/storetest/broken"
	"github.com/stretchr/testify/require"
)

func TestMain(m *testing.M) {
	storetest.Serve(broken.Open)
	os.Exit(m.Run())
}

// caseOf finds a case by its name, among those of a fixture's crash points too.
func caseOf(t *testing.T, name string, f storetest.Fixture) storetest.Case {
	all := slices.Collect(storetest.Cases())
	for _, point := range f.CrashPoints {
		all = append(all, storetest.CrashCase(point))
	}
	i := slices.IndexFunc(all, func(c storetest.Case) bool { return c.Name == name })
	require.GreaterOrEqual(t, i, 0, "there is no case %q", name)
	return all[i]
}

func TestTheKitRejectsEveryBrokenStoreByTheNamedCases(t *testing.T) {
	for _, s := range broken.Stores() {
		t.Run(s.Name, func(t *testing.T) {
			require.NotEmpty(t, s.CaughtBy)
			for _, name := range s.CaughtBy {
				f := s.Fixture(t)
				f.Effort.Histories = 300
				c := caseOf(t, name, f)
				require.NotEmpty(t, c.Complaint(t, f), "%q caught nothing", name)
				if s.Mended != nil {
					require.Empty(t, c.Complaint(t, s.Mended(t)), "%q complains about a good store", name)
				}
			}
		})
	}
}

// durable returns the good store that a broken one was.
func durable(t *testing.T) func(testing.TB) storetest.Fixture {
	stores := broken.Stores()
	i := slices.IndexFunc(stores, func(s broken.Store) bool { return s.Name == "it loses the last commit" })
	require.GreaterOrEqual(t, i, 0)
	return stores[i].Mended
}

func TestAGoodDurableStorePassesWhole(t *testing.T) { storetest.Run(t, durable(t)) }

func TestACrashPointThatNoProcessComesToIsAFailure(t *testing.T) {
	f := durable(t)(t)
	const nowhere = "in the middle of nowhere"
	require.Contains(t, storetest.CrashCase(nowhere).Complaint(t, f), `no process ever came to the moment "in the middle of nowhere"`)
}

func TestWhoPromisesMustLetItBeSeen(t *testing.T) {
	f := durable(t)(t)
	f.Place = ""
	require.Contains(t, caseOf(t, "what was acknowledged before a kill is there after it, and every record whole", f).Complaint(t, f),
		"give its Place, or a way to Kill")
	f.Promise = storetest.Promise{SharedByProcesses: true}
	require.Contains(t, caseOf(t, "of processes that decided on the same, exactly one wins, and each sees it", f).Complaint(t, f),
		"give its Place, and call Serve")
}
