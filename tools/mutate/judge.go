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
	"sync"
	"time"
)

// pure are the packages whose guards are mutated.
var pure = []string{"states", "reducer", "gates", "synth"}

// judge is some packages whose tests look at a mutant. The first judge is asked
// about every mutant, the next one about those that lived.
type judge struct {
	name     string
	packages []string // folders; empty: the mutated package itself
	timeout  time.Duration
}

var judges = []judge{
	{name: "its own tests", timeout: hangs},
	{name: "the other pure packages", packages: pure, timeout: hangs},
}

// folders returns the packages whose tests are run for a mutant of a package.
func (j judge) folders(mutated string) []string {
	if len(j.packages) == 0 {
		return []string{mutated}
	}
	// What its own tests said need not be asked again.
	return slices.DeleteFunc(slices.Clone(j.packages), func(dir string) bool { return dir == mutated })
}

const (
	// hangs bounds the tests of one package, which take less than a second. The
	// rest is for a machine that is busy.
	hangs = 10 * time.Second

	// memory bounds what the tests of a mutant that appends for ever may take
	// before the timeout, in KiB of address space.
	memory = 3 << 20
)

// batch is mutants of one package that are built together, into one test binary
// for each folder whose tests look at them.
type batch struct {
	src     *source
	mutants []*mutant
	texts   map[string]string // of files, by path

	mu       sync.Mutex
	folder   string            // where the binaries are
	binaries map[string]string // by the folder of the tests; each is built when it is first asked for
}

// batches puts the mutants into as few as there can be: those that do not go
// beside others are alone.
func batches(together, alone []*mutant) []*batch {
	var out []*batch
	for len(together) > 0 {
		src := together[0].src
		var of, rest []*mutant
		for _, m := range together {
			if m.src == src {
				of = append(of, m)
			} else {
				rest = append(rest, m)
			}
		}
		out, together = append(out, &batch{src: src, mutants: of, texts: combine(src, of)}), rest
	}
	for _, m := range alone {
		out = append(out, &batch{src: m.src, mutants: []*mutant{m}, texts: map[string]string{
			m.src.pathOf(helpersName): m.src.helpers(),
			m.file.path:               m.text(),
		}})
	}
	return out
}

// binary returns the test binary of a folder with the batch's mutants in it,
// after it has built it, and, where there is a mutant to choose, seen that it
// passes while none is.
func (b *batch) binary(ctx context.Context, j judge, folder string) (string, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if made, ok := b.binaries[folder]; ok {
		return made, nil
	}
	if b.folder == "" {
		var err error
		if b.folder, err = os.MkdirTemp("", "mutate"); err != nil {
			return "", err
		}
		b.binaries = map[string]string{}
	}
	overlay, err := writeOverlay(b.folder, b.texts)
	if err != nil {
		return "", err
	}
	made := filepath.Join(b.folder, strings.ReplaceAll(folder, "/", "-")+".test")
	cmd := exec.CommandContext(ctx, "go", "test", "-c", "-vet=off", "-overlay="+overlay, "-o", made, "./"+folder)
	cmd.Dir, cmd.Env = b.src.root, environment()
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("the tests of %s do not build with %d mutants of %s: %w\n%s", folder, len(b.mutants), b.src.dir, err, out)
	}
	if _, err := os.Stat(made); err != nil {
		return "", fmt.Errorf("%s has no tests", folder)
	}
	if len(b.mutants) > 1 || b.texts[b.mutants[0].file.path] != b.mutants[0].text() { // else it is awake always
		came, out, err := b.test(ctx, j, folder, made, 0)
		if err == nil && came != passed {
			err = fmt.Errorf("the tests of %s fail without a mutant of %s:\n%s", folder, b.src.dir, out)
		}
		if err != nil {
			return "", err
		}
	}
	b.binaries[folder] = made
	return made, nil
}

// remove takes the binaries away.
func (b *batch) remove() error {
	if b.folder == "" {
		return nil
	}
	return os.RemoveAll(b.folder)
}

// writeOverlay writes the list that go test -overlay reads, and the texts.
func writeOverlay(folder string, texts map[string]string) (string, error) {
	replaced := map[string]string{}
	for path, text := range texts {
		replaced[path] = filepath.Join(folder, filepath.Base(path))
		if err := os.WriteFile(replaced[path], []byte(text), 0o600); err != nil {
			return "", err
		}
	}
	encoded, err := json.Marshal(map[string]any{"Replace": replaced})
	if err != nil {
		return "", err
	}
	list := filepath.Join(folder, "overlay.json")
	return list, os.WriteFile(list, encoded, 0o600)
}

// outcome is what became of the tests.
type outcome int

const (
	passed outcome = iota + 1
	failed
	hung
)

// test runs the tests of a folder while one of the batch's mutants is awake; 0
// is none.
func (b *batch) test(ctx context.Context, j judge, folder, binary string, id int) (outcome, string, error) {
	cmd := exec.CommandContext(ctx, "sh", "-c", fmt.Sprintf(`ulimit -v %d; exec "$0" "$@"`, memory),
		binary, "-test.failfast", "-test.paniconexit0", fmt.Sprintf("-test.timeout=%s", j.timeout))
	cmd.Dir = filepath.Join(b.src.root, folder)
	cmd.Env = append(environment(), fmt.Sprintf("%s=%d", chosenInEnv, id))
	cmd.WaitDelay = time.Second
	out, err := cmd.CombinedOutput()
	switch {
	case ctx.Err() != nil:
		return 0, "", ctx.Err()
	case err == nil:
		return passed, "", nil
	case cmd.ProcessState == nil:
		return 0, "", err
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
func (b *batch) try(ctx context.Context, judges []judge, m *mutant) (trial, error) {
	for _, j := range judges {
		for _, folder := range j.folders(m.src.dir) {
			binary, err := b.binary(ctx, j, folder)
			if err != nil {
				return trial{}, err
			}
			came, out, err := b.test(ctx, j, folder, binary, m.id)
			switch {
			case err != nil:
				return trial{}, err
			case came == failed:
				return trial{Verdict: killed, By: j.name, Tests: firstFailed(out)}, nil
			case came == hung:
				return trial{Verdict: timedOut, By: j.name, Tests: firstFailed(out)}, nil
			}
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
