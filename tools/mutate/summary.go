package main

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"slices"
)

// summary is what a run comes to.
type summary struct {
	Seed       uint64         `json:"seed"`
	Mutants    int            `json:"mutants"` // that were chosen, judged or not
	Judged     int            `json:"judged"`  // that have a verdict, the unbuilt ones among them
	Unbuilt    int            `json:"unbuilt"` // that do not compile, and count for nothing
	Killed     int            `json:"killed"`
	KilledBy   map[string]int `json:"killed_by"` // by judge
	Hung       int            `json:"hung"`      // of the killed: by the timeout
	Equivalent int            `json:"equivalent"`
	Survived   int            `json:"survived"`

	Equivalents []finding `json:"equivalents"`
	Survivors   []finding `json:"survivors"`
	Untrue      []finding `json:"untrue"` // listed as equivalent, and killed or not even built
}

// finding is one mutant in a summary.
type finding struct {
	File   string `json:"file"`
	Line   int    `json:"line"`
	In     string `json:"in"` // the function or table
	What   string `json:"what"`
	Reason string `json:"reason,omitempty"` // why it is equivalent, or what says that it is not
}

func (f finding) String() string {
	s := fmt.Sprintf("%s:%d: %s: %s", f.File, f.Line, f.In, f.What)
	if f.Reason != "" {
		s += "\n    " + f.Reason
	}
	return s
}

func summarise(seed uint64, chosen []*mutant, trials map[*mutant]trial, reasons map[*mutant]string) *summary {
	sum := &summary{Seed: seed, Mutants: len(chosen), Judged: len(trials), KilledBy: map[string]int{}}
	for m, t := range trials {
		f := finding{File: m.file.name, Line: m.line, In: m.in, What: m.what, Reason: reasons[m]}
		listed := reasons[m] != ""
		switch t.Verdict {
		case noBuild:
			sum.Unbuilt++
		case survived:
			if listed {
				sum.Equivalent++
				sum.Equivalents = append(sum.Equivalents, f)
			} else {
				sum.Survived++
				sum.Survivors = append(sum.Survivors, f)
			}
			continue
		default:
			sum.Killed++
			sum.KilledBy[t.By]++
			if t.Verdict == timedOut {
				sum.Hung++
			}
		}
		if listed {
			f.Reason = fmt.Sprintf("%s (%s)", t.describe(""), t.Tests)
			sum.Untrue = append(sum.Untrue, f)
		}
	}
	for _, list := range [][]finding{sum.Equivalents, sum.Survivors, sum.Untrue} {
		slices.SortFunc(list, func(a, b finding) int {
			return cmp.Or(cmp.Compare(a.File, b.File), cmp.Compare(a.Line, b.Line), cmp.Compare(a.What, b.What))
		})
	}
	return sum
}

// clean reports whether everything that was judged is as it should be.
func (s *summary) clean() bool { return s.Survived == 0 && len(s.Untrue) == 0 }

func (s *summary) json(w io.Writer) error {
	encoder := json.NewEncoder(w)
	encoder.SetIndent("", "  ")
	encoder.SetEscapeHTML(false)
	return encoder.Encode(s)
}

func (s *summary) text(w io.Writer) error {
	section := func(title string, list []finding) {
		if len(list) > 0 {
			fmt.Fprintf(w, "\n%s:\n", title)
		}
		for _, f := range list {
			fmt.Fprintf(w, "  %s\n", f)
		}
	}
	section("equivalent", s.Equivalents)
	section("listed as equivalent, and not", s.Untrue)
	section("survived", s.Survivors)
	fmt.Fprintf(w, "\n%d of %d killed (%d by the timeout), %d equivalent, %d survived; %d do not build\n",
		s.Killed, s.Killed+s.Survived, s.Hung, s.Equivalent, s.Survived, s.Unbuilt)
	by := make([]string, 0, len(s.KilledBy))
	for name := range s.KilledBy {
		by = append(by, name)
	}
	slices.Sort(by)
	for _, name := range by {
		fmt.Fprintf(w, "  %d by %s\n", s.KilledBy[name], name)
	}
	if s.Judged < s.Mutants {
		fmt.Fprintf(w, "stopped after %d of %d mutants\n", s.Judged, s.Mutants)
	}
	_, err := fmt.Fprintf(w, "seed %d\n", s.Seed)
	return err
}
