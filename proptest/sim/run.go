package sim

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/rollmend/rollmend/agent"
	"github.com/rollmend/rollmend/states"
)

// Options say what to run. The zero value of every field but Seed is what most
// callers want.
type Options struct {
	Seed uint64

	// Only, where it is not nil, names the faults that happen: all others are
	// left out. It is how a run is made smaller.
	Only []Fault

	// Timeline keeps what happened, which a violation then tells.
	Timeline bool
}

// Fault names a fault of a run by who is hit and by how many could have hit it
// before: canary-0#12.
type Fault string

func (o *Options) leavesOut(fault Fault) bool {
	return o.Only != nil && !slices.Contains(o.Only, fault)
}

// Replay returns the command that runs the same again.
func (o Options) Replay() string {
	s := fmt.Sprintf("go test ./proptest/sim -run TestReplay -count=1 -v -sim.seed=%d", o.Seed)
	if o.Only != nil {
		s += " -sim.only=" + strings.Trim(strings.Join(strings.Fields(fmt.Sprint(o.Only)), ","), "[]")
		if len(o.Only) == 0 {
			s += "none"
		}
	}
	return s
}

// Report tells what a run was.
type Report struct {
	Seed        uint64
	Hash        uint64 // over everything that happened, in its order
	Hosts       int
	Replicas    int // of the control plane, on one store
	Events      int // what happened in all: messages, actions, timers, faults
	Commits     int // changes that were stored
	Faults      int
	ByFault     map[string]int
	Synthesised map[string]int // events that were derived, by case
	Exceptions  map[string]int // guesses that did not come true, by the limit that names them

	// Simulated is how much time passed for the fleet.
	Simulated time.Duration

	// WorstSettle is the longest that a record disagreed with its host after the
	// last fault and the last thing that the host did.
	WorstSettle time.Duration

	happened []happened
}

// faultyFor bounds how long faults happen in a run.
const (
	faultyLeast = 6 * cycle
	faultyMost  = 40 * cycle
)

// Run runs one fleet. The error is a [*Violation].
func Run(opts Options) (Report, error) {
	w := newWorld(opts)
	w.begin()
	w.faulty = true
	w.after(w.dice.between("first trouble", time.Second, cycle), w.trouble)
	until := w.dice.between("faulty for", faultyLeast, faultyMost).Milliseconds()
	for w.now < until && w.violated == nil {
		w.next()
	}
	if w.violated == nil {
		w.settle()
	}
	w.report.Hash = w.trace.hash
	w.report.Simulated = time.Duration(w.now) * time.Millisecond
	w.report.Commits = w.checks.commits
	if w.violated != nil {
		w.violated.Timeline = w.trace.lines
		return w.report, w.violated
	}
	return w.report, nil
}

func newWorld(opts Options) *world {
	w := &world{opts: opts, dice: newDice(opts.Seed), disk: &disk{}}
	w.trace.wants = opts.Timeline
	w.report = Report{
		Seed: opts.Seed, ByFault: map[string]int{}, Synthesised: map[string]int{}, Exceptions: map[string]int{},
	}
	w.checks.records = map[states.Key]states.Record{}
	w.checks.changed, w.checks.agreed = map[states.Key]int64{}, map[states.Key]int64{}
	w.faults = map[string]int{}
	w.shape = drawShape(w.dice)
	w.rates = drawRates(w.dice)
	return w
}

// begin starts every machine.
func (w *world) begin() {
	s, err := openStore(w.disk)
	if err != nil {
		w.violate("an empty store opens", "%v", err)
		return
	}
	w.store = s
	w.manifests = append(w.manifests, w.shape.publish(w.dice, 1, w.clock(0)))
	w.checks.acts(w)
	replicas := 1
	if w.dice.oneIn("replicas", 2) {
		replicas = 2 + w.dice.below("replicas", 2)
	}
	for i := range replicas {
		name := fmt.Sprintf("plane-%d", i+1)
		p := &plane{world: w, name: name, dice: w.dice.of(name)}
		p.overlaps = p.dice.oneIn("overlaps", 2)
		p.sideBySide = p.overlaps && p.dice.oneIn("side by side", 2)
		w.planes = append(w.planes, p)
	}
	for _, p := range w.planes {
		p.begin()
	}
	for _, ph := range w.shape.hosts {
		w.install(ph.Host, ph.Channel)
	}
	w.report.Hosts, w.report.Replicas = len(w.hosts), replicas
}

// install sets a host up.
func (w *world) install(name states.Host, channel states.Channel) {
	h := &host{world: w, name: name, dice: w.dice.of(string(name)), channel: channel, boot: 1, lives: 1, runs: target(channel, 0)}
	h.truth.has, h.truth.since = []states.Closure{h.runs}, []int64{0}
	h.config = agent.Config{
		Host: name, Generation: agent.Present, BeatEvery: cycle, RetryEvery: 7 * time.Second,
		ProbeEvery: 15 * time.Second, FailAfter: 30 * time.Second, OnFailure: states.RollbackAndHalt,
	}
	if h.dice.oneIn("first generation", 6) {
		h.config.Generation = agent.First
	}
	w.hosts = append(w.hosts, h)
	w.after(h.dice.between("installed", 0, cycle), func() {
		if !h.up {
			h.start()
		}
	})
}

// next lets the next thing happen.
func (w *world) next() {
	p, ok := w.agenda.next()
	if !ok {
		w.violate("time goes on", "nothing is planned any more")
		return
	}
	w.now = p.at
	w.report.Events++
	p.what()
}

// Summary adds up what several runs were.
type Summary struct {
	Runs, Events, Commits, Faults    int
	ByFault, Synthesised, Exceptions map[string]int
	WorstSettle                      time.Duration
	Simulated                        time.Duration
}

// Add adds a run.
func (s *Summary) Add(r Report) {
	s.Runs++
	s.Events += r.Events
	s.Commits += r.Commits
	s.Faults += r.Faults
	s.Simulated += r.Simulated
	s.WorstSettle = max(s.WorstSettle, r.WorstSettle)
	for _, m := range []struct {
		to   *map[string]int
		from map[string]int
	}{{&s.ByFault, r.ByFault}, {&s.Synthesised, r.Synthesised}, {&s.Exceptions, r.Exceptions}} {
		if *m.to == nil {
			*m.to = map[string]int{}
		}
		for name, n := range m.from {
			(*m.to)[name] += n
		}
	}
}
