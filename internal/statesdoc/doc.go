// Package statesdoc renders docs/states.md and docs/states.svg from the
// transition table and the comments of the code, so that each fact is written
// once. The program in its folder cmd writes them; `go generate ./reducer` runs
// it, and a test fails when they are stale.
//
// Start with [Render].
package statesdoc

import (
	"iter"
	"os"
	"path/filepath"

	"github.com/rollmend/rollmend/reducer"
	"github.com/rollmend/rollmend/states"
)

// Sources are the files whose comments are facts: what a state means, and what
// an event says.
type Sources struct {
	States []byte // states/state.go
	Events []byte // reducer/event.go
}

// Where the pages stand, from the repository's root.
const (
	MarkdownPath = "docs/states.md"
	SVGPath      = "docs/states.svg"
)

// Read reads the sources of the repository at root.
func Read(root string) (src Sources, err error) {
	if src.States, err = os.ReadFile(filepath.Join(root, "states/state.go")); err != nil {
		return src, err
	}
	src.Events, err = os.ReadFile(filepath.Join(root, "reducer/event.go"))
	return src, err
}

// Page is what is rendered.
type Page struct {
	Markdown string // docs/states.md
	SVG      string // docs/states.svg
}

// Render renders the table and its sources. It fails where a row, a state or
// an event is not described, and says what to add where.
func Render(rows iter.Seq[reducer.Row], src Sources) (Page, error) {
	meanings, err := meanings(src.States)
	if err != nil {
		return Page{}, err
	}
	bodies, err := bodies(src.Events)
	if err != nil {
		return Page{}, err
	}
	t := newTable(rows)
	markdown, err := markdown(t, meanings, bodies)
	if err != nil {
		return Page{}, err
	}
	svg, err := drawing(t)
	return Page{Markdown: markdown, SVG: svg}, err
}

// table is the transition table in the shapes that a reader looks at it.
type table struct {
	rows  []reducer.Row
	moves []move                         // in the order of their first row
	stays map[states.State][]states.Kind // events that leave the state as it is
}

// move is an arrow of the diagram: all events that lead from one state to
// another. From is zero for the opening.
type move struct {
	from, to states.State
	on       []states.Kind
}

func newTable(rows iter.Seq[reducer.Row]) table {
	t := table{stays: map[states.State][]states.Kind{}}
	at := map[[2]states.State]int{}
	for r := range rows {
		t.rows = append(t.rows, r)
		if r.From == r.To {
			t.stays[r.From] = append(t.stays[r.From], r.On)
			continue
		}
		ends := [2]states.State{r.From, r.To}
		i, known := at[ends]
		if !known {
			i = len(t.moves)
			at[ends] = i
			t.moves = append(t.moves, move{from: r.From, to: r.To})
		}
		t.moves[i].on = append(t.moves[i].on, r.On)
	}
	return t
}
