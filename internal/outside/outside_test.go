// Package outside_test looks at the library as a program elsewhere does that
// imports package synth alone: what such a program links, and what it finds in
// its list of modules.
package outside_test

import (
	"bytes"
	"debug/buildinfo"
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"

	// Imported so that the go command runs these tests anew when it changes.
	_ "github.com/rollmend/rollmend/synth"
)

var rewrite = flag.Bool("rewrite", false, "write the files in testdata anew")

const program = `package main

import "github.com/rollmend/rollmend/synth"

func main() { _ = synth.Chain }
`

// outside writes the program into a folder of its own and returns how to run
// the go command there.
func outside(t *testing.T) (dir string, run func(args ...string) string) {
	t.Helper()
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	sums, err := os.ReadFile(filepath.Join(root, "go.sum"))
	if err != nil {
		t.Fatal(err)
	}
	dir = t.TempDir()
	for name, text := range map[string]string{
		"main.go": program,
		"go.sum":  string(sums), // so that nothing has to be asked of a checksum server
		"go.mod": "module example.org/outside\n\ngo 1.26\n\n" +
			"require github.com/rollmend/rollmend v0.0.0\n\nreplace github.com/rollmend/rollmend => " + root + "\n",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir, func(args ...string) string {
		t.Helper()
		var complaints bytes.Buffer
		cmd := exec.Command("go", args...)
		cmd.Dir, cmd.Stderr = dir, &complaints
		cmd.Env = append(os.Environ(), "GOWORK=off", "GOFLAGS=-mod=mod")
		out, err := cmd.Output()
		if err != nil {
			t.Fatalf("%s: %v\n%s", cmd, err, complaints.String())
		}
		return string(out)
	}
}

// compare holds what was found against a file.
func compare(t *testing.T, name, got, meaning string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *rewrite {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("%s: got\n%s\nwant, by %s,\n%s\nIf this is meant, run the test with -rewrite.", meaning, got, path, want)
	}
}

func TestAnImporterOfSynthLinksThePureHalfAlone(t *testing.T) {
	dir, run := outside(t)
	compare(t, "packages.txt", run("list", "-deps", "-f", "{{if not .Standard}}{{.ImportPath}}{{end}}", "."),
		"packages that are linked into a program that imports synth")

	binary := filepath.Join(dir, "outside.bin")
	run("build", "-o", binary, ".")
	info, err := buildinfo.ReadFile(binary)
	if err != nil {
		t.Fatal(err)
	}
	var linked []string
	for _, m := range info.Deps {
		linked = append(linked, m.Path)
	}
	if !slices.Equal(linked, []string{"github.com/rollmend/rollmend"}) {
		t.Errorf("the program has modules linked in: %v, want rollmend alone", linked)
	}
}

func TestAnImporterOfSynthSeesAShortModuleList(t *testing.T) {
	_, run := outside(t)
	compare(t, "modules.txt", run("list", "-m", "-f", "{{.Path}} {{.Version}}", "all"),
		"modules in the list of a program that imports synth")
}
