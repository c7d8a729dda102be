package storetest

import (
	"context"
	"testing"

	"github.com/rollmend/rollmend/adapters"
	"github.com/rollmend/rollmend/reducer"
	"github.com/rollmend/rollmend/states"
	"github.com/stretchr/testify/require"
)

var fleetCases = []Case{
	{"an empty store holds nothing, at ordering revision 1", emptyStore},
	{"openings come back in the order in which they were enacted", openingsInOrder},
	{"enacting raises the ordering revision, so that a change decided before it conflicts", enactRaises},
	{"an act that is already in force is left as it is", enactTwice},
	{"opening a rollout again does not touch its records", openAgain},
	{"acts are stored all or none", actsTogether},
	{"a resumption comes back as it went in", resumptions},
	{"a change with a quarantine stores both", quarantineByCommit},
	{"of changes that bring one quarantine the first of the batch has it", firstImposes},
	{"a change that conflicts imposes no quarantine", noQuarantineByConflict},
	{"a clearance ends a quarantine, is kept, and does not keep the closure from going bad again", clearanceEnds},
	{"a clearance of what is not quarantined is left out", clearanceOfNothing},
	{"quarantines come sorted by channel, then closure", quarantinesSorted},
	{"a rollout without hosts is an opening like another", emptyOpening},
}

func withCancel(b *bench) (context.Context, context.CancelFunc) { return context.WithCancel(b.ctx) }

func emptyStore(t testing.TB, f Fixture) {
	b := prepare(t, f)
	require.Equal(t, adapters.Fleet{Ordering: 1}, b.fleet())
}

func openingsInOrder(t testing.TB, f Fixture) {
	b := prepare(t, f)
	var want []adapters.Opening
	for _, ref := range []states.Ref{"c", "a", "b"} {
		o := opening("x", "y")
		o.Rollout.Ref = ref
		want = append(want, o)
		require.NoError(t, b.store.Enact(b.ctx, []adapters.Act{o}))
	}
	require.Equal(t, want, b.fleet().Openings)
}

func enactRaises(t testing.TB, f Fixture) {
	b := prepare(t, f, "a")
	c := b.next("a")
	c.Guard = b.fleet().Ordering
	require.NoError(t, b.store.Enact(b.ctx, []adapters.Act{adapters.Imposition{Quarantine: bad("stable", target)}}))
	require.Greater(t, b.fleet().Ordering, c.Guard)
	var conflict *adapters.ConflictError
	require.ErrorAs(t, b.try(c)[0].Err, &conflict)
	require.Equal(t, c.Guard, conflict.Guard)
}

// bad is a quarantine that an operator sets.
func bad(channel states.Channel, closure states.Closure) reducer.Quarantine {
	return reducer.Quarantine{Channel: channel, Closure: closure, Since: start, Why: "it does not boot"}
}

func enactTwice(t testing.TB, f Fixture) {
	b := prepare(t, f, "a")
	imposed := bad("stable", target)
	require.NoError(t, b.store.Enact(b.ctx, []adapters.Act{adapters.Imposition{Quarantine: imposed}}))
	before := b.fleet()

	again, other := imposed, opening("a", "b")
	again.Why, again.Since = "said again", start+1
	other.At++
	require.NoError(t, b.store.Enact(b.ctx, []adapters.Act{other, adapters.Imposition{Quarantine: again}}))
	after := b.fleet()
	after.Ordering = before.Ordering
	require.Equal(t, before, after)
	_, err := b.store.Record(b.ctx, keyOf("b"))
	require.ErrorIs(t, err, adapters.ErrNotFound)
}

func openAgain(t testing.TB, f Fixture) {
	b := prepare(t, f, "a")
	c := b.next("a")
	b.commit(c)
	require.NoError(t, b.store.Enact(b.ctx, []adapters.Act{opening("a")}))
	b.holds(c.Record)
}

func actsTogether(t testing.TB, f Fixture) {
	b := prepare(t, f, "a")
	before := b.fleet()
	without := opening("b")
	without.Rollout.Ref = "no-target"
	without.Members[0].Opened.Target = ""
	err := b.store.Enact(b.ctx, []adapters.Act{adapters.Imposition{Quarantine: bad("stable", target)}, without})
	require.Error(t, err, "a host without a target never gets a record: its opening is refused")
	require.Equal(t, before, b.fleet())
}

func resumptions(t testing.TB, f Fixture) {
	b := prepare(t, f, "a")
	want := []adapters.Resumption{
		{Rollout: rollout, At: start + 1, Reason: "known hardware fault", Hosts: []states.Host{"a", "b"}},
		{Rollout: rollout, At: start + 2, Reason: "again"},
	}
	for _, r := range want {
		require.NoError(t, b.store.Enact(b.ctx, []adapters.Act{r}))
	}
	require.Equal(t, want, b.fleet().Resumptions)
}

func quarantineByCommit(t testing.TB, f Fixture) {
	b := prepare(t, f, "a", "b")
	c := advance(t, b.record("a"), stepsToReverted)
	last := c.Effects[len(c.Effects)-1]
	require.Equal(t, target, last.Quarantine.Closure, "the kit's own life ends in a quarantine")
	b.commit(c)
	b.holds(c.Record)
	require.Equal(t, []reducer.Quarantine{last.Quarantine}, b.fleet().Quarantines)

	second := advance(t, b.record("b"), stepsToReverted)
	b.commit(second)
	require.Equal(t, []reducer.Quarantine{last.Quarantine}, b.fleet().Quarantines, "the one in force stays")
}

func firstImposes(t testing.TB, f Fixture) {
	b := prepare(t, f, "a", "b", "c")
	var batch []adapters.Change
	for _, h := range []states.Host{"b", "a", "c"} { // not the order of their names
		batch = append(batch, advance(t, b.record(h), stepsToReverted))
	}
	b.commit(batch...)
	want := batch[0].Effects[stepsToReverted-1].Quarantine
	require.Equal(t, []reducer.Quarantine{want}, b.fleet().Quarantines)
}

func noQuarantineByConflict(t testing.TB, f Fixture) {
	b := prepare(t, f, "a")
	stale := advance(t, b.record("a"), stepsToReverted)
	b.commit(b.next("a"))
	b.conflicts(b.try(stale)[0], stale, 1)
	require.Empty(t, b.fleet().Quarantines)
}

func clearanceEnds(t testing.TB, f Fixture) {
	b := prepare(t, f, "a", "b")
	b.commit(advance(t, b.record("a"), stepsToReverted))
	clearance := adapters.Clearance{Channel: "stable", Closure: target, At: start, Reason: "it was the switch"}
	require.NoError(t, b.store.Enact(b.ctx, []adapters.Act{clearance}))
	require.Empty(t, b.fleet().Quarantines)
	require.Equal(t, []adapters.Clearance{clearance}, b.fleet().Clearances)

	again := advance(t, b.record("b"), stepsToReverted)
	b.commit(again)
	want := again.Effects[len(again.Effects)-1].Quarantine
	require.Equal(t, []reducer.Quarantine{want}, b.fleet().Quarantines)
	require.Len(t, b.fleet().Clearances, 1)
}

func clearanceOfNothing(t testing.TB, f Fixture) {
	b := prepare(t, f, "a")
	clearance := adapters.Clearance{Channel: "stable", Closure: target, At: start, Reason: "a guess"}
	require.NoError(t, b.store.Enact(b.ctx, []adapters.Act{clearance}))
	require.Empty(t, b.fleet().Clearances)
}

func quarantinesSorted(t testing.TB, f Fixture) {
	b := prepare(t, f)
	want := []reducer.Quarantine{bad("a", "z"), bad("b", "a"), bad("b", "b"), bad("ü", "a")}
	var acts []adapters.Act
	for _, i := range []int{3, 1, 0, 2} {
		acts = append(acts, adapters.Imposition{Quarantine: want[i]})
	}
	require.NoError(t, b.store.Enact(b.ctx, acts))
	require.Equal(t, want, b.fleet().Quarantines)
}

func emptyOpening(t testing.TB, f Fixture) {
	b := prepare(t, f)
	require.NoError(t, b.store.Enact(b.ctx, []adapters.Act{opening()}))
	require.Equal(t, []adapters.Opening{opening()}, b.fleet().Openings)
	_, err := b.store.Record(b.ctx, keyOf("a"))
	require.ErrorIs(t, err, adapters.ErrNotFound)
}
