package synth

import (
	"github.com/rollmend/rollmend/reducer"
	"github.com/rollmend/rollmend/states"
)

// Ahead concludes what a report means that is only legal further along the
// road than its record is: the finding has the missing prefix, to be applied
// before the report and committed with it. It has none where the report needs
// none, or would be refused all the same.
func Ahead(rec states.Record, report reducer.Event) Finding {
	kinds := reducer.Road(rec, report.Kind())
	if len(kinds) == 0 || report.Seq <= rec.LastSeq {
		return find(&rec, InStep, "%s needs nothing before it", report.Kind())
	}
	from := states.Observation{At: report.At, Order: report.Order, Current: shown(report), Seq: report.Seq}
	f := find(&rec, Missed, "%s arrived while the record was %s", report.Kind(), rec.State)
	f.Case = states.ReportAhead
	ahead := rec
	for _, kind := range kinds {
		ev := reducer.Synthesise(&rec, kind, states.ReportAhead, from, report.At)
		out, err := reducer.Step(ahead, ev)
		if err != nil {
			return find(&rec, InStep, "%s cannot be reached: %v", report.Kind(), err)
		}
		ahead = out.Record
		f.Events = append(f.Events, ev)
	}
	if _, err := reducer.Step(ahead, report); err != nil {
		return find(&rec, InStep, "%s would be refused: %v", report.Kind(), err)
	}
	return f
}

// shown returns the closure that a report says the host runs, where it says.
func shown(report reducer.Event) states.Closure {
	switch b := report.Body.(type) {
	case reducer.ActivationCompleted:
		return b.Observed
	case reducer.RollbackComplete:
		return b.RevertedTo
	case reducer.Converged:
		return b.Current
	}
	return ""
}
