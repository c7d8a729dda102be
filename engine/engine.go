package engine

import (
	"context"
	"errors"
	"fmt"
	"sync"
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

	Rules gates.Rules // gates of the caller's own, behind ours
}

// The bounds that hold unless Options say otherwise. Both stand in the
// specification: a beat may be lost twice before a host counts as silent, and
// machines with a time service are minutes apart at the very worst.
const (
	silenceCycles = 3
	defaultSkew   = 5 * time.Minute
)

// Bounds of one round, and of the tries to get a change in.
const (
	roundMost = 1000 // inputs, about: where a bigger transaction gains no more
	triesMost = 8    // that one input loses against other writers before its caller is told
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
	stale   bool // the fleet must be read again before anything is decided
	called  bool // then everybody who polls asks again: another writer may have opened a rollout
	blocked bool // the store could not be read: rounds wait for an input to try again

	inbox   chan []*request // each stays together: a relay's batch is one round's work
	acts    chan func()     // run by the loop, between two rounds
	pollers pollers
	done    chan struct{} // closed when the engine is

	following adapters.Following // nil where the store cannot be followed
	news      chan chan<- bool   // others may have stored something; the answer is whether it was taken in
	deaf      chan struct{}      // closed when nobody listens any more

	ended   chan struct{} // closed when the loop has returned
	closing sync.Once
}

// request is one input on its way through a round.
type request struct {
	input Input
	reply chan Reply // buffered: the loop never waits for a caller
	tries int
}

// New starts an engine on what the store holds, and nothing else. Until a
// manifest is loaded with [Engine.Load] it answers [ErrNotReady].
func New(ctx context.Context, opts Options) (*Engine, error) {
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
		Cycle:   opts.Cycle, Silence: opts.Silence, Skew: opts.Skew, Rules: opts.Rules,
	})
	if err != nil {
		return nil, err
	}
	e := &Engine{
		opts: opts, core: core,
		inbox: make(chan []*request, roundMost),
		acts:  make(chan func()),
		done:  make(chan struct{}),
		ended: make(chan struct{}),
		news:  make(chan chan<- bool),
		deaf:  make(chan struct{}),
	}
	if err := e.follow(ctx); err != nil {
		return nil, fmt.Errorf("engine: follow the store: %w", err)
	}
	if err := e.restore(ctx); err != nil {
		return nil, errors.Join(err, e.unfollow())
	}
	e.listen()
	go e.loop()
	return e, nil
}

// Close ends the engine. Callers that wait are answered [ErrClosed]; what was
// being committed is committed. It returns when nothing of the engine runs any
// more.
func (e *Engine) Close() {
	e.closing.Do(func() {
		close(e.done)
		<-e.ended
		<-e.deaf
		_ = e.unfollow()
	})
	<-e.ended
}

// now reads the clock.
func (e *Engine) now() states.Time { return states.TimeOf(e.opts.Clock.Now()) }

// restore reads the store into the core.
func (e *Engine) restore(ctx context.Context) error {
	fleet, err := e.opts.Store.Fleet(ctx)
	if err != nil {
		return fmt.Errorf("engine: read the fleet: %w", err)
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	e.core.Restore(fleet)
	for rec, err := range e.opts.Store.Records(ctx) {
		if err != nil {
			return fmt.Errorf("engine: read the records: %w", err)
		}
		e.core.Adopt(rec)
	}
	e.core.Restored()
	return nil
}

// submit puts an input into a round and waits for its reply.
func (e *Engine) submit(ctx context.Context, in Input) (Reply, error) {
	r := &request{input: in, reply: make(chan Reply, 1)}
	if err := e.send(ctx, []*request{r}); err != nil {
		return Reply{}, err
	}
	return e.await(ctx, r)
}

// send hands requests to the loop, to be taken together.
func (e *Engine) send(ctx context.Context, requests []*request) error {
	select {
	case e.inbox <- requests:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	case <-e.done:
		return ErrClosed
	}
}

func (e *Engine) await(ctx context.Context, r *request) (Reply, error) {
	select {
	case reply := <-r.reply:
		return reply, reply.Err
	case <-ctx.Done():
		return Reply{}, ctx.Err()
	case <-e.ended:
	}
	// The loop may have answered with its last breath.
	select {
	case reply := <-r.reply:
		return reply, reply.Err
	default:
		return Reply{}, ErrClosed
	}
}

// do runs f in the loop, between two rounds, and waits for it.
func (e *Engine) do(ctx context.Context, f func() error) error {
	result := make(chan error, 1)
	select {
	case e.acts <- func() { result <- f() }:
		return <-result
	case <-ctx.Done():
		return ctx.Err()
	case <-e.done:
		return ErrClosed
	}
}
