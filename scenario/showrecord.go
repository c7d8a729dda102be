package scenario

import (
	"fmt"
	"strings"

	"github.com/rollmend/rollmend/reducer"
	"github.com/rollmend/rollmend/states"
)

func showRecord(p *player, s Step, o *options) error {
	if err := p.known(s.Args[0]); err != nil {
		return err
	}
	key, err := p.key(states.Host(s.Args[0]), o)
	if err != nil {
		return err
	}
	rec, err := p.plane.store.Record(p.ctx, key)
	if err != nil {
		return err
	}
	for _, line := range RecordLines(p.label(key), &rec) {
		p.say("%s", line)
	}
	return nil
}

// RecordLines shows a record as the step "record" does, under a label.
func RecordLines(label string, rec *states.Record) []string {
	line := fmt.Sprintf("%s  %s", label, rec.State)
	if rec.Synthesised() {
		line += "  (synthesised: " + rec.LastGuess().Case.String() + ")"
	}
	lines := []string{line}
	for _, part := range [...]struct {
		name  string
		words []string
	}{{"times", timesOf(rec)}, {"closures", closuresOf(rec)}, {"probes", probesOf(rec)}, {"numbers", numbersOf(rec)}} {
		if len(part.words) > 0 {
			lines = append(lines, fmt.Sprintf("  %-11s %s", part.name, strings.Join(part.words, " ")))
		}
	}
	return lines
}

// timesOf lists the times that are set. Those of the agent that no report gave
// are marked.
func timesOf(rec *states.Record) []string {
	words := []string{"opened=" + timeText(rec.Opened)}
	if rec.Dispatched.IsSet() {
		words = append(words, "dispatched="+timeText(rec.Dispatched))
	}
	for s := range states.AllStamps() {
		at := rec.At(s)
		if !at.IsSet() || s == states.LastTransitionAt {
			continue
		}
		mark := "~"
		if rec.Reported(s) {
			mark = ""
		}
		words = append(words, s.String()+"="+mark+timeText(at))
	}
	return append(words, "soak-due="+timeText(rec.SoakDue()))
}

func closuresOf(rec *states.Record) []string {
	words := []string{"target=" + rec.Target.String()}
	for _, c := range [...]struct {
		name string
		is   states.Closure
	}{{"at-dispatch", rec.AtDispatch}, {"current", rec.Current}, {"reverted-to", rec.RevertedTo}} {
		if c.is.Known() {
			words = append(words, c.name+"="+c.is.String())
		}
	}
	return words
}

func probesOf(rec *states.Record) []string {
	var words []string
	for _, probe := range rec.Probes {
		words = append(words, fmt.Sprintf("%s=%s/%s", probe.Name, probe.Mode, probe.Status))
	}
	return words
}

func numbersOf(rec *states.Record) []string {
	var words []string
	if rec.LastSeq != 0 {
		words = append(words, fmt.Sprintf("last=%d", rec.LastSeq))
	}
	if rec.Gap {
		words = append(words, "gap=accepted")
	}
	if rec.PolicyApplied != 0 {
		words = append(words, "policy-applied="+rec.PolicyApplied.String())
	}
	return words
}

func showLog(p *player, s Step, o *options) error {
	if err := p.known(s.Args[0]); err != nil {
		return err
	}
	key, err := p.key(states.Host(s.Args[0]), o)
	if err != nil {
		return err
	}
	log, err := p.plane.store.Log(p.ctx, key)
	if err != nil {
		return err
	}
	for _, entry := range log {
		p.say("%d  %s  at=%s  %s", entry.Revision, bodyText(entry.Event), timeText(entry.Event.At), sourceText(&entry))
	}
	return nil
}

// sourceText says where an entry of a log comes from, and what became of it.
func sourceText(entry *reducer.LogEntry) string {
	switch ev := entry.Event; ev.Origin.By {
	case reducer.ByAgent:
		return fmt.Sprintf("(report %d, %s)", ev.Seq, entry.Disposition)
	case reducer.BySynthesis:
		return fmt.Sprintf("(synthesised: %s, from %s)", ev.Origin.Case, ev.Origin.From)
	}
	return "(control-plane)"
}
