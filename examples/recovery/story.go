package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/rollmend/rollmend/states"
)

type storyOptions struct {
	manifest string
	keep     string
	seed     int64
	hosts    int
	verbose  bool
	store    string
	replicas int
	cycle    time.Duration
}

// story is what is done to the fleet, and what came of it.
type story struct {
	*fleet
	ctx     context.Context
	rng     *rand.Rand
	view    *view
	verbose bool

	scenes   []*scene
	errands  []*errand
	last     *look
	released states.Time               // when the newest ref was published
	midway   *midway                   // what was going on when it was made
	lives    struct{ now, backup int } // changes that were witnessed before the first of the database, and of the older copy
	windows  []window
}

// acts are what is done, in order. Each is one or more scenes of the table.
var acts = []struct {
	name    string
	play    func(*story) error
	several bool // it takes several control planes
}{
	{"a rollout", playRollout, false},
	{"three hosts lose their word", playCases, false},
	{"control planes are killed while reports stream in", playKills, false},
	{"the database is destroyed in a quiet moment", playQuietWipe, false},
	{"control planes are killed while the fleet recovers", playKillsInRecovery, true},
	{"a host is switched off for good", playSwitchedOff, false},
	{"the database is destroyed in the middle of a rollout", playMidway, false},
	{"an older copy of the database is put back", playOlderCopy, false},
}

// errOverrun says that something did not come in time; what, stands in the
// scene. What is to be done next rests on it, so the story ends there.
var errOverrun = errors.New("it did not come in time")

// tell plays the story and reports whether everything held.
func tell(ctx context.Context, opts storyOptions) (held bool, err error) {
	dir, err := storyFolder(opts.keep)
	if err != nil {
		return false, err
	}
	if opts.keep == "" {
		defer os.RemoveAll(dir)
	}
	content, err := manifestOf(opts)
	if err != nil {
		return false, err
	}
	rng := rand.New(rand.NewPCG(uint64(opts.seed), 0))
	f, err := newFleet(dir, content, opts, rng)
	if err != nil {
		return false, err
	}
	if f.kind, err = storeNamed(opts.store); err != nil {
		return false, err
	}
	if f.database, err = f.kind.create(ctx, dir); err != nil {
		return false, err
	}
	defer f.database.stop()
	defer f.stop()
	s := &story{fleet: f, ctx: ctx, rng: rng, view: newView(os.Stdout, f), verbose: opts.verbose}
	began := time.Now()
	s.view.say("%d hosts on %d channels, a heartbeat every %s, seed %d, in %s", len(f.members), len(f.channels()), f.cycle, opts.seed, dir)
	if opts.store != defaultStore || opts.replicas > 1 {
		s.view.say("%d control planes on one %s; every request of a host goes to the next of them", opts.replicas, opts.store)
	}
	for _, act := range acts {
		if act.several && opts.replicas == 1 {
			continue
		}
		s.view.title(act.name)
		err = act.play(s)
		if err != nil {
			break
		}
	}
	if err == nil || errors.Is(err, errOverrun) {
		err = s.closeWindows()
	}
	if err != nil {
		return false, err
	}
	s.view.done()
	return writeTable(os.Stdout, s.scenes, time.Since(began)), nil
}

// storyFolder returns the folder that everything is in: a new one.
func storyFolder(keep string) (string, error) {
	if keep == "" {
		return os.MkdirTemp("", "rollmend-recovery-")
	}
	dir, err := filepath.Abs(keep)
	if err != nil {
		return "", fmt.Errorf("-keep: %w", err)
	}
	if found, err := os.ReadDir(dir); err == nil && len(found) > 0 {
		return "", fmt.Errorf("-keep: %s is not empty: give a new folder", dir)
	}
	return dir, os.MkdirAll(dir, 0o755)
}

func manifestOf(opts storyOptions) (content []byte, err error) {
	content = ownManifest
	if opts.manifest != "" {
		if content, err = os.ReadFile(opts.manifest); err != nil {
			return nil, fmt.Errorf("-manifest: %w", err)
		}
	}
	if opts.hosts > 0 {
		return multiply(content, opts.hosts)
	}
	return content, nil
}

// scene begins a line of the table: what is done, and what has to hold.
func (s *story) scene(done, demand string) *scene {
	sc := &scene{done: done, demand: demand}
	s.scenes = append(s.scenes, sc)
	return sc
}

// errand is something to do as soon as a moment comes.
type errand struct {
	when func() bool
	then func() error
}

// as does something as soon as a moment comes, while the story waits for
// whatever it waits for. The condition is looked at often, and must be cheap.
func (s *story) as(when func() bool, then func() error) {
	s.errands = append(s.errands, &errand{when, then})
}

// The pace of waiting.
const (
	errandEvery = 5 * time.Millisecond
	lookEvery   = 50 * time.Millisecond

	// deadlineCycles bounds each wait. Nothing that is waited for takes more than
	// four cycles; the rest is for machines that are busy with something else.
	deadlineCycles = 15
)

// until waits until nothing is amiss, whichever control plane is asked, and returns errOverrun, with what is
// amiss told in the scene, where that does not come in time.
func (s *story) until(sc *scene, what string, amiss func(l *look) []string) error {
	deadline := deadlineCycles * s.cycle
	over := time.Now().Add(deadline)
	nextLook := time.Now()
	for {
		if err := s.runErrands(); err != nil {
			return err
		}
		if time.Now().Before(nextLook) {
			if err := s.pause(errandEvery); err != nil {
				return err
			}
			continue
		}
		l := s.look()
		s.checkAlways(sc)
		wrong := amiss(l)
		if l.err == nil {
			wrong = append(wrong, l.differ...)
		}
		if len(wrong) == 0 && len(s.errands) == 0 {
			return nil
		}
		if len(s.errands) > 0 {
			wrong = append(wrong, fmt.Sprintf("%d moments that were waited for have not come", len(s.errands)))
		}
		if time.Now().After(over) {
			sc.differ("%s: not within %s: %s", what, deadline, strings.Join(wrong, "; "))
			s.explain(sc, l, wrong)
			return errOverrun
		}
		nextLook = time.Now().Add(lookEvery)
	}
}

func (s *story) pause(d time.Duration) error {
	select {
	case <-s.ctx.Done():
		return errors.New("interrupted")
	case <-time.After(d):
		return nil
	}
}

func (s *story) runErrands() error {
	due := s.errands
	s.errands = nil
	for i, e := range due {
		if !e.when() {
			s.errands = append(s.errands, e)
			continue
		}
		if err := e.then(); err != nil {
			return errors.Join(err, fmt.Errorf("%d more to do", len(due)-i-1))
		}
	}
	return nil
}

// checkAlways looks for what must never be, whatever is going on.
func (s *story) checkAlways(sc *scene) {
	for _, why := range s.failures() {
		sc.differ("%s", why)
	}
}

// explain tells what the control plane has to say about the hosts that are
// named in what is amiss.
func (s *story) explain(sc *scene, l *look, wrong []string) {
	text := strings.Join(wrong, " ")
	for _, m := range s.members {
		if page, ok := l.hosts[m.Host]; ok && strings.Contains(text, string(m.Host)+":") {
			sc.tell("%s", explanation(m, page))
		}
	}
}

// cyclesSince counts how often every living host has beaten since a moment, by
// its own diary.
func (s *story) cyclesSince(at states.Time) int {
	fewest := -1
	for _, m := range s.living() {
		if n := m.diary.beats(at); fewest < 0 || n < fewest {
			fewest = n
		}
	}
	return max(fewest, 0)
}

// pick returns a random one of the hosts that fit, and that are not taken.
func (s *story) pick(taken []*member, fits func(*member) bool) (*member, bool) {
	var found []*member
	for _, m := range s.living() {
		if m.Target.Known() && !slices.Contains(taken, m) && fits(m) {
			found = append(found, m)
		}
	}
	if len(found) == 0 {
		return nil, false
	}
	return found[s.rng.IntN(len(found))], true
}
