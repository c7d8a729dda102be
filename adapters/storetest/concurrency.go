package storetest

import (
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
	{"every process sees what the others stored", sharedByProcesses},
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

func sharedByProcesses(t testing.TB, f Fixture) {
	if !f.Promise.SharedByProcesses {
		t.Log("not promised")
		return
	}
	b := prepare(t, f, "a")
	other := &bench{TB: t, ctx: b.ctx, fixture: f, store: f.Open(t)}
	defer f.Close(t, other.store)
	c := b.next("a")
	b.commit(c)
	other.holds(c.Record)
	b.conflicts(other.try(c)[0], c, 1)
	d := other.next("a")
	other.commit(d)
	b.holds(d.Record)
}
