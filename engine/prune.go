package engine

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/rollmend/rollmend/adapters"
	"github.com/rollmend/rollmend/gates"
	"github.com/rollmend/rollmend/states"
)

// Retention says what [Engine.Prune] forgets.
type Retention struct {
	// After is how long a rollout is kept that a newer one took the place of, by
	// the control plane's clock. Needed. What a host reports of it later is
	// answered as of a record that is not there: so it should be longer than any
	// host is away, since its agent may come back with the report of a rollback.
	After time.Duration

	// Most bounds, about, how many parts the store erases in one call; 1000 unless
	// set.
	Most int
}

const (
	eraseMost = 1000 // parts: a store is busy with them for some hundredths of a second
	keptMost  = 20   // hosts that are named for a rollout that is kept
)

// Pruned tells what a pruning did.
type Pruned struct {
	Forgotten []states.Rollout // by this call: one at most
	Kept      []KeptRollout    // old enough to be forgotten, and still needed
	Erased    int              // parts of what was forgotten, about
	More      bool             // there is more to do: call again
}

// KeptRollout is a superseded rollout that still counts: its hosts hold places
// in budgets until they acknowledge or name a newer one.
type KeptRollout struct {
	Rollout states.Rollout
	Hosts   []states.Host // some of them
}

// ErrCannotPrune says that the store has no way to forget anything: it is no
// adapters.Pruner.
var ErrCannotPrune = errors.New("engine: the store cannot forget rollouts: it keeps all of them")

// Prune forgets one superseded rollout that is old enough, with its records and
// their logs, and gives back some of the room of those that are forgotten. Call
// it again while it says that there is more. Quarantines, clearances and
// resumptions stay, and of the rollout that it was: nobody goes back to it, and
// a manifest older than its own stays refused. A report that meets it is recorded
// before, or answered adapters.ErrNotFound.
//
// The errors are [ErrCannotPrune], [ErrContended], [ErrClosed] and the store's;
// after each of them call again: what was forgotten stays so.
func (e *Engine) Prune(ctx context.Context, keep Retention) (done Pruned, err error) {
	store, ok := e.opts.Store.(adapters.Pruner)
	switch {
	case !ok:
		return Pruned{}, ErrCannotPrune
	case keep.After <= 0 || keep.Most < 0:
		return Pruned{}, errors.New("engine: Retention.After must be how long superseded rollouts are kept, such as 30 * 24 * time.Hour, and Retention.Most cannot be negative")
	case keep.Most == 0:
		keep.Most = eraseMost
	}
	for try := 0; ; try++ {
		err = e.do(ctx, func() (err error) {
			done, err = e.forget(ctx, store, keep.After)
			return err
		})
		var overtaken *adapters.GuardError
		if !errors.As(err, &overtaken) {
			break
		}
		if try == triesMost {
			return Pruned{}, fmt.Errorf("engine: prune: %w", ErrContended)
		}
	}
	if err != nil {
		return done, err
	}
	// Erasing needs nothing of what the engine knows, so nobody waits for it.
	erased, err := store.Prune(ctx, adapters.Pruning{Most: keep.Most})
	done.Erased, done.More = erased.Erased, done.More || erased.More || err != nil
	return done, err
}

// forget forgets the first rollout that can be. It runs in the loop.
func (e *Engine) forget(ctx context.Context, store adapters.Pruner, after time.Duration) (done Pruned, err error) {
	e.mu.Lock()
	plan, kept := e.core.PlanPrune(e.now(), after)
	e.mu.Unlock()
	done.Kept = kept
	old := plan.Rollouts
	if len(old) == 0 {
		return done, nil
	}
	plan.Rollouts = old[:1]
	// Whatever goes wrong, what is stored is read again.
	stale := e.stale
	e.stale = true
	if _, err := store.Prune(ctx, plan); err != nil {
		return done, err
	}
	e.stale = stale
	e.mu.Lock()
	defer e.mu.Unlock()
	e.core.Forget(old[0])
	done.Forgotten, done.More = old[:1], len(old) > 1
	return done, nil
}

// PlanPrune says what forgetting the superseded rollouts takes that can be
// forgotten, oldest first: those whose successor was opened so long ago, and in
// which no host holds a place in a budget. Those in which one does are kept.
func (c *Core) PlanPrune(now states.Time, after time.Duration) (old adapters.Pruning, kept []KeptRollout) {
	old.Guard = c.ordering
	holders := map[*rollout][]states.Host{}
	for i := range c.slots {
		s := &c.slots[i]
		s.each(func(e *entry) {
			if e.rollout.superseded != nil && e.is(inFlight) && len(holders[e.rollout]) < keptMost {
				holders[e.rollout] = append(holders[e.rollout], s.name)
			}
		})
	}
	for _, r := range c.opened {
		if r.superseded == nil || len(r.Members) == 0 || now.Sub(r.superseded.At) < after {
			continue
		}
		if hosts := holders[r]; len(hosts) > 0 {
			slices.Sort(hosts)
			kept = append(kept, KeptRollout{Rollout: r.Rollout, Hosts: hosts})
			continue
		}
		old.Rollouts = append(old.Rollouts, r.Rollout)
	}
	return old, kept
}

// Forget makes a rollout's pruning count, after it was stored. It is not to be
// called between a [Core.Decide] and its [Core.Settle].
func (c *Core) Forget(id states.Rollout) {
	r, known := c.rollouts[id]
	if !known || r.superseded == nil {
		return
	}
	for i := range c.slots {
		s := &c.slots[i]
		if s.now.rollout == r {
			c.untrack(s, &s.now)
			runs := s.current()
			s.now = entry{}
			s.runs(runs)
		}
		for j := len(s.more()) - 1; j >= 0; j-- {
			if s.more()[j].rollout == r {
				c.drop(s, j)
			}
		}
		s.tidy()
	}
	r.Opening = r.Forgotten()
	r.model = states.Record{}
	for key := range c.strays {
		if key.Rollout == id {
			delete(c.strays, key)
		}
	}
	for key := range c.gaps {
		if key.Rollout == id {
			delete(c.gaps, key)
		}
	}
	for key := range c.refused {
		if key.Rollout == id {
			delete(c.refused, key)
		}
	}
}

// untrack takes an entry out of the view.
func (c *Core) untrack(s *slot, e *entry) {
	if c.view != nil {
		c.release(c.view.Track(s.standing(e), gates.Standing{}, nil))
	}
}

// each calls f for each entry of a host.
func (s *slot) each(f func(*entry)) {
	if s.now.rollout != nil {
		f(&s.now)
	}
	more := s.more()
	for i := range more {
		f(&more[i])
	}
}
