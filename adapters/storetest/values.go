package storetest

import (
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/rollmend/rollmend/adapters"
	"github.com/rollmend/rollmend/reducer"
	"github.com/rollmend/rollmend/states"
	"github.com/stretchr/testify/require"
)

var valueCases = []Case{
	{"times come back to the millisecond, before 1970 and far from now", timesAtTheEdges},
	{"the times of what was enacted come back to the millisecond, before 1970 and far from now", timesOfActs},
	{"names come back byte for byte", namesAtTheEdges},
	{"names that differ in case or form are different names", namesAreNotFolded},
	{"numbers come back up to the largest", numbersAtTheEdges},
	{"a synthesised record comes back with its guesses and what was before them", guessesComeBack},
	{"what the caller does to its values afterwards does not reach the store", notShared},
}

// edgesOfTime are next to 1970, the years 1 and 9999, and the ends.
var edgesOfTime = []states.Time{1, -1, 999, -62_135_596_800_000, 253_402_300_799_999, math.MaxInt64, math.MinInt64}

// timesOfActs enacts at each edge, one act of a kind, and quarantines that are
// cleared and that are not.
func timesOfActs(t testing.TB, f Fixture) {
	b := prepare(t, f)
	want := adapters.Fleet{Ordering: 1}
	for i, at := range edgesOfTime {
		name := states.Closure(fmt.Sprint(i))
		o := opening("a")
		o.Rollout.Ref, o.At, o.SignedAt = states.Ref(name), at, at
		r := adapters.Resumption{Rollout: o.Rollout, At: at, Reason: "fixed", Hosts: []states.Host{"a"}}
		q := reducer.Quarantine{Channel: "stable", Closure: name, Since: at, Why: "bad"}
		passing := reducer.Quarantine{Channel: "edge", Closure: name, Since: at, Why: "bad"}
		c := adapters.Clearance{Channel: "edge", Closure: name, At: at, Reason: "good"}
		require.NoError(t, b.store.Enact(b.ctx, []adapters.Act{o, r, adapters.Imposition{Quarantine: q}, adapters.Imposition{Quarantine: passing}, c}))
		want.Ordering++
		want.Openings = append(want.Openings, o)
		want.Resumptions = append(want.Resumptions, r)
		want.Quarantines = append(want.Quarantines, q)
		want.Clearances = append(want.Clearances, c)
	}
	require.Equal(t, want, b.fleet())
}

func timesAtTheEdges(t testing.TB, f Fixture) {
	b := prepare(t, f, "a")
	for _, at := range edgesOfTime {
		b.commit(ack(b, at))
		got := b.log("a")
		require.Equal(t, at, got[len(got)-1].Event.At)
	}
}

// ack is a change that tries to acknowledge at a time: applied the first time,
// refused from then on, and logged always.
func ack(b *bench, at states.Time) adapters.Change {
	rec := b.record("a")
	ev := reducer.Event{Key: rec.Key, Seq: rec.LastSeq + 1, At: at, Body: reducer.DispatchAck{AtDispatch: running}}
	out, _ := reducer.Step(rec, ev)
	require.NotNil(b, out.Effects.Entry.Event.Body, "every report but a retransmit is logged")
	return adapters.Change{Expect: rec.Revision, Record: out.Record, Effects: []reducer.Effects{out.Effects}}
}

func namesAtTheEdges(t testing.TB, f Fixture) {
	b := prepare(t, f)
	for _, name := range []string{"", " ", "ü", "ホスト-1", "a\x00b", "\xff\xfe", "'; --", "%s", strings.Repeat("n", 4096)} {
		named(b, name)
	}
}

// named takes one host through its life with a name wherever one can stand.
func named(b *bench, name string) {
	key := states.Key{
		Rollout: states.Rollout{Channel: states.Channel("c" + name), Ref: states.Ref("r" + name)},
		Host:    states.Host(name),
	}
	o := opening(key.Host)
	o.Rollout = key.Rollout
	o.Members[0].Opened.Target = states.Closure("t" + name)
	require.NoError(b, b.store.Enact(b.ctx, []adapters.Act{o}))
	rec, err := b.store.Record(b.ctx, key)
	require.NoError(b, err)
	c := advance(b, rec, stepsToReverted)
	b.commit(c)
	got, err := b.store.Record(b.ctx, key)
	require.NoError(b, err)
	require.True(b, got.Equal(&c.Record), "named %q:\n got %+v\nwant %+v", name, got, c.Record)
	require.Contains(b, b.fleet().Quarantines, c.Effects[stepsToReverted-1].Quarantine)
	require.Contains(b, b.fleet().Openings, o)
}

func namesAreNotFolded(t testing.TB, f Fixture) {
	composed, decomposed := states.Host("é"), states.Host("e\u0301")
	b := prepare(t, f, "A", "a", decomposed, composed)
	c := b.next("a")
	b.commit(c)
	b.holds(c.Record)
	for _, h := range []states.Host{"A", composed, decomposed} {
		require.Zero(t, b.record(h).Revision, "host %q", h)
	}
	d := b.next(composed)
	b.commit(d)
	b.holds(d.Record)
	require.Zero(t, b.record(decomposed).Revision)
}

func numbersAtTheEdges(t testing.TB, f Fixture) {
	b := prepare(t, f, "a")
	rec := b.record("a")
	ev := reducer.Event{
		Key: rec.Key, Seq: math.MaxUint64, At: start, Clamped: true,
		Order: states.Order{Boot: math.MaxUint64, Beat: math.MaxUint64},
		Body:  reducer.DispatchAck{AtDispatch: running},
	}
	out, err := reducer.Step(rec, ev)
	require.NoError(t, err)
	b.commit(adapters.Change{Record: out.Record, Effects: []reducer.Effects{out.Effects}})
	b.holds(out.Record)
	require.Equal(t, ev, b.log("a")[1].Event)
}

func guessesComeBack(t testing.TB, f Fixture) {
	b := prepare(t, f, "a")
	rec := b.record("a")
	c := adapters.Change{Expect: 0, Record: rec}
	origin := reducer.Origin{
		By: reducer.BySynthesis, Case: states.RecordsLost,
		From: states.Observation{At: start + 70_000, Order: states.Order{Boot: 2, Beat: 3}, Current: target},
	}
	for _, body := range []reducer.Body{
		reducer.DispatchAck{}, reducer.ActivationCompleted{Observed: target}, reducer.Converged{Current: target},
	} {
		at := start
		if body.Kind() == states.KindConverged {
			at = c.Record.SoakDue()
		}
		out, err := reducer.Step(c.Record, reducer.Event{Key: rec.Key, Origin: origin, At: at, Body: body})
		require.NoError(t, err)
		c.Record, c.Effects = out.Record, append(c.Effects, out.Effects)
	}
	require.True(t, c.Record.Synthesised())
	b.commit(c)
	b.holds(c.Record)
}

func notShared(t testing.TB, f Fixture) {
	b := prepare(t, f, "a")
	o := opening("m", "n")
	o.Rollout.Ref = "mine"
	require.NoError(t, b.store.Enact(b.ctx, []adapters.Act{o}))
	o.Members[0].Host = "spoiled"
	_, err := b.store.Record(b.ctx, states.Key{Rollout: o.Rollout, Host: "m"})
	require.NoError(t, err)
	require.Equal(t, states.Host("m"), b.fleet().Openings[1].Members[0].Host)

	c := advance(t, b.record("a"), stepsToReverted-2)
	require.NotEmpty(t, c.Record.Probes)
	b.commit(c)
	want := c.Record
	want.Probes = append(states.Probes(nil), c.Record.Probes...)
	c.Record.Probes[0].Reason = "spoiled"
	b.holds(want)
	got := b.record("a")
	got.Probes[0].Reason = "spoiled"
	b.holds(want)
}
