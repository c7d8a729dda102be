package storetest

import (
	"fmt"
	"strings"

	"github.com/rollmend/rollmend/adapters"
	"github.com/rollmend/rollmend/states"
)

// maxRecords is how many records a history knows: three hosts of a rollout that
// is open from the start, and one of a rollout that a client may open. Few, so
// that the clients meet.
const maxRecords = 4

// recordNames are how a history's text calls its records.
var recordNames = [maxRecords]string{"a", "b", "c", "late"}

// late is the place of the record that is not there until its rollout is
// opened.
const late = maxRecords - 1

// maxClosures is how many closures a history quarantines: the rollouts' target,
// which changes quarantine as well, and another one.
const maxClosures = 2

// world is what a store holds of a history's channel, where calls come one
// after the other: the model that answers are compared with. It is a plain
// value that compares with ==. What was written has the name of the operation
// that wrote it.
type world struct {
	ordering    adapters.Ordering
	records     [maxRecords]recordState
	resumptions string // names in their order, a space behind each
	clearances  string // likewise
	quarantines [maxClosures]string
	openings    int
}

// recordState is what a store holds of one record.
type recordState struct {
	open     bool
	revision states.Revision
	log      string // the names of the entries after the first, a space behind each
}

// last is the name of the record's last entry, empty for what the opening gave.
func (r recordState) last() string {
	names := strings.Fields(r.log)
	if len(names) == 0 {
		return ""
	}
	return names[len(names)-1]
}

func (w world) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "ordering revision %d, %d opened", w.ordering, w.openings)
	for i, r := range w.records {
		if r.open {
			fmt.Fprintf(&b, "; %s@%d", recordNames[i], r.revision)
			if r.revision > 0 {
				fmt.Fprintf(&b, " by %s", r.last())
			}
		}
	}
	b.WriteString(w.decisions())
	return b.String()
}

// decisions is the part of the text that [fleetRead] shares.
func (w world) decisions() string {
	var b strings.Builder
	for i, by := range w.quarantines {
		if by != "" {
			fmt.Fprintf(&b, "; quarantine %d by %s", i, by)
		}
	}
	for _, list := range [][2]string{{"resumptions", w.resumptions}, {"clearances", w.clearances}} {
		if list[1] != "" {
			fmt.Fprintf(&b, "; %s %s", list[0], strings.TrimSpace(list[1]))
		}
	}
	return b.String()
}

// operation is a call with its answer. step is what the call makes of a world,
// and whether the answer is one that it can give there.
type operation interface {
	step(w world) (world, bool)
	fmt.Stringer
}

// recordRead is a call of Record.
type recordRead struct {
	record   int
	found    bool
	revision states.Revision
	last     string
}

func (o recordRead) step(w world) (world, bool) {
	r := w.records[o.record]
	if !r.open || !o.found {
		return w, r.open == o.found
	}
	return w, r.revision == o.revision && r.last() == o.last
}

func (o recordRead) String() string {
	what := "Record " + recordNames[o.record] + " -> "
	switch {
	case !o.found:
		return what + "not found"
	case o.revision == 0:
		return what + "as it was opened"
	}
	return fmt.Sprintf("%srevision %d by %s", what, o.revision, o.last)
}

// logRead is a call of Log.
type logRead struct {
	record int
	found  bool
	log    string
}

func (o logRead) step(w world) (world, bool) {
	r := w.records[o.record]
	if !r.open || !o.found {
		return w, r.open == o.found
	}
	return w, r.log == o.log
}

func (o logRead) String() string {
	if !o.found {
		return "Log " + recordNames[o.record] + " -> not found"
	}
	return "Log " + recordNames[o.record] + " -> opened " + strings.TrimSpace(o.log)
}

// fleetRead is a call of Fleet. Of the world it has all but the records.
type fleetRead struct{ world }

func (o fleetRead) step(w world) (world, bool) {
	seen := o.world
	seen.records = w.records
	return w, seen == w
}

func (o fleetRead) String() string {
	return fmt.Sprintf("Fleet -> ordering revision %d, %d opened%s", o.ordering, o.openings, o.decisions())
}
