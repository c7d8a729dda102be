package main

import (
	"fmt"
	"strings"

	"github.com/rollmend/rollmend/examples/prove/track"
)

// goals writes how far the figures are from what a release is to have.
func (p page) goals(b *strings.Builder) {
	b.WriteString("## What a release is to have\n\n| evidence | at least | so far | |\n|---|---|---|---|\n")
	for _, t := range targets {
		f := p.figure(t)
		want, word := grouped(t.want), "not reached yet"
		if t.want == 0 {
			want = "all"
			if f.of > 0 {
				want = "all " + grouped(f.of)
			}
		}
		if t.want > 0 && f.n >= t.want || t.want == 0 && f.of > 0 && f.n == f.of {
			word = "reached"
			if commit := p.ledger(t.part).Commit; commit != p.commit {
				word += ", on " + commit
			}
		}
		if p.ledger(t.part).Broken != "" {
			word = "**broken**"
		}
		what := t.what
		if t.also != nil {
			what += " and " + t.also.what
		}
		fmt.Fprintf(b, "| %s | %s | %s | %s |\n", what, want, grouped(f.n), word)
	}
	b.WriteString("\n")
}

// figure returns what was reached of a target.
func (p page) figure(t target) (out figure) {
	out.what = t.what
	for _, part := range p.parts {
		if part.name() != t.part {
			continue
		}
		for _, f := range part.summary(p.ledger(t.part)) {
			if f.what == t.what {
				out = f
			}
		}
	}
	if t.also != nil {
		out.n += p.figure(*t.also).n
	}
	return out
}

const tableHead = `## The record of known defects

Each of these went wrong in a public system of this kind, or stands in its source. Each row
names the test here that holds it off, and a change to our own code that puts the defect in;
the last run of the test with that change is the last column. The data is
[track-record.json](track-record.json).

| id | what went wrong elsewhere | what holds here | test | defect that turns it red | last result |
|---|---|---|---|---|---|
`

// table writes the track record.
func (p page) table(b *strings.Builder) {
	b.WriteString(tableHead)
	var results map[string]string
	if l := p.ledgers[trackRecord{}.name()]; l != nil {
		results = l.Facts
	}
	for _, e := range p.record {
		for i, row := range rows(e) {
			result := "not run yet"
			if i < len(e.Checks) && results[e.CheckID(i)] != "" {
				result = results[e.CheckID(i)]
			} else if len(e.Checks) == 0 {
				result = ""
			}
			fmt.Fprintf(b, "%s %s |\n", row, result)
		}
	}
	b.WriteString("\n### Limits\n\n")
	for _, e := range p.record {
		if e.Limit != "" {
			fmt.Fprintf(b, "- %s: %s\n", e.ID, e.Limit)
		}
	}
}

// rows writes an entry's rows without the last column: one for each check, and
// one for an entry that has none.
func rows(e track.Entry) (out []string) {
	wrong, holds := e.Wrong, e.Holds
	for _, thread := range e.Sources {
		repository, number, _ := strings.Cut(thread, "#")
		wrong += fmt.Sprintf(" [%s](https://github.com/%s/issues/%s)", thread, repository, number)
	}
	if len(e.Checks) == 0 {
		return []string{fmt.Sprintf("| %s | %s | %s | | see the limits |", e.ID, cell(wrong), cell(holds))}
	}
	for i, c := range e.Checks {
		if i > 0 {
			wrong, holds = "", ""
		}
		out = append(out, fmt.Sprintf("| %s | %s | %s | `%s` %s | %s (`%s`) |",
			e.CheckID(i), cell(wrong), cell(holds), c.Test.Dir, cell(c.Test.Title()), cell(c.Mutation.Says), c.Mutation.File))
	}
	return out
}

// cell makes a text fit into a cell of a table.
func cell(s string) string {
	return forCells.Replace(s)
}

var forCells = strings.NewReplacer("|", "\\|", "\n", "<br>")
