package scenario

import (
	"fmt"
	"strings"
)

// The limits of a file. One behaviour fits on a screen; a line that is longer
// than this is not read by anybody.
const (
	maxLines = 60
	maxLine  = 400
)

// divider parts the steps of a block from what has to come of them.
const divider = "----"

// File is a scenario.
type File struct {
	Name   string // for messages
	Blocks []Block
}

// Block is some steps and what has to come of them.
type Block struct {
	Line  int      // of its first step or comment, from 1
	Input []string // the lines of its steps, as written
	Steps []Step
	Want  []string // the lines that have to come of them
}

// Step is one line that makes something happen.
type Step struct {
	Line    int
	Verb    string
	Args    []string // the words without "="
	Options []Option // the others, in their order
}

// Option is a word such as "soak=5m".
type Option struct{ Name, Value string }

// Error says what is wrong with a file, and where.
type Error struct {
	File string
	Line int
	Text string
}

func (e *Error) Error() string { return fmt.Sprintf("%s:%d: %s", e.File, e.Line, e.Text) }

// Parse reads a scenario. The name is for messages. The error is an [*Error].
func Parse(name, text string) (File, error) {
	f := File{Name: name}
	var b *Block // the block that is being read
	expected := false
	for i, line := range strings.Split(strings.TrimRight(text, "\n"), "\n") {
		line = strings.TrimRight(line, " \t\r")
		wrong := func(format string, args ...any) (File, error) {
			return File{}, &Error{File: name, Line: i + 1, Text: fmt.Sprintf(format, args...)}
		}
		switch {
		case i == maxLines:
			return wrong("the file goes on after %d lines: one behaviour a file", maxLines)
		case len(line) > maxLine:
			return wrong("the line has %d bytes, at most %d are read", len(line), maxLine)
		case line == "":
			if b != nil && !expected {
				return wrong("the block of line %d has no line of %q with what has to come of it", b.Line, divider)
			}
			b, expected = nil, false
		case line == divider:
			if b == nil || expected || len(b.Steps) == 0 {
				return wrong("%q without steps before it", divider)
			}
			expected = true
		case expected:
			b.Want = append(b.Want, line)
		default:
			if b == nil {
				f.Blocks = append(f.Blocks, Block{Line: i + 1})
				b = &f.Blocks[len(f.Blocks)-1]
			}
			b.Input = append(b.Input, line)
			if strings.HasPrefix(line, "#") {
				continue
			}
			step, err := parseStep(line)
			if err != nil {
				return wrong("%v", err)
			}
			step.Line = i + 1
			b.Steps = append(b.Steps, step)
		}
	}
	if b != nil && !expected {
		return File{}, &Error{File: name, Line: b.Line, Text: fmt.Sprintf("the block has no line of %q with what has to come of it", divider)}
	}
	if len(f.Blocks) == 0 || !strings.HasPrefix(f.Blocks[0].Input[0], "#") {
		return File{}, &Error{File: name, Line: 1, Text: "the first line has to be a comment that says why an operator cares"}
	}
	return f, nil
}

// parseStep reads one step and compares it with its verb's usage.
func parseStep(line string) (Step, error) {
	words, err := split(line)
	if err != nil {
		return Step{}, err
	}
	s := Step{Verb: words[0]}
	v, ok := verbs[s.Verb]
	if !ok {
		return s, fmt.Errorf("there is no step %q; there are %s", s.Verb, strings.Join(verbNames(), ", "))
	}
	for _, w := range words[1:] {
		name, value, isOption := strings.Cut(w, "=")
		switch {
		case !isOption:
			s.Args = append(s.Args, w)
			continue
		case name == "":
			return s, fmt.Errorf("%s: %q has no name before the =", s.Verb, w)
		case !v.takes(name):
			return s, fmt.Errorf("%s has no option %q: %s", s.Verb, name, v.usage)
		case hasOption(s.Options, name):
			return s, fmt.Errorf("%s: %s is said twice", s.Verb, name)
		}
		s.Options = append(s.Options, Option{name, value})
	}
	if len(s.Args) < v.least || v.most >= 0 && len(s.Args) > v.most {
		return s, fmt.Errorf("%s has %d names: %s", s.Verb, len(s.Args), v.usage)
	}
	for _, name := range v.needs {
		if !hasOption(s.Options, name) {
			return s, fmt.Errorf("%s needs %s=: %s", s.Verb, name, v.usage)
		}
	}
	return s, nil
}

func hasOption(options []Option, name string) bool {
	for _, o := range options {
		if o.Name == name {
			return true
		}
	}
	return false
}

// split cuts a line into words; a quoted part of a word keeps its spaces.
func split(line string) ([]string, error) {
	var words []string
	var word strings.Builder
	quoted := false
	for _, r := range line + " " {
		switch {
		case r == '"':
			quoted = !quoted
		case (r == ' ' || r == '\t') && !quoted:
			if word.Len() > 0 {
				words = append(words, word.String())
			}
			word.Reset()
		default:
			word.WriteRune(r)
		}
	}
	if quoted {
		return nil, fmt.Errorf("a quote is not closed")
	}
	if len(words) == 0 {
		return nil, fmt.Errorf("the line says nothing")
	}
	return words, nil
}
