package engine

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/rollmend/rollmend/adapters"
	"github.com/rollmend/rollmend/gates"
	"github.com/rollmend/rollmend/states"
)

// Options are the settings of an [Engine].
type Options struct {
	Store adapters.Store // needed; the engine does not close it
	Clock adapters.Clock // needed

	// Cycle is the time between two heartbeats of a host. Needed: the bounds on
	// silence and on how long a held observation counts follow from it.
	Cycle time.Duration

	// Silence is how long a host may be without a beat before it is silent;
	// three cycles unless set.
	Silence time.Duration

	// Skew is how far an agent's clock may be ahead before its times are cut;
	// five minutes unless set.
	Skew time.Duration

	// Shared says that other control planes decide on the same store. An agent
	// that had a reply of one of them then counts as asked for its kept reports;
	// that it was given since this one started is told by the clock, so those of
	// all of them should be within a heartbeat of each other. Alone, a control
	// plane knows its own replies, whatever its clock shows.
	Shared bool

	Rules gates.Rules // gates of the caller's own, behind ours
}

// The bounds that hold unless Options say otherwise. Both stand in the
// specification: a beat may be lost twice before a host counts as silent, and
// machines with a time service are minutes apart at the very worst.
const (
	silenceCycles = 3
	defaultSkew   = 5 * time.Minute
)

// Bounds of one round, of the tries to get a change in, and of what waits.
const (
	roundMost = 4000 // inputs, about: where a bigger transaction gains no more
	triesMost = 8    // that one input loses against other writers before its caller is told

	// waitingMost is how many inputs wait for their rounds at most: a few hundred
	// bytes each, and less than a second's work. Who comes then is told to come
	// back: see [BusyError].
	waitingMost = 8 * roundMost
)

// Engine is a control plane's rollout half, to be embedded: it takes
// heartbeats, reports and polls, decides, commits, and answers. It is safe for
// concurrent use. Concurrent callers share a commit, and each is answered
// after it.
type Engine struct {
	opts Options

	mu   sync.Mutex // guards core
	core *Core

	// The loop's own.
	open    func(context.Context) (adapters.Store, error) // nil: it is open
	stale   bool                                          // the fleet must be read again before anything is decided
	called  bool                                          // then everybody who polls asks again: another writer may have opened a rollout
	blocked bool                                          // the store could not be read: rounds wait for an input to try again
	flights []*flight                                     // oldest first
	again   []*request                                    // to be taken into the next round

	scratches sync.Pool // of *scratch

	inbox    chan []request // each stays together: a relay's batch is one round's work
	acts     chan func()    // run by the loop, between two rounds
	asked    atomic.Int32   // acts that wait
	waiting  atomic.Int64   // inputs that are not answered
	starting atomic.Bool    // the store is read for the first time
	pollers  pollers

	following adapters.Following // nil where the store cannot be followed
	listening bool               // it is begun to listen
	news      chan chan<- bool   // others may have stored something; the answer is whether it was taken in
	deaf      chan struct{}      // closed when nobody listens any more

	done    chan struct{} // closed when the engine is
	ended   chan struct{} // closed when the loop has returned
	closing sync.Once
}

// request is one input on its way through its rounds.
type request struct {
	input Input
	tries int
	party *party
	reply atomic.Pointer[Reply] // in its batch's replies; nil until it is answered
}

// party is the requests of one caller, who waits for all of them.
type party struct {
	left atomic.Int32
	done chan struct{} // closed when all are answered
}

// newParty makes a party of a caller's requests.
func newParty(requests []request) *party {
	p := &party{done: make(chan struct{})}
	p.left.Store(int32(len(requests)))
	for i := range requests {
		requests[i].party = p
	}
	return p
}

// New starts an engine on what the store holds, and nothing else. Until a
// manifest is loaded with [Engine.Load] it answers [ErrNotReady].
func New(ctx context.Context, opts Options) (*Engine, error) {
	e, err := prepare(opts)
	if err != nil {
		return nil, err
	}
	if err := e.reopen(ctx); err != nil {
		return nil, errors.Join(err, e.unfollow())
	}
	go e.loop()
	return e, nil
}

// Begin starts an engine like [New], but opens the store itself and returns
// before that is done: for a control plane that is to answer from its first
// moment on, however much there is to read. Options.Store is to be left nil.
//
// Until the store is read it answers [ErrNotReady], and [Engine.Load] waits.
// Where it cannot be opened or read, calls return why, and the next one tries
// again. Closing the store, after the engine, is up to the caller.
func Begin(opts Options, open func(context.Context) (adapters.Store, error)) (*Engine, error) {
	if opts.Store != nil || open == nil {
		return nil, errors.New("engine: Begin opens the store: hand it the function, and leave Options.Store nil")
	}
	opts.Store = unopened{}
	e, err := prepare(opts)
	if err != nil {
		return nil, err
	}
	e.open = open
	e.stale = true
	e.starting.Store(true)
	go e.loop()
	return e, nil
}

// unopened stands in for a store that is not open yet. Nothing is asked of it.
type unopened struct{ adapters.Store }

func prepare(opts Options) (*Engine, error) {
	switch {
	case opts.Store == nil || opts.Clock == nil:
		return nil, errors.New("engine: Options.Store and Options.Clock are needed")
	case opts.Cycle <= 0:
		return nil, errors.New("engine: Options.Cycle must be the time between two heartbeats, such as time.Minute")
	case opts.Silence < 0 || opts.Skew < 0:
		return nil, errors.New("engine: Options.Silence and Skew cannot be negative")
	}
	if opts.Silence == 0 {
		opts.Silence = silenceCycles * opts.Cycle
	}
	if opts.Skew == 0 {
		opts.Skew = defaultSkew
	}
	core, err := NewCore(CoreOptions{
		Started: states.TimeOf(opts.Clock.Now()),
		Cycle:   opts.Cycle, Silence: opts.Silence, Skew: opts.Skew, Shared: opts.Shared, Rules: opts.Rules,
	})
	if err != nil {
		return nil, err
	}
	return &Engine{
		opts: opts, core: core,
		inbox: make(chan []request, waitingMost), // whoever was let in need not wait to be heard
		acts:  make(chan func()),
		done:  make(chan struct{}),
		ended: make(chan struct{}),
		news:  make(chan chan<- bool),
		deaf:  make(chan struct{}),
	}, nil
}

// Close ends the engine. Callers that wait are answered [ErrClosed]; what was
// being committed is committed. It returns when nothing of the engine runs any
// more.
func (e *Engine) Close() {
	e.closing.Do(func() {
		close(e.done)
		<-e.ended
		if e.listening {
			<-e.deaf
		}
		_ = e.unfollow()
	})
	<-e.ended
}

// untilClosed returns a context that ends with the engine as well. Stop is to be
// called.
func (e *Engine) untilClosed(ctx context.Context) (_ context.Context, stop func()) {
	ctx, stop = context.WithCancel(ctx)
	go func() {
		select {
		case <-e.done:
			stop()
		case <-ctx.Done():
		}
	}()
	return ctx, stop
}

// now reads the clock.
func (e *Engine) now() states.Time { return states.TimeOf(e.opts.Clock.Now()) }

// reopen reads the store, and listens to it from then on where it can be
// followed. What others store meanwhile is read or heard of.
func (e *Engine) reopen(ctx context.Context) error {
	if e.following == nil {
		if err := e.follow(ctx); err != nil {
			return fmt.Errorf("engine: follow the store: %w", err)
		}
	}
	if err := e.restore(ctx); err != nil {
		return err
	}
	if !e.listening {
		e.listening = true
		e.listen()
	}
	return nil
}

// restore reads the store into the core.
func (e *Engine) restore(ctx context.Context) error {
	fleet, err := e.opts.Store.Fleet(ctx)
	if err != nil {
		return fmt.Errorf("engine: read the fleet: %w", err)
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	e.core.Restore(fleet)
	for o, err := range adapters.Outlines(ctx, e.opts.Store) {
		if err != nil {
			return fmt.Errorf("engine: read the records: %w", err)
		}
		e.core.AdoptOutline(o)
	}
	e.core.Restored()
	return nil
}

// submit puts an input into a round and waits for its reply. After is how long
// its caller is to stay away where too many wait.
func (e *Engine) submit(ctx context.Context, in Input, after time.Duration) (Reply, error) {
	requests := []request{{input: in}}
	p := newParty(requests)
	if err := e.send(ctx, requests, after); err != nil {
		return Reply{}, err
	}
	err := e.await(ctx, p)
	if reply := requests[0].reply.Load(); reply != nil {
		return *reply, reply.Err
	}
	return Reply{}, err
}

// send hands requests to the loop, to be taken together. Nothing is lost of
// what is not let in: its callers keep it.
func (e *Engine) send(ctx context.Context, requests []request, after time.Duration) error {
	if e.starting.Load() {
		return ErrNotReady
	}
	n := int64(len(requests))
	if waiting := e.waiting.Add(n); waiting > waitingMost && waiting != n {
		e.waiting.Add(-n)
		return &BusyError{After: after}
	}
	select {
	case e.inbox <- requests:
		return nil
	case <-ctx.Done():
		e.waiting.Add(-n)
		return ctx.Err()
	case <-e.done:
		e.waiting.Add(-n)
		return ErrClosed
	}
}

// await waits until all of a party are answered.
func (e *Engine) await(ctx context.Context, p *party) error {
	select {
	case <-p.done:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	case <-e.ended:
		return ErrClosed // unless the loop has answered with its last breath
	}
}

// do runs f in the loop, between two rounds, on what the store holds, and waits
// for it.
func (e *Engine) do(ctx context.Context, f func() error) error {
	result := make(chan error, 1)
	e.asked.Add(1)
	defer e.asked.Add(-1)
	select {
	case e.acts <- func() {
		err := e.reread(ctx)
		if err == nil {
			err = f()
		}
		result <- err
	}:
		return <-result
	case <-ctx.Done():
		return ctx.Err()
	case <-e.done:
		return ErrClosed
	}
}
