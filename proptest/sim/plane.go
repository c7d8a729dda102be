package sim

import (
	"context"
	"errors"
	"time"

	"github.com/rollmend/rollmend/adapters"
	"github.com/rollmend/rollmend/engine"
	"github.com/rollmend/rollmend/gates"
	"github.com/rollmend/rollmend/states"
)

const (
	triesMost  = 20   // rounds that one input may take part in before it is given up
	roundMost  = 64   // inputs of a round: enough that hosts share rounds
	inboxMost  = 1024 // inputs that wait; behind them the control plane answers that it is busy
	followPoll = 10 * time.Second
)

// plane is a control plane: the real core, and around it what an engine does,
// cut into steps between which anything can happen.
type plane struct {
	*world
	dice     *dice // its own
	name     string
	clockOff time.Duration
	cutUntil int64

	core   *engine.Core
	life   int // of the process
	loaded int // the manifest that counts; -1: none
	cursor int // of the store's changes that were taken in
	stale  bool
	inbox  []*call
	busy   bool // a round is under way

	// A control plane that overlaps decides a round while the one before it is
	// being committed. One that commits side by side, as the engine does, lets
	// the commits of several rounds be under way, which then take effect in any
	// order.
	overlaps, sideBySide bool

	deciding bool
	flights  []*flight // decided, oldest first: its commit is under way

	known   map[states.Host]*heard // what this process was told, for the checks
	knew    map[states.Host]heard  // what it was when a host's poll was decided
	parked  map[states.Host]*call  // polls that were answered with nothing, until something wakes them
	started int64                  // true time
}

func (p *plane) at() states.Time { return p.clock(p.clockOff) }

// up reports whether the process runs.
func (p *plane) up() bool { return p.core != nil }

// plan returns the manifest that counts for the process.
func (p *plane) plan() gates.Plan { return p.manifests[p.loaded].plan }

// begin starts the process.
func (p *plane) begin() {
	core, err := engine.NewCore(engine.CoreOptions{
		Started: p.at(), Cycle: cycle, Silence: silence, Skew: skew, Shared: len(p.world.planes) > 1,
	})
	if err != nil {
		p.violate("a control plane starts", "%v", err)
		return
	}
	p.life++
	p.core, p.loaded, p.started = core, -1, p.now
	p.inbox, p.busy, p.stale = nil, false, true
	p.deciding, p.flights = false, nil
	p.known, p.knew, p.parked = map[states.Host]*heard{}, map[states.Host]heard{}, map[states.Host]*call{}
	p.note(p.name, "starts")
	life := p.life
	p.after(p.dice.between("manifest read", 0, 5*time.Second), func() { p.load(life) })
	p.after(followPoll, func() { p.poll(life) })
}

// end kills the process.
func (p *plane) end(back time.Duration) {
	p.note(p.name, "is killed")
	p.core = nil
	p.life++
	life := p.life
	p.after(back, func() {
		if p.life == life && !p.up() {
			p.begin()
		}
	})
}

// in plans a next step of the present process.
func (p *plane) in(d time.Duration, what func()) {
	life := p.life
	p.after(d, func() {
		if p.life == life && p.up() {
			what()
		}
	})
}

// load makes the newest manifest count, and tries again until it does.
func (p *plane) load(life int) {
	if p.life != life || !p.up() || p.loaded == len(p.manifests)-1 {
		return
	}
	again := func() { p.after(50*time.Millisecond, func() { p.load(life) }) }
	if p.busy || p.stale && !p.reread() {
		again()
		return
	}
	newest := len(p.manifests) - 1
	m := p.manifests[newest]
	acts, loaded, err := p.core.PlanLoad(p.at(), m.fleet)
	if err != nil {
		p.violate("the newest manifest is never refused", "%s: %v", p.name, err)
		return
	}
	if !p.enact(acts...) {
		again()
		return
	}
	p.core.Load(m.fleet, acts)
	p.loaded = newest
	p.note(p.name, "loads %s, opens %v", m.plan.Ref, loaded.Opened)
	p.work()
}

// enact stores acts, as the engine does.
func (p *plane) enact(acts ...adapters.Act) bool {
	if len(acts) == 0 {
		return true
	}
	if p.crashes("before acts are stored") {
		return false
	}
	ctx := context.Background()
	if err := p.store.Enact(ctx, acts); err != nil {
		p.violate("acts can be stored", "%v", err)
		return false
	}
	p.checks.acts(p.world)
	p.told(p)
	if p.crashes("between acts and what follows them") {
		return false
	}
	fleet, err := p.store.Fleet(ctx)
	p.stale = p.stale || err != nil || p.core.Overtaken(fleet, acts)
	return true
}

// prune forgets a rollout, as the engine does.
func (p *plane) prune(old adapters.Pruning) {
	if p.crashes("before a pruning is stored") {
		return
	}
	_, err := p.store.Prune(context.Background(), old)
	var overtaken *adapters.GuardError
	switch {
	case errors.As(err, &overtaken):
		p.stale = true
		p.work()
		return
	case err != nil:
		p.violate("what was planned can be forgotten", "%v", err)
		return
	}
	p.checks.pruned(p.world, old.Rollouts[0])
	p.told(p)
	if p.crashes("between a pruning and what follows it") {
		return
	}
	p.core.Forget(old.Rollouts[0])
	p.note(p.name, "forgets %s", old.Rollouts[0])
	p.work()
}

// reread takes in the whole store.
func (p *plane) reread() bool {
	ctx := context.Background()
	p.cursor = len(p.store.touched)
	fleet, err := p.store.Fleet(ctx)
	if err != nil {
		p.violate("the store can be read", "%v", err)
		return false
	}
	p.core.Restore(fleet)
	for rec, err := range sortedRecords(p.store) {
		if err != nil {
			p.violate("the store can be read", "%v", err)
			return false
		}
		p.core.Adopt(rec)
	}
	p.core.Restored()
	p.stale = false
	return true
}

// told tells the other control planes that the store has changed; now and then
// it does not arrive, and they find out when they look by themselves.
func (w *world) told(by *plane) {
	for _, other := range w.planes {
		if other == by || w.faulty && other.dice.oneIn("notification", w.rates.drop) && w.fault(other.name, "notification lost", "") {
			continue
		}
		if other.up() {
			other.in(other.dice.between("notified", time.Millisecond, 50*time.Millisecond), other.follow)
		}
	}
}

func (p *plane) poll(life int) {
	if p.life != life || !p.up() {
		return
	}
	p.follow()
	p.after(followPoll, func() { p.poll(life) })
}

// follow takes in what others changed.
func (p *plane) follow() {
	if p.busy || p.stale || len(p.planes) == 1 || p.cursor >= len(p.store.touched) {
		return
	}
	var changed []states.Record
	for _, keys := range p.store.touched[p.cursor:] {
		if keys == nil {
			p.stale = true
			p.work()
			return
		}
		for _, key := range keys {
			rec, err := p.store.Record(context.Background(), key)
			if p.checks.forgot(key.Rollout) {
				p.stale = true
				p.work()
				return
			}
			if err != nil {
				p.violate("what was changed can be read", "%v", err)
				return
			}
			changed = append(changed, rec)
		}
	}
	fleet, err := p.store.Fleet(context.Background())
	if err != nil {
		p.violate("the store can be read", "%v", err)
		return
	}
	p.cursor = len(p.store.touched)
	p.core.Follow(fleet.Ordering, fleet.Quarantines, changed)
	p.work()
}

// crashes kills the process here, where such a fault happens.
func (p *plane) crashes(where string) bool {
	if p.faulty && p.dice.oneIn("kill plane", p.rates.killPlane) && p.fault(p.name, "control plane killed", where) {
		p.end(p.dice.between("plane back", time.Second, 90*time.Second))
		return true
	}
	return false
}
