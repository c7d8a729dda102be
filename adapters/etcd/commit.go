package etcd

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/rollmend/rollmend/adapters"
	"github.com/rollmend/rollmend/internal/codec"
	"github.com/rollmend/rollmend/reducer"
	"github.com/rollmend/rollmend/states"
	"go.etcd.io/etcd/api/v3/mvccpb"
)

// Commit implements [adapters.Store], in one transaction of one round trip for
// a batch that fits into a request. Every change in it is judged by itself, and
// all of them by what was stored before the batch.
//
// A batch that does not fit is stored in several transactions, those changes
// first that compare the ordering revision or raise it. Each that closes a gate
// raises it then, and should one fail, the error is an
// [adapters.ErrUnknownOutcome], since others may be stored. The result of a
// change whose record was never opened is an [adapters.ErrNotFound].
func (s *Store) Commit(ctx context.Context, changes []adapters.Change) ([]adapters.Result, error) {
	if err := s.usable(ctx); err != nil {
		return nil, err
	}
	for try := 1; ; try++ {
		results, err := s.commit(ctx, changes)
		if !errors.Is(err, errAgain) {
			return results, err
		}
		if err := s.again(ctx, try); err != nil {
			return nil, err
		}
	}
}

// commit stores the changes. After errAgain nothing is stored.
func (s *Store) commit(ctx context.Context, changes []adapters.Change) ([]adapters.Result, error) {
	results := make([]adapters.Result, len(changes))
	rows, absent, err := s.prepare(ctx, changes, results)
	if err != nil {
		return nil, err
	}
	raised, stored := adapters.Ordering(0), false
	for rest := s.arranged(rows); len(rest) > 0 || len(absent) > 1; {
		n := s.fitting(rest)
		part := &part{store: s, rows: rest[:n], results: results, raised: raised, absent: absent}
		if err := part.commit(ctx); err != nil {
			if (stored || part.stored) && !errors.Is(err, adapters.ErrUnknownOutcome) {
				err = fmt.Errorf("etcd: %s: a part of the batch is stored: %w: %w", s.where, adapters.ErrUnknownOutcome, err)
			}
			return nil, err
		}
		raised, stored = part.raised, true
		rest, absent = rest[n:], nil
	}
	return results, nil
}

// row is one change on its way.
type row struct {
	change  *adapters.Change
	place   int // in the batch that the caller handed over
	opening *opened

	recordKey, logKey string
	record, log       []byte // what they hold, without the stamps
	mod               int64  // of the record that it was decided on; 0: it has none yet; unknownMod
	quarantines       []reducer.Quarantine
}

// unknownMod is no revision that a key can have: nothing that compares it is
// stored.
const unknownMod = -1

// prepare encodes the changes. Those of records that were never opened get
// their result; the keys that rollouts would have which are not opened are
// returned, to be compared with the rest.
func (s *Store) prepare(ctx context.Context, changes []adapters.Change, results []adapters.Result) (rows []*row, absent []string, err error) {
	seen := make(map[states.Key]struct{}, len(changes))
	missing := make(map[states.Rollout]struct{})
	rows = make([]*row, 0, len(changes))
	var scratch []byte
	for i := range changes {
		c := &changes[i]
		key := c.Record.Key
		if _, twice := seen[key]; twice {
			return nil, nil, fmt.Errorf("etcd: %s stands twice in a batch", key)
		}
		seen[key] = struct{}{}
		if scratch, err = codec.AppendChange(scratch[:0], c); err != nil { // holds it to the port
			return nil, nil, err
		}
		opening, err := s.find(ctx, key.Rollout)
		if err != nil {
			return nil, nil, err
		}
		if opening == nil {
			results[i].Err = notFound(key)
			if _, noted := missing[key.Rollout]; !noted && len(absent) < maxAbsent {
				missing[key.Rollout] = struct{}{}
				absent = append(absent, s.keys.named(key.Rollout))
			}
			continue
		}
		if _, member := opening.Place(key.Host); !member {
			results[i].Err = notFound(key)
			continue
		}
		r, err := s.encode(c, opening)
		if err != nil {
			return nil, nil, err
		}
		r.place = i
		rows = append(rows, r)
	}
	return rows, absent, nil
}

// maxAbsent bounds how many rollouts that are not opened are compared with a
// batch; nobody commits to more.
const maxAbsent = 16

func (s *Store) encode(c *adapters.Change, o *opened) (*row, error) {
	r := &row{
		change: c, opening: o,
		recordKey: s.keys.record(o.id, c.Record.Host),
		logKey:    s.keys.log(o.id, c.Record.Host, c.Record.Revision),
		record:    codec.AppendRecord(nil, &c.Record),
	}
	var err error
	if r.log, err = codec.AppendEffects(nil, c.Record.Key, c.Effects); err != nil {
		return nil, err
	}
	for i := range c.Effects {
		if q := c.Effects[i].Quarantine; q != (reducer.Quarantine{}) {
			r.quarantines = append(r.quarantines, q)
		}
	}
	if n := r.size(); n > s.most {
		return nil, &TooLargeError{What: "a change of " + c.Record.Key.String(), Bytes: n, Most: s.most}
	}
	return r, nil
}

// perOperation is what an operation takes in a request beside its key and
// value: a little more than it is.
const perOperation = 24

// size is what a change takes in a request, about: two puts, two compares and
// three reads; and once more the compares where it closes a gate or quarantines.
func (r *row) size() int {
	keys := 3*len(r.recordKey) + 2*len(r.logKey) + 2*len(r.opening.id)
	n := keys + len(r.record) + len(r.log) + 2*idBytes + 9*perOperation
	if r.change.Closes {
		n += len(r.recordKey) + 4*perOperation
	}
	for i := range r.quarantines {
		n += len(r.recordKey) + 8*perOperation + 4*len(r.quarantines[i].Closure) + 4*len(r.quarantines[i].Channel) + len(r.quarantines[i].Why) + len(r.change.Record.Host)
	}
	return n
}

// ordered reports whether a change has to do with the ordering revision.
func (r *row) ordered() bool { return r.change.Guard != 0 || r.change.Closes || len(r.quarantines) > 0 }

// arranged returns the changes as they go out: in the caller's order where they
// fit into one transaction, else with those first that have to do with the
// ordering revision.
func (s *Store) arranged(rows []*row) []*row {
	if s.fitting(rows) == len(rows) {
		return rows
	}
	slices.SortStableFunc(rows, func(a, b *row) int {
		rank := func(r *row) int {
			if r.ordered() {
				return 0
			}
			return 1
		}
		return cmp.Compare(rank(a), rank(b))
	})
	return rows
}

// fitting says how many of the changes go into one transaction; one at least.
func (s *Store) fitting(rows []*row) int {
	bytes, bringing := 0, 0
	for i, r := range rows {
		bytes += r.size()
		bringing += len(r.quarantines)
		if i > 0 && (bytes > s.most || i == maxGroups*groupSize || bringing > maxChain) {
			return i
		}
	}
	return len(rows)
}

// aim says which revision of its record's key each change compares. Those that
// are not remembered are read.
func (s *Store) aim(ctx context.Context, rows []*row) error {
	var missing []string
	of := make(map[string]*row)
	for _, r := range rows {
		known, ok := s.heads.get(r.recordKey)
		switch {
		case r.change.Expect == 0:
			r.mod = 0
		case ok && known.revision == r.change.Expect:
			r.mod = known.mod
		default:
			missing = append(missing, r.recordKey)
			of[r.recordKey] = r
		}
	}
	if len(missing) == 0 {
		return nil
	}
	return s.each(ctx, "reading records", missing, func(key string, kv *mvccpb.KeyValue) error {
		r := of[key]
		r.mod = unknownMod
		h, err := s.headOf(key, kv)
		if err == nil && h.revision == r.change.Expect {
			r.mod = h.mod
		}
		return err
	})
}

// headOf reads a record's head, and remembers it.
func (s *Store) headOf(key string, kv *mvccpb.KeyValue) (head, error) {
	if kv == nil {
		return head{}, nil
	}
	_, rec, err := s.recordIn(kv)
	if err != nil {
		return head{}, err
	}
	h := head{rec.Revision, kv.ModRevision}
	s.heads.set(key, h)
	return h, nil
}

// recordIn decodes the value of a record's key.
func (s *Store) recordIn(kv *mvccpb.KeyValue) (stamp, states.Record, error) {
	by, data, err := unstamped(kv.Value)
	if err != nil {
		return stamp{}, states.Record{}, s.damaged("the key "+string(kv.Key), err)
	}
	rec, err := codec.DecodeRecord(data)
	if err != nil {
		return stamp{}, states.Record{}, s.damaged("the key "+string(kv.Key), err)
	}
	return by, rec, nil
}
