package main

import "context"

// histories lets several clients use a store at once and checks that what they
// saw is linearizable.
type histories struct {
	stores []historyStore
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

func (p histories) run(ctx context.Context, j *job) error {
	if len(p.stores) == 0 {
		return errUnbound
	}
	return rounds(ctx, j, historiesPerRound, func(ctx context.Context, seed uint64) (map[string]uint64, error) {
		counts := map[string]uint64{}
		for _, s := range p.stores {
			if err := s.try(ctx, seed); err != nil {
				return nil, err
			}
			counts[historiesOf(s.name)] = 1
		}
		return counts, nil
	})
}
