package broken_test

import (
	"fmt"
	"os"
	"runtime"
	"slices"
	"sync"
	"testing"

	"github.com/rollmend/rollmend/adapters/storetest"
	"github.com/rollmend/rollmend/adapters/storetest/broken"
	"github.com/stretchr/testify/require"
)

func TestMain(m *testing.M) {
	storetest.Serve(broken.Open)
	os.Exit(m.Run())
}

func TestTheKitRejectsEveryBrokenStoreByTheNamedCases(t *testing.T) {
	for _, s := range broken.Stores() {
		t.Run(s.Name, func(t *testing.T) {
			require.NotEmpty(t, s.CaughtBy)
			for _, name := range s.CaughtBy {
				f := s.Fixture(t)
				f.Effort.Histories = 300
				require.NotEmpty(t, complaint(t, name, f), "%q caught nothing", name)
				if s.Mended == nil {
					continue
				}
				require.Empty(t, complaint(t, name, s.Mended(t)), "%q complains about a good store", name)
			}
		})
	}
}

// complaint runs one case and returns what it complained about.
func complaint(t *testing.T, name string, f storetest.Fixture) string {
	all := slices.Collect(storetest.Cases())
	for _, point := range f.CrashPoints {
		all = append(all, storetest.CrashCase(point))
	}
	i := slices.IndexFunc(all, func(c storetest.Case) bool { return c.Name == name })
	require.GreaterOrEqual(t, i, 0, "there is no case %q", name)
	r := &recorder{TB: t}
	var wg sync.WaitGroup
	wg.Go(func() { all[i].Check(r, f) })
	wg.Wait()
	return r.said
}

// recorder is a test that keeps its failure to itself.
type recorder struct {
	testing.TB
	said string
}

func (r *recorder) Errorf(format string, args ...any) { r.said += fmt.Sprintf(format, args...) }
func (r *recorder) FailNow()                          { runtime.Goexit() }
func (r *recorder) Logf(string, ...any)               {}
