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
}

func (v *Violation) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "sim: %s: %s\n", v.Sentence, v.Detail)
	for _, l := range v.Timeline {
		fmt.Fprintf(&b, "  %s\n", l)
	}
	fmt.Fprintf(&b, "replay: %s", v.Options.Replay())
	return b.String()
}

// violate ends the run. The first violation counts.
func (w *world) violate(sentence, detail string, args ...any) {
	if w.violated == nil {
		w.violated = &Violation{Sentence: sentence, Detail: fmt.Sprintf(detail, args...), Options: w.opts}
		w.note("check", "broken: %s: %s", sentence, w.violated.Detail)
	}
}
