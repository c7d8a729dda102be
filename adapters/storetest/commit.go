package storetest

import (
	"context"
	"testing"

	"github.com/rollmend/rollmend/adapters"
	"github.com/rollmend/rollmend/states"
	"github.com/stretchr/testify/require"
)

var commitCases = []Case{
	{"a host of an opened rollout has a record at revision 0, given by the opening", recordAtZero},
	{"a record that was never opened is not found, and stores nothing", neverOpened},
	{"a change is stored with its record, its log and its number", storedWhole},
	{"a change of several steps is stored as one", severalSteps},
	{"a commit with one stale revision stores none of that change and all of the others", staleRevision},
	{"a change that expects revision 0 conflicts once something happened", expectZero},
	{"a guard that no longer holds stores none of that change and all of the others", staleGuard},
	{"a batch compares guards with the ordering revision before it and raises it once", raisedOnce},
	{"a change that closes no gate leaves the ordering revision", notRaised},
	{"a change that conflicts does not raise the ordering revision", conflictDoesNotRaise},
	{"a batch that holds a key twice stores nothing", twiceInABatch},
	{"a change that does not add up is an error, and nothing of its batch is stored", doesNotAddUp},
	{"a large batch tells each change its result, at its place", largeBatch},
	{"the changes are the caller's again once a commit has returned", callersAgain},
	{"an empty commit is harmless", emptyCommit},
	{"a cancelled context stores nothing, and the store goes on", cancelled},
}

func recordAtZero(t testing.TB, f Fixture) {
	b := prepare(t, f, "a", "b")
	o := opening("a", "b")
	for _, m := range o.Members {
		want, entry, err := o.Record(m)
		require.NoError(t, err)
		b.holds(want)
		require.Equal(t, entry, b.log(m.Host)[0])
	}
	for rec, err := range b.store.Records(b.ctx) {
		require.Fail(t, "Records yields what only the opening gives", "%v %v", rec, err)
	}
}

func neverOpened(t testing.TB, f Fixture) {
	b := prepare(t, f, "a")
	for _, key := range []states.Key{keyOf("z"), {Rollout: states.Rollout{Channel: "stable", Ref: "other"}, Host: "a"}, {}} {
		_, err := b.store.Record(b.ctx, key)
		require.ErrorIs(t, err, adapters.ErrNotFound)
		_, err = b.store.Log(b.ctx, key)
		require.ErrorIs(t, err, adapters.ErrNotFound)
	}
	o := opening("z")
	rec, _, err := o.Record(o.Members[0])
	require.NoError(t, err)
	known := b.next("a")
	results := b.try(advance(t, rec, 1), known)
	require.ErrorIs(t, results[0].Err, adapters.ErrNotFound)
	require.NoError(t, results[1].Err)
	_, err = b.store.Record(b.ctx, keyOf("z"))
	require.ErrorIs(t, err, adapters.ErrNotFound)
	b.holds(known.Record)
}

func storedWhole(t testing.TB, f Fixture) {
	b := prepare(t, f, "a", "b")
	untouched := b.record("b")
	for range stepsToReverted + 2 {
		c := b.next("a")
		b.commit(c)
		b.holds(c.Record)
		log := b.log("a")
		require.Equal(t, c.Effects[0].Entry, log[len(log)-1])
	}
	b.holds(untouched)
}

func severalSteps(t testing.TB, f Fixture) {
	b := prepare(t, f, "a")
	c := advance(t, b.record("a"), 3)
	b.commit(c)
	b.holds(c.Record)
	more := advance(t, c.Record, 4)
	b.commit(more)
	b.holds(more.Record)
}

func staleRevision(t testing.TB, f Fixture) {
	b := prepare(t, f, "a", "b", "c")
	stale := b.next("b")
	stale.Closes = true
	first := b.next("b")
	b.commit(first)
	a, c := b.next("a"), b.next("c")
	results := b.try(a, stale, c)
	require.NoError(t, results[0].Err)
	b.conflicts(results[1], stale, 1)
	require.NoError(t, results[2].Err)
	b.holds(a.Record)
	b.holds(first.Record)
	b.holds(c.Record)
}

func expectZero(t testing.TB, f Fixture) {
	b := prepare(t, f, "a")
	c := b.next("a")
	b.commit(c)
	b.conflicts(b.try(c)[0], c, 1)
	ahead := advance(t, advance(t, c.Record, 1).Record, 1)
	b.conflicts(b.try(ahead)[0], ahead, 1)
	b.holds(c.Record)
}

func staleGuard(t testing.TB, f Fixture) {
	b := prepare(t, f, "a", "b", "c")
	read := b.fleet().Ordering
	closing := b.next("a")
	closing.Guard, closing.Closes = read, true
	b.commit(closing)

	gated, free := b.next("b"), b.next("c")
	gated.Guard = read
	before := b.record("b")
	results := b.try(gated, free)
	var conflict *adapters.ConflictError
	require.ErrorAs(t, results[0].Err, &conflict)
	require.Equal(t, keyOf("b"), conflict.Key)
	require.Equal(t, read, conflict.Guard)
	require.Equal(t, read+1, conflict.Ordering)
	require.NoError(t, results[1].Err)
	b.holds(before)
	b.holds(free.Record)

	gated.Guard = b.fleet().Ordering
	b.commit(gated)
	b.holds(gated.Record)
}

func raisedOnce(t testing.TB, f Fixture) {
	b := prepare(t, f, "a", "b", "c")
	read := b.fleet().Ordering
	var batch []adapters.Change
	for _, h := range []states.Host{"a", "b", "c"} {
		c := b.next(h)
		c.Guard, c.Closes = read, true
		batch = append(batch, c)
	}
	b.commit(batch...)
	require.Equal(t, read+1, b.fleet().Ordering)
}

func notRaised(t testing.TB, f Fixture) {
	b := prepare(t, f, "a")
	read := b.fleet().Ordering
	require.NotZero(t, read, "the first ordering revision is 1: 0 is no guard")
	c := b.next("a")
	c.Guard = read
	b.commit(c)
	require.Equal(t, read, b.fleet().Ordering)
}

func conflictDoesNotRaise(t testing.TB, f Fixture) {
	b := prepare(t, f, "a")
	c := b.next("a")
	b.commit(c)
	read := b.fleet().Ordering
	c.Closes = true
	b.conflicts(b.try(c)[0], c, 1)
	require.Equal(t, read, b.fleet().Ordering)
}

func twiceInABatch(t testing.TB, f Fixture) {
	b := prepare(t, f, "a", "b")
	a, other := b.record("a"), b.record("b")
	_, err := b.store.Commit(b.ctx, []adapters.Change{b.next("b"), b.next("a"), b.next("a")})
	require.Error(t, err)
	b.holds(a)
	b.holds(other)
}

// doesNotAddUp tries changes that contradict themselves, each beside a good one.
func doesNotAddUp(t testing.TB, f Fixture) {
	b := prepare(t, f, "a", "b")
	a, other := b.record("a"), b.record("b")
	for name, spoil := range map[string]func(c *adapters.Change){
		"without effects":                     func(c *adapters.Change) { c.Effects = nil },
		"whose record is a revision ahead":    func(c *adapters.Change) { c.Record.Revision++ },
		"whose expectation is a revision off": func(c *adapters.Change) { c.Expect++ },
	} {
		bad := advance(t, a, 2)
		spoil(&bad)
		_, err := b.store.Commit(b.ctx, []adapters.Change{b.next("b"), bad})
		require.Error(t, err, "a change %s was taken", name)
		b.holds(a)
		b.holds(other)
	}
	b.commit(b.next("a"), b.next("b"))
}

// largeBatch has every third change of a batch conflict, and every tenth name a
// host that was not opened.
func largeBatch(t testing.TB, f Fixture) {
	all := hosts(1000)
	b := prepare(t, f, all...)
	var early, batch []adapters.Change
	for i, h := range all {
		c := b.next(h)
		if i%3 == 0 && i%10 != 5 {
			early = append(early, c)
		}
		if i%10 == 5 {
			c.Record.Key = keyOf(h + "-unknown")
			for j := range c.Effects {
				c.Effects[j].Entry.Event.Key = c.Record.Key
			}
		}
		batch = append(batch, c)
	}
	b.commit(early...)
	for i, r := range b.try(batch...) {
		switch {
		case i%10 == 5:
			require.ErrorIs(t, r.Err, adapters.ErrNotFound, "change %d", i)
		case i%3 == 0:
			b.conflicts(r, batch[i], 1)
		default:
			require.NoError(t, r.Err, "change %d", i)
		}
	}
	for i, h := range all {
		if i%10 == 5 {
			require.Zero(t, b.record(h).Revision, "%s", h)
			continue
		}
		require.Equal(t, states.Revision(1), b.record(h).Revision, "%s", h)
	}
}

func callersAgain(t testing.TB, f Fixture) {
	b := prepare(t, f, "a", "b")
	handed := []adapters.Change{advance(t, b.record("a"), stepsToReverted), b.next("b")}
	first, other := handed[0].Record, handed[1].Record
	b.commit(handed...)
	want := b.log("a")
	for i := range handed {
		clear(handed[i].Effects)
	}
	clear(handed)
	b.holds(first)
	b.holds(other)
	require.Equal(t, want, b.log("a"))
}

func emptyCommit(t testing.TB, f Fixture) {
	b := prepare(t, f, "a")
	read := b.fleet().Ordering
	require.Empty(t, b.try())
	require.Equal(t, read, b.fleet().Ordering)
}

func cancelled(t testing.TB, f Fixture) {
	b := prepare(t, f, "a")
	over, cancel := context.WithCancel(b.ctx)
	cancel()
	before, c := b.record("a"), b.next("a")
	_, err := b.store.Commit(over, []adapters.Change{c})
	require.ErrorIs(t, err, context.Canceled)
	other := opening("a")
	other.Rollout.Ref = "later"
	require.ErrorIs(t, b.store.Enact(over, []adapters.Act{other}), context.Canceled)
	_, err = b.store.Record(over, keyOf("a"))
	require.ErrorIs(t, err, context.Canceled)
	b.holds(before)
	require.Len(t, b.fleet().Openings, 1)
	b.commit(c)
	b.holds(c.Record)
}
