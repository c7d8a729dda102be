package sim

import (
	"cmp"
	"context"
	"iter"
	"slices"
	"time"

	"github.com/rollmend/rollmend/states"
)

// sortedRecords yields what a store yields, in an order that is the same in
// every run.
func sortedRecords(s *store) iter.Seq2[states.Record, error] {
	return func(yield func(states.Record, error) bool) {
		var all []states.Record
		for rec, err := range s.Records(context.Background()) {
			if err != nil {
				yield(rec, err)
				return
			}
			all = append(all, rec)
		}
		slices.SortFunc(all, func(a, b states.Record) int { return compareKeys(a.Key, b.Key) })
		for _, rec := range all {
			if !yield(rec, nil) {
				return
			}
		}
	}
}

func compareKeys(a, b states.Key) int {
	return cmp.Or(cmp.Compare(a.Rollout.Channel, b.Rollout.Channel),
		cmp.Compare(a.Rollout.Ref, b.Rollout.Ref), cmp.Compare(a.Host, b.Host))
}

// tearStore loses power in the midst of a write: some first bytes of it are on
// the disk. Whoever uses the store goes down with it.
func (w *world) tearStore() {
	whole := len(w.disk.data) - w.disk.synced
	w.disk.crash(w.dice.below("torn at", whole+1))
	w.reopen(false)
}

// reopen starts the store and its users anew, from what is on the disk.
func (w *world) reopen(putBack bool) {
	s, err := openStore(w.disk)
	if err != nil {
		w.violate("a store opens after a crash", "%v", err)
		return
	}
	w.store = s
	w.checks.reopened(w, putBack)
	for _, p := range w.planes {
		p.end(p.dice.between("plane back", time.Second, 60*time.Second))
	}
}

// wipe destroys the database.
func (w *world) wipe() {
	w.note("store", "is wiped")
	w.disk.truncate(0)
	w.reopen(true)
}

// restore puts the database back to what it was at an earlier moment.
func (w *world) restore(frames int) {
	w.note("store", "is put back to its first %d commits", frames)
	w.disk.truncate(min(frames, len(w.disk.ends)))
	w.reopen(true)
}
