package gates

import (
	"fmt"

	"github.com/rollmend/rollmend/reducer"
	"github.com/rollmend/rollmend/states"
)

// View is what the gates look at: the fleet's plan, and counters that follow
// the records. It must be told of every record of an open rollout, and of
// every change to one. A nil View holds everything. It is not safe for
// concurrent use.
type View struct {
	fleet       *Fleet
	quarantines map[place]reducer.Quarantine
	rollouts    map[states.Rollout]*rollout
	gating      map[states.Key]states.State // of the hosts that others are behind
	inFlight    []crowd                     // by the budget's place
	changes     uint64                      // counted, so that what was put into words is known to hold
}

// rollout is the counters of one open rollout.
type rollout struct {
	hosts     int
	converged int
	waves     []wave
	halting   crowd // failed or reverted, and not resumed since
	resumed   map[states.Host]bool
	words     words
}

type wave struct {
	undone  int // hosts that are not done
	failing int // hosts on which an enforced probe fails
}

// Standing is what the view counts of one record.
type Standing struct {
	Key      states.Key
	Wave     states.Wave
	State    states.State
	Done     bool // lets the next wave go
	InFlight bool // its work may be disrupting the host now
	Failing  bool // an enforced probe fails on it now
}

// StandingOf returns a record's standing. A caller that knows better clears
// InFlight (a superseded record whose host has moved on) or sets Failing (a
// heartbeat names a failing probe).
func StandingOf(rec *states.Record) Standing {
	return Standing{
		Key: rec.Key, Wave: rec.Wave, State: rec.State,
		Done: rec.Done(), InFlight: rec.InFlight(), Failing: rec.Probes.Failing(),
	}
}

// bad reports whether the host halts its rollout.
func (s Standing) bad() bool { return s.State == states.Failed || s.State == states.Reverted }

// NewView returns a view of a plan without any open rollout. Quarantines are
// those in force; nil means that they are not known, which holds everything,
// and an empty slice that there are none.
func NewView(fleet *Fleet, quarantines []reducer.Quarantine) *View {
	v := &View{
		fleet:    fleet,
		rollouts: map[states.Rollout]*rollout{},
		gating:   map[states.Key]states.State{},
		inFlight: make([]crowd, len(fleet.budgets)),
	}
	if quarantines != nil {
		v.quarantines = make(map[place]reducer.Quarantine, len(quarantines))
	}
	for _, q := range quarantines {
		v.Quarantine(q)
	}
	return v
}

// Fleet returns the plan that the view was made for.
func (v *View) Fleet() *Fleet { return v.fleet }

// Open says that a rollout is open. Its records are told with [View.Track].
func (v *View) Open(id states.Rollout) {
	if v.rollouts[id] == nil {
		v.changes++
		v.rollouts[id] = &rollout{resumed: map[states.Host]bool{}}
	}
}

// Quarantine says that a closure is kept off a channel.
func (v *View) Quarantine(q reducer.Quarantine) {
	v.quarantines[place{q.Channel, q.Closure}] = q
}

// Quarantined reports whether a closure is kept off a channel.
func (v *View) Quarantined(channel states.Channel, closure states.Closure) bool {
	_, ok := v.quarantines[place{channel, closure}]
	return ok
}

// Clear says that an operator ended a quarantine. It returns what that
// releases.
func (v *View) Clear(channel states.Channel, closure states.Closure) Wait {
	delete(v.quarantines, place{channel, closure})
	return Wait{On: OnClearance, Channel: channel, Closure: closure}
}

// Resume says that an operator let a rollout go on past hosts that failed. It
// returns what that releases.
func (v *View) Resume(id states.Rollout, hosts []states.Host) Wait {
	if r, ok := v.rollouts[id]; ok {
		v.changes++
		for _, host := range hosts {
			r.resumed[host] = true
			r.halting.leave(host)
		}
	}
	return Wait{On: OnResume, Rollout: id}
}

// Track says that a record's standing changed from one to another; the zero
// Standing stands for a record that the view did not know, or shall forget. It
// appends what the change releases to released, and returns that.
func (v *View) Track(from, to Standing, released []Wait) []Wait {
	if from == to {
		return released
	}
	v.changes++
	released = v.trackFlight(from, to, released)
	id := to.Key.Rollout
	if to.State == 0 {
		id = from.Key.Rollout
	}
	r, ok := v.rollouts[id]
	if !ok {
		return released
	}
	wasTerminal := r.converged == r.hosts
	before, _ := r.currentWave()
	r.count(from, -1)
	r.count(to, +1)
	if !to.bad() {
		// The next failure of a host is another one than was resumed past.
		delete(r.resumed, to.Key.Host)
	}
	now, _ := r.currentWave()
	for w := before + 1; w <= now; w++ {
		released = append(released, Wait{On: OnWave, Rollout: id, Wave: w})
	}
	if from.Failing && r.passes(from.Wave) {
		released = append(released, Wait{On: OnProbes, Rollout: id, Wave: from.Wave})
	}
	if r.converged == r.hosts && !wasTerminal {
		released = append(released, Wait{On: OnChannel, Channel: id.Channel})
	}
	return v.trackGating(from, to, released)
}

// trackGating follows the states of the hosts that others are behind.
func (v *View) trackGating(from, to Standing, released []Wait) []Wait {
	switch {
	case to.State == 0:
		delete(v.gating, from.Key)
	case v.fleet.gating[to.Key.Host]:
		v.gating[to.Key] = to.State
		if to.State == states.Converged || to.State == states.Deferred {
			released = append(released, Wait{On: OnRecord, Rollout: to.Key.Rollout, Host: to.Key.Host})
		}
	}
	return released
}

// trackFlight follows a host's place in its budgets.
func (v *View) trackFlight(from, to Standing, released []Wait) []Wait {
	switch {
	case !from.InFlight && to.InFlight:
		for _, i := range v.fleet.budgetsOf(to.Key.Host) {
			v.inFlight[i].join(to.Key.Host)
		}
	case from.InFlight && !to.InFlight:
		for _, i := range v.fleet.budgetsOf(from.Key.Host) {
			if v.inFlight[i].leave(from.Key.Host) {
				released = append(released, Wait{On: OnBudget, Budget: v.fleet.budgets[i].Name})
			}
		}
	}
	return released
}

// count adds a standing to the rollout's counters, or takes it out.
func (r *rollout) count(s Standing, by int) {
	if s.State == 0 {
		return
	}
	r.hosts += by
	if s.State == states.Converged {
		r.converged += by
	}
	if s.bad() {
		switch {
		case by < 0:
			r.halting.leave(s.Key.Host)
		case !r.resumed[s.Key.Host]:
			r.halting.join(s.Key.Host)
		}
	}
	if s.Wave < 0 {
		return
	}
	for len(r.waves) <= int(s.Wave) {
		r.waves = append(r.waves, wave{})
	}
	if !s.Done {
		r.waves[s.Wave].undone += by
	}
	if s.Failing {
		r.waves[s.Wave].failing += by
	}
}

// currentWave returns the first wave with a host that is not done, and how
// many of its hosts are not; past the last one where all are.
func (r *rollout) currentWave() (current states.Wave, undone int) {
	for i := range r.waves {
		if n := r.waves[i].undone; n > 0 {
			return states.Wave(i), n
		}
	}
	return states.Wave(len(r.waves)), 0
}

// passes reports whether no enforced probe fails on any host of a wave that
// others can be behind.
func (r *rollout) passes(w states.Wave) bool {
	return w >= 0 && int(w) < len(r.waves) && r.waves[w].failing == 0
}

// unfinished says why the rollout that the plan has for a channel is not
// terminal; it is empty where it is.
func (v *View) unfinished(channel states.Channel) string {
	id, _ := v.fleet.Rollout(channel)
	r, ok := v.rollouts[id]
	if !ok {
		return fmt.Sprintf("%s is not open yet", id)
	}
	if r.converged < r.hosts {
		return fmt.Sprintf("%d of %d hosts of %s have not converged", r.hosts-r.converged, r.hosts, id)
	}
	return ""
}

// Progress is how far a rollout is, in hosts.
type Progress struct {
	Hosts       int
	Converged   int
	CurrentWave states.Wave // past the last wave where all are done
	Halting     int         // failed or reverted, and not resumed since
}

// Progress returns how far an open rollout is, and whether it is open.
func (v *View) Progress(id states.Rollout) (Progress, bool) {
	r, ok := v.rollouts[id]
	if !ok {
		return Progress{}, false
	}
	current, _ := r.currentWave()
	return Progress{Hosts: r.hosts, Converged: r.converged, CurrentWave: current, Halting: r.halting.size()}, true
}

// Holders returns the hosts that are in flight under the budgets of a host,
// the host itself left out: those that its dispatch waits for.
func (v *View) Holders(host states.Host) []states.Host {
	var holders []states.Host
	seen := map[states.Host]bool{host: true}
	for _, i := range v.fleet.budgetsOf(host) {
		for _, other := range v.inFlight[i].hosts {
			if !seen[other] {
				seen[other] = true
				holders = append(holders, other)
			}
		}
	}
	return holders
}

// HaltedBy returns the hosts that halt a rollout.
func (v *View) HaltedBy(id states.Rollout) []states.Host {
	if r, ok := v.rollouts[id]; ok {
		return append([]states.Host(nil), r.halting.hosts...)
	}
	return nil
}
