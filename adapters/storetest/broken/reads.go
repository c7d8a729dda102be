package broken

import (
	"context"
	"iter"
	"slices"
	"sync"

	"github.com/rollmend/rollmend/adapters"
	"github.com/rollmend/rollmend/reducer"
	"github.com/rollmend/rollmend/states"
)

type reordersLog struct{ adapters.Store }

func (s reordersLog) Log(ctx context.Context, key states.Key) ([]reducer.LogEntry, error) {
	log, err := s.Store.Log(ctx, key)
	if n := len(log); n > 2 {
		log[n-1], log[n-2] = log[n-2], log[n-1]
	}
	return log, err
}

type keepsSeconds struct{ adapters.Store }

func (s keepsSeconds) Log(ctx context.Context, key states.Key) ([]reducer.LogEntry, error) {
	log, err := s.Store.Log(ctx, key)
	for i := range log {
		log[i].Event.At -= log[i].Event.At % 1000
	}
	return log, err
}

type enactsSeconds struct{ adapters.Store }

func (s enactsSeconds) Fleet(ctx context.Context) (adapters.Fleet, error) {
	f, err := s.Store.Fleet(ctx)
	f.Resumptions = slices.Clone(f.Resumptions)
	for i := range f.Resumptions {
		f.Resumptions[i].At -= f.Resumptions[i].At % 1000
	}
	return f, err
}

// enactsSingly makes a call for each act.
type enactsSingly struct{ adapters.Store }

func (s enactsSingly) Enact(ctx context.Context, acts []adapters.Act) error {
	for _, a := range acts {
		if err := s.Store.Enact(ctx, []adapters.Act{a}); err != nil {
			return err
		}
	}
	return nil
}

type yieldsTwice struct{ adapters.Store }

func (s yieldsTwice) Records(ctx context.Context) iter.Seq2[states.Record, error] {
	return func(yield func(states.Record, error) bool) {
		for rec, err := range s.Store.Records(ctx) {
			if !yield(rec, err) {
				return
			}
			now, err := s.Record(ctx, rec.Key)
			if (err != nil || now.Revision != rec.Revision) && !yield(now, err) {
				return
			}
		}
	}
}

// outlinesOnce keeps the outlines that it yielded first.
type outlinesOnce struct {
	adapters.Store
	once sync.Once
	kept []adapters.Outline
}

func (s *outlinesOnce) Outlines(ctx context.Context) iter.Seq2[adapters.Outline, error] {
	s.once.Do(func() {
		for o := range adapters.Outlines(ctx, s.Store) {
			s.kept = append(s.kept, o)
		}
	})
	return func(yield func(adapters.Outline, error) bool) {
		for _, o := range s.kept {
			if !yield(o, nil) {
				return
			}
		}
	}
}

// showsHalf lets one reader see a change of which the last step is still to
// come.
type showsHalf struct {
	adapters.Store
	once sync.Once
}

func (s *showsHalf) Log(ctx context.Context, key states.Key) ([]reducer.LogEntry, error) {
	log, err := s.Store.Log(ctx, key)
	if len(log) > 1 {
		s.once.Do(func() { log = log[:len(log)-1] })
	}
	return log, err
}

// caches answers every other time what it answered the time before.
type caches struct {
	adapters.Store
	mu   sync.Mutex
	kept map[states.Key]states.Record
}

func (s *caches) Record(ctx context.Context, key states.Key) (states.Record, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if rec, ok := s.kept[key]; ok {
		delete(s.kept, key)
		return rec, nil
	}
	rec, err := s.Store.Record(ctx, key)
	if err == nil {
		if s.kept == nil {
			s.kept = make(map[states.Key]states.Record)
		}
		s.kept[key] = rec
	}
	return rec, err
}
