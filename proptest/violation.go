package proptest

import (
	"fmt"
	"strings"

	"github.com/rollmend/rollmend/scenario"
)

// Violation is a case in which a law is broken.
type Violation struct {
	Law  string // the sentence
	What string // how it is broken

	// Timeline is what happened, oldest first, a step a line in the words of
	// package scenario; lines that begin with # say what those have no word for.
	Timeline []string
}

// Error says what is wrong and, below it, what happened.
func (v *Violation) Error() string {
	return v.What + "\n  " + strings.Join(v.Timeline, "\n  ")
}

// Text returns the violation as a scenario file: the law, what happened, and in
// the place of what has to come of it, how the law is broken.
func (v *Violation) Text() string {
	return fmt.Sprintf("# Broken: %s.\n%s\n----\n%s\n", v.Law, strings.Join(v.Timeline, "\n"), v.What)
}

// trace is what happened in a case, oldest first. Lines are written only when
// somebody reads them: nearly every case breaks nothing.
type trace []note

type note struct {
	format string
	args   []any
}

// add notes something. What it is handed must not change afterwards.
func (tr *trace) add(format string, args ...any) { *tr = append(*tr, note{format, args}) }

// lines writes the trace.
func (tr trace) lines() []string {
	var out []string
	for _, n := range tr {
		out = append(out, scenario.InSeconds(fmt.Sprintf(n.format, n.args...)))
	}
	return out
}

// broken says how a law was broken, and how it came to it.
func (d *dice) broken(format string, args ...any) error {
	return &Violation{What: scenario.InSeconds(fmt.Sprintf(format, args...)), Timeline: d.told.lines()}
}

// apartAt shows where two texts part, with a little of what is around it.
func apartAt(was, is string) string {
	const around = 60
	i := 0
	for i < min(len(was), len(is)) && was[i] == is[i] {
		i++
	}
	from := max(0, i-around)
	return fmt.Sprintf("...%s...\n  and then\n...%s...", was[from:min(len(was), i+around)], is[from:min(len(is), i+around)])
}
