package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// pure are the packages whose guards are mutated.
var pure = []string{"reducer", "gates", "synth"}

// judge is some packages whose tests look at a mutant. A judge that is asked
// later costs more.
type judge struct {
	name     string
	packages []string // folders; empty: the mutated package itself
	flags    []string // of the test binary
	of       []string // folders whose mutants it can see; nil: all

	timeout time.Duration // of one package's tests
}

// The properties have a fixed seed, so that a verdict is the same the next time.
var judges = []judge{
	{name: "its own tests", timeout: hangs},
	{name: "the other pure packages", packages: pure, timeout: hangs},
	{
		name: "agent", packages: []string{"agent"}, of: []string{"reducer"}, timeout: hangs,
		flags: []string{"-rapid.seed=1", "-rapid.nofailfile"},
	},
	{
		name: "proptest", packages: []string{"proptest"}, timeout: hangs,
		// The searches for planted defects are about the laws, not about the code.
		flags: []string{"-rapid.seed=1", "-rapid.checks=300", "-rapid.nofailfile", "-test.skip=Mutation|Search", "-test.short"},
	},
}

// folders returns the packages whose tests are run for a mutant of a package.
func (j judge) folders(mutated string) []string {
	switch {
	case len(j.packages) == 0:
		return []string{mutated}
	case j.of != nil && !slices.Contains(j.of, mutated):
		return nil
	}
	// What its own tests said need not be asked again.
	return slices.DeleteFunc(slices.Clone(j.packages), func(dir string) bool { return dir == mutated })
}

const (
	// hangs bounds one package's tests. They take seconds; the rest is for a
	// machine that is busy.
	hangs = 60 * time.Second

	// memory bounds what the tests of a mutant that appends for ever may take
	// before the timeout, in KiB of address space. The go command, the compiler
	// and a test binary need less than half of it.
	memory = 6 << 20
)

// outcome is what became of the tests.
type outcome int

const (
	passed outcome = iota + 1
	failed
	hung
	unbuilt
)

// test runs the judge's tests for a package, with other texts in the place of
// some files; nil replaces nothing.
func (j judge) test(ctx context.Context, root, mutated string, overlay map[string]string) (outcome, string, error) {
	dir, err := os.MkdirTemp("", "mutate")
	if err != nil {
		return 0, "", err
	}
	defer os.RemoveAll(dir)
	replaced := map[string]string{}
	for path, text := range overlay {
		replaced[path] = filepath.Join(dir, filepath.Base(path))
		if err := os.WriteFile(replaced[path], []byte(text), 0o600); err != nil {
			return 0, "", err
		}
	}
	list := filepath.Join(dir, "overlay.json")
	encoded, err := json.Marshal(map[string]any{"Replace": replaced})
	if err != nil {
		return 0, "", err
	}
	if err := os.WriteFile(list, encoded, 0o600); err != nil {
		return 0, "", err
	}
	args := []string{
		"-c", fmt.Sprintf(`ulimit -v %d; exec "$0" "$@"`, memory), "go", "test",
		"-overlay=" + list, "-vet=off", "-count=1", "-failfast", "-p=1", fmt.Sprintf("-timeout=%s", j.timeout),
	}
	for _, folder := range j.folders(mutated) {
		args = append(args, "./"+folder)
	}
	cmd := exec.CommandContext(ctx, "sh", append(args, j.flags...)...)
	cmd.Dir, cmd.Env = root, environment()
	cmd.WaitDelay = time.Second
	out, err := cmd.CombinedOutput()
	switch {
	case ctx.Err() != nil:
		return 0, "", ctx.Err()
	case err == nil:
		return passed, "", nil
	case cmd.ProcessState == nil:
		return 0, "", err
	case bytes.Contains(out, []byte("[build failed]")), bytes.Contains(out, []byte("[setup failed]")):
		return unbuilt, string(out), nil
	case bytes.Contains(out, []byte("panic: test timed out after")):
		return hung, string(out), nil
	}
	return failed, string(out), nil
}

// trial is the sentence on one mutant.
type trial struct {
	Verdict string // killed, timeout, survived or unbuilt
	By      string // the judge that killed it
	Tests   string // the first test that failed
}

// What a trial can end with.
const (
	killed   = "killed"
	timedOut = "killed by timeout"
	survived = "survived"
	noBuild  = "does not build"
)

// try puts a mutant before the judges, until one kills it.
func try(ctx context.Context, root string, judges []judge, m *mutant) (trial, error) {
	if !m.builds() {
		return trial{Verdict: noBuild}, nil
	}
	for _, j := range judges {
		if len(j.folders(m.src.dir)) == 0 {
			continue
		}
		came, out, err := j.test(ctx, root, m.src.dir, map[string]string{m.file.path: m.text()})
		switch {
		case err != nil:
			return trial{}, err
		case came == failed:
			return trial{Verdict: killed, By: j.name, Tests: firstFailed(out)}, nil
		case came == hung:
			return trial{Verdict: timedOut, By: j.name, Tests: firstFailed(out)}, nil
		case came == unbuilt:
			// The types are right, so it is the tests that do not build.
			return trial{}, fmt.Errorf("what %s are does not build:\n%s", j.name, out)
		}
	}
	return trial{Verdict: survived}, nil
}

// firstFailed returns the name of the first test that failed, the innermost.
func firstFailed(out string) string {
	name := ""
	for line := range strings.Lines(out) {
		rest, ok := strings.CutPrefix(strings.TrimSpace(line), "--- FAIL: ")
		if !ok {
			continue
		}
		found, _, _ := strings.Cut(rest, " ")
		if name != "" && !strings.HasPrefix(found, name+"/") {
			break
		}
		name = found
	}
	return name
}
