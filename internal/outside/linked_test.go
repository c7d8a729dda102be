package outside_test

import (
	"bytes"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/rollmend/rollmend"

// notLinked is what tests and kits are made of. A program that runs a control
// plane, or an agent, has none of it.
var notLinked = []string{
	"pgregory.net/rapid",
	"github.com/stretchr/testify",
	"github.com/google/go-cmp",
	"github.com/anishathalye/porcupine",
	"github.com/benbjohnson/clock",
	"testing",
	"net/http/httptest",
	"go.etcd.io/etcd/server/v3",
	"go.etcd.io/etcd/etcdctl/v3",
	"go.etcd.io/etcd/etcdutl/v3",
}

// forTests are the packages and trees that tests, proofs and shows import, each
// with the reason. Every other package is there to be linked in production, a
// new one too.
var forTests = map[string]string{
	"/adapters/storetest":          "the kit for stores",
	"/adapters/postgres/throwaway": "a server for tests",
	"/adapters/etcd/throwaway":     "clusters for tests",
	"/adapters/etcd/server":        "the server of those clusters",
	"/scenario":                    "the kit for timelines",
	"/proptest":                    "the kit for laws, with the simulated fleet and the oracle",
	"/internal/statesdoc":          "writes the documentation",
	"/examples/prove":              "runs the proofs",
	"/examples/recovery":           "shows the promise, on servers that it starts",
	"/examples/million":            "measures, on servers that it starts",
	"/examples/owngate":            "shows the kit",
	"/examples/ownstore":           "shows the kit",
	"/bench":                       "measures",
}

func isForTests(pkg string) bool {
	for tree := range forTests {
		if pkg == module+tree || strings.HasPrefix(pkg, module+tree+"/") {
			return true
		}
	}
	return false
}

// lookAt makes the go command run a test anew when any source file changes: it
// does not see what go list reads.
func lookAt(t *testing.T, root string) {
	t.Helper()
	err := filepath.WalkDir(root, func(path string, _ fs.DirEntry, err error) error {
		if err == nil && filepath.Ext(path) == ".go" {
			_, err = os.Stat(path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// goList runs go list in the root of the workspace.
func goList(t *testing.T, args ...string) []string {
	t.Helper()
	var complaints bytes.Buffer
	cmd := exec.Command("go", append([]string{"list"}, args...)...)
	cmd.Dir, cmd.Stderr = "../..", &complaints
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s: %v\n%s", cmd, err, complaints.String())
	}
	return strings.Fields(string(out))
}

// isNotLinked names the entry of the list that a package belongs to.
func isNotLinked(pkg string) (string, bool) {
	i := slices.IndexFunc(notLinked, func(banned string) bool { return pkg == banned || strings.HasPrefix(pkg, banned+"/") })
	if i < 0 {
		return "", false
	}
	return notLinked[i], true
}

func TestNothingThatTestsAreMadeOfIsLinkedInProduction(t *testing.T) {
	lookAt(t, "../..")
	packages := goList(t, "work")
	if len(packages) == 0 {
		t.Fatal("go list finds no package")
	}
	for _, pkg := range packages {
		if isForTests(pkg) {
			continue
		}
		for _, dep := range goList(t, "-deps", pkg) {
			if banned, ok := isNotLinked(dep); ok {
				t.Errorf("%s links %s, by %s: production links nothing of %s", pkg, dep, importer(t, pkg, dep), banned)
			}
			if isForTests(dep) {
				t.Errorf("%s links %s, which is for tests", pkg, dep)
			}
		}
	}
}

// importer says which package brings another one in.
func importer(t *testing.T, pkg, dep string) string {
	t.Helper()
	for _, line := range strings.Split(strings.Join(goList(t, "-deps", "-f", `{{.ImportPath}}{{range .Imports}},{{.}}{{end}}`, pkg), "\n"), "\n") {
		if names := strings.Split(line, ","); slices.Contains(names[1:], dep) {
			return names[0]
		}
	}
	return "itself"
}

// The search sees what it looks for where that is, and every reason is about
// something.
func TestWhatTestsAreMadeOfIsSeen(t *testing.T) {
	for pkg, want := range map[string]string{
		"/proptest": "pgregory.net/rapid", "/adapters/storetest": "github.com/anishathalye/porcupine", "/scenario": "testing",
		"/adapters/etcd/server": "go.etcd.io/etcd/server/v3",
	} {
		seen := slices.ContainsFunc(goList(t, "-deps", module+pkg), func(dep string) bool {
			banned, ok := isNotLinked(dep)
			return ok && banned == want
		})
		if !seen {
			t.Errorf("%s does not link %s, as far as go list says", pkg, want)
		}
	}
	packages := goList(t, "work")
	for tree := range forTests {
		if !slices.ContainsFunc(packages, func(pkg string) bool { return strings.HasPrefix(pkg, module+tree) }) {
			t.Errorf("there is no package %s: take it off the list", tree)
		}
	}
}
