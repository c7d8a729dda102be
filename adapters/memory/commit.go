package memory

import (
	"context"
	"fmt"

	"github.com/rollmend/rollmend/adapters"
	"github.com/rollmend/rollmend/internal/codec"
	"github.com/rollmend/rollmend/reducer"
	"github.com/rollmend/rollmend/states"
)

// Commit implements [adapters.Store]. The result of a change whose record was
// never opened is an [adapters.ErrNotFound].
func (s *Store) Commit(ctx context.Context, changes []adapters.Change) ([]adapters.Result, error) {
	return s.commit(ctx, changes, nil)
}

func (s *Store) commit(ctx context.Context, changes []adapters.Change, by *Replica) ([]adapters.Result, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.usable(ctx); err != nil {
		return nil, err
	}
	encoded, err := encode(changes)
	if err != nil {
		return nil, err
	}
	results := make([]adapters.Result, len(changes))
	ordering := s.ordering
	for i := range changes {
		c := &changes[i]
		h, err := s.admit(c, ordering)
		if err != nil {
			results[i].Err = err
			continue
		}
		h.revision = c.Record.Revision
		h.changes = append(h.changes, encoded[i])
		s.tell(by, &c.Record.Key)
		for j := range c.Effects {
			if err := c.Effects[j].To(sink{s}); err != nil {
				return nil, err
			}
		}
		if c.Closes {
			s.ordering = ordering + 1
		}
	}
	return results, nil
}

// encode turns the changes into what is kept, before anything is stored.
func encode(changes []adapters.Change) ([][]byte, error) {
	out := make([][]byte, len(changes))
	keys := make(map[states.Key]struct{}, len(changes))
	for i := range changes {
		key := changes[i].Record.Key
		if _, twice := keys[key]; twice {
			return nil, fmt.Errorf("memory: %s stands twice in a batch", key)
		}
		keys[key] = struct{}{}
		var err error
		if out[i], err = codec.AppendChange(nil, &changes[i]); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// admit compares a change with what is stored, and with the ordering revision
// as it was before the batch.
func (s *Store) admit(c *adapters.Change, ordering adapters.Ordering) (*history, error) {
	key := c.Record.Key
	h := s.histories[key]
	switch {
	case h == nil:
		return nil, fmt.Errorf("memory: %s: %w", key, adapters.ErrNotFound)
	case c.Guard != 0 && c.Guard != ordering:
		return nil, &adapters.ConflictError{Key: key, Expected: c.Expect, Found: h.revision, Guard: c.Guard, Ordering: ordering}
	case c.Expect != h.revision:
		return nil, &adapters.ConflictError{Key: key, Expected: c.Expect, Found: h.revision}
	}
	return h, nil
}

// sink keeps of a change's effects what is not kept with the change itself. It
// never fails.
type sink struct{ store *Store }

func (sink) Log(reducer.LogEntry) error { return nil }

func (k sink) Quarantine(q reducer.Quarantine) error {
	k.store.impose(q)
	return nil
}

func (sink) Transition(reducer.Transition) error { return nil }
