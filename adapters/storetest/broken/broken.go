// Package broken holds stores with one thing wrong each, which package storetest
// must reject, and names the cases that do. They show that a case can fail, and
// what a failure of it looks like.
//
// Start with [Stores]. Some of them are tried by processes of their own: the
// program calls storetest.Serve with [Open] first. [AcknowledgesEarly] breaks
// any store, for a null control of a loop of kills.
//
// Nothing here is fit for use.
package broken

import (
	"context"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rollmend/rollmend/adapters"
	"github.com/rollmend/rollmend/adapters/memory"
	"github.com/rollmend/rollmend/adapters/storetest"
)

// Store is a store with one thing wrong.
type Store struct {
	Name     string   // what is wrong, as a sentence about the store
	CaughtBy []string // the cases that must complain, by their names

	// Fixture makes a place for it, and Mended one for the same store without
	// what is wrong: of that, the same cases must not complain.
	Fixture, Mended func(t testing.TB) storetest.Fixture
}

// Stores returns all of them.
func Stores() []Store {
	return append(append(append(append(inMemory(), inUpkeep()...), inFiles()...), sharing()...), filled())
}

func wrong(name string, wrap func(adapters.Store) adapters.Store, caughtBy ...string) Store {
	plain := func(s adapters.Store) adapters.Store { return s }
	return Store{Name: name, CaughtBy: caughtBy, Fixture: wrapped(wrap), Mended: wrapped(plain)}
}

func wrapped(wrap func(adapters.Store) adapters.Store) func(testing.TB) storetest.Fixture {
	return func(testing.TB) storetest.Fixture {
		return storetest.Fixture{
			Open:  func(testing.TB) adapters.Store { return wrap(memory.New()) },
			Close: func(testing.TB, adapters.Store) {},
		}
	}
}

const linearizable = "calls of several clients at once are answered as if they came one after the other"

// inMemory are those that need neither a file nor another process.
func inMemory() []Store {
	return []Store{
		wrong("it ignores the revision", func(s adapters.Store) adapters.Store { return ignoresRevision{s} },
			"a commit with one stale revision stores none of that change and all of the others",
			"of concurrent writers to one record exactly one wins", linearizable),
		wrong("it ignores the guard", func(s adapters.Store) adapters.Store { return ignoresGuard{s} },
			"a guard that no longer holds stores none of that change and all of the others", linearizable),
		wrong("it raises the ordering revision for each change", func(s adapters.Store) adapters.Store { return raisesOften{s} },
			"a batch compares guards with the ordering revision before it and raises it once"),
		wrong("it fails a batch for one conflict", func(s adapters.Store) adapters.Store { return failsTheBatch{s} },
			"a commit with one stale revision stores none of that change and all of the others"),
		wrong("it keeps the log of a change that conflicts", func(s adapters.Store) adapters.Store { return &logsConflicts{Store: s} },
			"a commit with one stale revision stores none of that change and all of the others"),
		wrong("it reorders the log", func(s adapters.Store) adapters.Store { return reordersLog{s} },
			"a log begins with the opening and has an entry for each revision, in order",
			"concurrent writers to one record leave its log in their order", linearizable),
		wrong("it loses the quarantine", func(s adapters.Store) adapters.Store { return losesQuarantine{s} },
			"a change with a quarantine stores both"),
		wrong("it gives a quarantine to the last of a batch", func(s adapters.Store) adapters.Store { return lastImposes{s} },
			"of changes that bring one quarantine the first of the batch has it"),
		wrong("it keeps seconds", func(s adapters.Store) adapters.Store { return keepsSeconds{s} },
			"times come back to the millisecond, before 1970 and far from now"),
		wrong("it keeps the seconds of what was enacted", func(s adapters.Store) adapters.Store { return enactsSeconds{s} },
			"the times of what was enacted come back to the millisecond, before 1970 and far from now"),
		wrong("it goes on when its context is over", func(s adapters.Store) adapters.Store { return deaf{s} },
			"a cancelled context stores nothing, and the store goes on"),
		wrong("it stores half a batch where its context ends in between", func(s adapters.Store) adapters.Store { return halves{s} },
			"a commit whose context ends midway stores nothing and says so, or stores all"),
		wrong("it enacts one act after the other", func(s adapters.Store) adapters.Store { return enactsSingly{s} },
			"acts are stored all or none", "a reader sees an enactment whole or not at all",
			"an enactment whose context ends midway stores nothing and says so, or stores all"),
		wrong("it yields a record again when it changes", func(s adapters.Store) adapters.Store { return yieldsTwice{s} },
			"records may be left early, and the store used while they are read"),
		wrong("it outlines what it was asked for first", func(s adapters.Store) adapters.Store { return &outlinesOnce{Store: s} },
			"outlines say of every record what the record says, whatever was stored since the store was opened"),
		wrong("it shows half a commit", func(s adapters.Store) adapters.Store { return &showsHalf{Store: s} },
			"a reader sees a commit whole or not at all"),
		wrong("it reads from a cache", func(s adapters.Store) adapters.Store { return &caches{Store: s} },
			"what one caller was told, every caller sees from then on", linearizable),
		wrong("it takes a change that does not add up", func(s adapters.Store) adapters.Store { return lenient{s} },
			"a change that does not add up is an error, and nothing of its batch is stored"),
		wrong("it keeps what it was handed", func(s adapters.Store) adapters.Store { return &keepsHanded{Store: s} },
			"the changes are the caller's again once a commit has returned"),
	}
}

const (
	reopening = "what was stored is there when the store is opened again"
	killing   = "what was acknowledged before a kill is there after it, and every record whole"
)

// inFiles are durable, or say so.
func inFiles() []Store {
	apart := Store{
		Name:     "it writes record and log apart",
		CaughtBy: []string{storetest.CrashCase(betweenRecordAndLog).Name},
		Fixture:  diaries(faultApart), Mended: diaries(faultNone),
	}
	early := Store{
		Name: "it acknowledges before it commits", CaughtBy: []string{killing},
		Fixture: diaries(faultEarly), Mended: diaries(faultNone),
	}
	loses := Store{
		Name: "it loses the last commit", CaughtBy: []string{reopening, killing},
		Fixture: diaries(faultLoses), Mended: diaries(faultNone),
	}
	torn := Store{
		Name:     "it appends to what was torn",
		CaughtBy: []string{storetest.CrashCase(inTheMiddle).Name},
		Fixture:  diaries(faultTorn), Mended: diaries(faultNone),
	}
	forgets := Store{
		Name: "it promises to be durable and is not", CaughtBy: []string{reopening, killing},
		Fixture: diaries(faultForgets), Mended: diaries(faultNone),
	}
	return []Store{loses, apart, early, torn, forgets}
}

// Open opens a place of one of these stores in a process that the kit started.
func Open(ctx context.Context, p *storetest.Process) (adapters.Store, error) {
	word, path, _ := strings.Cut(p.Place, ":")
	if word == alone {
		return memory.New(), nil
	}
	return open(ctx, path, fault(word), p.Reach)
}

// diaries makes fixtures of diaries that have a fault.
func diaries(with fault) func(testing.TB) storetest.Fixture {
	return func(t testing.TB) storetest.Fixture {
		path := filepath.Join(t.TempDir(), "diary")
		return storetest.Fixture{
			Promise: storetest.Promise{Durable: true},
			Open: func(t testing.TB) adapters.Store {
				s, err := open(context.Background(), path, with, func(string) {})
				if err != nil {
					t.Fatal(err)
				}
				return s
			},
			Close: func(t testing.TB, s adapters.Store) {
				if e, ok := s.(*early); ok {
					e.behind.Wait()
					s = e.Store
				}
				if err := s.(*diary).Close(); err != nil {
					t.Fatal(err)
				}
			},
			Place:       string(with) + ":" + path,
			CrashPoints: []string{inTheMiddle, betweenRecordAndLog},
		}
	}
}

// alone is in front of the place of a store that every process has to itself.
const alone = "alone"

// sharing says that it is shared by processes, and is not.
func sharing() []Store {
	fixture := func(testing.TB) storetest.Fixture {
		return storetest.Fixture{
			Promise: storetest.Promise{SharedByProcesses: true},
			Open:    func(testing.TB) adapters.Store { return memory.New() },
			Close:   func(testing.TB, adapters.Store) {},
			Place:   alone + ":",
		}
	}
	mended := func(t testing.TB) storetest.Fixture {
		f := fixture(t)
		one := memory.New()
		f.Open = func(testing.TB) adapters.Store { return one }
		return f
	}
	return []Store{
		{
			Name:     "it promises to be shared and keeps to itself",
			CaughtBy: []string{"every process sees what the others stored"},
			Fixture:  fixture, Mended: mended,
		},
		{
			Name:     "it is shared within a process alone",
			CaughtBy: []string{"of processes that decided on the same, exactly one wins, and each sees it"},
			Fixture:  mended,
		},
	}
}

// filled stores half of a batch that there is no room for.
func filled() Store {
	fixture := func(half bool) func(testing.TB) storetest.Fixture {
		return func(testing.TB) storetest.Fixture {
			s := &narrow{Store: memory.New(), half: half}
			s.room.Store(unbounded)
			return storetest.Fixture{
				Open:  func(testing.TB) adapters.Store { return s },
				Close: func(testing.TB, adapters.Store) {},
				Fill: func(testing.TB) func() {
					s.room.Store(500)
					return func() { s.room.Store(unbounded) }
				},
			}
		}
	}
	return Store{
		Name:     "it stores what there is room for",
		CaughtBy: []string{storetest.FullCase},
		Fixture:  fixture(true), Mended: fixture(false),
	}
}
