package statesdoc_test

import (
	"encoding/xml"
	"errors"
	"io"
	"iter"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/rollmend/rollmend/internal/statesdoc"
	"github.com/rollmend/rollmend/reducer"
	"github.com/rollmend/rollmend/states"
)

const root = "../.."

func sources(t *testing.T) statesdoc.Sources {
	t.Helper()
	src, err := statesdoc.Read(root)
	if err != nil {
		t.Fatal(err)
	}
	return src
}

func render(t *testing.T) statesdoc.Page {
	t.Helper()
	page, err := statesdoc.Render(reducer.Rows(), sources(t))
	if err != nil {
		t.Fatal(err)
	}
	return page
}

func TestPagesAreFresh(t *testing.T) {
	page := render(t)
	for path, want := range map[string]string{statesdoc.MarkdownPath: page.Markdown, statesdoc.SVGPath: page.SVG} {
		got, err := os.ReadFile(filepath.Join(root, path))
		if err != nil || string(got) != want {
			t.Errorf("%s is stale: run go generate ./... (%v)", path, err)
		}
	}
}

func TestPagesHoldEveryRowStateAndEvent(t *testing.T) {
	page := render(t)
	for row := range reducer.Rows() {
		if !strings.Contains(page.Markdown, "| "+row.Writes+" |") {
			t.Errorf("states.md lacks the row %v", row)
		}
	}
	for s := range states.States() {
		if !strings.Contains(page.SVG, ">"+s.String()+"</text>") {
			t.Errorf("states.svg lacks the state %s", s)
		}
	}
	for k := range states.Kinds() {
		if !strings.Contains(page.Markdown, "\n### "+k.String()+"\n") {
			t.Errorf("states.md lacks the event %s", k)
		}
	}
	arrows := map[[2]states.State]bool{}
	for row := range reducer.Rows() {
		if row.From != row.To {
			arrows[[2]states.State{row.From, row.To}] = true
		}
	}
	if got := strings.Count(page.SVG, `class="arrow"`); got != len(arrows) {
		t.Errorf("states.svg has %d arrows, want %d", got, len(arrows))
	}
}

func TestSVGIsXML(t *testing.T) {
	decoder := xml.NewDecoder(strings.NewReader(render(t).SVG))
	for {
		_, err := decoder.Token()
		if errors.Is(err, io.EOF) {
			return
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

// TestWhatIsNotDescribedIsRefused: the message says what to add where.
func TestWhatIsNotDescribedIsRefused(t *testing.T) {
	src := sources(t)
	without := func(b []byte, text string) []byte { return []byte(strings.Replace(string(b), text, "", 1)) }
	backwards := []reducer.Row{{From: states.Converged, On: states.KindFailed, To: states.Pending}}
	for name, c := range map[string]struct {
		rows iter.Seq[reducer.Row]
		src  statesdoc.Sources
		want string
	}{
		"a state without a meaning": {
			reducer.Rows(),
			statesdoc.Sources{States: without(src.States, "// the record is open; the agent has not acknowledged"), Events: src.Events},
			"statesdoc: no meaning of Pending: write it behind its constant in states/state.go",
		},
		"an event without a description": {
			reducer.Rows(),
			statesdoc.Sources{States: src.States, Events: without(src.Events, "// Dispatched says that the control plane handed the dispatch out.\n")},
			"statesdoc: no description of Dispatched: write a doc comment on its type in reducer/event.go",
		},
		"an arrow that goes back": {
			slices.Values(backwards), src,
			"statesdoc: no way to draw the arrow from Converged back to Pending: add one to drawMove in internal/statesdoc/svg.go",
		},
	} {
		if _, err := statesdoc.Render(c.rows, c.src); err == nil || err.Error() != c.want {
			t.Errorf("%s: got %v, want %s", name, err, c.want)
		}
	}
}
