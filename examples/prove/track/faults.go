package track

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
)

var (
	ids     = regexp.MustCompile(`^[ROPWS][1-9][0-9]?$`)
	threads = regexp.MustCompile(`^[\w.-]+/[\w.-]+#[0-9]+$`)
)

// Faults lists what is wrong with the record itself: an entry that says too
// little, a test that does not exist, a mutation whose old text does not stand
// exactly once in its file. Nothing is built or run.
func (r Record) Faults(root string) (faults []string) {
	seen := map[string]bool{}
	for _, e := range r {
		say := func(format string, args ...any) {
			faults = append(faults, e.ID+": "+fmt.Sprintf(format, args...))
		}
		switch {
		case !ids.MatchString(e.ID):
			say("the id is not a letter of R, O, P, W, S and a number")
		case seen[e.ID]:
			say("the id stands twice")
		}
		seen[e.ID] = true
		if e.Wrong == "" || e.Holds == "" {
			say("it does not say what went wrong and what must hold")
		}
		for _, thread := range e.Sources {
			if !threads.MatchString(thread) {
				say("%q is no thread: want owner/repository#number", thread)
			}
		}
		if len(e.Checks) == 0 && e.Limit == "" {
			say("it has no check, and does not say why")
		}
		for _, c := range e.Checks {
			for _, err := range []error{c.Test.find(root), c.Mutation.Check(root)} {
				if err != nil {
					say("%v", err)
				}
			}
		}
	}
	return faults
}

// String returns the test's name as the go tool prints it.
func (t Test) String() string {
	if t.Case == "" {
		return t.Name
	}
	return t.Name + "/" + strings.ReplaceAll(t.Case, " ", "_")
}

// Title returns the test's name for readers.
func (t Test) Title() string {
	if t.Case == "" {
		return t.Name
	}
	return t.Name + ": " + t.Case
}

// pattern selects the test alone, for -run.
func (t Test) pattern() string {
	var levels []string
	for _, level := range strings.Split(t.String(), "/") {
		levels = append(levels, "^"+regexp.QuoteMeta(level)+"$")
	}
	return strings.Join(levels, "/")
}

// Command returns the command that runs the test.
func (t Test) Command() string {
	return strings.TrimSpace(fmt.Sprintf("go test -count=1 -run '%s' ./%s %s", t.pattern(), t.Dir, strings.Join(t.Args, " ")))
}

// find reports an error where the test does not exist: its function stands in
// no test file of its folder, or its subtest is neither a scenario file nor a
// text of the folder's code or of the conformance kit that it runs.
func (t Test) find(root string) error {
	tests, err := filepath.Glob(filepath.Join(root, t.Dir, "*_test.go"))
	if err != nil || !anyHolds(tests, "func "+t.Name+"(") {
		return fmt.Errorf("no test file of %s has a func %s", t.Dir, t.Name)
	}
	if t.Case == "" {
		return nil
	}
	if _, err := os.Stat(filepath.Join(root, t.Dir, "testdata", t.Case+".txt")); err == nil {
		return nil
	}
	for _, dir := range []string{t.Dir, "adapters/storetest"} {
		files, err := filepath.Glob(filepath.Join(root, dir, "*.go"))
		if err == nil && anyHolds(files, `"`+t.Case+`"`) {
			return nil
		}
	}
	return fmt.Errorf("%s in %s has no subtest %q", t.Name, t.Dir, t.Case)
}

// anyHolds reports whether one of the files has the text in it.
func anyHolds(files []string, text string) bool {
	for _, name := range files {
		if b, err := os.ReadFile(name); err == nil && strings.Contains(string(b), text) {
			return true
		}
	}
	return false
}

// Check reports an error where the mutation cannot be made.
func (m Mutation) Check(root string) error {
	_, err := m.apply(root)
	return err
}

// apply returns the content of the file with the defect in it.
func (m Mutation) apply(root string) (string, error) {
	b, err := os.ReadFile(filepath.Join(root, m.File))
	if err != nil {
		return "", fmt.Errorf("the mutation's file: %w", err)
	}
	switch n := strings.Count(string(b), m.Old); {
	case m.Says == "" || m.Old == m.New:
		return "", fmt.Errorf("the mutation of %s does not say or change anything", m.File)
	case n != 1:
		return "", fmt.Errorf("the mutation's old text stands %d times in %s, want once: %s", n, m.File, m.Old)
	}
	return strings.Replace(string(b), m.Old, m.New, 1), nil
}
