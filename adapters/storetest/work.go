package storetest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/rollmend/rollmend/adapters"
	"github.com/rollmend/rollmend/reducer"
	"github.com/rollmend/rollmend/states"
)

const (
	// batch is how many hosts a commit of Work touches.
	batch = 20

	// crew is how many hosts Work has: some batches, so that they do not all
	// change at once.
	crew = 3 * batch

	// enactEvery is how often Work enacts: every so many rounds.
	enactEvery = 4
)

// The crash points that the kit tells itself, whatever the store.
const (
	beforeCommit = "before a commit"
	afterCommit  = "after a commit and before its answer"
	beforeEnact  = "before an enactment"
	afterEnact   = "after an enactment and before its answer"
)

// Work opens a rollout and takes its hosts along, batch after batch, enacts and
// looks after the store now and then, until the context ends or the store fails. After each call it
// writes to acks what the store acknowledged, a line each. It is what the
// process does that [Fixture.Kill] kills; started again, it goes on where it
// was.
func Work(ctx context.Context, s adapters.Store, acks io.Writer) error {
	w := worker{store: s, says: acks, reach: func(string) {}}
	return w.run(ctx, -1)
}

// worker writes to a store. What it writes next follows from what the store
// holds, so that everybody knows what must be there.
type worker struct {
	store adapters.Store
	says  io.Writer
	reach func(point string)
}

// run works so many rounds; negative: until something ends it.
func (w *worker) run(ctx context.Context, rounds int) error {
	if err := w.store.Enact(ctx, []adapters.Act{opening(hosts(crew)...)}); err != nil {
		return err
	}
	for round := 0; round != rounds; round++ {
		work := w.commit
		if round%enactEvery == enactEvery-1 {
			work = w.enact
		}
		if err := work(ctx, round); err != nil {
			return err
		}
		if round%upkeepEvery == upkeepEvery-2 {
			if err := w.lookAfter(ctx, round); err != nil {
				return err
			}
		}
	}
	return nil
}

// stepsOf is how many steps each change of a host has.
func stepsOf(host int) int { return 1 + host%3 }

// commit takes a batch of hosts along.
func (w *worker) commit(ctx context.Context, round int) error {
	all := hosts(crew)
	from := round % (crew / batch) * batch
	var changes []adapters.Change
	for i := from; i < from+batch; i++ {
		rec, err := w.store.Record(ctx, keyOf(all[i]))
		if err != nil {
			return err
		}
		c, err := walk(rec, stepsOf(i))
		if err != nil {
			return err
		}
		c.Closes = i == from && round%2 == 0
		changes = append(changes, c)
	}
	w.reach(beforeCommit)
	results, err := w.store.Commit(ctx, changes)
	w.reach(afterCommit)
	if err != nil {
		return err
	}
	var lines strings.Builder
	for i, r := range results {
		var conflict *adapters.ConflictError
		if errors.As(r.Err, &conflict) {
			continue // the last call of a client that was killed came to its end
		}
		if r.Err != nil {
			return r.Err
		}
		fmt.Fprintf(&lines, "%s %s %d\n", lineRecord, changes[i].Record.Host, changes[i].Record.Revision)
	}
	_, err = io.WriteString(w.says, lines.String())
	return err
}

// enact does the next enactment.
func (w *worker) enact(ctx context.Context, _ int) error {
	f, err := w.store.Fleet(ctx)
	if err != nil {
		return err
	}
	n := len(f.Resumptions) + 1
	w.reach(beforeEnact)
	err = w.store.Enact(ctx, enactment(n))
	w.reach(afterEnact)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(w.says, "%s %d\n%s %d\n", lineOrdering, f.Ordering+1, lineEnacted, n)
	return err
}

// workChannel is where Work quarantines.
const workChannel states.Channel = "worked-on"

func workClosure(n int) states.Closure { return states.Closure(fmt.Sprint("closure-", n)) }

// enactment is what Work enacts the n-th time, from 1: a resumption, and a
// quarantine in the place of the one before.
func enactment(n int) []adapters.Act {
	at := start + states.Time(n)
	acts := []adapters.Act{
		adapters.Resumption{Rollout: rollout, At: at, Reason: fmt.Sprint(n), Hosts: hosts(1)},
		adapters.Imposition{Quarantine: reducer.Quarantine{
			Channel: workChannel, Closure: workClosure(n), Since: at, Why: fmt.Sprint(n),
		}},
	}
	if n > 1 {
		acts = append(acts, adapters.Clearance{
			Channel: workChannel, Closure: workClosure(n - 1), At: at, Reason: fmt.Sprint(n),
		})
	}
	return acts
}
