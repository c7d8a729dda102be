package broken

import (
	"context"
	"slices"
	"testing"

	"github.com/rollmend/rollmend/adapters"
	"github.com/rollmend/rollmend/adapters/memory"
	"github.com/rollmend/rollmend/adapters/storetest"
	"github.com/rollmend/rollmend/reducer"
	"github.com/rollmend/rollmend/states"
)

// powers is a store with the optional powers.
type powers interface {
	adapters.Store
	adapters.Compactor
	adapters.Pruner
}

func wrongUpkeep(name string, wrap func(powers) adapters.Store, caughtBy ...string) Store {
	fixture := func(wrap func(powers) adapters.Store) func(testing.TB) storetest.Fixture {
		return func(testing.TB) storetest.Fixture {
			return storetest.Fixture{
				Open:  func(testing.TB) adapters.Store { return wrap(memory.New()) },
				Close: func(testing.TB, adapters.Store) {},
			}
		}
	}
	plain := func(s powers) adapters.Store { return s }
	return Store{Name: name, CaughtBy: caughtBy, Fixture: fixture(wrap), Mended: fixture(plain)}
}

// inUpkeep are those whose upkeep is wrong.
func inUpkeep() []Store {
	const notFound = "a forgotten rollout's records are found no more, and all else stays"
	return []Store{
		wrongUpkeep("it takes the opening away with its members", func(s powers) adapters.Store { return dropsOpenings{s} }, notFound),
		wrongUpkeep("it takes the quarantines of a rollout away with it", func(s powers) adapters.Store { return dropsQuarantines{s} }, notFound),
		wrongUpkeep("it forgets what it has not looked at", func(s powers) adapters.Store { return prunesUnguarded{s} },
			"a rollout that may not be forgotten is not, and nothing with it"),
		wrongUpkeep("it forgets one rollout after the other", func(s powers) adapters.Store { return prunesSingly{s} },
			"a rollout that may not be forgotten is not, and nothing with it"),
		wrongUpkeep("it compacts at any revision", func(s powers) adapters.Store { return compactsStale{s} },
			"a snapshot that does not fit leaves its log, and the others of its batch are stored"),
		wrongUpkeep("it says that it has compacted", func(s powers) adapters.Store { return compactsNothing{s} },
			"a snapshot takes the place of a log, and the log is folded on from there",
			"a log that begins with a snapshot is compacted again"),
		wrongUpkeep("it keeps the opening in front of a snapshot", func(s powers) adapters.Store { return keepsOpened{s} },
			"a snapshot takes the place of a log, and the log is folded on from there",
			"a log is read whole while it is compacted and goes on"),
	}
}

type dropsOpenings struct{ powers }

func (s dropsOpenings) Fleet(ctx context.Context) (adapters.Fleet, error) {
	f, err := s.powers.Fleet(ctx)
	f.Openings = slices.DeleteFunc(f.Openings, func(o adapters.Opening) bool { return len(o.Members) == 0 })
	return f, err
}

type dropsQuarantines struct{ powers }

func (s dropsQuarantines) Prune(ctx context.Context, p adapters.Pruning) (adapters.Pruned, error) {
	done, err := s.powers.Prune(ctx, p)
	if err != nil {
		return done, err
	}
	f, err := s.Fleet(ctx)
	if err != nil {
		return done, err
	}
	for _, q := range f.Quarantines {
		if slices.Contains(p.Rollouts, q.Rollout) {
			err = s.Enact(ctx, []adapters.Act{adapters.Clearance{Channel: q.Channel, Closure: q.Closure}})
		}
	}
	return done, err
}

type prunesUnguarded struct{ powers }

func (s prunesUnguarded) Prune(ctx context.Context, p adapters.Pruning) (adapters.Pruned, error) {
	p.Guard = 0
	return s.powers.Prune(ctx, p)
}

type prunesSingly struct{ powers }

func (s prunesSingly) Prune(ctx context.Context, p adapters.Pruning) (adapters.Pruned, error) {
	var done adapters.Pruned
	for _, r := range p.Rollouts {
		one, err := s.powers.Prune(ctx, adapters.Pruning{Guard: p.Guard, Rollouts: []states.Rollout{r}, Most: p.Most})
		if err != nil {
			return done, err
		}
		done.Erased += one.Erased
	}
	return done, nil
}

type compactsStale struct{ powers }

// Compact puts a snapshot of its own making in the place of one that is stale.
func (s compactsStale) Compact(ctx context.Context, snapshots []reducer.LogEntry) ([]adapters.Result, error) {
	snapshots = slices.Clone(snapshots)
	for i := range snapshots {
		log, err := s.Log(ctx, snapshots[i].Event.Key)
		if err != nil {
			continue
		}
		if fresh, err := reducer.Compact(log); err == nil && snapshots[i].Snapshot != nil && fresh.Revision != snapshots[i].Revision {
			snapshots[i] = fresh
		}
	}
	return s.powers.Compact(ctx, snapshots)
}

type compactsNothing struct{ powers }

func (compactsNothing) Compact(_ context.Context, snapshots []reducer.LogEntry) ([]adapters.Result, error) {
	return make([]adapters.Result, len(snapshots)), nil
}

type keepsOpened struct{ powers }

func (s keepsOpened) Log(ctx context.Context, key states.Key) ([]reducer.LogEntry, error) {
	log, err := s.powers.Log(ctx, key)
	if err != nil || log[0].Snapshot == nil {
		return log, err
	}
	f, err := s.Fleet(ctx)
	if err != nil {
		return nil, err
	}
	for _, o := range f.Openings {
		for _, m := range o.Members {
			if o.Rollout == key.Rollout && m.Host == key.Host {
				_, first, err := o.Record(m)
				return append([]reducer.LogEntry{first}, log...), err
			}
		}
	}
	return log, nil
}
