package reducer

import "github.com/rollmend/rollmend/states"

// Snapshot stands in the place of a log's entries up to a revision. It is no
// event: no row of the table knows it, and nothing but upkeep makes one.
type Snapshot struct {
	Record states.Record // as those entries gave it

	// Untaken lists the agent's numbers up to the record's last one that were not
	// taken: refused, or lost in a gap that was accepted. Rising, and never next to
	// each other. An agent that sends one of them again must not be told that it
	// was heard.
	Untaken []Numbers
}

// Numbers is a run of an agent's numbers, both ends included.
type Numbers struct {
	From, To states.Seq
}

// Takes reports whether a number up to the snapshot's last one was taken.
func (s *Snapshot) Takes(seq states.Seq) bool {
	for _, n := range s.Untaken {
		if n.From <= seq && seq <= n.To {
			return false
		}
	}
	return seq <= s.Record.LastSeq
}

// Compact returns the entry that can stand in the place of a whole log, itself
// compacted before or not: its snapshot. From it and what is logged behind it
// [Rederive] gives the same record as from all of the log. The error is a
// [*LogError] where the log does not hold together.
func Compact(log []LogEntry) (LogEntry, error) {
	rec, err := Rederive(log)
	if err != nil {
		return LogEntry{}, err
	}
	s := &Snapshot{Record: rec}
	var last states.Seq
	for i := range log {
		entry := &log[i]
		switch seq := entry.Event.Seq; {
		case entry.Snapshot != nil:
			s.Untaken = append(s.Untaken, entry.Snapshot.Untaken...)
			last = entry.Snapshot.Record.LastSeq
		case entry.Event.Reported():
			s.untaken(last+1, seq-1)
			if entry.Disposition == Refused {
				s.untaken(seq, seq)
			}
			last = seq
		}
	}
	of := Event{Key: rec.Key, Origin: Origin{By: ByControlPlane}}
	return LogEntry{Revision: rec.Revision, Snapshot: s, Event: of}, nil
}

// untaken adds numbers behind those that are listed.
func (s *Snapshot) untaken(from, to states.Seq) {
	if from > to {
		return
	}
	if n := len(s.Untaken); n > 0 && s.Untaken[n-1].To+1 == from {
		s.Untaken[n-1].To = to
		return
	}
	s.Untaken = append(s.Untaken, Numbers{From: from, To: to})
}
