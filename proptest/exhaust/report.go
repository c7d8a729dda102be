package exhaust

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Part says what was asked.
type Part uint8

// The parts of a run.
const (
	Walking Part = iota + 1 // a step or a look of a history itself
	Step                    // one event, put to one record
	Ahead                   // one report, asked for what is missing before it
	Chain                   // one heartbeat, put to one record
)

var partNames = [...]string{"invalid", "walk", "step", "ahead", "chain"}

// String returns the part's name.
func (p Part) String() string {
	if int(p) < len(partNames) {
		return partNames[p]
	}
	return partNames[0]
}

// Combination is what a question is counted under.
type Combination struct {
	Part     Part
	Policy   string // the failure policy and the soak
	State    string // the record's
	Evidence string // reported, or the case of the newest guess
	Put      string // the event's kind and who it comes from, or what the host runs
	Answer   string // the disposition with the reason of a refusal, or the finding with its case
}

// Report says what a run has asked.
type Report struct {
	Depth        int                    // how long the longest history is
	Records      int                    // how many records the histories lead to, revisions and numbers aside
	Asked        int                    // how many of them this share put everything to
	Combinations map[Combination]uint64 // how often each was asked
	Rules        map[string]uint64      // how many answers each rule had a part in, by its name
}

// Total returns how many questions were asked.
func (rep *Report) Total() (n uint64) {
	for _, count := range rep.Combinations {
		n += count
	}
	return n
}

// By adds the questions up along one dimension.
func (rep *Report) By(dimension func(Combination) string) map[string]uint64 {
	out := map[string]uint64{}
	for c, n := range rep.Combinations {
		out[dimension(c)] += n
	}
	return out
}

// String is a table for each dimension.
func (rep *Report) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "depth %d, %d records, %d of them asked, %d questions, %d combinations\n",
		rep.Depth, rep.Records, rep.Asked, rep.Total(), len(rep.Combinations))
	for _, d := range []struct {
		name string
		of   func(Combination) string
	}{
		{"part", func(c Combination) string { return c.Part.String() }},
		{"policy", func(c Combination) string { return c.Policy }},
		{"state", func(c Combination) string { return c.State }},
		{"evidence", func(c Combination) string { return c.Evidence }},
		{"put", func(c Combination) string { return c.Put }},
		{"answer", func(c Combination) string { return c.Part.String() + ": " + c.Answer }},
	} {
		fmt.Fprintf(&b, "by %s\n", d.name)
		counts := rep.By(d.of)
		for _, name := range slices.Sorted(maps.Keys(counts)) {
			fmt.Fprintf(&b, "  %12d  %s\n", counts[name], name)
		}
	}
	fmt.Fprintf(&b, "by rule\n")
	for _, r := range rules {
		fmt.Fprintf(&b, "  %12d  %s (%s)\n", rep.Rules[r.Name], r.Name, r.Source)
	}
	return b.String()
}
