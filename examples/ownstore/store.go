package main

import (
	"cmp"
	"context"
	"fmt"
	"iter"
	"reflect"
	"slices"
	"sync"

	"github.com/rollmend/rollmend/adapters"
	"github.com/rollmend/rollmend/reducer"
	"github.com/rollmend/rollmend/states"
)

// foldingStore keeps the acts in their order and a log for each record. The log
// alone rebuilds a record, so no record is kept.
type foldingStore struct {
	mu       sync.Mutex
	ordering adapters.Ordering
	kept     adapters.Fleet // its quarantines in the order in which they came
	logs     map[states.Key][]reducer.LogEntry
}

var _ adapters.Store = (*foldingStore)(nil)

func newFoldingStore() *foldingStore {
	return &foldingStore{ordering: 1, logs: map[states.Key][]reducer.LogEntry{}}
}

// Fleet implements [adapters.Store].
func (s *foldingStore) Fleet(ctx context.Context) (adapters.Fleet, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f := adapters.Fleet{
		Ordering: s.ordering, Openings: slices.Clone(s.kept.Openings), Resumptions: slices.Clone(s.kept.Resumptions),
		Quarantines: slices.Clone(s.kept.Quarantines), Clearances: slices.Clone(s.kept.Clearances),
	}
	slices.SortFunc(f.Quarantines, func(a, b reducer.Quarantine) int {
		return cmp.Or(cmp.Compare(a.Channel, b.Channel), cmp.Compare(a.Closure, b.Closure))
	})
	return f, ctx.Err()
}

// Record implements [adapters.Store].
func (s *foldingStore) Record(ctx context.Context, key states.Key) (states.Record, error) {
	log, err := s.Log(ctx, key)
	if err != nil {
		return states.Record{}, err
	}
	return reducer.Rederive(log)
}

// Records implements [adapters.Store].
func (s *foldingStore) Records(ctx context.Context) iter.Seq2[states.Record, error] {
	s.mu.Lock()
	defer s.mu.Unlock()
	var keys []states.Key
	for key, log := range s.logs {
		if len(log) > 1 {
			keys = append(keys, key)
		}
	}
	return func(yield func(states.Record, error) bool) {
		for _, key := range keys {
			rec, err := s.Record(ctx, key)
			if !yield(rec, err) || err != nil {
				return
			}
		}
	}
}

// Log implements [adapters.Store].
func (s *foldingStore) Log(ctx context.Context, key states.Key) ([]reducer.LogEntry, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	log, ok := s.logs[key]
	if !ok {
		return nil, fmt.Errorf("ownstore: %s: %w", key, adapters.ErrNotFound)
	}
	return slices.Clone(log), ctx.Err()
}

// Enact implements [adapters.Store].
func (s *foldingStore) Enact(ctx context.Context, acts []adapters.Act) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := unkeepable(ctx, acts); err != nil {
		return err
	}
	stored := false
	for _, act := range acts {
		stored = s.enact(act) || stored
	}
	if stored {
		s.ordering++
	}
	return nil
}

// unkeepable says why acts cannot be kept. Behind it nothing can fail.
func unkeepable(ctx context.Context, acts []adapters.Act) error {
	for _, act := range acts {
		if o, ok := act.(adapters.Opening); ok {
			for _, m := range o.Members {
				if _, _, err := o.Record(m); err != nil {
					return fmt.Errorf("ownstore: opening %s: %w", o.Rollout, err)
				}
			}
		}
	}
	return ctx.Err()
}

// enact reports whether an act is new.
func (s *foldingStore) enact(act adapters.Act) bool {
	switch a := act.(type) {
	case adapters.Opening:
		if slices.ContainsFunc(s.kept.Openings, func(o adapters.Opening) bool { return o.Rollout == a.Rollout }) {
			return false
		}
		a.Members = slices.Clone(a.Members)
		for _, m := range a.Members {
			_, first, _ := a.Record(m)
			s.logs[states.Key{Rollout: a.Rollout, Host: m.Host}] = []reducer.LogEntry{first}
		}
		s.kept.Openings = append(s.kept.Openings, a)
	case adapters.Resumption:
		if slices.ContainsFunc(s.kept.Resumptions, func(r adapters.Resumption) bool { return reflect.DeepEqual(a, r) }) {
			return false
		}
		a.Hosts = slices.Clone(a.Hosts)
		s.kept.Resumptions = append(s.kept.Resumptions, a)
	case adapters.Imposition:
		return s.impose(a.Quarantine)
	case adapters.Clearance:
		i := s.quarantined(a.Channel, a.Closure)
		if i < 0 {
			return false
		}
		s.kept.Quarantines = slices.Delete(s.kept.Quarantines, i, i+1)
		s.kept.Clearances = append(s.kept.Clearances, a)
	}
	return true
}

func (s *foldingStore) impose(q reducer.Quarantine) bool {
	if s.quarantined(q.Channel, q.Closure) >= 0 {
		return false
	}
	s.kept.Quarantines = append(s.kept.Quarantines, q)
	return true
}

func (s *foldingStore) quarantined(channel states.Channel, closure states.Closure) int {
	return slices.IndexFunc(s.kept.Quarantines, func(q reducer.Quarantine) bool { return q.Channel == channel && q.Closure.Is(closure) })
}
