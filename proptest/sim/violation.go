package sim

import (
	"fmt"
	"strings"
)

// Violation says which sentence a run broke, and how it came to it.
type Violation struct {
	Sentence string
	Detail   string
	Options  Options // with which it happens again
	Timeline []Line  // what happened, oldest first; of a run that was asked to keep it

	hosts []string // of the fleet
}

func (v *Violation) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "sim: %s: %s\n", v.Sentence, v.Detail)
	for _, l := range v.Timeline {
		if v.concerns(l) {
			fmt.Fprintf(&b, "  %s\n", l)
		}
	}
	fmt.Fprintf(&b, "replay: %s", v.Options.Replay())
	return b.String()
}

// concerns reports whether a line is about what was broken. Where the detail
// names hosts, lines that are about other hosts alone are left out.
func (v *Violation) concerns(l Line) bool {
	other := false
	for _, h := range v.hosts {
		if l.Who != h && !strings.Contains(l.Text, h) {
			continue
		}
		if strings.Contains(v.Detail, h) {
			return true
		}
		other = true
	}
	return !other
}

// violate ends the run. The first violation counts.
func (w *world) violate(sentence, detail string, args ...any) {
	if w.violated == nil {
		w.violated = &Violation{Sentence: sentence, Detail: fmt.Sprintf(detail, args...), Options: w.opts}
		for _, h := range w.hosts {
			w.violated.hosts = append(w.violated.hosts, string(h.name))
		}
		w.note("check", "broken: %s: %s", sentence, w.violated.Detail)
	}
}
