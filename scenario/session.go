package scenario

import (
	"context"
	"errors"
	"slices"

	"github.com/rollmend/rollmend/adapters"
	"github.com/rollmend/rollmend/adapters/memory"
	"github.com/rollmend/rollmend/engine"
	"github.com/rollmend/rollmend/gates"
	"github.com/rollmend/rollmend/states"
)

// Control is what a scenario is played against, where that is not ours alone.
// The zero Control is what [Play] and [Run] play against.
type Control struct {
	Rules gates.Rules // gates of the caller's own, behind ours

	// Open opens an empty store; nil: one of adapters/memory. It is called for
	// each control plane that begins with an empty store, and again where a copy
	// is put back.
	Open func() (adapters.Store, error)

	// Reopen closes a store and opens it with what it held; nil: the store is
	// used on. It is called where the control plane starts anew.
	Reopen func(adapters.Store) (adapters.Store, error)

	// Watch, where it is given, sees what is about to be stored, and the store
	// before it is. An error ends the scenario there.
	Watch func(before adapters.Store, changes []adapters.Change) error
}

// open opens an empty store.
func (c *Control) open() (adapters.Store, error) {
	if c.Open == nil {
		return memory.New(), nil
	}
	return c.Open()
}

// Play is [Play] against this control.
func (c Control) Play(ctx context.Context, name, text string) (string, error) {
	f, got, err := c.outcome(ctx, name, text)
	if err != nil {
		return "", err
	}
	return f.text(got), nil
}

// Session is a scenario that is made up step by step.
type Session struct{ p *player }

// Begin begins a scenario of which nothing is said yet.
func (c Control) Begin(ctx context.Context) *Session {
	return &Session{newPlayer(ctx, &c, false)}
}

// Do does a step and returns what came of it, which is nothing for a
// declaration and for many others. The error says that the line cannot be read
// or done, or that it broke what has to hold of every scenario. Behind an error
// the session is at its end.
func (s *Session) Do(step string) ([]string, error) {
	parsed, err := parseStep(step)
	if err != nil {
		return nil, err
	}
	s.p.said = nil
	if err := s.p.do(parsed); err != nil {
		return nil, errors.New(InSeconds(err.Error()))
	}
	return slices.Clone(s.p.said), nil
}

// Now returns the scenario's time.
func (s *Session) Now() states.Time { return s.p.now }

// Plan returns the manifest that was declared so far.
func (s *Session) Plan() gates.Plan { return s.p.facts.plan() }

// Store returns the store that the control plane uses now, nil before the first
// step that is not a declaration. Read it only.
func (s *Session) Store() adapters.Store {
	if s.p.plane == nil {
		return nil
	}
	return s.p.plane.store
}

// Reply returns what a host's last heartbeat was answered; false where it has
// not beaten.
func (s *Session) Reply(host states.Host) (engine.HeartbeatReply, bool) {
	r, ok := s.p.reply[host]
	return r, ok
}
