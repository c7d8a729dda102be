package main

import (
	"context"
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"regexp"
	"runtime"
	"strconv"
	"strings"
	"time"
)

// fuzz runs every fuzz target of the repository for a while.
type fuzz struct{ root string }

// leastFuzz is the least time for one target: below it, building the target is
// most of the work. A budget that is too small for all of them goes on with
// the others the next time.
const leastFuzz = 10 * time.Second

// minimizeTries bounds how often an input that reaches something new is made
// smaller. Left to itself the go tool spends up to a minute on each.
const minimizeTries = "20x"

// buildsWithin bounds how long a target may take to be built, on top of the
// time that it runs.
const buildsWithin = 5 * time.Minute

const fuzzTargetsRun = "fuzz targets"

func (fuzz) name() string { return "fuzz" }

func (fuzz) about() string {
	return "native fuzzing of every decoder, of Step, and of what else has a target (`go test -fuzz`)"
}

func (fuzz) share() int { return 8 }

func (p fuzz) summary(l *ledger) []figure {
	var runs, tried uint64
	targets, err := fuzzTargets(p.root)
	if err != nil {
		return nil
	}
	for _, t := range targets {
		if n := l.Counts[t.String()]; n > 0 {
			runs += n
			tried++
		}
	}
	return []figure{
		{what: "fuzzing runs", n: runs},
		{what: fuzzTargetsRun, n: tried, of: uint64(len(targets))},
	}
}

// fuzzTarget is one target of one package.
type fuzzTarget struct{ dir, name string }

func (t fuzzTarget) String() string { return t.dir + "." + t.name }

// fuzzTargets finds the targets in the code, as go test -list would, without
// building every package.
func fuzzTargets(root string) (targets []fuzzTarget, err error) {
	err = filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() && path != root && (strings.HasPrefix(entry.Name(), ".") || entry.Name() == "testdata" || entry.Name() == "tools"):
			return fs.SkipDir
		case !strings.HasSuffix(path, "_test.go"):
			return nil
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		dir, err := filepath.Rel(root, filepath.Dir(path))
		if err != nil {
			return err
		}
		for _, d := range file.Decls {
			if f, ok := d.(*ast.FuncDecl); ok && f.Recv == nil && strings.HasPrefix(f.Name.Name, "Fuzz") {
				targets = append(targets, fuzzTarget{filepath.ToSlash(dir), f.Name.Name})
			}
		}
		return nil
	})
	return targets, err
}

func (p fuzz) run(ctx context.Context, j *job) error {
	targets, err := fuzzTargets(j.root)
	if err != nil {
		return err
	}
	if len(targets) == 0 {
		return errors.New("there are no fuzz targets")
	}
	each := max(leastFuzz, j.left()/time.Duration(len(targets)))
	// Turns are counted over all runs, and begin elsewhere with each seed.
	first := int(j.seed - 1 + j.ledger.Counts["turns"])
	for i := range targets {
		t := targets[(first+i)%len(targets)]
		runs, err := t.run(ctx, j, each)
		if err != nil {
			return err
		}
		j.ledger.add(t.String(), runs)
		j.ledger.add("turns", 1)
		if err := j.save(); err != nil {
			return err
		}
		if j.left() <= 0 {
			return nil
		}
	}
	return nil
}

// onlyTimeUp reports whether fuzzing ended badly for no other reason than that its
// time was up: before Go 1.27 the tool now and then takes that for a failure
// (golang/go#75804). Whatever it finds it writes down.
func onlyTimeUp(out string) bool {
	_, found, failed := strings.Cut(out, "--- FAIL: ")
	_, found, _ = strings.Cut(found, "\n")
	return failed && strings.HasPrefix(found, "    context deadline exceeded\nFAIL\n") && !strings.Contains(out, "Failing input written")
}

var execs = regexp.MustCompile(`execs: (\d+)`)

// run fuzzes one target and returns how many inputs it was given.
func (t fuzzTarget) run(ctx context.Context, j *job, during time.Duration) (runs uint64, err error) {
	bounded, cancel := context.WithTimeout(ctx, during+buildsWithin)
	defer cancel()
	out := transcript{line: func(line string) { j.doing(t.String() + ": " + line) }}
	j.doing(t.String())
	cmd := goTool(bounded, j.root, &out, "test", "-run=^$", "-fuzz=^"+t.name+"$", "-fuzztime="+during.String(),
		"-fuzzminimizetime="+minimizeTries, "-parallel="+strconv.Itoa(runtime.NumCPU()), "./"+t.dir)
	err = cmd.Run()
	if ctx.Err() != nil {
		return 0, ctx.Err()
	}
	if err != nil && !onlyTimeUp(out.String()) {
		return 0, &violation{
			what:   fmt.Sprintf("%s: %v\n%s", t, err, out.String()),
			replay: fmt.Sprintf("go test -run=%s ./%s", t.name, t.dir),
		}
	}
	err = nil
	if all := execs.FindAllStringSubmatch(out.String(), -1); len(all) > 0 {
		runs, err = strconv.ParseUint(all[len(all)-1][1], 10, 64)
	}
	return runs, err
}
