package storetest

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"

	"github.com/rollmend/rollmend/adapters"
	"github.com/rollmend/rollmend/reducer"
	"github.com/rollmend/rollmend/states"
	"github.com/stretchr/testify/require"
)

var concurrencyCases = []Case{
	{"of concurrent writers to one record exactly one wins", oneWins},
	{"of concurrent changes gated at one ordering revision exactly one that closes a gate wins", oneGateWins},
	{"concurrent writers to many records lose nothing", nothingLost},
	{"a reader sees a commit whole or not at all", wholeOrNot},
	{"a reader sees an enactment whole or not at all", enactmentWholeOrNot},
	{"concurrent writers to one record leave its log in their order", logOfConcurrentWriters},
	{"what one caller was told, every caller sees from then on", seenByAll},
	{"calls of several clients at once are answered as if they came one after the other", linearizable},
}

// writers is how many goroutines write at once: enough to meet, on any machine.
const writers = 8

// together runs work in all writers at once and returns the first error.
func together(work func(writer int) error) error {
	var wg sync.WaitGroup
	errs := make(chan error, writers)
	for i := range writers {
		wg.Go(func() { errs <- work(i) })
	}
	wg.Wait()
	close(errs)
	for err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

func oneWins(t testing.TB, f Fixture) {
	b := prepare(t, f, "a")
	for range 5 {
		c := b.next("a")
		results := make([]adapters.Result, writers)
		require.NoError(t, together(func(i int) error {
			r, err := b.store.Commit(b.ctx, []adapters.Change{c})
			if err == nil {
				results[i] = r[0]
			}
			return err
		}))
		require.Equal(t, 1, stored(results))
		b.holds(c.Record)
	}
}

// stored counts the changes that were stored.
func stored(results []adapters.Result) int {
	n := 0
	for _, r := range results {
		if r.Err == nil {
			n++
		}
	}
	return n
}

func oneGateWins(t testing.TB, f Fixture) {
	all := hosts(writers)
	b := prepare(t, f, all...)
	read := b.fleet().Ordering
	changes := make([]adapters.Change, writers)
	for i, h := range all {
		changes[i] = b.next(h)
		changes[i].Guard, changes[i].Closes = read, true
	}
	results := make([]adapters.Result, writers)
	require.NoError(t, together(func(i int) error {
		r, err := b.store.Commit(b.ctx, changes[i:i+1])
		if err == nil {
			results[i] = r[0]
		}
		return err
	}))
	require.Equal(t, 1, stored(results))
	require.Equal(t, read+1, b.fleet().Ordering)
}

func nothingLost(t testing.TB, f Fixture) {
	all := hosts(writers * 4)
	b := prepare(t, f, all...)
	require.NoError(t, together(func(i int) error {
		for range stepsToReverted {
			for _, h := range all[i*4 : i*4+4] {
				rec, err := b.store.Record(b.ctx, keyOf(h))
				if err != nil {
					return err
				}
				c, err := walk(rec, 1)
				if err != nil {
					return err
				}
				if _, err := b.store.Commit(b.ctx, []adapters.Change{c}); err != nil {
					return err
				}
			}
		}
		return nil
	}))
	for _, h := range all {
		require.Equal(t, states.Revision(stepsToReverted), b.record(h).Revision)
		b.whole(h)
	}
}

func wholeOrNot(t testing.TB, f Fixture) {
	const steps, commits = 3, 40
	b := prepare(t, f, "a")
	done := make(chan struct{})
	torn := make(chan error, 1)
	go func() {
		defer close(torn)
		for {
			if err := b.look("a", steps); err != nil {
				torn <- err
				return
			}
			select {
			case <-done:
				return
			default:
			}
		}
	}()
	for range commits {
		b.commit(advance(t, b.record("a"), steps))
	}
	close(done)
	require.NoError(t, <-torn)
	b.whole("a")
}

// look reads a record and its log, all of whose changes are of so many steps.
// It may run beside the test.
func (b *bench) look(h states.Host, steps int) error {
	rec, err := b.store.Record(b.ctx, keyOf(h))
	if err != nil {
		return err
	}
	log, err := b.store.Log(b.ctx, keyOf(h))
	if err != nil {
		return err
	}
	if int(rec.Revision)%steps != 0 || len(log)%steps != 1 {
		return fmt.Errorf("half a commit: revision %d, %d log entries, in steps of %d", rec.Revision, len(log), steps)
	}
	_, err = reducer.Rederive(log)
	return err
}

// actsAtOnce is enough that an enactment torn apart is seen.
const actsAtOnce = 8

// enactmentWholeOrNot reads the fleet beside enactments of one opening, one
// resumption and as many quarantines each.
func enactmentWholeOrNot(t testing.TB, f Fixture) {
	const rounds = 20
	b := prepare(t, f)
	done := make(chan struct{})
	torn := make(chan error, 1)
	go func() {
		defer close(torn)
		for {
			got, err := b.store.Fleet(b.ctx)
			n := len(got.Openings)
			if err == nil && (len(got.Resumptions) != n || len(got.Quarantines) != n*actsAtOnce || got.Ordering != adapters.Ordering(n+1)) {
				err = fmt.Errorf("half an enactment: %d openings, %d resumptions, %d quarantines, at ordering revision %d",
					n, len(got.Resumptions), len(got.Quarantines), got.Ordering)
			}
			if err != nil {
				torn <- err
				return
			}
			select {
			case <-done:
				return
			default:
			}
		}
	}()
	for round := range rounds {
		o := opening("a")
		o.Rollout.Ref = states.Ref(fmt.Sprint(round))
		acts := []adapters.Act{o, adapters.Resumption{Rollout: o.Rollout, At: start}}
		for i := range actsAtOnce {
			acts = append(acts, adapters.Imposition{Quarantine: bad("stable", states.Closure(fmt.Sprintf("%d-%d", round, i)))})
		}
		require.NoError(t, b.store.Enact(b.ctx, acts))
	}
	close(done)
	require.NoError(t, <-torn)
}

// logOfConcurrentWriters has all writers take one record on, each as soon as it
// read it.
func logOfConcurrentWriters(t testing.TB, f Fixture) {
	const each = 4
	b := prepare(t, f, "a")
	entries := make([]map[states.Revision]reducer.LogEntry, writers)
	require.NoError(t, together(func(i int) error {
		entries[i] = make(map[states.Revision]reducer.LogEntry)
		for len(entries[i]) < each {
			rec, err := b.store.Record(b.ctx, keyOf("a"))
			if err != nil {
				return err
			}
			c, err := walkWith(rec, 1, func(ev reducer.Event, _ int) reducer.Event {
				ev.At += states.Time(i) // tells whose it is
				return ev
			})
			if err != nil {
				return err
			}
			results, err := b.store.Commit(b.ctx, []adapters.Change{c})
			if err != nil {
				return err
			}
			if results[0].Err == nil {
				entries[i][c.Record.Revision] = c.Effects[0].Entry
			}
		}
		return nil
	}))
	log := b.log("a")
	require.Len(t, log, 1+writers*each)
	for _, own := range entries {
		for at, e := range own {
			require.Equal(t, e, log[at], "the entry at revision %d", at)
		}
	}
}

// seenByAll has every writer look for what the one before it was told.
func seenByAll(t testing.TB, f Fixture) {
	b := prepare(t, f, "a")
	var mu sync.Mutex
	var newest states.Revision
	require.NoError(t, together(func(int) error {
		for range stepsToReverted {
			mu.Lock()
			told := newest
			mu.Unlock()
			rec, err := b.store.Record(b.ctx, keyOf("a"))
			if err != nil {
				return err
			}
			if rec.Revision < told {
				return fmt.Errorf("revision %d was read after %d was acknowledged", rec.Revision, told)
			}
			c, err := walk(rec, 1)
			if err != nil {
				return err
			}
			results, err := b.store.Commit(b.ctx, []adapters.Change{c})
			if err != nil {
				return err
			}
			if results[0].Err == nil {
				mu.Lock()
				newest = max(newest, c.Record.Revision)
				mu.Unlock()
			}
		}
		return nil
	}))
}

// storesShared is how many stores clients have among them where a place is
// shared.
const storesShared = 2

func linearizable(t testing.TB, f Fixture) {
	seed, n := f.Effort.seed(), f.Effort.histories()
	report, err := Histories(context.Background(), f.openPlace(t), seed, n)
	t.Logf("seeds %d to %d: %+v", seed, seed+uint64(n)-1, report)
	var impossible *HistoryError
	if errors.As(err, &impossible) {
		seed, n = impossible.Seed, 1
		impossible.draw(t)
	}
	require.NoError(t, err, "%s", f.Effort.replay(t, "histories", seed, n))
}

// openPlace opens the fixture's place for histories. All histories of a case
// are in it where nothing makes another.
func (f Fixture) openPlace(t testing.TB) OpenPlace {
	own := true
	return func(context.Context) (stores []adapters.Store, closes func() error, err error) {
		at := f
		if !own && f.another != nil {
			at = f.another()
		}
		own = false
		n := 1
		if f.Promise.shared() {
			n = storesShared
		}
		for range n {
			stores = append(stores, at.Open(t))
		}
		return stores, func() error {
			for _, s := range stores {
				at.Close(t, s)
			}
			return nil
		}, nil
	}
}
