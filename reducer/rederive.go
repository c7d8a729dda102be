package reducer

import (
	"fmt"

	"github.com/rollmend/rollmend/states"
)

// Rederive folds a log into the record that it describes. A prefix of the log
// gives the record as it was after its last entry. The log begins with Opened
// and has no gaps; the error is a [*LogError] where it does not hold together.
func Rederive(log []LogEntry) (states.Record, error) {
	var rec states.Record
	for i, entry := range log {
		wrong := func(format string, args ...any) (states.Record, error) {
			return states.Record{}, &LogError{Key: entry.Event.Key, Entry: i, Reason: fmt.Sprintf(format, args...)}
		}
		if entry.Revision != states.Revision(i) {
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
