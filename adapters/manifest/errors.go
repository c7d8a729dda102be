package manifest

import (
	"fmt"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
)

// maxFaults bounds the faults that an Error keeps: nobody reads more, and a
// file that is wrong throughout has one for every line.
const maxFaults = 100

// maxShown bounds the faults, or names, that one line of text lists.
const maxShown = 10

// Error says why a manifest was refused. Nothing of it was taken.
type Error struct {
	Faults []Fault // in the order of the checks
	More   int     // how many more there are
}

// Fault is one reason to refuse a manifest.
type Fault struct {
	Path   string // where, as a JSON pointer (RFC 6901); empty for the whole file
	Reason string // what is wrong there, with the numbers, and what would be right
}

func (e *Error) Error() string {
	shown := e.Faults[:min(len(e.Faults), maxShown)]
	lines := make([]string, len(shown))
	for i, f := range shown {
		lines[i] = f.String()
	}
	text := strings.Join(lines, "; ")
	if rest := len(e.Faults) - len(shown) + e.More; rest > 0 {
		text += fmt.Sprintf("; and %d more", rest)
	}
	return "manifest: refused: " + text
}

// String returns the fault in one line.
func (f Fault) String() string { return line(f.Path, f.Reason) }

// Warning is something in a manifest that is probably not meant, though it can
// be taken as it is.
type Warning struct {
	Path   string // where, as a JSON pointer (RFC 6901)
	Reason string // what it leads to
}

// String returns the warning in one line.
func (w Warning) String() string { return line(w.Path, w.Reason) }

func line(path, reason string) string {
	if path == "" {
		return reason
	}
	return path + ": " + reason
}

// at writes a JSON pointer. Tokens are names, or numbers of list items.
func at(tokens ...any) string {
	var p jsontext.Pointer
	for _, t := range tokens {
		p = p.AppendToken(fmt.Sprint(t))
	}
	return string(p)
}

// some lists names for a line of text, the first few where there are many.
func some(names []string) string {
	if rest := len(names) - maxShown; rest > 0 {
		return fmt.Sprintf("%s and %d more", strings.Join(names[:maxShown], ", "), rest)
	}
	return strings.Join(names, ", ")
}
