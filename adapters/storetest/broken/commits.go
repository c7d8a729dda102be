package broken

import (
	"context"
	"errors"
	"math"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/rollmend/rollmend/adapters"
	"github.com/rollmend/rollmend/reducer"
	"github.com/rollmend/rollmend/states"
)

type ignoresRevision struct{ adapters.Store }

func (s ignoresRevision) Commit(ctx context.Context, changes []adapters.Change) ([]adapters.Result, error) {
	out := make([]adapters.Result, len(changes))
	for i, c := range changes {
		found, err := s.Record(ctx, c.Record.Key)
		if err != nil {
			return nil, err
		}
		c.Expect = found.Revision
		c.Record.Revision = found.Revision + states.Revision(len(c.Effects))
		c.Effects = slices.Clone(c.Effects)
		for j := range c.Effects {
			c.Effects[j].Entry.Revision = c.Expect + states.Revision(j) + 1
		}
		if _, err := s.Store.Commit(ctx, []adapters.Change{c}); err != nil {
			return nil, err
		}
		out[i] = adapters.Result{}
	}
	return out, nil
}

type ignoresGuard struct{ adapters.Store }

func (s ignoresGuard) Commit(ctx context.Context, changes []adapters.Change) ([]adapters.Result, error) {
	changes = slices.Clone(changes)
	for i := range changes {
		changes[i].Guard = 0
	}
	return s.Store.Commit(ctx, changes)
}

type raisesOften struct{ adapters.Store }

func (s raisesOften) Commit(ctx context.Context, changes []adapters.Change) ([]adapters.Result, error) {
	var out []adapters.Result
	for _, c := range changes {
		c.Guard = 0
		r, err := s.Store.Commit(ctx, []adapters.Change{c})
		if err != nil {
			return nil, err
		}
		out = append(out, r...)
	}
	return out, nil
}

type failsTheBatch struct{ adapters.Store }

func (s failsTheBatch) Commit(ctx context.Context, changes []adapters.Change) ([]adapters.Result, error) {
	for _, c := range changes {
		found, err := s.Record(ctx, c.Record.Key)
		if err != nil {
			return nil, err
		}
		if found.Revision != c.Expect {
			return nil, &adapters.ConflictError{Key: c.Record.Key, Expected: c.Expect, Found: found.Revision}
		}
	}
	return s.Store.Commit(ctx, changes)
}

// logsConflicts writes the log first, and then finds that the record conflicts.
type logsConflicts struct {
	adapters.Store
	orphans map[states.Key][]reducer.LogEntry
}

func (s *logsConflicts) Commit(ctx context.Context, changes []adapters.Change) ([]adapters.Result, error) {
	results, err := s.Store.Commit(ctx, changes)
	for i, r := range results {
		if r.Err != nil {
			if s.orphans == nil {
				s.orphans = make(map[states.Key][]reducer.LogEntry)
			}
			key := changes[i].Record.Key
			s.orphans[key] = append(s.orphans[key], changes[i].Effects[0].Entry)
		}
	}
	return results, err
}

func (s *logsConflicts) Log(ctx context.Context, key states.Key) ([]reducer.LogEntry, error) {
	log, err := s.Store.Log(ctx, key)
	return append(log, s.orphans[key]...), err
}

// keepsHanded keeps each record's newest effects as they were handed in, and
// tells them at the end of its log.
type keepsHanded struct {
	adapters.Store
	mu   sync.Mutex
	kept map[states.Key][]reducer.Effects
}

func (s *keepsHanded) Commit(ctx context.Context, changes []adapters.Change) ([]adapters.Result, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	results, err := s.Store.Commit(ctx, changes)
	for i, r := range results {
		if r.Err == nil {
			if s.kept == nil {
				s.kept = make(map[states.Key][]reducer.Effects)
			}
			s.kept[changes[i].Record.Key] = changes[i].Effects
		}
	}
	return results, err
}

func (s *keepsHanded) Log(ctx context.Context, key states.Key) ([]reducer.LogEntry, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	log, err := s.Store.Log(ctx, key)
	kept := s.kept[key]
	for i := range kept {
		log[len(log)-len(kept)+i] = kept[i].Entry
	}
	return log, err
}

type losesQuarantine struct{ adapters.Store }

func (s losesQuarantine) Commit(ctx context.Context, changes []adapters.Change) ([]adapters.Result, error) {
	changes = slices.Clone(changes)
	for i := range changes {
		changes[i].Effects = slices.Clone(changes[i].Effects)
		for j := range changes[i].Effects {
			changes[i].Effects[j].Quarantine = reducer.Quarantine{}
		}
	}
	return s.Store.Commit(ctx, changes)
}

// lastImposes stores a batch from its end.
type lastImposes struct{ adapters.Store }

func (s lastImposes) Commit(ctx context.Context, changes []adapters.Change) ([]adapters.Result, error) {
	changes = slices.Clone(changes)
	slices.Reverse(changes)
	results, err := s.Store.Commit(ctx, changes)
	slices.Reverse(results)
	return results, err
}

type deaf struct{ adapters.Store }

func (s deaf) Commit(ctx context.Context, changes []adapters.Change) ([]adapters.Result, error) {
	return s.Store.Commit(context.WithoutCancel(ctx), changes)
}

// halves commits a batch in two.
type halves struct{ adapters.Store }

func (s halves) Commit(ctx context.Context, changes []adapters.Change) ([]adapters.Result, error) {
	half := len(changes) / 2
	first, err := s.Store.Commit(ctx, changes[:half])
	if err != nil {
		return nil, err
	}
	second, err := s.Store.Commit(ctx, changes[half:])
	return append(first, second...), err
}

// lenient makes every change add up.
type lenient struct{ adapters.Store }

func (s lenient) Commit(ctx context.Context, changes []adapters.Change) ([]adapters.Result, error) {
	sound := slices.Clone(changes)
	sound = slices.DeleteFunc(sound, func(c adapters.Change) bool { return len(c.Effects) == 0 })
	for i := range sound {
		sound[i].Record.Revision = sound[i].Expect + states.Revision(len(sound[i].Effects))
	}
	if _, err := s.Store.Commit(ctx, sound); err != nil {
		return nil, err
	}
	return make([]adapters.Result, len(changes)), nil
}

// unbounded is the room of a place that nothing fills.
const unbounded = math.MaxInt64

// narrow has room for so many more changes and members.
type narrow struct {
	adapters.Store
	room atomic.Int64
	half bool // stores what there is room for
}

var errNoRoom = errors.New("no room")

func (s *narrow) Commit(ctx context.Context, changes []adapters.Change) ([]adapters.Result, error) {
	room := s.room.Load()
	if int64(len(changes)) <= room {
		if room != unbounded {
			s.room.Add(-int64(len(changes)))
		}
		return s.Store.Commit(ctx, changes)
	}
	if s.half {
		if _, err := s.Store.Commit(ctx, changes[:room]); err != nil {
			return nil, err
		}
	}
	return nil, &adapters.FullError{Where: "a narrow store", Err: errNoRoom}
}

func (s *narrow) Enact(ctx context.Context, acts []adapters.Act) error {
	if s.room.Load() == unbounded {
		return s.Store.Enact(ctx, acts)
	}
	return &adapters.FullError{Where: "a narrow store", Err: errNoRoom}
}
