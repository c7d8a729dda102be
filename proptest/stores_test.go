package proptest_test

import (
	"context"
	"iter"

	"github.com/rollmend/rollmend/adapters"
	"github.com/rollmend/rollmend/adapters/memory"
	"github.com/rollmend/rollmend/states"
)

func memoryStore() adapters.Store { return memory.New() }

// noQuarantines forgets what is quarantined.
type noQuarantines struct{ adapters.Store }

func (s noQuarantines) Fleet(ctx context.Context) (adapters.Fleet, error) {
	f, err := s.Store.Fleet(ctx)
	f.Quarantines = nil
	return f, err
}

// firstOnly lists records as they were when it listed them first.
type firstOnly struct {
	adapters.Store
	first map[states.Key]states.Record
}

func (s *firstOnly) Commit(ctx context.Context, changes []adapters.Change) ([]adapters.Result, error) {
	if s.first == nil {
		s.first = map[states.Key]states.Record{}
	}
	for i := range changes {
		if key := changes[i].Record.Key; s.first[key].Revision == 0 {
			s.first[key] = changes[i].Record
		}
	}
	return s.Store.Commit(ctx, changes)
}

func (s *firstOnly) Records(context.Context) iter.Seq2[states.Record, error] {
	return func(yield func(states.Record, error) bool) {
		for _, rec := range s.first {
			if !yield(rec, nil) {
				return
			}
		}
	}
}

// uncounted always has the same ordering revision.
type uncounted struct{ adapters.Store }

func (s uncounted) Fleet(ctx context.Context) (adapters.Fleet, error) {
	f, err := s.Store.Fleet(ctx)
	f.Ordering = 1
	return f, err
}

// forgetsOnce forgets its quarantines the first time that it is asked after it
// was opened again.
type forgetsOnce struct {
	adapters.Store
	forgets bool
}

func openForgetting() (adapters.Store, error) { return &forgetsOnce{Store: memory.New()}, nil }

func reopenForgetting(s adapters.Store) (adapters.Store, error) {
	s.(*forgetsOnce).forgets = true
	return s, nil
}

func (s *forgetsOnce) Fleet(ctx context.Context) (adapters.Fleet, error) {
	f, err := s.Store.Fleet(ctx)
	if s.forgets {
		s.forgets, f.Quarantines = false, nil
	}
	return f, err
}
