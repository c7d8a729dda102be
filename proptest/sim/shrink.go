package sim

import (
	"slices"
	"strings"
)

// happened is a fault that happened in a run.
type happened struct {
	id   Fault
	kind string
	at   int64 // true milliseconds
}

// Shrink looks for the fewest faults with which a run still breaks the same
// sentence, within so many tries, and returns what it then breaks, with its
// timeline.
func Shrink(v *Violation, tries int) *Violation {
	s := shrinker{best: v.Options, sentence: v.Sentence, tries: tries}
	report, _ := Run(s.best)
	s.faults = report.happened
	// The last faults first: what follows a moment is often only noise. Then
	// whole machines and whole kinds, and at last one by one.
	s.halve(func(f []happened) [][]happened { return [][]happened{f[len(f)/2:], f[len(f)*3/4:], f[len(f)*7/8:]} })
	s.each(func(f happened) string { return f.kind })
	s.each(func(f happened) string {
		who, _, _ := strings.Cut(string(f.id), "#")
		return who
	})
	s.chunks()
	best := s.best
	best.Timeline = true
	if _, err := Run(best); err != nil {
		return err.(*Violation)
	}
	return v
}

// shrinker holds the smallest run so far.
type shrinker struct {
	best     Options
	sentence string
	faults   []happened // of the smallest run, in the order in which they happened
	tries    int
}

// without tries to leave faults out.
func (s *shrinker) without(leave []happened) bool {
	if s.tries == 0 || len(leave) == 0 {
		return false
	}
	s.tries--
	o := s.best
	o.Only = []Fault{}
	for _, f := range s.faults {
		if !slices.Contains(leave, f) {
			o.Only = append(o.Only, f.id)
		}
	}
	report, err := Run(o)
	broken, ok := err.(*Violation)
	if !ok || broken.Sentence != s.sentence {
		return false
	}
	s.best, s.faults = o, report.happened
	return true
}

// halve leaves out what cut gives, as long as one of it can be left out.
func (s *shrinker) halve(cut func([]happened) [][]happened) {
	for smaller := true; smaller && len(s.faults) > 0; {
		smaller = slices.ContainsFunc(cut(s.faults), s.without)
	}
}

// each tries to leave out all faults that have something in common.
func (s *shrinker) each(common func(happened) string) {
	var names []string
	for _, f := range s.faults {
		if name := common(f); !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	for _, name := range names {
		var leave []happened
		for _, f := range s.faults {
			if common(f) == name {
				leave = append(leave, f)
			}
		}
		s.without(leave)
	}
}

// chunks leaves out ever smaller pieces, down to single faults, until none can
// be left out any more.
func (s *shrinker) chunks() {
	for size := (len(s.faults) + 1) / 2; size > 0 && s.tries > 0; {
		smaller := false
		for from := 0; from < len(s.faults) && s.tries > 0; {
			if s.without(slices.Clone(s.faults[from:min(from+size, len(s.faults))])) {
				smaller = true
				continue
			}
			from += size
		}
		if !smaller && size == 1 {
			return
		}
		size = max(1, size/2)
	}
}
