package memory

import (
	"context"
	"fmt"

	"github.com/rollmend/rollmend/adapters"
	"github.com/rollmend/rollmend/internal/codec"
	"github.com/rollmend/rollmend/reducer"
	"github.com/rollmend/rollmend/states"
)

var (
	_ adapters.Compactor = (*Store)(nil)
	_ adapters.Pruner    = (*Store)(nil)
)

// Compact implements [adapters.Compactor].
func (s *Store) Compact(ctx context.Context, snapshots []reducer.LogEntry) ([]adapters.Result, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.usable(ctx); err != nil {
		return nil, err
	}
	encoded := make([][]byte, len(snapshots))
	seen := make(map[states.Key]struct{}, len(snapshots))
	for i := range snapshots {
		key := snapshots[i].Event.Key
		if _, twice := seen[key]; twice {
			return nil, fmt.Errorf("memory: %s stands twice in a batch", key)
		}
		seen[key] = struct{}{}
		var err error
		if encoded[i], err = codec.AppendSnapshot(nil, &snapshots[i]); err != nil {
			return nil, err
		}
	}
	results := make([]adapters.Result, len(snapshots))
	for i := range snapshots {
		results[i].Err = s.compact(&snapshots[i], encoded[i])
	}
	return results, nil
}

// compact puts one snapshot in the place of its log.
func (s *Store) compact(e *reducer.LogEntry, encoded []byte) error {
	key := e.Event.Key
	h := s.histories[key]
	switch {
	case h == nil:
		return fmt.Errorf("memory: %s: %w", key, adapters.ErrNotFound)
	case h.revision != e.Revision:
		return &adapters.ConflictError{Key: key, Expected: e.Revision, Found: h.revision}
	}
	rec, err := codec.DecodeChangedRecord(h.changes[len(h.changes)-1])
	if err != nil {
		return err
	}
	if !rec.Equal(&e.Snapshot.Record) {
		return &adapters.SnapshotError{Key: key, Reason: "its snapshot gives another record than the one that is stored"}
	}
	h.changes = [][]byte{encoded}
	return nil
}

// Prune implements [adapters.Pruner]. The room is given back at once.
func (s *Store) Prune(ctx context.Context, p adapters.Pruning) (adapters.Pruned, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.usable(ctx); err != nil {
		return adapters.Pruned{}, err
	}
	if p.Guard != 0 && p.Guard != s.ordering {
		return adapters.Pruned{}, &adapters.GuardError{Guard: p.Guard, Ordering: s.ordering}
	}
	places, err := adapters.CheckPruning(s.openings, p)
	if err != nil {
		return adapters.Pruned{}, err
	}
	var done adapters.Pruned
	for _, i := range places {
		o := s.openings[i]
		for _, m := range o.Members {
			delete(s.histories, states.Key{Rollout: o.Rollout, Host: m.Host})
		}
		done.Erased += len(o.Members)
		s.openings[i] = o.Forgotten()
	}
	return done, nil
}
