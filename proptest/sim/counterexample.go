package sim

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/rollmend/rollmend/proptest/internal/graph"
)

// Counterexample is a way through a small world that breaks a sentence.
type Counterexample struct {
	Sentence string
	Detail   string
	Path     string // for [ReplayWalk]
	Steps    int    // moves from the beginning
	Before   []Line // what happened up to the beginning
	Timeline []Line // what happened from there on
}

// linesOfLife is how many lines are told of a life that ends badly: its last
// few moves.
const linesOfLife = 12

// moveMark stands in front of what was chosen to happen, apart from what came
// of it. Behind noFaultAnyMore nothing is chosen any more.
const (
	moveMark       = "* "
	noFaultAnyMore = "no fault from here on"
)

func (c *Counterexample) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "sim: %s: %s\n", c.Sentence, c.Detail)
	fmt.Fprintf(&b, "in %s, after %d moves:\n", c.Path, c.Steps)
	lines := c.Timeline
	if len(lines) == 0 { // it is the life itself that ends so
		lines = c.Before[max(0, len(c.Before)-linesOfLife):]
	}
	chosen := true
	for _, l := range lines {
		chosen = chosen && l.Text != noFaultAnyMore
		if chosen || !strings.HasPrefix(l.Text, moveMark) {
			fmt.Fprintf(&b, "  %s\n", l)
		}
	}
	fmt.Fprintf(&b, "replay: %s", c.Replay())
	return b.String()
}

// Replay returns the command that goes the same way again, and tells the whole
// of it.
func (c *Counterexample) Replay() string {
	return fmt.Sprintf("go test ./proptest/sim -run TestReplayWalk -count=1 -v -walk.path=%s", c.Path)
}

// counter goes a way that breaks a sentence once more, and keeps what happens.
func (w *walk) counter(b beginning, path []int, end ending) error {
	c, err := along(w.kind, w.opts.seams, w.graph, b, path, w.opts, end)
	if err != nil {
		return err
	}
	if c == nil {
		return fmt.Errorf("sim: %s of %s broke a sentence once, and does not again", b, w.kind.name)
	}
	return c
}

// ReplayWalk goes the way of a [Counterexample] again. It returns what happened,
// up to the beginning and from there on, whether or not it breaks a sentence;
// the error is a [*Counterexample] where it does.
func ReplayWalk(path string) (before, timeline []Line, err error) {
	bad := fmt.Errorf("sim: %q is no path of a walk: want world/life/moves/numbers/faults,cycles", path)
	parts := strings.Split(path, "/")
	if len(parts) != 5 {
		return nil, nil, bad
	}
	var k *kind
	for i := range kinds {
		if kinds[i].name == parts[0] {
			k = &kinds[i]
		}
	}
	b := beginning{life: -1}
	for i := range lives {
		if lives[i].name == parts[1] {
			b.life = i
		}
	}
	var opts WalkOptions
	b.after, err = strconv.Atoi(parts[2])
	_, scanned := fmt.Sscanf(parts[4], "%d,%d", &opts.Faults, &opts.Cycles)
	if k == nil || b.life < 0 || err != nil || scanned != nil {
		return nil, nil, bad
	}
	numbers, end := parts[3], endless
	for e, suffix := range endings {
		if cut, ok := strings.CutSuffix(parts[3], suffix); ok && suffix != "" {
			numbers, end = cut, ending(e)
		}
	}
	var moves []int
	for _, text := range strings.FieldsFunc(numbers, func(r rune) bool { return r == '.' }) {
		n, err := strconv.Atoi(text)
		if err != nil {
			return nil, nil, bad
		}
		moves = append(moves, n)
	}
	c, err := along(k, &seams{}, smallGraph(), b, moves, opts, end)
	if c != nil && err == nil && c.Sentence != "" {
		err = c
	}
	if c == nil {
		return nil, nil, err
	}
	return c.Before, c.Timeline, err
}

// along goes a way and keeps what happens. The Sentence of what it returns is
// empty where none is broken.
func along(k *kind, f *seams, g *graph.Plan, b beginning, path []int, opts WalkOptions, end ending) (*Counterexample, error) {
	first, _ := lives[b.life].live(k, f, g)
	s := newSmall(k, f, g)
	s.trace.wants = true
	s.left, s.minutes = plenty, plenty
	if b.after > len(first) {
		return nil, errors.New("sim: the life is shorter than that")
	}
	for _, m := range first[:b.after] {
		s.play(m)
	}
	before := s.trace.lines
	s.trace.lines = nil
	s.left, s.minutes = opts.Faults, opts.Cycles
	var numbers strings.Builder
	for _, nth := range path {
		moves := s.moves()
		if nth >= len(moves) || s.violated != nil {
			return nil, fmt.Errorf("sim: there is no move %d after %q", nth, numbers.String())
		}
		fmt.Fprintf(&numbers, "%d.", nth)
		s.play(moves[nth])
	}
	if end != endless && s.violated == nil {
		s.settleSmall(end)
		numbers.WriteString(endings[end])
	}
	c := &Counterexample{
		Path:  fmt.Sprintf("%s/%s/%s/%d,%d", k.name, b, numbers.String(), opts.Faults, opts.Cycles),
		Steps: len(path), Before: before, Timeline: s.trace.lines,
	}
	if s.violated != nil {
		c.Sentence, c.Detail = s.violated.Sentence, s.violated.Detail
	}
	return c, nil
}
