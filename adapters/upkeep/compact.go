package upkeep

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/rollmend/rollmend/adapters"
	"github.com/rollmend/rollmend/reducer"
	"github.com/rollmend/rollmend/states"
)

// Rest says which logs [Compact] makes shorter.
type Rest struct {
	Now   states.Time   // the control plane's clock
	After time.Duration // since a log's last entry: younger ones stay whole, for an operator to read
	Least int           // entries that a log must have; 16 unless set
}

// leastEntries is what a log must have unless it is said: a snapshot takes as
// much as three or four entries, and an ordinary rollout leaves about ten.
const leastEntries = 16

// Compacted tells what [Compact] did.
type Compacted struct {
	Looked    int // records
	Compacted int // logs that are one snapshot now
	Busy      int // that changed meanwhile, and stay as they are
	Damaged   int // that do not give their records, and stay as they are: verify the store
}

// ErrCannotCompact says that the store has no way to make logs shorter: it is no
// adapters.Compactor.
var ErrCannotCompact = errors.New("upkeep: the store cannot compact logs: it keeps all of them whole")

// compactAtOnce is how many snapshots go into a commit: as many as a store
// stores in a few milliseconds, so that nobody waits for long.
const compactAtOnce = 100

// Compact puts a snapshot in the place of every log that has come to rest, and
// is long enough. Records stay as they are, and so does what an agent is
// answered that sends a report again; what is lost is what an operator could
// read in the log.
//
// Each log is compacted or stays whole. A call that ended midway goes on with
// the next one, which skips what is done. Progress may be nil.
func Compact(ctx context.Context, store adapters.Store, rest Rest, progress Progress) (done Compacted, err error) {
	compactor, ok := store.(adapters.Compactor)
	switch {
	case !ok:
		return done, ErrCannotCompact
	case !rest.Now.IsSet() || rest.After < 0 || rest.Least < 0:
		return done, errors.New("upkeep: Rest.Now must be the time, and Rest.After and Rest.Least cannot be negative")
	case rest.Least == 0:
		rest.Least = leastEntries
	}
	var batch []reducer.LogEntry
	for rec, err := range store.Records(ctx) {
		if err != nil {
			return done, fmt.Errorf("upkeep: compact: %w", err)
		}
		if done.Looked++; progress != nil && done.Looked%tell == 0 {
			progress(done.Looked, done.Looked)
		}
		if int(rec.Revision)+1 < rest.Least {
			continue // its log can be no longer than that
		}
		snapshot, err := rest.snapshot(ctx, store, rec.Key, &done)
		if err != nil {
			return done, fmt.Errorf("upkeep: compact: %w", err)
		}
		if snapshot != nil {
			batch = append(batch, *snapshot)
		}
		if len(batch) == compactAtOnce {
			if err := done.store(ctx, compactor, batch); err != nil {
				return done, err
			}
			batch = batch[:0]
		}
	}
	return done, done.store(ctx, compactor, batch)
}

// snapshot makes the snapshot of a log, nil where it is to stay whole.
func (r Rest) snapshot(ctx context.Context, store adapters.Store, key states.Key, done *Compacted) (*reducer.LogEntry, error) {
	log, err := store.Log(ctx, key)
	var damaged *adapters.NotAStoreError
	switch {
	case errors.Is(err, adapters.ErrNotFound):
		done.Busy++
		return nil, nil
	case errors.As(err, &damaged):
		done.Damaged++
		return nil, nil
	case err != nil:
		return nil, err
	}
	if len(log) < r.Least || r.Now.Sub(log[len(log)-1].Event.At) < r.After {
		return nil, nil
	}
	entry, err := reducer.Compact(log)
	if err != nil {
		done.Damaged++
		return nil, nil
	}
	return &entry, nil
}

// store stores a batch and counts what became of it.
func (done *Compacted) store(ctx context.Context, compactor adapters.Compactor, batch []reducer.LogEntry) error {
	if len(batch) == 0 {
		return nil
	}
	results, err := compactor.Compact(ctx, batch)
	if err != nil {
		return fmt.Errorf("upkeep: compact: %w", err)
	}
	for _, r := range results {
		var not *adapters.SnapshotError
		switch {
		case r.Err == nil:
			done.Compacted++
		case errors.As(r.Err, &not):
			done.Damaged++
		default:
			done.Busy++
		}
	}
	return nil
}
