package storetest

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/rollmend/rollmend/adapters"
	"github.com/rollmend/rollmend/states"
	"github.com/stretchr/testify/require"
)

var endingCases = []Case{
	{"a commit whose context ends midway stores nothing and says so, or stores all", endsInCommit},
	{"an enactment whose context ends midway stores nothing and says so, or stores all", endsInEnact},
}

// endsAtLook is a context that ends when it was looked at so many times: it
// finds every place at which a store asks, whatever the speed of the machine.
type endsAtLook struct {
	context.Context
	left atomic.Int64
	once sync.Once
	done chan struct{}
}

func endAtLook(n int) *endsAtLook {
	c := &endsAtLook{Context: context.Background(), done: make(chan struct{})}
	c.left.Store(int64(n))
	return c
}

func (c *endsAtLook) look() {
	if c.left.Add(-1) <= 0 {
		c.once.Do(func() { close(c.done) })
	}
}

func (c *endsAtLook) Done() <-chan struct{} {
	c.look()
	return c.done
}

func (c *endsAtLook) Err() error {
	c.look()
	if c.over() {
		return context.Canceled
	}
	return nil
}

func (c *endsAtLook) over() bool {
	select {
	case <-c.done:
		return true
	default:
		return false
	}
}

const (
	// looksAtMost bounds how many looks of a store are tried.
	looksAtMost = 60

	// endings is how many times are tried, from less than a call takes on, each
	// longer by half.
	endings = 18
)

// midway calls try with contexts that end at one moment after the other of a
// call. try reports whether its call came to its end. Beyond the looks, ever
// longer times are tried: a store may wait in a call that looks once.
func midway(try func(ctx context.Context, when string) (stored bool)) {
	for n := 1; n <= looksAtMost; n++ {
		ctx := endAtLook(n)
		if try(ctx, fmt.Sprintf("at look %d", n)) && !ctx.over() {
			break
		}
	}
	wait := 20 * time.Microsecond
	for range endings {
		ctx, cancel := context.WithTimeout(context.Background(), wait)
		try(ctx, "after "+wait.String())
		cancel()
		wait += wait / 2
	}
}

// outcome checks what a call whose context ended said, and reports whether it
// says that all was stored. known is false where the store does not know.
func outcome(t testing.TB, err error, when string) (stored, known bool) {
	if errors.Is(err, adapters.ErrUnknownOutcome) {
		return false, false
	}
	if err != nil {
		require.True(t, errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded),
			"ended %s: the error is not the context's: %v", when, err)
	}
	return err == nil, true
}

func endsInCommit(t testing.TB, f Fixture) {
	all := hosts(30)
	b := prepare(t, f, all...)
	last := len(all) - 1
	midway(func(ctx context.Context, when string) bool {
		var changes []adapters.Change
		var before []states.Record
		for i, h := range all {
			rec := b.record(h)
			before = append(before, rec)
			changes = append(changes, advance(t, rec, 1+i%3))
		}
		ordering := b.fleet().Ordering
		changes[last].Closes = true
		results, err := b.store.Commit(ctx, changes)
		stored, known := outcome(t, err, when)
		if !known {
			stored = b.record(all[0]).Revision != before[0].Revision
		}
		want := before
		if stored {
			ordering++
			for i := range changes {
				want[i] = changes[i].Record
				require.True(t, !known || results[i].Err == nil, "ended %s: %v", when, results)
			}
		}
		for i := range want {
			got := b.record(all[i])
			require.True(t, got.Equal(&want[i]), "ended %s, all stored: %v: %s is at revision %d, want %d",
				when, stored, all[i], got.Revision, want[i].Revision)
		}
		b.whole(all[0])
		b.whole(all[last])
		require.Equal(t, ordering, b.fleet().Ordering, "ended %s", when)
		return stored
	})
}

func endsInEnact(t testing.TB, f Fixture) {
	b := prepare(t, f)
	n := 0
	midway(func(ctx context.Context, when string) bool {
		n++
		o := opening(hosts(50)...)
		o.Rollout.Ref = states.Ref(fmt.Sprint(n))
		before := b.fleet()
		err := b.store.Enact(ctx, []adapters.Act{
			o,
			adapters.Resumption{Rollout: o.Rollout, At: start, Reason: fmt.Sprint(n)},
			adapters.Imposition{Quarantine: bad("stable", states.Closure(fmt.Sprintf("closure-%04d", n)))},
		})
		stored, known := outcome(t, err, when)
		got := b.fleet()
		if !known {
			stored = got.Ordering != before.Ordering
		}
		want := 0
		if stored {
			want = 1
		}
		require.Len(t, got.Openings, len(before.Openings)+want, "ended %s", when)
		require.Len(t, got.Resumptions, len(before.Resumptions)+want, "ended %s", when)
		require.Len(t, got.Quarantines, len(before.Quarantines)+want, "ended %s", when)
		require.Equal(t, before.Ordering+adapters.Ordering(want), got.Ordering, "ended %s", when)
		return stored
	})
}
