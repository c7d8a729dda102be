package track_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/rollmend/rollmend/examples/prove/track"
)

// module is a repository of one file and its test.
func module(t *testing.T) string {
	dir := t.TempDir()
	for name, content := range map[string]string{
		"go.mod":     "module example.com/one\n\ngo 1.26.0\n",
		"sum/sum.go": "package sum\n\nfunc Sum(a, b int) int { return a + b }\n",
		"sum/sum_test.go": `package sum

import "testing"

func TestSum(t *testing.T) {
	t.Run("of two", func(t *testing.T) {
		if Sum(1, 2) != 3 {
			t.Fatal("wrong")
		}
	})
	t.Run("red", func(t *testing.T) { t.Fatal("as it is") })
	t.Run("deaf", func(t *testing.T) {})
}
`,
	} {
		path := filepath.Join(dir, name)
		require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
		require.NoError(t, os.WriteFile(path, []byte(content), 0o644))
	}
	t.Setenv("GOWORK", "off")
	return dir
}

func TestACheckIsProvenByGreenThenRed(t *testing.T) {
	root := module(t)
	minus := track.Mutation{Says: "it subtracts", File: "sum/sum.go", Old: "a + b", New: "a - b"}
	for name, c := range map[string]struct {
		test     string
		mutation track.Mutation
		want     string // empty: proven
	}{
		"a test that catches the defect":     {"of two", minus, ""},
		"a test that is red as the code is":  {"red", minus, "is red (fail) as the code is"},
		"a test that the defect escapes":     {"deaf", minus, "stays green"},
		"a test that is not there":           {"of three", minus, "did not run"},
		"a defect that does not compile":     {"of two", track.Mutation{Says: "nonsense", File: "sum/sum.go", Old: "a + b", New: "a +"}, "did not run"},
		"a defect that cannot be put in now": {"of two", track.Mutation{Says: "gone", File: "sum/sum.go", Old: "a * b", New: ""}, "stands 0 times"},
	} {
		t.Run(name, func(t *testing.T) {
			err := track.NewProver(root).Prove(t.Context(), track.Check{
				Test: track.Test{Dir: "sum", Name: "TestSum", Case: c.test}, Mutation: c.mutation,
			})
			if c.want == "" {
				require.NoError(t, err)
				return
			}
			require.ErrorIs(t, err, track.ErrNotProven)
			require.ErrorContains(t, err, c.want)
		})
	}
}
