package engine

import (
	"context"
	"errors"

	"github.com/rollmend/rollmend/adapters"
)

// loop is the one goroutine that decides and commits: read, decide, commit,
// look again.
func (e *Engine) loop() {
	defer close(e.ended)
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	var again []*request
	for {
		requests, ok := e.gather(ctx, again)
		if !ok {
			answer(requests, Reply{Err: ErrClosed})
			return
		}
		again = e.round(ctx, requests)
	}
}

// gather waits until there is work and takes as much of it as a round may
// hold; ok is false when the engine is closed.
func (e *Engine) gather(ctx context.Context, again []*request) (requests []*request, ok bool) {
	requests = again
	for len(requests) == 0 && (e.blocked || !e.busy()) {
		select {
		case more := <-e.inbox:
			requests = append(requests, more...)
		case act := <-e.acts:
			act()
		case told := <-e.news:
			told <- e.catchUp(ctx)
			if e.stale {
				return requests, true
			}
		case <-e.done:
			return requests, false
		}
	}
	// An operator who asks sees what gates that have opened led to.
	acts := e.acts
	if e.busy() {
		acts = nil
	}
	for len(requests) < roundMost {
		select {
		case more := <-e.inbox:
			requests = append(requests, more...)
		case act := <-acts:
			act()
		case told := <-e.news:
			told <- e.catchUp(ctx)
		case <-e.done:
			return requests, false
		default:
			return requests, true
		}
	}
	return requests, true
}

func (e *Engine) busy() bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.core.Busy()
}

// round decides and commits once, answers who can be answered, and returns who
// has to wait for a later round.
func (e *Engine) round(ctx context.Context, requests []*request) (again []*request) {
	inputs := make([]Input, len(requests))
	for i, r := range requests {
		inputs[i] = r.input
	}
	err := e.read(ctx, inputs)
	e.blocked = err != nil
	if e.blocked {
		answer(requests, Reply{Err: err})
		return nil
	}
	e.mu.Lock()
	batch := e.core.Decide(e.now(), inputs)
	e.mu.Unlock()

	var results []adapters.Result
	if len(batch.Changes) > 0 {
		results, err = e.opts.Store.Commit(ctx, batch.Changes)
	}

	e.mu.Lock()
	e.stale = e.core.Settle(batch, results, err, e.now())
	e.mu.Unlock()
	e.confirm(ctx, batch)
	for i, r := range requests {
		reply := batch.Replies[i]
		if reply.Again {
			r.tries++
		}
		switch {
		case reply.Later || reply.Again && r.tries < triesMost:
			again = append(again, r)
		case reply.Again:
			r.reply <- Reply{Err: ErrContended}
		default:
			r.reply <- reply
		}
	}
	e.pollers.wake(batch.Wake)
	return again
}

// read reads what a round needs. Where that shows that another writer opened a
// rollout, the fleet comes first.
func (e *Engine) read(ctx context.Context, inputs []Input) error {
	if err := errors.Join(e.reread(ctx), e.provide(ctx, inputs)); err != nil {
		return err
	}
	if !e.foreign() {
		return nil
	}
	e.stale = true
	return errors.Join(e.reread(ctx), e.provide(ctx, inputs))
}

func (e *Engine) foreign() bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.core.Foreign()
}

// confirm lets dispatches that were marked before go out again only where no
// other writer has closed a gate meanwhile.
func (e *Engine) confirm(ctx context.Context, batch *Batch) {
	if !batch.Repeats() {
		return
	}
	fleet, err := e.opts.Store.Fleet(ctx)
	if err != nil {
		fleet.Ordering = 0 // which no store has: they wait until it can be read
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.core.Confirm(batch, fleet.Ordering) {
		e.stale = true
	}
}

// reread reads the store anew where another writer has overtaken what the core
// knows of the fleet. Until it succeeds nothing is decided.
func (e *Engine) reread(ctx context.Context) error {
	if !e.stale {
		return nil
	}
	if err := e.restore(ctx); err != nil {
		return err
	}
	e.stale = false
	if e.called {
		e.called = false
		e.pollers.wakeAll()
	}
	return nil
}

// provide reads the records that a round needs.
func (e *Engine) provide(ctx context.Context, inputs []Input) error {
	e.mu.Lock()
	keys := e.core.Missing(inputs)
	e.mu.Unlock()
	for _, key := range keys {
		rec, err := e.opts.Store.Record(ctx, key)
		if err != nil && !errors.Is(err, adapters.ErrNotFound) {
			return err
		}
		e.mu.Lock()
		if err != nil {
			e.core.ProvideAbsent(key)
		} else {
			e.core.Provide(rec)
		}
		e.mu.Unlock()
	}
	return nil
}

func answer(requests []*request, reply Reply) {
	for _, r := range requests {
		r.reply <- reply
	}
}
