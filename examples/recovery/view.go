package main

import (
	"cmp"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/rollmend/rollmend/states"
)

// view shows the fleet as it changes: on a terminal as a picture that is drawn
// anew, elsewhere as a line per change.
type view struct {
	out      *os.File
	fleet    *fleet
	began    time.Time
	terminal bool
	drawn    int // lines of the picture on the screen
	picture  string
	up       bool
	states   map[states.Host]string
}

func newView(out *os.File, f *fleet) *view {
	info, err := out.Stat()
	return &view{
		out: out, fleet: f, began: time.Now(), up: true,
		terminal: err == nil && info.Mode()&os.ModeCharDevice != 0,
		states:   map[states.Host]string{},
	}
}

// title begins an act.
func (v *view) title(name string) {
	v.erase()
	fmt.Fprintf(v.out, "\n== %s\n", name)
}

// say writes a line of what is done.
func (v *view) say(format string, args ...any) {
	v.erase()
	fmt.Fprintf(v.out, "%6.1fs  %s\n", time.Since(v.began).Seconds(), fmt.Sprintf(format, args...))
}

// done removes the picture.
func (v *view) done() { v.erase() }

// show shows what is new.
func (v *view) show(l *look) {
	if v.up != (l.err == nil) {
		v.up = l.err == nil
		if v.up {
			v.say("the control plane answers")
		} else {
			v.say("the control plane does not answer")
		}
	}
	if l.err != nil {
		return
	}
	v.tell(l)
	if v.terminal {
		v.draw()
	}
}

// tell takes over the states of the hosts, and tells which are other ones than
// before: a line for those that made the same step.
func (v *view) tell(l *look) {
	var steps []string
	made := map[string][]string{}
	for _, m := range v.fleet.members {
		rollout := v.fleet.rollout(m.Channel)
		was, is := v.states[m.Host], stateLine(l.hosts[m.Host], rollout)
		if was == is || is == "" {
			continue
		}
		v.states[m.Host] = is
		step := fmt.Sprintf("%s -> %s", was, is)
		if was == "" || is == states.Pending.String() {
			step = "-> " + is // a new record
		}
		step = fmt.Sprintf("%-16s %-24s", rollout, step)
		if made[step] == nil {
			steps = append(steps, step)
		}
		made[step] = append(made[step], string(m.Host))
	}
	if !v.terminal {
		for _, step := range steps {
			v.say("%s  %s", step, strings.Join(made[step], " "))
		}
	}
}

// stateLine is a record's state, and where it is a guess, by which case; empty
// where there is no record.
func stateLine(page hostPage, rollout states.Rollout) string {
	rec, ok := page.of(rollout)
	switch {
	case !ok:
		return ""
	case rec.Record.Evidence == "synthesised":
		return rec.Record.State + " (" + lastCase(rec) + ")"
	}
	return rec.Record.State
}

func lastCase(rec explained) string {
	for i := len(rec.Log) - 1; i >= 0; i-- {
		if rec.Log[i].synthesised() {
			return rec.Log[i].Case
		}
	}
	return ""
}

// pictureWidth is where lines are cut: one that the terminal breaks could not
// be erased again.
const pictureWidth = 118

// draw draws the picture, where it is another one than stands there: a line
// per channel, its waves between bars.
func (v *view) draw() {
	var lines []string
	for _, channel := range v.fleet.channels() {
		lines = append(lines, v.line(channel))
	}
	picture := strings.Join(lines, "\n")
	if v.drawn == len(lines) && v.picture == picture {
		return
	}
	v.erase()
	fmt.Fprintln(v.out, picture)
	v.drawn, v.picture = len(lines), picture
}

// line is the picture of a channel.
func (v *view) line(channel states.Channel) string {
	var members []*member
	for _, m := range v.fleet.members {
		if m.Channel == channel {
			members = append(members, m)
		}
	}
	slices.SortStableFunc(members, func(a, b *member) int { return cmp.Compare(a.Wave, b.Wave) })
	line := fmt.Sprintf("  %-24s", v.fleet.rollout(channel))
	for i, m := range members {
		if i > 0 && m.Wave != members[i-1].Wave {
			line += " |"
		}
		line += fmt.Sprintf(" %s:%s", m.Host, short(v.states[m.Host]))
	}
	return line[:min(len(line), pictureWidth)]
}

// short is a state in a few letters, with a ~ where it is a guess.
func short(state string) string {
	name, guess, _ := strings.Cut(state, " ")
	if len(name) > 4 {
		name = name[:4]
	}
	if guess != "" {
		name += "~"
	}
	return name
}

// erase removes the picture, so that lines can be written in its place.
func (v *view) erase() {
	if v.drawn > 0 {
		fmt.Fprintf(v.out, "\x1b[%dA\x1b[J", v.drawn)
		v.drawn = 0
	}
}
