package storetest

import (
	"context"
	"errors"
	"fmt"

	"github.com/rollmend/rollmend/adapters"
	"github.com/rollmend/rollmend/reducer"
	"github.com/rollmend/rollmend/states"
)

// closures are those that a history quarantines.
var closures = [maxClosures]states.Closure{target, "/nix/store/another-system"}

func closurePlace(c states.Closure) int {
	if c.Is(closures[1]) {
		return 1
	}
	return 0
}

// change makes the change that takes a record some steps on, in the name of the
// client's next call, and notes what it tries to write.
func (c *client) change(i int, rec states.Record, steps int) (adapters.Change, changeTried, error) {
	call := c.made
	made, err := walkWith(rec, steps, func(ev reducer.Event, step int) reducer.Event {
		return sign(ev, rec.Revision+states.Revision(step), c.number, call, step)
	})
	if err != nil {
		return made, changeTried{}, err
	}
	tried := changeTried{record: i, expect: rec.Revision, steps: steps}
	c.mu.Lock()
	defer c.mu.Unlock()
	for step, e := range made.Effects {
		name := nameOf(e.Entry)
		tried.log += name + " "
		w := writer{entry: e.Entry}
		if step == steps-1 {
			w.record = made.Record
		}
		c.writers[place{i, name}] = w
		if e.Quarantine != (reducer.Quarantine{}) {
			tried.quarantine = recordNames[i] + " " + name
			c.imposed[e.Quarantine] = tried.quarantine
		}
	}
	return made, tried, nil
}

// commit commits a batch of changes to different records.
func (c *client) commit(ctx context.Context, size int) error {
	records := c.random.Perm(maxRecords)[:size]
	if c.random.IntN(2) == 0 {
		if err := c.readRecord(ctx, records[0]); err != nil {
			return err
		}
	}
	var changes []adapters.Change
	done := commitDone{changes: make([]changeTried, size)}
	for n, i := range records {
		made, tried, err := c.change(i, c.known[i], 1+c.random.IntN(2))
		if err != nil {
			return err
		}
		made.Closes = c.random.IntN(3) == 0
		if c.random.IntN(2) == 0 {
			made.Guard = c.ordering
		}
		tried.closes, tried.guard = made.Closes, made.Guard
		changes, done.changes[n] = append(changes, made), tried
	}
	c.made++
	doubtful := commitDone{changes: append([]changeTried(nil), done.changes...), unknown: true}
	return c.call(ctx, doubtful, func(ctx context.Context) (operation, error) {
		results, err := c.store.Commit(ctx, changes)
		if err != nil {
			return nil, err
		}
		if len(results) != size {
			return nil, inventedf("client %d got %d results for %d changes", c.number, len(results), size)
		}
		for n := range results {
			if err := c.learn(&done.changes[n], &changes[n], results[n].Err); err != nil {
				return nil, err
			}
		}
		return done, nil
	})
}

// learn notes what the store said of a change.
func (c *client) learn(tried *changeTried, change *adapters.Change, said error) error {
	var conflict *adapters.ConflictError
	switch {
	case said == nil:
		c.known[tried.record] = change.Record
	case errors.Is(said, adapters.ErrNotFound):
		tried.verdict = wasNotFound
	case !errors.As(said, &conflict):
		return inventedf("client %d was told of a change neither that it is stored, nor a conflict, nor that its record is not found: %v", c.number, said)
	case conflict.Guard != 0:
		tried.verdict, tried.ordering = staleOrdering, conflict.Ordering
		c.ordering = conflict.Ordering
	default:
		tried.verdict, tried.found = staleRecord, conflict.Found
	}
	if conflict != nil && (conflict.Key != change.Record.Key || conflict.Expected != change.Expect || conflict.Guard != 0 && conflict.Guard != change.Guard) {
		return inventedf("client %d was told of a conflict that is not its change's: %v", c.number, said)
	}
	return nil
}

// enact enacts one or two acts.
func (c *client) enact(ctx context.Context) error {
	var done enactDone
	call, at := c.made, start+states.Time(c.number*spanPerClient+c.made*spanPerCall)
	c.made++
	var acts []adapters.Act
	for i := range 1 + c.random.IntN(2) {
		a := actDone{
			name:    fmt.Sprintf("%d.%d.%d", c.number, call, i),
			kind:    actKind(c.random.IntN(int(clears) + 1)),
			closure: c.random.IntN(maxClosures),
		}
		done.acts = append(done.acts, a)
		acts = append(acts, c.act(a, at))
	}
	doubtful := done
	doubtful.unknown = true
	return c.call(ctx, doubtful, func(ctx context.Context) (operation, error) {
		return done, c.store.Enact(ctx, acts)
	})
}

func (c *client) act(a actDone, at states.Time) adapters.Act {
	switch a.kind {
	case opens:
		return c.openings[1]
	case resumes:
		return adapters.Resumption{Rollout: c.openings[0].Rollout, At: at, Reason: a.name}
	case clears:
		return adapters.Clearance{Channel: c.channel, Closure: closures[a.closure], At: at, Reason: a.name}
	}
	q := reducer.Quarantine{Channel: c.channel, Closure: closures[a.closure], Since: at, Why: a.name}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.imposed[q] = a.name
	return adapters.Imposition{Quarantine: q}
}
