package storetest

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/rollmend/rollmend/adapters"
	"github.com/rollmend/rollmend/states"
	"github.com/stretchr/testify/require"
)

var followCases = []Case{
	{"a follower is told what others store, and nothing of its own", followed},
	{"news is of one moment: the ordering revision and all records that are behind it", newsOfOneMoment},
	{"news of a record never goes back behind what its reader stored", newsNeverGoesBack},
	{"what others enact asks a follower to read everything again, and what it enacts itself does not", newsOfActs},
	{"a quarantine that others bring and lift is news", newsOfQuarantines},
	{"a wait ends with its context, and with its following", waitsEnd},
}

// newsWithin bounds how long a case waits for news that must come. A store that
// looks for lost calls now and then does so far more often.
const newsWithin = time.Minute

// two are two control planes on one place, one of which follows the other.
type two struct {
	*bench
	other     *bench
	following adapters.Following
}

// follow opens a place twice and follows one by the other; ok is false where
// the store does not promise that.
func follow(t testing.TB, f Fixture, hosts ...states.Host) (p two, ok bool) {
	if !f.Promise.shared() {
		t.Log("not promised")
		return p, false
	}
	p.bench = prepare(t, f, hosts...)
	follower, is := p.store.(adapters.Follower)
	if !is {
		t.Log("not promised")
		return p, false
	}
	p.other = &bench{TB: t, ctx: p.ctx, fixture: f, store: f.Open(t)}
	t.Cleanup(func() { f.Close(t, p.other.store) })
	var err error
	p.following, err = follower.Follow(p.ctx)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, p.following.Close()) })
	return p, true
}

// news asks for news, now.
func (p two) news() adapters.News {
	n, err := p.following.News(p.ctx)
	require.NoError(p, err)
	return n
}

// until takes news as it comes, until there is enough.
func (p two) until(enough func(adapters.News) bool) {
	ctx, cancel := context.WithTimeout(p.ctx, newsWithin)
	defer cancel()
	for !enough(p.news()) {
		require.NoError(p, p.following.Wait(ctx), "no more news came")
	}
}

func followed(t testing.TB, f Fixture) {
	p, ok := follow(t, f, "a", "b", "c")
	if !ok {
		return
	}
	p.commit(p.next("c"))
	a, b := p.other.next("a"), advance(t, p.other.record("b"), 3)
	p.other.commit(a, b)
	more := p.other.next("a")
	p.other.commit(more)
	told := make(map[states.Host]states.Record)
	p.until(func(n adapters.News) bool {
		require.False(t, n.Reload)
		for _, rec := range n.Changed {
			require.Greater(t, rec.Revision, told[rec.Host].Revision, "%s was told twice", rec.Host)
			told[rec.Host] = rec
		}
		return told["a"].Revision == 2 && told["b"].Revision == 3
	})
	require.Len(t, told, 2, "its own is left out")
	gotA, gotB := told["a"], told["b"]
	require.True(t, gotA.Equal(&more.Record))
	require.True(t, gotB.Equal(&b.Record))
	require.Empty(t, p.news().Changed)
}

// newsOfOneMoment lets others make one step a commit, each of which raises the
// ordering revision: so it says how many steps there were.
func newsOfOneMoment(t testing.TB, f Fixture) {
	const steps = 60
	all := []states.Host{"a", "b", "c"}
	p, ok := follow(t, f, all...)
	if !ok {
		return
	}
	before := p.fleet().Ordering
	failed := make(chan error, 1)
	go func() {
		for i := range steps {
			rec, err := p.other.store.Record(p.ctx, keyOf(all[i%len(all)]))
			if err == nil {
				err = p.other.raise(rec)
			}
			if err != nil {
				failed <- err
				return
			}
		}
		failed <- nil
	}()
	told := make(map[states.Host]states.Revision)
	p.until(func(n adapters.News) bool {
		require.False(t, n.Reload)
		sum := states.Revision(0)
		for _, rec := range n.Changed {
			told[rec.Host] = rec.Revision
		}
		for _, r := range told {
			sum += r
		}
		require.Equal(t, int(n.Ordering-before), int(sum), "the ordering revision and the records are of two moments")
		return sum == steps
	})
	require.NoError(t, <-failed)
}

// raise takes a record one step on, in a commit that closes a gate.
func (b *bench) raise(rec states.Record) error {
	c, err := walk(rec, 1)
	if err != nil {
		return err
	}
	c.Closes = true
	results, err := b.store.Commit(b.ctx, []adapters.Change{c})
	if err != nil {
		return err
	}
	return results[0].Err
}

func newsNeverGoesBack(t testing.TB, f Fixture) {
	p, ok := follow(t, f, "a")
	if !ok {
		return
	}
	for range 10 {
		p.other.commit(p.other.next("a"))
		read := p.record("a")
		for _, rec := range p.news().Changed {
			require.GreaterOrEqual(t, rec.Revision, read.Revision)
		}
		p.other.commit(p.other.next("a"))
		own := p.next("a")
		p.commit(own)
		require.Empty(t, p.news().Changed, "the newest is its own")
	}
}

func newsOfActs(t testing.TB, f Fixture) {
	p, ok := follow(t, f, "a")
	if !ok {
		return
	}
	require.NoError(t, p.store.Enact(p.ctx, []adapters.Act{adapters.Imposition{Quarantine: bad("stable", target)}}))
	own := p.news()
	require.False(t, own.Reload)
	require.Equal(t, p.fleet().Ordering, own.Ordering)
	require.Len(t, own.Quarantines, 1)

	o := opening("a", "b")
	o.Rollout.Ref = "others"
	require.NoError(t, p.other.store.Enact(p.ctx, []adapters.Act{o}))
	p.until(func(n adapters.News) bool { return n.Reload })
	p.other.commit(p.other.next("a"))
	p.until(func(n adapters.News) bool {
		require.False(t, n.Reload, "once is enough")
		return len(n.Changed) == 1
	})
}

func newsOfQuarantines(t testing.TB, f Fixture) {
	p, ok := follow(t, f, "a")
	if !ok {
		return
	}
	p.other.commit(advance(t, p.other.record("a"), stepsToReverted))
	p.until(func(n adapters.News) bool {
		require.Equal(t, len(n.Changed), len(n.Quarantines), "it stands with the record that brought it")
		return len(n.Quarantines) == 1
	})
	clearance := adapters.Clearance{Channel: "stable", Closure: target, At: start, Reason: "it was the switch"}
	require.NoError(t, p.other.store.Enact(p.ctx, []adapters.Act{clearance}))
	p.until(func(n adapters.News) bool { return n.Reload })
	require.Empty(t, p.news().Quarantines)
}

func waitsEnd(t testing.TB, f Fixture) {
	p, ok := follow(t, f, "a")
	if !ok {
		return
	}
	over, cancel := context.WithCancel(p.ctx)
	cancel()
	for err := error(nil); err == nil; { // it may have been woken for nothing
		err = p.following.Wait(over)
		require.True(t, err == nil || errors.Is(err, context.Canceled), "%v", err)
	}
	ended := make(chan error)
	go func() {
		for {
			if err := p.following.Wait(p.ctx); err != nil {
				ended <- err
				return
			}
		}
	}()
	require.NoError(t, p.following.Close())
	require.ErrorIs(t, <-ended, adapters.ErrClosed)
}
