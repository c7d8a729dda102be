package sim

import (
	"fmt"
	"time"
)

// trace is what happened: a hash over all of it, and the lines where they are
// wanted.
type trace struct {
	hash  uint64
	wants bool
	lines []Line
}

// Line is one line of a timeline.
type Line struct {
	At   time.Duration // since the beginning, by a clock that is right
	Who  string        // a host, a control plane, or the world
	Text string
}

// String returns the line as it is printed.
func (l Line) String() string {
	return fmt.Sprintf("%9.3fs  %-9s %s", l.At.Seconds(), l.Who, l.Text)
}

// note adds something that happened. Its text is made only where it is wanted.
func (w *world) note(who, what string, args ...any) {
	h := w.trace.hash
	h = mix(h ^ uint64(w.now))
	for i := range len(who) {
		h = (h ^ uint64(who[i])) * 0x100000001b3
	}
	for i := range len(what) {
		h = (h ^ uint64(what[i])) * 0x100000001b3
	}
	for _, a := range args {
		h = mix(h ^ digest(a))
	}
	w.trace.hash = h
	if w.trace.wants {
		w.trace.lines = append(w.trace.lines, Line{
			At: time.Duration(w.now) * time.Millisecond, Who: who, Text: fmt.Sprintf(what, args...),
		})
	}
}

// digest gives a number for a value that stands in a line.
func digest(v any) uint64 {
	switch v := v.(type) {
	case int:
		return uint64(v)
	case uint64:
		return v
	case string:
		return digestText(v)
	case fmt.Stringer:
		return digestText(v.String())
	}
	return digestText(fmt.Sprint(v))
}

func digestText(s string) uint64 {
	h := uint64(len(s)) + 1
	for i := range len(s) {
		h = (h ^ uint64(s[i])) * 0x100000001b3
	}
	return h
}
