package storetest_test

import (
	"context"
	"fmt"
	"io"
	"iter"
	"runtime"
	"slices"
	"sync"
	"testing"

	"github.com/rollmend/rollmend/adapters"
	"github.com/rollmend/rollmend/adapters/memory"
	"github.com/rollmend/rollmend/adapters/storetest"
	"github.com/rollmend/rollmend/reducer"
	"github.com/rollmend/rollmend/states"
	"github.com/stretchr/testify/require"
)

// A broken store is a good one with one thing wrong. The kit must catch each by
// a case that names what is wrong.
func TestTheKitCatchesBrokenStores(t *testing.T) {
	for _, c := range []struct {
		broken   string
		store    func(adapters.Store) adapters.Store
		caughtBy string
	}{
		{
			"it ignores the revision", func(s adapters.Store) adapters.Store { return ignoresRevision{s} },
			"a commit with one stale revision stores none of that change and all of the others",
		},
		{
			"it ignores the revision, and so lets all writers win", func(s adapters.Store) adapters.Store { return ignoresRevision{s} },
			"of concurrent writers to one record exactly one wins",
		},
		{
			"it ignores the guard", func(s adapters.Store) adapters.Store { return ignoresGuard{s} },
			"a guard that no longer holds stores none of that change and all of the others",
		},
		{
			"it raises the ordering revision for each change", func(s adapters.Store) adapters.Store { return raisesOften{s} },
			"a batch compares guards with the ordering revision before it and raises it once",
		},
		{
			"it fails a batch for one conflict", func(s adapters.Store) adapters.Store { return failsTheBatch{s} },
			"a commit with one stale revision stores none of that change and all of the others",
		},
		{
			"it writes record and log apart", func(s adapters.Store) adapters.Store { return &logsApart{Store: s} },
			"a commit with one stale revision stores none of that change and all of the others",
		},
		{
			"it reorders the log", func(s adapters.Store) adapters.Store { return reordersLog{s} },
			"a log begins with the opening and has an entry for each revision, in order",
		},
		{
			"it loses the quarantine", func(s adapters.Store) adapters.Store { return losesQuarantine{s} },
			"a change with a quarantine stores both",
		},
		{
			"it keeps seconds", func(s adapters.Store) adapters.Store { return keepsSeconds{s} },
			"times come back to the millisecond, before 1970 and far from now",
		},
		{
			"it goes on when its context is over", func(s adapters.Store) adapters.Store { return deaf{s} },
			"a cancelled context stores nothing, and the store goes on",
		},
		{
			"it yields a record again when it changes", func(s adapters.Store) adapters.Store { return yieldsTwice{s} },
			"records may be left early, and the store used while they are read",
		},
		{
			"it shows half a commit", func(s adapters.Store) adapters.Store { return &showsHalf{Store: s} },
			"a reader sees a commit whole or not at all",
		},
	} {
		t.Run(c.broken, func(t *testing.T) {
			fixture := storetest.Fixture{
				Open:  func(testing.TB) adapters.Store { return c.store(memory.New()) },
				Close: func(testing.TB, adapters.Store) {},
			}
			require.NotEmpty(t, complaint(t, c.caughtBy, fixture), "nothing was caught")
			good := fixture
			good.Open = func(testing.TB) adapters.Store { return memory.New() }
			require.Empty(t, complaint(t, c.caughtBy, good), "the case complains about a good store")
		})
	}
}

func TestTheKitCatchesAStoreThatLosesItsLastCommit(t *testing.T) {
	for _, loses := range []bool{true, false} {
		place := &diary{loses: loses}
		got := complaint(t, "what was stored is there when the store is opened again", storetest.Fixture{
			Promise: storetest.Promise{Durable: true},
			Open:    place.open,
			Close:   func(testing.TB, adapters.Store) {},
		})
		require.Equal(t, loses, got != "", got)
	}
}

func TestTheKitCatchesAStoreThatKeepsToItself(t *testing.T) {
	one := memory.New()
	for _, shared := range []bool{true, false} {
		got := complaint(t, "every process sees what the others stored", storetest.Fixture{
			Promise: storetest.Promise{SharedByProcesses: true},
			Open: func(testing.TB) adapters.Store {
				if shared {
					return one
				}
				return memory.New()
			},
			Close: func(testing.TB, adapters.Store) {},
		})
		require.Equal(t, !shared, got != "", got)
	}
}

func TestTheKitCatchesAStoreThatAcknowledgesTooEarly(t *testing.T) {
	for _, loses := range []bool{true, false} {
		place := &diary{loses: loses}
		got := complaint(t, "what was acknowledged before a kill is there after it, and every record whole", storetest.Fixture{
			Promise: storetest.Promise{Durable: true},
			Open:    place.open,
			Close:   func(testing.TB, adapters.Store) {},
			Kill: func(t testing.TB, acks io.Writer) {
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				err := storetest.Work(ctx, place.open(t), &lastWord{to: acks, writes: 3, then: cancel})
				require.ErrorIs(t, err, context.Canceled)
			},
		})
		require.Equal(t, loses, got != "", got)
	}
}

// complaint runs one case and returns what it complained about.
func complaint(t *testing.T, name string, f storetest.Fixture) string {
	all := slices.Collect(storetest.Cases())
	i := slices.IndexFunc(all, func(c storetest.Case) bool { return c.Name == name })
	require.GreaterOrEqual(t, i, 0, "there is no case %q", name)
	r := &recorder{TB: t}
	var wg sync.WaitGroup
	wg.Go(func() { all[i].Check(r, f) })
	wg.Wait()
	return r.said
}

// recorder is a test that keeps its failure to itself.
type recorder struct {
	testing.TB
	said string
}

func (r *recorder) Errorf(format string, args ...any) { r.said += fmt.Sprintf(format, args...) }
func (r *recorder) FailNow()                          { runtime.Goexit() }

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

// logsApart writes the log first, and then finds that the record conflicts.
type logsApart struct {
	adapters.Store
	orphans map[states.Key][]reducer.LogEntry
}

func (s *logsApart) Commit(ctx context.Context, changes []adapters.Change) ([]adapters.Result, error) {
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

func (s *logsApart) Log(ctx context.Context, key states.Key) ([]reducer.LogEntry, error) {
	log, err := s.Store.Log(ctx, key)
	return append(log, s.orphans[key]...), err
}

type reordersLog struct{ adapters.Store }

func (s reordersLog) Log(ctx context.Context, key states.Key) ([]reducer.LogEntry, error) {
	log, err := s.Store.Log(ctx, key)
	if n := len(log); n > 2 {
		log[n-1], log[n-2] = log[n-2], log[n-1]
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

type keepsSeconds struct{ adapters.Store }

func (s keepsSeconds) Log(ctx context.Context, key states.Key) ([]reducer.LogEntry, error) {
	log, err := s.Store.Log(ctx, key)
	for i := range log {
		log[i].Event.At -= log[i].Event.At % 1000
	}
	return log, err
}

type deaf struct{ adapters.Store }

func (s deaf) Commit(ctx context.Context, changes []adapters.Change) ([]adapters.Result, error) {
	return s.Store.Commit(context.WithoutCancel(ctx), changes)
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

// diary is a place that remembers commits, and opens with all of them; or, if
// it loses, with all but the last.
type diary struct {
	loses bool
	done  []func(adapters.Store) error
}

type writesDiary struct {
	adapters.Store
	diary *diary
}

func (d *diary) open(t testing.TB) adapters.Store {
	if d.loses && len(d.done) > 0 {
		d.done = d.done[:len(d.done)-1]
	}
	s := memory.New()
	for _, again := range d.done {
		require.NoError(t, again(s))
	}
	return writesDiary{s, d}
}

func (s writesDiary) Commit(ctx context.Context, changes []adapters.Change) ([]adapters.Result, error) {
	s.diary.done = append(s.diary.done, func(to adapters.Store) error {
		_, err := to.Commit(context.WithoutCancel(ctx), changes)
		return err
	})
	return s.Store.Commit(ctx, changes)
}

func (s writesDiary) Enact(ctx context.Context, acts []adapters.Act) error {
	s.diary.done = append(s.diary.done, func(to adapters.Store) error {
		return to.Enact(context.WithoutCancel(ctx), acts)
	})
	return s.Store.Enact(ctx, acts)
}

// lastWord ends what writes to it after some writes.
type lastWord struct {
	to     io.Writer
	writes int
	then   func()
}

func (l *lastWord) Write(p []byte) (int, error) {
	if l.writes--; l.writes == 0 {
		l.then()
	}
	return l.to.Write(p)
}
