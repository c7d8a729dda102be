package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
)

// equivalent is a mutant that no test can tell from the real thing, as the list
// has it.
type equivalent struct {
	name   string // the mutant's
	reason string
	line   int // in the list
}

// readEquivalents reads the list. It is blocks that are separated by empty
// lines: a line with the file and the function, one with the change as the
// progress tells it, and behind them the reason. Lines that begin with # are
// for readers.
func readEquivalents(path string) ([]equivalent, error) {
	text, err := os.ReadFile(path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	var out []equivalent
	var block []string
	begin := 0
	finish := func() error {
		if len(block) == 0 {
			return nil
		}
		file, in, ok := strings.Cut(block[0], " ")
		if !ok || len(block) < 3 {
			return fmt.Errorf(`%s:%d: want "file function", the change, and a reason, each on a line`, path, begin)
		}
		out = append(out, equivalent{
			name:   fmt.Sprintf("%s: %s: %s", file, in, block[1]),
			reason: strings.Join(block[2:], " "),
			line:   begin,
		})
		block = nil
		return nil
	}
	for i, line := range strings.Split(string(text)+"\n", "\n") {
		line = strings.TrimSpace(line)
		switch {
		case strings.HasPrefix(line, "#"):
		case line != "":
			if len(block) == 0 {
				begin = i + 1
			}
			block = append(block, line)
		default:
			if err := finish(); err != nil {
				return nil, err
			}
		}
	}
	return out, nil
}

// match returns the reasons by mutant. An entry without a mutant is an error,
// and so is a second one for the same.
func match(path string, list []equivalent, all []*mutant) (map[*mutant]string, error) {
	byName := map[string]*mutant{}
	for _, m := range all {
		byName[m.name()] = m
	}
	reasons := map[*mutant]string{}
	var wrong []error
	for _, e := range list {
		m := byName[e.name]
		switch {
		case m == nil:
			wrong = append(wrong, fmt.Errorf("%s:%d: there is no mutant %q: remove the entry, or name the one it is about", path, e.line, e.name))
		case reasons[m] != "":
			wrong = append(wrong, fmt.Errorf("%s:%d: listed before: %q", path, e.line, e.name))
		default:
			reasons[m] = e.reason
		}
	}
	return reasons, errors.Join(wrong...)
}
