package main

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"time"
)

// scene is one line of the table.
type scene struct {
	done   string   // what was done
	demand string   // what had to hold
	seen   []string // what was seen
	cycles string   // in how many cycles
	amiss  []string // what did not hold
	told   []string // explanations to that
}

// saw adds to what was seen.
func (sc *scene) saw(format string, args ...any) {
	sc.seen = append(sc.seen, fmt.Sprintf(format, args...))
}

// took says in how many cycles what was demanded came true.
func (sc *scene) took(cycles int) { sc.cycles = fmt.Sprint(cycles) }

// differ says that something did not hold; the same difference counts once.
func (sc *scene) differ(format string, args ...any) {
	if text := fmt.Sprintf(format, args...); !slices.Contains(sc.amiss, text) {
		sc.amiss = append(sc.amiss, text)
	}
}

// tell adds an explanation to the differences.
func (sc *scene) tell(format string, args ...any) {
	sc.told = append(sc.told, fmt.Sprintf(format, args...))
}

// mostDifferences bounds what is shown of a scene that went wrong; the first
// ones tell why.
const mostDifferences = 20

// The widths of the table's columns, for a terminal of 120.
const (
	doneWidth   = 28
	demandWidth = 34
	seenWidth   = 38
	cyclesWidth = 6
)

// writeTable writes the table, and below it what did not hold. It reports
// whether everything did.
func writeTable(w io.Writer, scenes []*scene, took time.Duration) (held bool) {
	held = true
	line := func(cells [][]string, mark string) {
		for i := range slices.Max([]int{len(cells[0]), len(cells[1]), len(cells[2]), 1}) {
			if i > 0 {
				mark = ""
			}
			fmt.Fprintf(w, "%-4s %-*s  %-*s  %-*s  %*s\n", mark,
				doneWidth, cell(cells[0], i), demandWidth, cell(cells[1], i), seenWidth, cell(cells[2], i), cyclesWidth, cell(cells[3], i))
		}
	}
	rule := strings.Repeat("-", 4+1+doneWidth+2+demandWidth+2+seenWidth+2+cyclesWidth)
	fmt.Fprintln(w)
	line([][]string{{"what was done"}, {"what had to hold"}, {"what was seen"}, {"cycles"}}, "")
	fmt.Fprintln(w, rule)
	for _, sc := range scenes {
		mark := "ok"
		if len(sc.amiss) > 0 {
			mark, held = "NOT", false
		}
		line([][]string{
			wrap(sc.done, doneWidth), wrap(sc.demand, demandWidth),
			wrap(strings.Join(sc.seen, "; "), seenWidth),
			{sc.cycles},
		}, mark)
	}
	fmt.Fprintln(w, rule)
	for _, sc := range scenes {
		writeDifferences(w, sc)
	}
	if held {
		fmt.Fprintf(w, "Everything held, in %.0f s.\n", took.Seconds())
	} else {
		fmt.Fprintf(w, "Not everything held; it took %.0f s.\n", took.Seconds())
	}
	return held
}

func writeDifferences(w io.Writer, sc *scene) {
	if len(sc.amiss) == 0 {
		return
	}
	fmt.Fprintf(w, "\n%s: this did not hold:\n", sc.done)
	for _, text := range sc.amiss[:min(len(sc.amiss), mostDifferences)] {
		fmt.Fprintf(w, "  - %s\n", text)
	}
	if more := len(sc.amiss) - mostDifferences; more > 0 {
		fmt.Fprintf(w, "  - and %d more\n", more)
	}
	for _, text := range sc.told {
		fmt.Fprintf(w, "\n%s\n", text)
	}
	fmt.Fprintln(w)
}

func cell(lines []string, i int) string {
	if i < len(lines) {
		return lines[i]
	}
	return ""
}

// wrap breaks a text into lines of a width, between words where it can.
func wrap(text string, width int) []string {
	var lines []string
	current := ""
	for _, word := range strings.Fields(text) {
		for len(word) > width {
			if current != "" {
				lines, current = append(lines, current), ""
			}
			lines, word = append(lines, word[:width]), word[width:]
		}
		switch {
		case current == "":
			current = word
		case len(current)+1+len(word) <= width:
			current += " " + word
		default:
			lines, current = append(lines, current), word
		}
	}
	if current != "" {
		lines = append(lines, current)
	}
	return lines
}
