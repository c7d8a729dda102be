package storetest

import (
	"fmt"
	"strings"

	"github.com/rollmend/rollmend/adapters"
	"github.com/rollmend/rollmend/states"
)

// verdict is what a store said of one change.
type verdict int

const (
	wasStored verdict = iota
	wasNotFound
	staleRecord   // a conflict over the record's revision
	staleOrdering // a conflict over the ordering revision
)

// changeTried is one change of a commit, with what the store said of it.
type changeTried struct {
	record     int
	expect     states.Revision
	guard      adapters.Ordering
	closes     bool
	steps      int
	log        string // the names of its entries, a space behind each
	quarantine string // the name of the entry that brings one, empty where none does

	verdict  verdict
	found    states.Revision   // of a stale record
	ordering adapters.Ordering // of a stale ordering revision
}

// commitDone is a call of Commit. One whose outcome is unknown has no verdicts,
// and may take effect at any time later, or never.
type commitDone struct {
	changes []changeTried
	unknown bool
}

func (o commitDone) step(w world) (world, bool) {
	before := w
	for _, c := range o.changes {
		r := &w.records[c.record]
		if o.unknown {
			if r.open && r.revision == c.expect && (c.guard == 0 || c.guard == before.ordering) {
				w.store(c, before.ordering)
			}
			continue
		}
		switch c.verdict {
		case wasNotFound:
			if r.open {
				return w, false
			}
		case staleRecord:
			if !r.open || r.revision == c.expect || r.revision != c.found {
				return w, false
			}
		case staleOrdering:
			if !r.open || c.guard == 0 || c.guard == before.ordering || c.ordering != before.ordering {
				return w, false
			}
		case wasStored:
			if !r.open || r.revision != c.expect || c.guard != 0 && c.guard != before.ordering {
				return w, false
			}
			w.store(c, before.ordering)
		}
	}
	return w, true
}

// store stores a change in a batch that began at an ordering revision.
func (w *world) store(c changeTried, began adapters.Ordering) {
	r := &w.records[c.record]
	r.revision += states.Revision(c.steps)
	r.log += c.log
	if c.closes {
		w.ordering = began + 1
	}
	if c.quarantine != "" && w.quarantines[0] == "" {
		w.quarantines[0] = c.quarantine
	}
}

func (o commitDone) String() string {
	texts := make([]string, len(o.changes))
	for i, c := range o.changes {
		texts[i] = fmt.Sprintf("%s@%d + %s", recordNames[c.record], c.expect, strings.TrimSpace(c.log))
		if c.guard != 0 {
			texts[i] += fmt.Sprintf(" guarded by %d", c.guard)
		}
		if c.closes {
			texts[i] += " closes"
		}
		if !o.unknown {
			texts[i] += " -> " + c.answer()
		}
	}
	text := "Commit " + strings.Join(texts, ", ")
	if o.unknown {
		text += " -> outcome unknown"
	}
	return text
}

func (c changeTried) answer() string {
	switch c.verdict {
	case wasNotFound:
		return "not found"
	case staleRecord:
		return fmt.Sprintf("conflict, at revision %d", c.found)
	case staleOrdering:
		return fmt.Sprintf("conflict, at ordering revision %d", c.ordering)
	}
	return "stored"
}

// actKind is what an act of a history does.
type actKind int

const (
	opens actKind = iota
	resumes
	imposes
	clears
)

// actDone is one act.
type actDone struct {
	name    string
	kind    actKind
	closure int // of those that a history quarantines
}

// enactDone is a call of Enact. It was served, or its outcome is unknown, which
// makes no difference here: see [commitDone].
type enactDone struct {
	acts    []actDone
	unknown bool
}

func (o enactDone) step(w world) (world, bool) {
	before := w
	for _, a := range o.acts {
		switch a.kind {
		case opens:
			if !w.records[late].open {
				w.records[late].open = true
				w.openings++
			}
		case resumes:
			w.resumptions += a.name + " "
		case imposes:
			if w.quarantines[a.closure] == "" {
				w.quarantines[a.closure] = a.name
			}
		case clears:
			if w.quarantines[a.closure] != "" {
				w.quarantines[a.closure] = ""
				w.clearances += a.name + " "
			}
		}
	}
	if w != before {
		w.ordering++
	}
	return w, true
}

func (o enactDone) String() string {
	texts := make([]string, len(o.acts))
	for i, a := range o.acts {
		switch a.kind {
		case opens:
			texts[i] = "opening of " + recordNames[late]
		case resumes:
			texts[i] = "resumption " + a.name
		case imposes:
			texts[i] = fmt.Sprintf("quarantine %d %s", a.closure, a.name)
		case clears:
			texts[i] = fmt.Sprintf("clearance of %d %s", a.closure, a.name)
		}
	}
	text := "Enact " + strings.Join(texts, ", ")
	if o.unknown {
		return text + " -> outcome unknown"
	}
	return text + " -> done"
}

// endedCall is a write whose context ended. It stored nothing, and stands in no
// history, but beside one that is impossible.
type endedCall struct{ operation }

func (o endedCall) String() string {
	return strings.TrimSuffix(o.operation.String(), "outcome unknown") + "its context ended: nothing was stored"
}
