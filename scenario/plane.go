package scenario

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/rollmend/rollmend/adapters"
	"github.com/rollmend/rollmend/engine"
	"github.com/rollmend/rollmend/gates"
	"github.com/rollmend/rollmend/states"
)

// The bounds of the control plane that a file drives: those of the
// specification for a cycle of a minute.
const (
	cycle   = time.Minute
	silence = 3 * cycle
	skew    = 5 * time.Minute
)

// roundsMost bounds the rounds that one step may take: gates that open one
// after the other take one each, and a file has far fewer of them.
const roundsMost = 1000

// plane is a control plane: the deterministic core, its store, and all that was
// ever stored, so that a copy of the store can be put back.
type plane struct {
	control *Control
	core    *engine.Core
	store   adapters.Store
	journal []stored
}

// stored is one call that changed the store: acts, or a batch of changes.
type stored struct {
	acts    []adapters.Act
	changes []adapters.Change
}

// told is a change that was stored, and the record that it changed.
type told struct {
	adapters.Change
	before states.Record
}

// start starts a control plane on a store that holds what a journal says, and
// nothing else. At the beginning of a file the store is empty.
func (c *Control) start(ctx context.Context, now states.Time, journal []stored) (*plane, error) {
	store, err := c.open()
	if err != nil {
		return nil, err
	}
	p, err := c.on(store, now)
	if err != nil {
		return nil, err
	}
	for _, call := range journal {
		if err := p.enact(ctx, call.acts); err != nil {
			return nil, err
		}
		if _, err := p.commit(ctx, call.changes); err != nil {
			return nil, err
		}
	}
	return p, p.restore(ctx)
}

// restart starts a control plane in the place of one that ended, on its store.
func (c *Control) restart(ctx context.Context, now states.Time, ended *plane) (*plane, error) {
	store := ended.store
	if c.Reopen != nil {
		var err error
		if store, err = c.Reopen(store); err != nil {
			return nil, err
		}
	}
	p, err := c.on(store, now)
	if err != nil {
		return nil, err
	}
	p.journal = ended.journal
	return p, p.restore(ctx)
}

// on makes a control plane that has read nothing yet.
func (c *Control) on(store adapters.Store, now states.Time) (*plane, error) {
	core, err := engine.NewCore(engine.CoreOptions{Started: now, Cycle: cycle, Silence: silence, Skew: skew, Rules: c.Rules})
	return &plane{control: c, core: core, store: store}, err
}

// restore reads the store into the core.
func (p *plane) restore(ctx context.Context) error {
	fleet, err := p.store.Fleet(ctx)
	if err != nil {
		return err
	}
	p.core.Restore(fleet)
	for rec, err := range p.store.Records(ctx) {
		if err != nil {
			return err
		}
		p.core.Adopt(rec)
	}
	p.core.Restored()
	return nil
}

func (p *plane) enact(ctx context.Context, acts []adapters.Act) error {
	if len(acts) == 0 {
		return nil
	}
	p.journal = append(p.journal, stored{acts: acts})
	return p.store.Enact(ctx, acts)
}

// act enacts what an operator decided and lets it count. Where the store had it
// already, the fleet is read again, as an engine does.
func (p *plane) act(ctx context.Context, act adapters.Act, count func()) error {
	acts := []adapters.Act{act}
	if err := p.enact(ctx, acts); err != nil {
		return err
	}
	fleet, err := p.store.Fleet(ctx)
	if err != nil {
		return err
	}
	overtaken := p.core.Overtaken(fleet, acts)
	count()
	if !overtaken {
		return nil
	}
	return p.restore(ctx)
}

// commit stores changes, and checks each that was stored.
func (p *plane) commit(ctx context.Context, changes []adapters.Change) ([]adapters.Result, error) {
	if len(changes) == 0 {
		return nil, nil
	}
	before := make([]states.Record, len(changes))
	for i := range changes {
		var err error
		if before[i], err = p.store.Record(ctx, changes[i].Record.Key); err != nil {
			return nil, err
		}
	}
	results, err := p.store.Commit(ctx, changes)
	if err != nil {
		return nil, err
	}
	p.journal = append(p.journal, stored{changes: changes})
	for i := range changes {
		if results[i].Err != nil {
			return nil, fmt.Errorf("a single writer lost against itself: %w", results[i].Err)
		}
		if err := check(ctx, p.store, &before[i], &changes[i]); err != nil {
			return nil, err
		}
	}
	return results, nil
}

// load makes a manifest count.
func (p *plane) load(ctx context.Context, now states.Time, fleet *gates.Fleet) (engine.Loaded, error) {
	acts, loaded, err := p.core.PlanLoad(now, fleet)
	if err != nil {
		return loaded, err
	}
	if err := p.enact(ctx, acts); err != nil {
		return loaded, err
	}
	p.core.Load(fleet, acts)
	return loaded, nil
}

// provide reads the records that inputs need into the core.
func (p *plane) provide(ctx context.Context, inputs []engine.Input) error {
	for _, key := range p.core.Missing(inputs) {
		rec, err := p.store.Record(ctx, key)
		switch {
		case errors.Is(err, adapters.ErrNotFound):
			p.core.ProvideAbsent(key)
		case err != nil:
			return err
		default:
			p.core.Provide(rec)
		}
	}
	return nil
}

// rounds puts inputs into the core and goes on until nothing is left to do:
// read, decide, commit, look again. It returns a reply for each input, and the
// changes that were stored, in their order.
func (p *plane) rounds(ctx context.Context, now states.Time, inputs ...engine.Input) ([]engine.Reply, []told, error) {
	replies := make([]engine.Reply, len(inputs))
	places := make([]int, len(inputs)) // of the inputs of a round in replies
	for i := range places {
		places[i] = i
	}
	var changes []told
	for range roundsMost {
		if err := p.provide(ctx, inputs); err != nil {
			return nil, nil, err
		}
		batch := p.core.Decide(now, inputs)
		for _, c := range batch.Changes {
			before, err := p.store.Record(ctx, c.Record.Key)
			if err != nil {
				return nil, nil, err
			}
			changes = append(changes, told{c, before})
		}
		if watch := p.control.Watch; watch != nil && len(batch.Changes) > 0 {
			if err := watch(p.store, batch.Changes); err != nil {
				return nil, nil, err
			}
		}
		results, err := p.commit(ctx, batch.Changes)
		if err != nil {
			return nil, nil, err
		}
		if p.core.Settle(batch, results, nil, now) {
			return nil, nil, errors.New("the core wants the fleet read again, though it alone writes to it")
		}
		var again []engine.Input
		var where []int
		for i, r := range batch.Replies {
			if r.Again || r.Later {
				again, where = append(again, inputs[i]), append(where, places[i])
				continue
			}
			replies[places[i]] = r
		}
		inputs, places = again, where
		if len(inputs) == 0 && !p.core.Busy() {
			return replies, changes, nil
		}
	}
	return nil, nil, fmt.Errorf("after %d rounds there still is work", roundsMost)
}

// beat hands in a heartbeat, the way an engine does: without a round where
// there is nothing to decide.
func (p *plane) beat(ctx context.Context, in engine.Beat) (engine.HeartbeatReply, []told, error) {
	if reply, ok := p.core.InStep(&in, in.Received); ok {
		return reply, nil, nil
	}
	replies, changes, err := p.rounds(ctx, in.Received, in)
	if err != nil {
		return engine.HeartbeatReply{}, nil, err
	}
	return replies[0].Beat, changes, replies[0].Err
}
