// Package memory is a store in memory: for tests, simulations and small uses
// that may forget. It is not durable: what it holds ends with the process, and
// hosts come back with their next heartbeats.
//
// Start with [New]. It keeps changes encoded, as stores on disk do, so that
// nothing a caller does to its values afterwards reaches what was stored.
package memory

import (
	"cmp"
	"context"
	"fmt"
	"iter"
	"reflect"
	"slices"
	"sync"

	"github.com/rollmend/rollmend/adapters"
	"github.com/rollmend/rollmend/internal/codec"
	"github.com/rollmend/rollmend/reducer"
	"github.com/rollmend/rollmend/states"
)

// Store is an [adapters.Store] in memory. It is safe for concurrent use.
type Store struct {
	mu          sync.RWMutex
	closed      bool
	ordering    adapters.Ordering
	openings    []adapters.Opening
	resumptions []adapters.Resumption
	clearances  []adapters.Clearance
	quarantines map[place]reducer.Quarantine
	histories   map[states.Key]*history
	followings  []*following
}

var _ adapters.Store = (*Store)(nil)

// place is where a quarantine holds.
type place struct {
	channel states.Channel
	closure states.Closure
}

// history is what is kept of one record.
type history struct {
	opening  int // its place in openings
	member   adapters.Member
	revision states.Revision
	changes  [][]byte // encoded, oldest first; the first may be a snapshot
}

// New returns an empty store.
func New() *Store {
	return &Store{
		ordering:    1,
		quarantines: make(map[place]reducer.Quarantine),
		histories:   make(map[states.Key]*history),
	}
}

// Close ends the store: every later call returns [adapters.ErrClosed].
func (s *Store) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
	return nil
}

// usable says why a call cannot be served. The caller holds the lock.
func (s *Store) usable(ctx context.Context) error {
	if s.closed {
		return adapters.ErrClosed
	}
	return ctx.Err()
}

// Fleet implements [adapters.Store]. The members of the openings are shared
// with the store and must not be written to.
func (s *Store) Fleet(ctx context.Context) (adapters.Fleet, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if err := s.usable(ctx); err != nil {
		return adapters.Fleet{}, err
	}
	f := adapters.Fleet{
		Ordering:    s.ordering,
		Openings:    slices.Clone(s.openings),
		Resumptions: slices.Clone(s.resumptions),
		Clearances:  slices.Clone(s.clearances),
	}
	f.Quarantines = s.inForce()
	return f, nil
}

// inForce lists the quarantines. The caller holds the lock.
func (s *Store) inForce() (out []reducer.Quarantine) {
	for _, q := range s.quarantines {
		out = append(out, q)
	}
	slices.SortFunc(out, func(a, b reducer.Quarantine) int {
		return cmp.Or(cmp.Compare(a.Channel, b.Channel), cmp.Compare(a.Closure, b.Closure))
	})
	return out
}

// Record implements [adapters.Store].
func (s *Store) Record(ctx context.Context, key states.Key) (states.Record, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	h, err := s.find(ctx, key)
	if err != nil {
		return states.Record{}, err
	}
	if len(h.changes) == 0 {
		rec, _, err := s.openings[h.opening].Record(h.member)
		return rec, err
	}
	return codec.DecodeChangedRecord(h.changes[len(h.changes)-1])
}

// Records implements [adapters.Store]. It yields the records as they were when
// it began.
func (s *Store) Records(ctx context.Context) iter.Seq2[states.Record, error] {
	return func(yield func(states.Record, error) bool) {
		newest, err := s.newest(ctx)
		if err != nil {
			yield(states.Record{}, err)
			return
		}
		for _, change := range newest {
			rec, err := codec.DecodeChangedRecord(change)
			if err == nil {
				err = ctx.Err()
			}
			if err != nil {
				yield(states.Record{}, err)
				return
			}
			if !yield(rec, nil) {
				return
			}
		}
	}
}

// newest returns the last change of every record that has one.
func (s *Store) newest(ctx context.Context) ([][]byte, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if err := s.usable(ctx); err != nil {
		return nil, err
	}
	var out [][]byte
	for _, h := range s.histories {
		if n := len(h.changes); n > 0 {
			out = append(out, h.changes[n-1])
		}
	}
	return out, nil
}

// Log implements [adapters.Store].
func (s *Store) Log(ctx context.Context, key states.Key) ([]reducer.LogEntry, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	h, err := s.find(ctx, key)
	if err != nil {
		return nil, err
	}
	_, first, err := s.openings[h.opening].Record(h.member)
	if err != nil {
		return nil, err
	}
	log := []reducer.LogEntry{first}
	for _, change := range h.changes {
		_, effects, err := codec.DecodeChange(change)
		if err != nil {
			return nil, err
		}
		for i := range effects {
			log = append(log, effects[i].Entry)
		}
	}
	if len(log) > 1 && log[1].Snapshot != nil {
		return log[1:], nil // it stands for the opening, too
	}
	return log, nil
}

func (s *Store) find(ctx context.Context, key states.Key) (*history, error) {
	if err := s.usable(ctx); err != nil {
		return nil, err
	}
	h := s.histories[key]
	if h == nil {
		return nil, fmt.Errorf("memory: %s: %w", key, adapters.ErrNotFound)
	}
	return h, nil
}

// Enact implements [adapters.Store]. A resumption that is stored already, the
// same in every field, is left as it is too. Where nothing was to be stored,
// the ordering revision stays.
func (s *Store) Enact(ctx context.Context, acts []adapters.Act) error {
	return s.enactBy(ctx, acts, nil)
}

func (s *Store) enactBy(ctx context.Context, acts []adapters.Act, by *Replica) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.usable(ctx); err != nil {
		return err
	}
	checked, err := checkActs(acts)
	if err != nil {
		return err
	}
	stored := false
	for _, act := range checked {
		stored = s.enact(act) || stored
	}
	if stored {
		s.ordering++
		s.tell(by, nil)
	}
	return nil
}

// checkActs returns the acts as the store will keep them, or why one of them
// cannot be kept. After it nothing can fail.
func checkActs(acts []adapters.Act) ([]adapters.Act, error) {
	out := make([]adapters.Act, len(acts))
	for i, act := range acts {
		switch a := act.(type) {
		case adapters.Opening:
			bytes, err := codec.AppendOpening(nil, &a)
			if err != nil {
				return nil, err
			}
			own, err := codec.DecodeOpening(bytes)
			if err != nil {
				return nil, err
			}
			for _, m := range own.Members {
				if _, _, err := own.Record(m); err != nil {
					return nil, fmt.Errorf("memory: opening %s: %w", own.Rollout, err)
				}
			}
			out[i] = own
		case adapters.Resumption:
			a.Hosts = slices.Clone(a.Hosts)
			out[i] = a
		case adapters.Imposition, adapters.Clearance:
			out[i] = a
		default:
			return nil, fmt.Errorf("memory: act %d is a %T, which is none of the known ones", i, act)
		}
	}
	return out, nil
}

// enact applies one checked act and reports whether it changed anything.
func (s *Store) enact(act adapters.Act) bool {
	switch a := act.(type) {
	case adapters.Opening:
		return s.open(a)
	case adapters.Resumption:
		same := func(b adapters.Resumption) bool { return reflect.DeepEqual(a, b) }
		if slices.ContainsFunc(s.resumptions, same) {
			return false
		}
		s.resumptions = append(s.resumptions, a)
	case adapters.Imposition:
		return s.impose(a.Quarantine)
	case adapters.Clearance:
		at := place{a.Channel, a.Closure}
		if _, ok := s.quarantines[at]; !ok {
			return false
		}
		delete(s.quarantines, at)
		s.clearances = append(s.clearances, a)
	}
	return true
}

func (s *Store) open(o adapters.Opening) bool {
	opened := func(p adapters.Opening) bool { return p.Rollout == o.Rollout }
	if slices.ContainsFunc(s.openings, opened) {
		return false
	}
	for _, m := range o.Members {
		s.histories[states.Key{Rollout: o.Rollout, Host: m.Host}] = &history{opening: len(s.openings), member: m}
	}
	s.openings = append(s.openings, o)
	return true
}

func (s *Store) impose(q reducer.Quarantine) bool {
	at := place{q.Channel, q.Closure}
	if _, ok := s.quarantines[at]; ok {
		return false
	}
	s.quarantines[at] = q
	return true
}
