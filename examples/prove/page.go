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

// target is how much evidence a release is to have; all of it where want is 0.
type target struct {
	part, what string
	want       uint64
	also       *target // counts towards it
}

// targets are enough that a fault which shows once in a hundred thousand cases
// is all but certain to be met.
var targets = []target{
	{part: "sim", what: injectedFaults, want: 1_000_000},
	{part: "laws", what: propertyCases, want: 10_000_000, also: &target{part: "combinations", what: combinationsCompared}},
	{part: "histories", what: historiesOf("memory"), want: 10_000},
	{part: "histories", what: historiesOf("SQLite"), want: 10_000},
	{part: "histories", what: historiesOf("PostgreSQL"), want: 10_000},
	{part: "kills", what: processesKilled, want: 3_000},
	{part: "fuzz", what: fuzzTargetsRun},
	{part: "mutants", what: mutantsJudged},
	{part: "mutants", what: mutantsKilled},
	{part: "track-record", what: defectsCaught},
	{part: "planted", what: defectsFound},
}

// writePage writes the page from what was done on this commit, and for a part
// that was not run on it from what was done on the newest commit before.
func writePage(root string, all []part, ls *ledgers) error {
	record, err := track.Load(root)
	if err != nil {
		return err
	}
	before, err := ancestors(root)
	if err != nil {
		return err
	}
	page := page{commit: ls.commit(), record: record, parts: all, ledgers: map[string]*ledger{}}
	for _, p := range all {
		if page.ledgers[p.name()], err = ls.newest(p.name(), before); err != nil {
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

// ledger returns a part's ledger, an empty one where it was never run.
func (p page) ledger(part string) *ledger {
	if l := p.ledgers[part]; l != nil {
		return l
	}
	return &ledger{}
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
full with the command that shows it again, and the exit code is 1. Every change runs the same
command with a small budget before it lands.

`

const aboutCommits = `A figure is of one commit of the code, the last that changed anything but pages (` + "`*.md`" + `, the
diagrams in docs, .ci, the licence): figures of two commits are never added up. A part that was
not run on the newest code shows what it had on the newest before, and says on which, among the
goals too.

`

func (p page) String() string {
	var b strings.Builder
	b.WriteString(head)
	fmt.Fprintf(&b, "Code: commit %s.\n\n", p.commit)
	p.verdict(&b)
	p.goals(&b)
	p.figures(&b)
	b.WriteString(aboutCommits)
	b.WriteString(howOneKnows)
	for _, part := range p.parts {
		if d, ok := part.(detailed); ok {
			if l := p.ledgers[part.name()]; l != nil {
				b.WriteString(d.details(l))
			}
		}
	}
	p.table(&b)
	return b.String()
}

// brokenMost bounds how many lines of a violation the page shows; the command
// behind it prints them all.
const brokenMost = 40

// verdict says first what a reader comes for: whether anything was found.
func (p page) verdict(b *strings.Builder) {
	clean := true
	for _, part := range p.parts {
		l := p.ledgers[part.name()]
		if l == nil || l.Broken == "" {
			continue
		}
		if clean {
			b.WriteString("## Broken promises\n\n")
		}
		clean = false
		lines := strings.Split(strings.TrimSpace(l.Broken), "\n")
		again := lines[len(lines)-1]
		if len(lines) > brokenMost {
			lines = append(lines[:brokenMost], "...")
		}
		fmt.Fprintf(b, "%s, on commit %s; again with `%s`:\n\n    %s\n\n", part.name(), l.Commit, again, strings.Join(lines, "\n    "))
	}
	if clean {
		b.WriteString("No run of any part below found a promise broken on this code.\n\n")
	}
}

// detailed is a part that has more to show than figures: a section, with an
// empty line behind it, or nothing where it was not run.
type detailed interface{ details(l *ledger) string }

const howOneKnows = `## How one knows that this would find anything

A search that found nothing may be blind. So each search is also put in front of what it has to
find:

- the simulated fleet, in front of defects planted in the code (the table below), and the walks
  through small worlds, by the tests of ` + "`proptest/sim`" + `;
- the laws, in front of systems with a defect, by the tests of ` + "`proptest`" + `;
- the conformance kit of the stores, in front of broken stores, each caught by a named check
  (` + "`adapters/storetest`" + `), and the kill loop, in front of a process that acknowledges too early;
- the tests of the pure half, in front of every guard of it deleted or inverted (mutants);
- the tests named in the record of known defects, in front of the defect.

`

// figures writes what each part has to show.
func (p page) figures(b *strings.Builder) {
	b.WriteString("## Figures\n\n| part | what it does | so far | seeds | in | commit | violations |\n|---|---|---|---|---|---|---|\n")
	for _, part := range p.parts {
		l := p.ledgers[part.name()]
		if l == nil || l.Took == 0 {
			fmt.Fprintf(b, "| %s | %s | not run yet | | | | |\n", part.name(), cell(part.about()))
			continue
		}
		var figures []string
		for _, f := range part.summary(l) {
			figures = append(figures, f.String())
		}
		commit := l.Commit
		if commit != p.commit {
			commit += " (before the newest)"
		}
		broken := "none"
		if l.Broken != "" {
			first, _, _ := strings.Cut(l.Broken, "\n")
			broken = "**" + cell(first) + "**"
		}
		fmt.Fprintf(b, "| %s | %s | %s | %s | %s | %s | %s |\n", part.name(), cell(part.about()),
			cell(strings.Join(figures, "; ")), l.seeds(), l.Took.Round(time.Second), commit, broken)
	}
	for _, m := range p.machines() {
		fmt.Fprintf(b, "\nMeasured on: %s.\n", m)
	}
	b.WriteString("\nOne part alone, for an hour: `go run ./examples/prove -only sim -budget 1h`.\n\n")
}

// machines lists what the parts were measured on, nearly always one.
func (p page) machines() (all []string) {
	for _, part := range p.parts {
		if l := p.ledgers[part.name()]; l != nil && l.Machine != "" && !slices.Contains(all, l.Machine) {
			all = append(all, l.Machine)
		}
	}
	return all
}
