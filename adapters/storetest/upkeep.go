package storetest

import (
	"context"
	"errors"
	"sync"
	"testing"

	"github.com/rollmend/rollmend/adapters"
	"github.com/rollmend/rollmend/reducer"
	"github.com/rollmend/rollmend/states"
	"github.com/stretchr/testify/require"
)

// upkeepCases are asked of stores that have the power that they are about:
// [adapters.Compactor], [adapters.Pruner].
var upkeepCases = []Case{
	{"a snapshot takes the place of a log, and the log is folded on from there", compacted},
	{"a log that begins with a snapshot is compacted again", compactedTwice},
	{"a snapshot that does not fit leaves its log, and the others of its batch are stored", compactsOthers},
	{"a log is read whole while it is compacted and goes on", compactedMeanwhile},
	{"records yields every record once while logs are compacted and a rollout is forgotten", listedMeanwhile},
	{"a forgotten rollout's records are found no more, and all else stays", pruned},
	{"a rollout that may not be forgotten is not, and nothing with it", notPruned},
	{"what was forgotten is erased in steps, and the store goes on in between", erasedInSteps},
	{"what was forgotten or compacted is so when the store is opened again", keptAcrossOpening},
	{"a commit that meets a pruning is stored before it, or not found", prunedMeanwhile},
}

// next is the rollout behind the kit's own one.
var nextRollout = states.Rollout{Channel: rollout.Channel, Ref: "e5f6"}

// eraseMost bounds how many calls an erasing may take: each erases something.
const eraseMost = 1000

func compactor(b *bench) adapters.Compactor {
	c, ok := b.store.(adapters.Compactor)
	if !ok {
		b.Skip("the store does not compact logs")
	}
	return c
}

func pruner(b *bench) adapters.Pruner {
	p, ok := b.store.(adapters.Pruner)
	if !ok {
		b.Skip("the store does not forget rollouts")
	}
	return p
}

// snapshot makes the snapshot of a host's log.
func (b *bench) snapshot(h states.Host) reducer.LogEntry {
	entry, err := reducer.Compact(b.log(h))
	require.NoError(b, err)
	return entry
}

// compact compacts the logs of hosts.
func (b *bench) compact(hosts ...states.Host) {
	var snapshots []reducer.LogEntry
	for _, h := range hosts {
		snapshots = append(snapshots, b.snapshot(h))
	}
	results, err := compactor(b).Compact(b.ctx, snapshots)
	require.NoError(b, err)
	require.Len(b, results, len(hosts), "a result for each snapshot, at its place")
	for i := range results {
		require.NoError(b, results[i].Err)
		require.Equal(b, snapshots[i:i+1], b.log(hosts[i]), "the log of %s", hosts[i])
		b.whole(hosts[i])
	}
}

func compacted(t testing.TB, f Fixture) {
	b := prepare(t, f, "a", "b")
	compactor(b)
	for _, steps := range []int{1, 3, stepsToReverted, stepsToReverted + 3} {
		for b.record("a").Revision < states.Revision(steps) {
			b.commit(b.next("a"), b.next("b"))
		}
	}
	before, other, fleet := b.record("a"), b.log("b"), b.fleet()
	b.compact("a")
	after := b.record("a")
	require.True(t, before.Equal(&after), "the record:\n got %+v\nwant %+v", after, before)
	require.Equal(t, other, b.log("b"))
	require.Equal(t, fleet, b.fleet())
	c := advance(t, after, 2)
	b.commit(c)
	b.holds(c.Record)
	log := b.log("a")
	require.Len(t, log, 3)
	require.NotNil(t, log[0].Snapshot)
	require.Equal(t, []reducer.LogEntry{c.Effects[0].Entry, c.Effects[1].Entry}, log[1:])
	n := 0
	for rec, err := range b.store.Records(b.ctx) {
		require.NoError(t, err)
		want := b.record(rec.Host)
		require.True(t, rec.Equal(&want), "%s", rec.Key)
		n++
	}
	require.Equal(t, 2, n, "records yields each once")
}

func compactedTwice(t testing.TB, f Fixture) {
	b := prepare(t, f, "a", "b")
	compactor(b)
	for range stepsToReverted {
		b.commit(b.next("a"), b.next("b"))
		b.compact("a")
	}
	whole, err := reducer.Compact(b.log("b"))
	require.NoError(t, err)
	got := b.snapshot("a")
	require.Equal(t, whole.Snapshot.Untaken, got.Snapshot.Untaken)
	require.Equal(t, whole.Revision, got.Revision)
	b.compact("a") // the same again
}

func compactsOthers(t testing.TB, f Fixture) {
	b := prepare(t, f, "a", "b", "c", "d")
	c := compactor(b)
	b.commit(b.next("a"), b.next("b"), b.next("c"))
	stale, fits, altered := b.snapshot("a"), b.snapshot("b"), b.snapshot("c")
	b.commit(b.next("a"))
	other := *altered.Snapshot
	other.Record.Wave++
	altered.Snapshot = &other
	strange := b.snapshot("c")
	absent := *strange.Snapshot
	absent.Record.Host = "nobody"
	strange.Snapshot, strange.Event.Key.Host = &absent, "nobody"
	log := map[states.Host][]reducer.LogEntry{"a": b.log("a"), "c": b.log("c")}

	results, err := c.Compact(b.ctx, []reducer.LogEntry{stale, fits, altered, strange})
	require.NoError(t, err)
	require.Len(t, results, 4)
	var conflict *adapters.ConflictError
	require.ErrorAs(t, results[0].Err, &conflict)
	require.Equal(t, &adapters.ConflictError{Key: keyOf("a"), Expected: 1, Found: 2}, conflict)
	require.NoError(t, results[1].Err)
	var not *adapters.SnapshotError
	require.ErrorAs(t, results[2].Err, &not)
	require.ErrorIs(t, results[3].Err, adapters.ErrNotFound)
	require.Equal(t, []reducer.LogEntry{fits}, b.log("b"))
	for h, want := range log {
		require.Equal(t, want, b.log(h))
	}

	for name, batch := range map[string][]reducer.LogEntry{
		"a key twice":             {fits, fits},
		"an entry of another log": {b.log("c")[1]},
		"nothing but the opening": {b.snapshot("d")},
	} {
		_, err := c.Compact(b.ctx, append([]reducer.LogEntry{b.snapshot("a")}, batch...))
		require.Error(t, err, name)
		require.Equal(t, log["a"], b.log("a"), "%s: nothing of the batch is stored", name)
	}
}

func compactedMeanwhile(t testing.TB, f Fixture) {
	b := prepare(t, f, "a")
	c := compactor(b)
	const rounds = 60
	var wg sync.WaitGroup
	done := make(chan struct{})
	end := sync.OnceFunc(func() { close(done); wg.Wait() })
	defer end() // also where the case fails in the midst of it
	for range 2 {
		wg.Go(func() {
			for over := false; !over; {
				select {
				case <-done:
					over = true
				default:
				}
				rec, err := b.store.Record(b.ctx, keyOf("a"))
				if err != nil {
					t.Errorf("a record that is read in between: %v", err)
					return
				}
				log, err := b.store.Log(b.ctx, keyOf("a"))
				if err == nil {
					_, err = reducer.Rederive(log)
				}
				if err != nil {
					t.Errorf("a log that is read in between: %v", err)
					return
				}
				if last := log[len(log)-1].Revision; last < rec.Revision {
					t.Errorf("a log that is read behind its record ends at revision %d, and the record was at %d", last, rec.Revision)
					return
				}
			}
		})
	}
	for range rounds {
		b.commit(b.next("a"))
		results, err := c.Compact(b.ctx, []reducer.LogEntry{b.snapshot("a")})
		require.NoError(t, err)
		require.NoError(t, results[0].Err)
	}
	end()
	b.whole("a")
}

// listedMeanwhile takes records along that were not yielded yet, and erases what
// a walk was to come to.
func listedMeanwhile(t testing.TB, f Fixture) {
	b := prepare(t, f, hosts(crowd)...)
	c := compactor(b)
	p := pruner(b)
	old := opening(hosts(3)...)
	old.Rollout.Channel = "old"
	newer := old
	newer.Rollout.Ref = "newer"
	require.NoError(t, b.store.Enact(b.ctx, []adapters.Act{old, newer}))
	for _, m := range old.Members {
		b.commit(advance(t, b.recordOf(old.Rollout, m.Host), 1))
	}
	var batch []adapters.Change
	for _, h := range hosts(crowd) {
		batch = append(batch, b.next(h))
	}
	b.commit(batch...)
	seen := make(map[states.Key]bool)
	for rec, err := range b.store.Records(b.ctx) {
		require.NoError(t, err)
		require.False(t, seen[rec.Key], "%s is yielded twice", rec.Key)
		seen[rec.Key] = true
		if len(seen) > 1 {
			continue
		}
		for i := 0; i < crowd; i += crowd / 10 {
			h := hosts(crowd)[i]
			b.commit(b.next(h))
			results, err := c.Compact(b.ctx, []reducer.LogEntry{b.snapshot(h)})
			require.NoError(t, err)
			require.NoError(t, results[0].Err)
		}
		_, err = p.Prune(b.ctx, adapters.Pruning{Rollouts: []states.Rollout{old.Rollout}, Most: eraseMost})
		require.NoError(t, err)
	}
	for _, h := range hosts(crowd) {
		require.True(t, seen[keyOf(h)], "%s is not yielded", h)
	}
}

// superseded takes the kit's rollout through a life and opens the next one.
func superseded(t testing.TB, f Fixture) *bench {
	b := prepare(t, f, "a", "b", "c")
	pruner(b)
	other := opening("a", "z")
	other.Rollout.Channel = "other"
	b.commit(advance(t, b.record("a"), stepsToReverted), b.next("b"))
	b.commit(b.next("b"))
	next := opening("a", "b")
	next.Rollout, next.At, next.SignedAt = nextRollout, start+1_000_000, start+999_000
	require.NoError(t, b.store.Enact(b.ctx, []adapters.Act{
		other,
		adapters.Resumption{Rollout: rollout, At: start, Reason: "seen", Hosts: []states.Host{"a"}},
		adapters.Imposition{Quarantine: reducer.Quarantine{Channel: "other", Closure: target, Why: "bad"}},
		adapters.Clearance{Channel: "other", Closure: target, At: start, Reason: "good"},
		next,
	}))
	return b
}

func (b *bench) prune(p adapters.Pruning) adapters.Pruned {
	done, err := pruner(b).Prune(b.ctx, p)
	require.NoError(b, err)
	return done
}

// forgotten checks that nothing of the kit's rollout is there any more.
func (b *bench) forgotten(before adapters.Fleet) {
	want := before
	want.Openings = append([]adapters.Opening(nil), before.Openings...)
	want.Openings[0].Members = nil
	require.Equal(b, want, b.fleet(), "all but the members stays")
	for _, h := range []states.Host{"a", "b", "c"} {
		_, err := b.store.Record(b.ctx, keyOf(h))
		require.ErrorIs(b, err, adapters.ErrNotFound)
		_, err = b.store.Log(b.ctx, keyOf(h))
		require.ErrorIs(b, err, adapters.ErrNotFound)
	}
	for rec, err := range b.store.Records(b.ctx) {
		require.NoError(b, err)
		require.NotEqual(b, rollout, rec.Rollout, "records yields what was forgotten")
	}
}

func (b *bench) recordOf(r states.Rollout, h states.Host) states.Record {
	rec, err := b.store.Record(b.ctx, states.Key{Rollout: r, Host: h})
	require.NoError(b, err)
	return rec
}

func pruned(t testing.TB, f Fixture) {
	b := superseded(t, f)
	before := b.fleet()
	require.Len(t, before.Quarantines, 1, "the rollback's")
	stale, late := b.next("b"), b.snapshot("b")
	twice := []states.Rollout{rollout, rollout}
	b.prune(adapters.Pruning{Guard: before.Ordering, Rollouts: twice, Most: eraseMost})
	b.forgotten(before)
	b.prune(adapters.Pruning{Rollouts: []states.Rollout{rollout}, Most: eraseMost}) // harmless
	results := b.try(stale, advance(t, b.recordOf(nextRollout, "a"), 2))
	require.ErrorIs(t, results[0].Err, adapters.ErrNotFound)
	require.NoError(t, results[1].Err)
	if c, ok := b.store.(adapters.Compactor); ok {
		results, err := c.Compact(b.ctx, []reducer.LogEntry{late})
		require.NoError(t, err)
		require.ErrorIs(t, results[0].Err, adapters.ErrNotFound)
	}
	require.NoError(t, b.store.Enact(b.ctx, []adapters.Act{opening("a", "b", "c")}))
	b.forgotten(before) // an opening is in force, members or not
	require.Equal(t, states.Revision(2), b.recordOf(nextRollout, "a").Revision)
}

func notPruned(t testing.TB, f Fixture) {
	b := superseded(t, f)
	before, record := b.fleet(), b.record("b")
	for _, p := range []struct {
		pruning adapters.Pruning
		want    error
	}{
		{adapters.Pruning{Rollouts: []states.Rollout{rollout, nextRollout}}, &adapters.CurrentRolloutError{Rollout: nextRollout}},
		{adapters.Pruning{Rollouts: []states.Rollout{rollout, {Channel: "stable", Ref: "none"}}}, adapters.ErrNotFound},
		{
			adapters.Pruning{Guard: before.Ordering - 1, Rollouts: []states.Rollout{rollout}},
			&adapters.GuardError{Guard: before.Ordering - 1, Ordering: before.Ordering},
		},
	} {
		p.pruning.Most = eraseMost
		_, err := pruner(b).Prune(b.ctx, p.pruning)
		if errors.Is(p.want, adapters.ErrNotFound) {
			require.ErrorIs(t, err, adapters.ErrNotFound)
		} else {
			require.Equal(t, p.want, cause(err))
		}
		require.Equal(t, before, b.fleet())
		b.holds(record)
	}
	over, cancel := withCancel(b)
	cancel()
	_, err := pruner(b).Prune(over, adapters.Pruning{Rollouts: []states.Rollout{rollout}})
	require.ErrorIs(t, err, context.Canceled)
	b.holds(record)
}

// cause is the innermost error.
func cause(err error) error {
	for inner := errors.Unwrap(err); inner != nil; inner = errors.Unwrap(inner) {
		err = inner
	}
	return err
}

func erasedInSteps(t testing.TB, f Fixture) {
	b := superseded(t, f)
	before := b.fleet()
	done := b.prune(adapters.Pruning{Rollouts: []states.Rollout{rollout}})
	require.True(t, done.Erased == 0 || !done.More, "it erases no more than it may, or all at once")
	b.forgotten(before)
	for n := 0; done.More; n++ {
		require.Less(t, n, eraseMost, "an erasing that does not end")
		c := advance(t, b.recordOf(nextRollout, "b"), 1)
		b.commit(c)
		got := b.recordOf(nextRollout, "b")
		require.True(t, c.Record.Equal(&got))
		done = b.prune(adapters.Pruning{Most: 1})
		require.True(t, done.Erased > 0 || !done.More, "a call that erases nothing")
	}
	b.forgotten(before)
	require.Equal(t, adapters.Pruned{}, b.prune(adapters.Pruning{Most: eraseMost}))
	b.commit(advance(t, b.recordOf(nextRollout, "b"), 1))
}

func keptAcrossOpening(t testing.TB, f Fixture) {
	if !f.Promise.Durable {
		t.Log("not promised: the store forgets all when it is closed")
		return
	}
	b := superseded(t, f)
	before := b.fleet()
	b.prune(adapters.Pruning{Rollouts: []states.Rollout{rollout}})
	b.reopen()
	b.forgotten(before)
	rec := b.recordOf(nextRollout, "a")
	b.commit(advance(t, rec, 3))
	if c, ok := b.store.(adapters.Compactor); ok {
		log, err := b.store.Log(b.ctx, states.Key{Rollout: nextRollout, Host: "a"})
		require.NoError(t, err)
		entry, err := reducer.Compact(log)
		require.NoError(t, err)
		results, err := c.Compact(b.ctx, []reducer.LogEntry{entry})
		require.NoError(t, err)
		require.NoError(t, results[0].Err)
	}
	for range 2 { // what is erased half, and what is erased
		b.prune(adapters.Pruning{Most: 1})
		b.reopen()
		b.forgotten(before)
	}
	for n := 0; b.prune(adapters.Pruning{Most: 1}).More; n++ {
		require.Less(t, n, eraseMost, "an erasing that does not end")
	}
	b.reopen()
	b.forgotten(before)
	c := advance(t, b.recordOf(nextRollout, "a"), 2)
	b.commit(c)
	log, err := b.store.Log(b.ctx, c.Record.Key)
	require.NoError(t, err)
	folded, err := reducer.Rederive(log)
	require.NoError(t, err)
	require.True(t, folded.Equal(&c.Record))
	_, compacts := b.store.(adapters.Compactor)
	require.Equal(t, compacts, log[0].Snapshot != nil)
}

// prunedMeanwhile has a writer for each host, so that no change conflicts.
func prunedMeanwhile(t testing.TB, f Fixture) {
	all := hosts(8)
	b := prepare(t, f, all...)
	p := pruner(b)
	next := opening(all...)
	next.Rollout = nextRollout
	require.NoError(t, b.store.Enact(b.ctx, []adapters.Act{next}))
	ctx, stop := context.WithCancel(b.ctx)
	var wg sync.WaitGroup
	defer wg.Wait() // also where the case fails in the midst of it
	defer stop()
	var writing sync.WaitGroup
	for _, h := range all {
		rec := b.record(h)
		writing.Add(1)
		wg.Go(func() {
			atIt := sync.OnceFunc(writing.Done)
			defer atIt()
			for n := 0; ; n++ {
				c, err := walk(rec, 1)
				if err != nil {
					t.Errorf("%s: %v", h, err)
					return
				}
				results, err := b.store.Commit(ctx, []adapters.Change{c})
				if n == 3 {
					atIt()
				}
				if err == nil {
					err = results[0].Err
				}
				if errors.Is(err, adapters.ErrNotFound) || ctx.Err() != nil {
					return
				}
				if err != nil {
					t.Errorf("%s: %v", h, err)
					return
				}
				rec = c.Record
			}
		})
	}
	writing.Wait() // all are at it
	_, err := p.Prune(b.ctx, adapters.Pruning{Rollouts: []states.Rollout{rollout}, Most: eraseMost})
	require.NoError(t, err)
	_, err = b.store.Record(b.ctx, keyOf(all[0]))
	require.ErrorIs(t, err, adapters.ErrNotFound)
	wg.Wait()
	for n := 0; b.prune(adapters.Pruning{Most: eraseMost}).More; n++ {
		require.Less(t, n, eraseMost, "an erasing that does not end")
	}
	for rec, err := range b.store.Records(b.ctx) {
		require.NoError(t, err)
		require.Fail(t, "something was stored behind the pruning", "%s", rec.Key)
	}
	if a, ok := b.store.(adapters.Auditor); ok {
		for stray, err := range a.Strays(b.ctx) {
			require.NoError(t, err)
			require.Fail(t, "something was stored behind the pruning", "%s", stray)
		}
	}
}
