package engine

import (
	"context"
	"slices"

	"github.com/rollmend/rollmend/adapters"
	"github.com/rollmend/rollmend/gates"
	"github.com/rollmend/rollmend/states"
)

// Load makes a manifest count: it opens the rollouts that are not open yet, in
// one commit, and the gates look at it from then on. Loading it again is
// harmless. The errors are [*StaleManifestError], [*SupersededRefError],
// [*TargetsChangedError] and the store's; after each the manifest that was
// loaded before goes on to count.
func (e *Engine) Load(ctx context.Context, fleet *gates.Fleet) (loaded Loaded, err error) {
	err = e.do(ctx, func() error {
		e.mu.Lock()
		acts, plan, err := e.core.PlanLoad(e.now(), fleet)
		e.mu.Unlock()
		if err != nil {
			return err
		}
		if err := e.enact(ctx, acts...); err != nil {
			return err
		}
		e.mu.Lock()
		e.core.Load(fleet, acts)
		e.mu.Unlock()
		loaded = plan
		e.pollers.wakeAll()
		return nil
	})
	return loaded, err
}

// Resume lets a halted rollout go on past the hosts that have failed in it.
// The reason is logged.
func (e *Engine) Resume(ctx context.Context, id states.Rollout, reason string) error {
	return act(ctx, e, func() (adapters.Resumption, error) {
		return e.core.PlanResume(e.now(), id, reason)
	}, e.core.Resume)
}

// Clear ends a quarantine. The reason is logged.
func (e *Engine) Clear(ctx context.Context, channel states.Channel, closure states.Closure, reason string) error {
	return act(ctx, e, func() (adapters.Clearance, error) {
		return e.core.PlanClear(e.now(), channel, closure, reason)
	}, e.core.Clear)
}

// Impose quarantines a closure on a channel by hand: after a wipe it brings
// back what no agent can tell of any more.
func (e *Engine) Impose(ctx context.Context, channel states.Channel, closure states.Closure, reason string) error {
	return act(ctx, e, func() (adapters.Imposition, error) {
		return e.core.PlanImpose(e.now(), channel, closure, reason)
	}, e.core.Impose)
}

// act plans an operator's act, stores it, and lets it count.
func act[A adapters.Act](ctx context.Context, e *Engine, plan func() (A, error), count func(A)) error {
	return e.do(ctx, func() error {
		e.mu.Lock()
		planned, err := plan()
		e.mu.Unlock()
		if err != nil {
			return err
		}
		if err := e.enact(ctx, planned); err != nil {
			return err
		}
		e.mu.Lock()
		defer e.mu.Unlock()
		count(planned)
		return nil
	})
}

// enact stores acts. Where others stored something beside them, the fleet is
// read again before anything more is decided.
func (e *Engine) enact(ctx context.Context, acts ...adapters.Act) error {
	if len(acts) == 0 {
		return nil
	}
	// Whatever goes wrong below, what was stored is read again.
	stale := e.stale
	e.stale = true
	if err := e.opts.Store.Enact(ctx, acts); err != nil {
		return err
	}
	fleet, err := e.opts.Store.Fleet(ctx)
	if err != nil {
		return nil // the acts are stored; to read them again is all that is left
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	e.stale = stale || e.core.Overtaken(fleet, acts)
	share(acts, fleet.Openings)
	return nil
}

// share takes the store's own copy of each opening, where it has one, so that a
// million members are in memory once.
func share(acts []adapters.Act, stored []adapters.Opening) {
	for i, act := range acts {
		o, ok := act.(adapters.Opening)
		at := slices.IndexFunc(stored, func(s adapters.Opening) bool { return ok && s.Rollout == o.Rollout && s.At == o.At })
		if at >= 0 && slices.Equal(stored[at].Members, o.Members) {
			acts[i] = stored[at]
		}
	}
}

// Explain says what is known and concluded of a host, with its logs. The error
// is [ErrUnknownHost] where no manifest and no rollout names it.
func (e *Engine) Explain(ctx context.Context, host states.Host) (ex Explanation, err error) {
	err = e.do(ctx, func() error {
		if err := e.provide(ctx, []Input{Poll{Host: host}}); err != nil {
			return err
		}
		e.mu.Lock()
		ex, err = e.core.Explain(e.now(), host)
		e.mu.Unlock()
		return err
	})
	for i := range ex.Records {
		log, logErr := e.opts.Store.Log(ctx, ex.Records[i].Record.Key)
		if logErr != nil && !errIsNotFound(logErr) {
			return ex, logErr
		}
		ex.Records[i].Log = log
	}
	return ex, err
}

// Fleet describes the fleet.
func (e *Engine) Fleet(ctx context.Context) (o Overview, err error) {
	err = e.do(ctx, func() error {
		e.mu.Lock()
		defer e.mu.Unlock()
		o = e.core.Overview(e.now())
		return nil
	})
	return o, err
}
