package adapters

import (
	"context"
	"fmt"
	"iter"
	"slices"

	"github.com/rollmend/rollmend/reducer"
	"github.com/rollmend/rollmend/states"
)

// This file holds optional powers of a store. One that lacks them keeps all that
// it was given, for ever.

// Compactor is a store whose logs can be made shorter.
type Compactor interface {
	// Compact puts each snapshot, as reducer.Compact makes it of a whole log, in
	// the place of that log. Each is atomic, and guarded by its revision, at which
	// the record must still be: else its result is a [*ConflictError], and
	// [ErrNotFound] where there is no such record. The record stays as it is, and
	// so does the ordering revision. A batch holds each key at most once.
	//
	// A snapshot that does not give the record as it is stored is refused: its
	// result is a [*SnapshotError], and its log stays.
	Compact(ctx context.Context, snapshots []reducer.LogEntry) ([]Result, error)
}

// Pruner is a store that can forget rollouts.
type Pruner interface {
	// Prune forgets the members of rollouts: their records and logs are not found
	// any more. All are forgotten at one moment, or none. A commit that meets it
	// is stored before, or told [ErrNotFound]. What else the store holds stays:
	// quarantines, resumptions, clearances, and of each opening what says that it
	// was, without members, at its place. One that is forgotten already is left as
	// it is.
	//
	// The room is given back at once, or in steps: each call erases parts of what
	// was forgotten, up to about Most, and says whether more is left. Nothing that
	// is left can be seen.
	//
	// The error is a [*CurrentRolloutError] for the newest rollout of a channel, an
	// [ErrNotFound] for one that was not opened, and a [*GuardError] where the
	// ordering revision is no longer Guard. After each nothing was forgotten.
	Prune(ctx context.Context, p Pruning) (Pruned, error)
}

// Pruning says what is to be forgotten.
type Pruning struct {
	Guard    Ordering         // as [Change.Guard]; 0: any
	Rollouts []states.Rollout // one that is named twice is forgotten once
	Most     int              // parts to erase, about: a record, or a record's change; 0: none
}

// Pruned tells what became of a pruning.
type Pruned struct {
	Erased int  // parts, about
	More   bool // something forgotten is still to be erased
}

// Auditor is a store that can look for what the port does not show: parts that
// belong to no record.
type Auditor interface {
	// Strays yields a line for each part that belongs to nothing, and stops at its
	// first error. What was forgotten and is still to be erased is none.
	Strays(ctx context.Context) iter.Seq2[string, error]
}

// SnapshotError refuses a snapshot that does not give the record as it is
// stored. Its log stays: look at the record with package upkeep's Verify.
type SnapshotError struct {
	Key    states.Key
	Reason string
}

func (e *SnapshotError) Error() string {
	return fmt.Sprintf("adapters: the log of %s stays as it is: %s: verify the store", e.Key, e.Reason)
}

// CurrentRolloutError refuses to forget a rollout that no newer one took the
// place of.
type CurrentRolloutError struct {
	Rollout states.Rollout
}

func (e *CurrentRolloutError) Error() string {
	return fmt.Sprintf("adapters: %s is the newest rollout of its channel and cannot be forgotten: open a newer one first", e.Rollout)
}

// GuardError says that a call was decided at an ordering revision that is no
// longer the store's. Nothing of it was stored: look again.
type GuardError struct {
	Guard    Ordering
	Ordering Ordering
}

func (e *GuardError) Error() string {
	return fmt.Sprintf("adapters: decided at ordering revision %d, the store is at %d: look again", e.Guard, e.Ordering)
}

// CheckPruning says which of the rollouts a store with these openings may not
// forget, and returns the places of those that it has to, each once. For stores
// to share: an opening without members needs nothing.
func CheckPruning(openings []Opening, p Pruning) (places []int, err error) {
	at := make(map[states.Rollout]int, len(openings))
	newest := make(map[states.Channel]states.Rollout)
	for i := range openings {
		at[openings[i].Rollout] = i
		newest[openings[i].Rollout.Channel] = openings[i].Rollout
	}
	for _, r := range p.Rollouts {
		i, ok := at[r]
		switch {
		case !ok:
			return nil, fmt.Errorf("adapters: prune %s: %w", r, ErrNotFound)
		case newest[r.Channel] == r:
			return nil, &CurrentRolloutError{Rollout: r}
		case len(openings[i].Members) > 0 && !slices.Contains(places, i):
			places = append(places, i)
		}
	}
	return places, nil
}

// Forgotten returns what is kept of an opening whose members are forgotten: that
// the rollout was, so that nobody goes back to it, and when its manifest was
// signed, so that an older one stays refused.
func (o Opening) Forgotten() Opening {
	o.Members = nil
	return o
}
