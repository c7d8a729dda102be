package main

import (
	"context"
	"errors"
	"sync"
)

// histories lets several clients use a store at once and checks that what they
// saw is linearizable.
type histories struct {
	stores []historyStore
	done   func() error // ends what the stores run on
}

// historyStore is a store under test.
type historyStore struct {
	name string
	try  func(ctx context.Context, seed uint64) error // one history; a [*violation] where it is not linearizable
}

// historiesPerRound is how many histories each store is given before the ledger
// is kept.
const historiesPerRound = 20

func (histories) name() string { return "histories" }

func (histories) about() string {
	return "histories of three to five clients that use a store at once, checked for linearizability with porcupine"
}

func (histories) share() int { return 10 }

// historiesOf is the figure of one store.
func historiesOf(store string) string { return "linearizable histories on " + store }

func (p histories) summary(l *ledger) (out []figure) {
	for _, s := range p.stores {
		what := historiesOf(s.name)
		out = append(out, figure{what: what, n: l.Counts[what]})
	}
	return out
}

func (p histories) run(ctx context.Context, j *job) (err error) {
	if len(p.stores) == 0 {
		return errUnbound
	}
	defer func() { err = errors.Join(err, p.done()) }()
	return rounds(ctx, j, historiesPerRound, p.each)
}

// each has every store try a history, all at once: they wait, each for
// something else.
func (p histories) each(ctx context.Context, seed uint64) (map[string]uint64, error) {
	counts := map[string]uint64{}
	failed := make([]error, len(p.stores))
	var tries sync.WaitGroup
	for i, s := range p.stores {
		counts[historiesOf(s.name)] = 1
		tries.Go(func() { failed[i] = s.try(ctx, seed) })
	}
	tries.Wait()
	return counts, errors.Join(failed...)
}
