package storetest

import (
	"fmt"
	"reflect"
	"testing"

	"github.com/rollmend/rollmend/adapters"
	"github.com/rollmend/rollmend/states"
	"github.com/stretchr/testify/require"
)

// FullCase is the name of the case that fills a place. Where that takes a
// [Disk], it is run alone there.
const FullCase = "a full place stores nothing of a call, says so, is read, and goes on once there is room"

var fullCases = []Case{
	{FullCase, full},
}

// triesToFill bounds how many commits go on in what room is left in a place
// that was filled.
const triesToFill = 2000

func full(t testing.TB, f Fixture) {
	if f.Fill == nil {
		t.Log("no way to fill its place was given")
		return
	}
	all := hosts(200)
	b := prepare(t, f, all...)
	b.commit(b.next(all[0]))
	want := make([]states.Record, len(all))
	for i, h := range all {
		want[i] = b.record(h)
	}
	giveBack := f.Fill(t)

	refused, before := fill(b, all, want)
	require.NotNil(t, refused, "the place was never full")
	unchanged := func() {
		got := b.fleet()
		require.True(t, reflect.DeepEqual(before, got), "the fleet is not as it was:\n got %s\nwant %s", sizeOf(got), sizeOf(before))
		for i := range all {
			b.holds(want[i])
		}
	}
	unchanged()

	wide := opening(hosts(20_000)...)
	wide.Rollout.Ref = "wide"
	err := b.store.Enact(b.ctx, []adapters.Act{adapters.Imposition{Quarantine: bad("edge", target)}, wide})
	isFull(t, err)
	unchanged()

	giveBack()
	b.commit(refused...)
	for i := range refused {
		want[i] = refused[i].Record
		b.holds(want[i])
	}
	require.NoError(t, b.store.Enact(b.ctx, []adapters.Act{wide}))
	before = b.fleet()
	require.Len(t, before.Openings, 2)
	if f.Promise.Durable {
		b.reopen()
		unchanged()
	}
}

// sizeOf tells a fleet that is too large to print.
func sizeOf(f adapters.Fleet) string {
	return fmt.Sprintf("ordering revision %d, %d openings, %d resumptions, %d clearances, quarantines %v",
		f.Ordering, len(f.Openings), len(f.Resumptions), len(f.Clearances), f.Quarantines)
}

// fill commits until there is no room, and keeps in want what was stored. It
// returns the changes that were refused, and the fleet as it was before them.
func fill(b *bench, all []states.Host, want []states.Record) ([]adapters.Change, adapters.Fleet) {
	for range triesToFill {
		before := b.fleet()
		var changes []adapters.Change
		for i := range all {
			changes = append(changes, advance(b, want[i], 1+i%3))
		}
		results, err := b.store.Commit(b.ctx, changes)
		if err != nil {
			isFull(b, err)
			return changes, before
		}
		for i, r := range results {
			require.NoError(b, r.Err)
			want[i] = changes[i].Record
		}
	}
	return nil, adapters.Fleet{}
}

// isFull checks that an error says that there was no room.
func isFull(t testing.TB, err error) {
	var full *adapters.FullError
	require.ErrorAs(t, err, &full)
}
