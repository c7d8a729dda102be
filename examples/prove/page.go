package main

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/rollmend/rollmend/examples/prove/track"
)

// pagePath is the page that -write writes, from the root of the repository.
const pagePath = "docs/reliability.md"

// target is how much evidence a release is to have.
type target struct {
	part, what string
	want       uint64
}

// targets are enough that a fault which shows once in a hundred thousand cases
// is all but certain to be met.
var targets = []target{
	{"sim", injectedFaults, 1_000_000},
	{"laws", propertyCases, 10_000_000},
	{"histories", historiesOf("memory"), 10_000},
	{"histories", historiesOf("SQLite"), 10_000},
	{"kills", processesKilled, 3_000},
}

// writePage writes the page from what was done on this commit.
func writePage(root, commit string, all []part, ls ledgers) error {
	record, err := track.Load(root)
	if err != nil {
		return err
	}
	page := page{commit: commit, record: record, parts: all, ledgers: map[string]*ledger{}}
	for _, p := range all {
		if page.ledgers[p.name()], err = ls.open(p.name()); err != nil {
			return err
		}
	}
	return os.WriteFile(filepath.Join(root, pagePath), []byte(page.String()), 0o644)
}

// page is what the page is made from.
type page struct {
	commit  string
	record  track.Record
	parts   []part
	ledgers map[string]*ledger
}

const head = `<!-- Written by: go run ./examples/prove -write -->
# Reliability

rollmend promises that a fleet comes back to the truth after any fault: nothing that was
acknowledged is lost, nothing is counted twice, nothing is invented. This page is the
evidence, as one command gathers it:

    go run ./examples/prove

It shares a budget (` + "`-budget`" + `, ten minutes unless set) among the parts below, may be
stopped at any time and goes on where it was (` + "`-state`" + `), takes other random cases with
another ` + "`-seed`" + `, and writes this page with ` + "`-write`" + `. Whatever breaks a promise is printed in
full with the command that shows it again, and the exit code is 1.

`

func (p page) String() string {
	var b strings.Builder
	b.WriteString(head)
	fmt.Fprintf(&b, "The figures are those of commit %s alone.\n\n", p.commit)
	p.figures(&b)
	p.goals(&b)
	p.table(&b)
	return b.String()
}

// detailed is a part that has more to show than figures: paragraphs, each with
// an empty line behind it.
type detailed interface{ details(l *ledger) string }

// figures writes what each part has to show.
func (p page) figures(b *strings.Builder) {
	b.WriteString("## Figures\n\n| part | what it does | so far | seeds | in | violations |\n|---|---|---|---|---|---|\n")
	for _, part := range p.parts {
		l := p.ledgers[part.name()]
		var figures []string
		for _, f := range part.summary(l) {
			figures = append(figures, f.String())
		}
		if l.Took == 0 {
			fmt.Fprintf(b, "| %s | %s | not run on this commit | | | |\n", part.name(), cell(part.about()))
			continue
		}
		broken := "none"
		if l.Broken != "" {
			first, _, _ := strings.Cut(l.Broken, "\n")
			broken = "**" + cell(first) + "**"
		}
		fmt.Fprintf(b, "| %s | %s | %s | %s | %s | %s |\n", part.name(), cell(part.about()),
			cell(strings.Join(figures, "; ")), l.seeds(), l.Took.Round(time.Second), broken)
	}
	for _, m := range p.machines() {
		fmt.Fprintf(b, "\nMeasured on: %s.\n", m)
	}
	b.WriteString("\n")
	for _, part := range p.parts {
		if d, ok := part.(detailed); ok {
			b.WriteString(d.details(p.ledgers[part.name()]))
		}
	}
	b.WriteString("One part alone, for an hour: `go run ./examples/prove -only sim -budget 1h`.\n\n")
}

// machines lists what the parts were measured on, nearly always one.
func (p page) machines() (all []string) {
	for _, part := range p.parts {
		if m := p.ledgers[part.name()].Machine; m != "" && !slices.Contains(all, m) {
			all = append(all, m)
		}
	}
	return all
}
