package engine

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/rollmend/rollmend/adapters"
	"github.com/rollmend/rollmend/states"
)

// loop is the one goroutine that decides: read, decide, commit, look again.
// While the changes of a round are on their way to the store it decides the next
// one, where what is on its way allows that.
func (e *Engine) loop() {
	defer close(e.ended)
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	if e.starting.Load() {
		_ = e.reread(ctx) // where it fails, the next round tries again, and says why
		e.starting.Store(false)
	}
	for {
		requests, ok := e.gather(ctx)
		if !ok {
			e.land(ctx)
			e.answerAll(append(requests, e.again...), Reply{Err: ErrClosed})
			return
		}
		e.round(ctx, requests)
	}
}

// flight is a round whose changes are on their way to the store.
type flight struct {
	batch    *Batch
	requests []*request
	landed   chan struct{} // closed when what follows is known
	results  []adapters.Result
	err      error
}

func (f *flight) hasLanded() bool {
	select {
	case <-f.landed:
		return true
	default:
		return false
	}
}

// flightsMost is how many rounds may be on their way while another is decided.
// One keeps a store busy whose commits all take the same; the second bridges the
// long ones, such as those in which SQLite takes its log into its file.
const flightsMost = 2

// gather waits until there is work and takes as much of it as a round may
// hold; ok is false when the engine is closed.
func (e *Engine) gather(ctx context.Context) (requests []*request, ok bool) {
	for len(e.again) == 0 && len(requests) == 0 && !e.stale && (e.blocked || !e.busy()) {
		var landed chan struct{}
		acts := e.acts
		if len(e.flights) > 0 {
			landed, acts = e.flights[0].landed, nil
			if e.asked.Load() > 0 {
				e.land(ctx)
				continue
			}
		}
		select {
		case more := <-e.inbox:
			requests = appendEach(requests, more)
		case act := <-acts:
			act()
		case <-landed:
			e.landOne(ctx)
		case told := <-e.news:
			e.land(ctx)
			told <- e.catchUp(ctx)
		case <-e.done:
			return requests, false
		}
	}
	requests = append(e.again, requests...)
	e.again = nil
	// An operator who asks sees what gates that have opened led to.
	acts := e.acts
	switch {
	case e.busy():
		acts = nil
	case e.asked.Load() > 0:
		e.land(ctx)
	}
	for len(requests) < roundMost {
		if len(e.flights) > 0 {
			acts = nil
		}
		select {
		case more := <-e.inbox:
			requests = appendEach(requests, more)
		case act := <-acts:
			act()
		case told := <-e.news:
			e.land(ctx)
			told <- e.catchUp(ctx)
		case <-e.done:
			return requests, false
		default:
			return requests, true
		}
	}
	return requests, true
}

func appendEach(requests []*request, more []request) []*request {
	requests = slices.Grow(requests, len(more))
	for i := range more {
		requests = append(requests, &more[i])
	}
	return requests
}

func (e *Engine) busy() bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.core.Busy()
}

// round decides once and sends the changes on their way. Rounds before it whose
// changes still are come to their end meanwhile.
func (e *Engine) round(ctx context.Context, requests []*request) {
	if n := len(e.flights); e.stale || n > 0 && e.flights[n-1].batch.Alone() {
		e.land(ctx)
	}
	inputs := make([]Input, len(requests))
	for i, r := range requests {
		inputs[i] = r.input
	}
	err := e.read(ctx, inputs)
	e.blocked = err != nil
	if e.blocked {
		e.answerAll(requests, Reply{Err: err})
		return
	}
	e.mu.Lock()
	batch := e.core.Decide(e.now(), inputs)
	e.mu.Unlock()
	if batch.Alone() {
		for _, f := range e.flights {
			<-f.landed // what it closes is not to overtake what passed
		}
	}
	e.depart(ctx, &flight{batch: batch, requests: requests, landed: make(chan struct{})})
	if len(batch.Changes) == 0 {
		e.land(ctx)
	}
	// While the store has something to do, earlier rounds are settled. Where there
	// is work that waits for no input, their landing is not waited for.
	for len(e.flights) > 1 && (e.flights[0].hasLanded() || len(e.flights) > flightsMost || !e.busy()) {
		e.landOne(ctx)
	}
}

// depart sends a round's changes on their way, beside others that still are:
// they have no host in common, and none lets another one's go.
func (e *Engine) depart(ctx context.Context, f *flight) {
	e.flights = append(e.flights, f)
	if len(f.batch.Changes) == 0 {
		close(f.landed)
		return
	}
	go func() {
		defer close(f.landed)
		f.results, f.err = e.opts.Store.Commit(ctx, f.batch.Changes)
	}()
}

// land waits for all that is on its way, and lets it count.
func (e *Engine) land(ctx context.Context) {
	for len(e.flights) > 0 {
		e.landOne(ctx)
	}
}

// landOne does so with the oldest.
func (e *Engine) landOne(ctx context.Context) {
	f := e.flights[0]
	<-f.landed
	e.flights = slices.Delete(e.flights, 0, 1)
	e.settle(ctx, f)
}

// settle lets what has landed count, and answers who can be answered. Who has to
// wait takes part in a later round.
func (e *Engine) settle(ctx context.Context, f *flight) {
	e.mu.Lock()
	if e.core.Settle(f.batch, f.results, f.err, e.now()) {
		e.stale = true
	}
	e.mu.Unlock()
	e.confirm(ctx, f.batch)
	answers := answers{engine: e}
	for i, r := range f.requests {
		reply := &f.batch.Replies[i]
		if reply.Again {
			r.tries++
		}
		switch {
		case reply.Later || reply.Again && r.tries < triesMost:
			e.again = append(e.again, r)
		case reply.Again:
			answers.give(r, &Reply{Err: ErrContended})
		default:
			answers.give(r, reply)
		}
	}
	answers.tell()
	e.pollers.wake(f.batch.Wake)
	e.mu.Lock()
	defer e.mu.Unlock()
	e.core.Recycle(f.batch)
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
	e.land(ctx)
	e.stale = true
	return errors.Join(e.reread(ctx), e.provide(ctx, inputs))
}

func (e *Engine) foreign() bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.core.Foreign()
}

// confirm lets dispatches that were marked before go out again only where no
// other writer has closed a gate or heard of them meanwhile.
func (e *Engine) confirm(ctx context.Context, batch *Batch) {
	keys := batch.Repeats()
	if len(keys) == 0 {
		return
	}
	records := make([]states.Record, len(keys))
	for i, key := range keys {
		// One that cannot be read now is read in the next round.
		records[i], _ = e.opts.Store.Record(ctx, key)
	}
	fleet, err := e.opts.Store.Fleet(ctx)
	if err != nil {
		fleet.Ordering = 0 // which no store has: they wait until it can be read
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.core.Confirm(batch, fleet.Ordering, records) {
		e.stale = true
	}
}

// reread reads the store anew where another writer has overtaken what the core
// knows of the fleet. Until it succeeds nothing is decided. It ends where the
// engine is closed: there may be much to read.
func (e *Engine) reread(ctx context.Context) error {
	if !e.stale {
		return nil
	}
	ctx, stop := e.untilClosed(ctx)
	defer stop()
	if e.open != nil {
		store, err := e.open(ctx)
		if err != nil {
			return fmt.Errorf("engine: open the store: %w", err)
		}
		e.opts.Store, e.open = store, nil
	}
	if err := e.reopen(ctx); err != nil {
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

// answers gives callers their replies, and tells those that stand together at
// once. The loop never waits for a caller.
type answers struct {
	engine *Engine
	party  *party // to be told of
	n      int32  // so many more
}

func (a *answers) give(r *request, reply *Reply) {
	r.reply.Store(reply)
	if r.party != a.party {
		a.tell()
		a.party = r.party
	}
	a.n++
}

// tell is to be called behind the last.
func (a *answers) tell() {
	if a.n == 0 {
		return
	}
	a.engine.waiting.Add(-int64(a.n))
	if a.party.left.Add(-a.n) == 0 {
		close(a.party.done)
	}
	a.n = 0
}

func (e *Engine) answerAll(requests []*request, reply Reply) {
	answers := answers{engine: e}
	for _, r := range requests {
		answers.give(r, &reply)
	}
	answers.tell()
}
