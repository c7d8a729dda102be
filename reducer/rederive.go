package reducer

import (
	"fmt"

	"github.com/rollmend/rollmend/states"
)

// Rederive folds a log into the record that it describes. A prefix of the log
// gives the record as it was after its last entry. The log begins with Opened,
// or with a snapshot, and has no gaps; the error is a [*LogError] where it does
// not hold together.
func Rederive(log []LogEntry) (states.Record, error) {
	var rec states.Record
	for i, entry := range log {
		wrong := func(format string, args ...any) (states.Record, error) {
			return states.Record{}, &LogError{Key: entry.Event.Key, Entry: i, Reason: fmt.Sprintf(format, args...)}
		}
		if entry.Snapshot != nil {
			if reason := misplaced(i, &entry); reason != "" {
				return wrong("%s", reason)
			}
			rec = entry.Snapshot.Record
			continue
		}
		if entry.Revision != log[0].Revision+states.Revision(i) || i == 0 && entry.Revision != 0 {
			return wrong("it has revision %d: an entry is missing or out of order", entry.Revision)
		}
		// A refusal is an entry like another; what it comes to is compared below.
		out, err := Step(rec, entry.Event)
		if out.Disposition != entry.Disposition {
			return wrong("%s was %s, and is %s when folded (%v)", entry.Event.Kind(), entry.Disposition, out.Disposition, err)
		}
		if out.Record.Revision != entry.Revision {
			return wrong("%s does not lead to revision %d", entry.Event.Kind(), entry.Revision)
		}
		rec = out.Record
	}
	if len(log) == 0 {
		return rec, &LogError{Reason: "it is empty, and a log begins with Opened"}
	}
	return rec, nil
}

// misplaced says why an entry that is a snapshot cannot stand where it does.
func misplaced(place int, entry *LogEntry) string {
	rec := &entry.Snapshot.Record
	switch {
	case place != 0:
		return "a snapshot stands behind other entries"
	case entry.Event.Body != nil:
		return "it is a snapshot and an event at once"
	case rec.Key != entry.Event.Key:
		return fmt.Sprintf("its snapshot is of %s", rec.Key)
	case rec.Revision != entry.Revision:
		return fmt.Sprintf("it has revision %d, its snapshot %d", entry.Revision, rec.Revision)
	}
	return ""
}
