package storetest

import (
	"context"
	"errors"
	"fmt"
	"reflect"

	"github.com/rollmend/rollmend/adapters"
	"github.com/rollmend/rollmend/reducer"
	"github.com/rollmend/rollmend/states"
)

const (
	// upkeepEvery is how often Work looks after the store, where it has the power
	// to: every so many rounds.
	upkeepEvery = 4

	// upkeepChannel is where Work opens rollouts to forget them.
	upkeepChannel states.Channel = "looked-after"

	// upkeepHosts is how many hosts those have, and eraseAtOnce how much is erased
	// in a call: less, so that processes die in between.
	upkeepHosts = 4
	eraseAtOnce = 3

	// compactAtOnce is how many logs Work compacts in a call: a few, so that the
	// others stay whole, and the place grows.
	compactAtOnce = batch / 4
)

// The crash points around upkeep.
const (
	beforeCompact = "before logs are compacted"
	afterCompact  = "after logs are compacted and before the answer"
	beforePrune   = "before a rollout is forgotten"
	afterPrune    = "after a rollout is forgotten and before the answer"
)

// UpkeepCrashPoints are the moments around upkeep that [Work] tells of, for the
// [Fixture.CrashPoints] of a store that can compact and forget.
func UpkeepCrashPoints() []string {
	return []string{beforeCompact, afterCompact, beforePrune, afterPrune}
}

// passing is the n-th rollout that Work opens to forget it, from 1.
func passing(n int) adapters.Opening {
	o := opening(hosts(upkeepHosts)...)
	o.Rollout = states.Rollout{Channel: upkeepChannel, Ref: states.Ref(fmt.Sprint(n))}
	return o
}

// lookAfter compacts the logs of some hosts, and forgets a rollout.
func (w *worker) lookAfter(ctx context.Context, round int) error {
	if c, ok := w.store.(adapters.Compactor); ok {
		if err := w.compact(ctx, c, round); err != nil {
			return err
		}
	}
	if p, ok := w.store.(adapters.Pruner); ok {
		return w.prune(ctx, p)
	}
	return nil
}

func (w *worker) compact(ctx context.Context, c adapters.Compactor, round int) error {
	var snapshots []reducer.LogEntry
	from := round % (crew / batch) * batch
	for _, h := range hosts(crew)[from : from+compactAtOnce] {
		log, err := w.store.Log(ctx, keyOf(h))
		if err != nil {
			return err
		}
		entry, err := reducer.Compact(log)
		if err != nil {
			return err
		}
		if entry.Revision > 0 {
			snapshots = append(snapshots, entry)
		}
	}
	w.reach(beforeCompact)
	results, err := c.Compact(ctx, snapshots)
	w.reach(afterCompact)
	if err != nil {
		return err
	}
	for _, r := range results {
		var conflict *adapters.ConflictError
		if r.Err != nil && !errors.As(r.Err, &conflict) { // as in commit
			return r.Err
		}
	}
	return nil
}

// prune opens the next rollout, takes its hosts a step along, and forgets the
// one before.
func (w *worker) prune(ctx context.Context, p adapters.Pruner) error {
	f, err := w.store.Fleet(ctx)
	if err != nil {
		return err
	}
	next := passing(len(f.Openings)) // the first of them is the crew's
	if err := w.store.Enact(ctx, []adapters.Act{next}); err != nil {
		return err
	}
	var changes []adapters.Change
	for _, m := range next.Members {
		rec, err := w.store.Record(ctx, states.Key{Rollout: next.Rollout, Host: m.Host})
		if err != nil {
			return err
		}
		c, err := walk(rec, 2)
		if err != nil {
			return err
		}
		changes = append(changes, c)
	}
	if _, err := w.store.Commit(ctx, changes); err != nil {
		return err
	}
	pruning := adapters.Pruning{Most: eraseAtOnce}
	for i := 1; i < len(f.Openings); i++ {
		pruning.Rollouts = append(pruning.Rollouts, f.Openings[i].Rollout)
	}
	w.reach(beforePrune)
	_, err = p.Prune(ctx, pruning)
	w.reach(afterPrune)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(w.says, "%s %d\n", lineForgotten, len(pruning.Rollouts))
	return err
}

// auditOpenings looks at the openings: the crew's, and behind it those that Work
// forgets, from the oldest on. It returns how many are forgotten.
func auditOpenings(got []adapters.Opening, told int) (forgotten int, err error) {
	for i, o := range got {
		want := opening(hosts(crew)...)
		if i > 0 {
			want = passing(i)
		}
		switch {
		case i > told && reflect.DeepEqual(o, want):
		case i > 0 && i == forgotten+1 && i < len(got)-1 && reflect.DeepEqual(o, want.Forgotten()):
			forgotten++
		case i == 0 && reflect.DeepEqual(o, want):
		default:
			return 0, lossf("opening %d of %d is %+v, want %+v, the first %d forgotten", i, len(got), o, want, told)
		}
	}
	return forgotten, nil
}

// auditPassing looks at a record of a rollout that Work forgets: it is there only
// as long as its opening has members.
func auditPassing(ctx context.Context, s adapters.Store, openings []adapters.Opening, rec states.Record) error {
	for _, o := range openings {
		if o.Rollout != rec.Rollout || len(o.Members) == 0 {
			continue
		}
		log, err := s.Log(ctx, rec.Key)
		if err != nil {
			return lossf("the log of %s: %v", rec.Key, err)
		}
		if folded, err := reducer.Rederive(log); err != nil || !folded.Equal(&rec) || rec.Revision != 2 {
			return lossf("the log of %s does not rebuild its record, of one change (%v): %+v", rec.Key, err, rec)
		}
		return nil
	}
	return lossf("records yields %s, whose rollout was forgotten or never opened", rec.Key)
}

// shortened is a log as it is where it was compacted like another one.
func shortened(log, like []reducer.LogEntry) ([]reducer.LogEntry, error) {
	if len(like) == 0 || like[0].Snapshot == nil || like[0].Revision >= states.Revision(len(log)) {
		return log, nil
	}
	n := like[0].Revision + 1
	entry, err := reducer.Compact(log[:n])
	return append([]reducer.LogEntry{entry}, log[n:]...), err
}
