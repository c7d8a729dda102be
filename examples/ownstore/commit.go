package main

import (
	"context"
	"fmt"
	"slices"

	"github.com/rollmend/rollmend/adapters"
	"github.com/rollmend/rollmend/reducer"
	"github.com/rollmend/rollmend/states"
)

// Commit implements [adapters.Store].
func (s *foldingStore) Commit(ctx context.Context, changes []adapters.Change) ([]adapters.Result, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := whole(ctx, changes); err != nil {
		return nil, err
	}
	results := make([]adapters.Result, len(changes))
	before := s.ordering
	for i := range changes {
		if results[i].Err = s.admit(&changes[i], before); results[i].Err != nil {
			continue
		}
		key := changes[i].Record.Key
		for _, e := range changes[i].Effects {
			// A sink has a method for each effect, so that a new one does not compile
			// until it is kept here.
			if err := e.To(sink{s, key}); err != nil {
				return nil, err
			}
		}
		if changes[i].Closes {
			s.ordering = before + 1
		}
	}
	return results, nil
}

// whole says why a batch cannot be stored at all.
func whole(ctx context.Context, changes []adapters.Change) error {
	for i := range changes {
		key := changes[i].Record.Key
		if slices.ContainsFunc(changes[:i], func(c adapters.Change) bool { return c.Record.Key == key }) {
			return fmt.Errorf("ownstore: %s stands twice in a batch", key)
		}
		if len(changes[i].Effects) == 0 {
			return fmt.Errorf("ownstore: the change of %s has no effects", key)
		}
		leads := changes[i].Expect + states.Revision(len(changes[i].Effects))
		if leads != changes[i].Record.Revision {
			return fmt.Errorf("ownstore: the change of %s leads to revision %d, and its record has %d", key, leads, changes[i].Record.Revision)
		}
	}
	return ctx.Err()
}

// admit compares a change with what is stored, and with the ordering revision
// as it was before the batch.
func (s *foldingStore) admit(c *adapters.Change, before adapters.Ordering) error {
	key := c.Record.Key
	log, ok := s.logs[key]
	if !ok {
		return fmt.Errorf("ownstore: %s: %w", key, adapters.ErrNotFound)
	}
	conflict := &adapters.ConflictError{Key: key, Expected: c.Expect, Found: states.Revision(len(log) - 1)}
	switch {
	case c.Guard != 0 && c.Guard != before:
		conflict.Guard, conflict.Ordering = c.Guard, before
		return conflict
	case conflict.Expected != conflict.Found:
		return conflict
	}
	return nil
}

// sink keeps the effects of one record.
type sink struct {
	store *foldingStore
	key   states.Key
}

func (k sink) Log(e reducer.LogEntry) error {
	k.store.logs[k.key] = append(k.store.logs[k.key], e)
	return nil
}

func (k sink) Quarantine(q reducer.Quarantine) error {
	k.store.impose(q)
	return nil
}

func (sink) Transition(reducer.Transition) error { return nil } // the log says it
