package storetest

import (
	"bytes"
	"context"
	"errors"
	"io"
	"testing"

	"github.com/rollmend/rollmend/adapters"
	"github.com/rollmend/rollmend/states"
	"github.com/stretchr/testify/require"
)

var durabilityCases = []Case{
	{"an empty place that is opened again is empty", reopenedEmpty},
	{"what was stored is there when the store is opened again", reopened},
	{"a place that is opened again and again stays as it is", reopenedOften},
	{"what was acknowledged before a kill is there after it, and every record whole", killed},
	{"what was acknowledged before a crash of the store's own kind is there after it, and every record whole", crashed},
}

func reopenedEmpty(t testing.TB, f Fixture) {
	if !f.Promise.Durable {
		t.Log("not promised")
		return
	}
	b := prepare(t, f)
	b.reopen()
	require.Equal(t, adapters.Fleet{Ordering: 1}, b.fleet())
	for rec, err := range b.store.Records(b.ctx) {
		require.Fail(t, "Records yields what nobody wrote", "%v %v", rec, err)
	}
}

func reopened(t testing.TB, f Fixture) {
	if !f.Promise.Durable {
		t.Log("not promised")
		return
	}
	b := prepare(t, f, "a", "b", "c")
	resumption := adapters.Resumption{Rollout: rollout, At: start, Reason: "fixed by hand", Hosts: []states.Host{"a"}}
	clearance := adapters.Clearance{Channel: "stable", Closure: target, At: start, Reason: "fixed"}
	a, c := advance(t, b.record("a"), stepsToReverted), b.next("b")
	b.commit(a, c)
	require.NoError(t, b.store.Enact(b.ctx, []adapters.Act{
		resumption, clearance, adapters.Imposition{Quarantine: bad("edge", target)},
	}))
	untouched := b.record("c")
	last := b.next("b")
	last.Closes = true
	b.commit(last)
	before := b.fleet()

	b.reopen()
	require.Equal(t, before, b.fleet())
	b.holds(a.Record)
	b.holds(last.Record)
	b.holds(untouched)
	b.conflicts(b.try(c)[0], c, last.Record.Revision)

	more := b.next("b")
	b.commit(more)
	b.reopen()
	b.holds(more.Record)
}

// reopenedOften opens a place several times, with a change in between and
// without one: what is done at each opening must not add up.
func reopenedOften(t testing.TB, f Fixture) {
	if !f.Promise.Durable {
		t.Log("not promised")
		return
	}
	b := prepare(t, f, "a", "b")
	for range 3 {
		c := b.next("a")
		b.commit(c)
		before := b.fleet()
		for range 2 {
			b.reopen()
			b.holds(c.Record)
			require.Equal(t, before, b.fleet())
		}
	}
	require.Zero(t, b.record("b").Revision)
}

// killed kills processes at random moments.
func killed(t testing.TB, f Fixture) {
	if !f.Promise.Durable {
		t.Log("not promised")
		return
	}
	require.True(t, f.Place != "" || f.Kill != nil,
		"the store promises to be durable: give its Place, or a way to Kill, so that it can be seen")
	if f.Place == "" {
		return
	}
	seed, n := f.Effort.seed(), f.Effort.kills()
	report, err := Kills(context.Background(), f.places(), seed, n)
	t.Logf("seed %d: %+v", seed, report)
	require.NoError(t, err, "%s", f.Effort.replay(t, "kills", seed, n))
	require.NotZero(t, report.Acknowledged, "every process was killed before it had stored anything")
}

// places makes places for processes: the fixture's own, and then new ones.
func (f Fixture) places() NewPlace {
	own := true
	return func() (string, func() error, error) {
		at := f.Place
		switch {
		case own:
			own = false
		case f.another != nil:
			at = f.another().Place
		default:
			return "", nil, errors.New("storetest: so many kills need new places, which Run makes")
		}
		return at, func() error { return nil }, nil
	}
}

// crashes is how often the fixture's own way to a crash is gone. It may be slow:
// that of a server is.
const crashes = 4

func crashed(t testing.TB, f Fixture) {
	if f.Kill == nil {
		t.Log("the store has no crash of its own kind")
		return
	}
	var kept told
	for range crashes {
		var acks bytes.Buffer
		f.Kill(t, &acks)
		before := kept.steps()
		require.NoError(t, kept.read(&acks))
		require.Greater(t, kept.steps(), before, "the process was killed before it had stored anything")
		s := f.Open(t)
		require.NoError(t, kept.audit(context.Background(), s, io.Discard))
		f.Close(t, s)
	}
}
