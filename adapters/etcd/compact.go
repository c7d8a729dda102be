package etcd

import (
	"context"
	"errors"
	"fmt"

	"github.com/rollmend/rollmend/adapters"
	"github.com/rollmend/rollmend/internal/codec"
	"github.com/rollmend/rollmend/reducer"
	"github.com/rollmend/rollmend/states"
	"go.etcd.io/etcd/api/v3/mvccpb"
	clientv3 "go.etcd.io/etcd/client/v3"
)

var _ adapters.Compactor = (*Store)(nil)

// Compact implements [adapters.Compactor], in one transaction for a batch that
// fits into a request; a larger one takes several, and should one of them fail,
// the error is an [adapters.ErrUnknownOutcome], since others may be stored. The
// servers give the room back when their own history is compacted.
func (s *Store) Compact(ctx context.Context, snapshots []reducer.LogEntry) ([]adapters.Result, error) {
	if err := s.usable(ctx); err != nil {
		return nil, err
	}
	results := make([]adapters.Result, len(snapshots))
	rest, err := s.compactions(ctx, snapshots, results)
	if err != nil {
		return nil, err
	}
	for stored := false; len(rest) > 0; {
		n := s.compactable(rest)
		some := &compacting{store: s, rows: rest[:n], results: results, stored: stored}
		if err := some.compact(ctx); err != nil {
			if some.stored && !errors.Is(err, adapters.ErrUnknownOutcome) {
				err = fmt.Errorf("etcd: %s: a part of the batch is compacted: %w: %w", s.where, adapters.ErrUnknownOutcome, err)
			}
			return nil, err
		}
		rest, stored = rest[n:], some.stored
	}
	return results, nil
}

// compaction is one snapshot on its way.
type compaction struct {
	entry   *reducer.LogEntry
	place   int // in the batch that the caller handed over
	opening *opened

	recordKey string
	logs      string // where the log begins
	logKey    string // its newest key, whose place the snapshot takes
	data      []byte
	mod       int64 // of the record that the snapshot was compared with
}

// compactions encodes the snapshots. Those of records that were never opened get
// their result.
func (s *Store) compactions(ctx context.Context, snapshots []reducer.LogEntry, results []adapters.Result) (rows []*compaction, err error) {
	seen := make(map[states.Key]struct{}, len(snapshots))
	for i := range snapshots {
		e := &snapshots[i]
		key := e.Event.Key
		if _, twice := seen[key]; twice {
			return nil, fmt.Errorf("etcd: %s stands twice in a batch", key)
		}
		seen[key] = struct{}{}
		data, err := codec.AppendSnapshot(nil, e)
		if err != nil {
			return nil, err
		}
		o, err := s.find(ctx, key.Rollout)
		if err != nil {
			return nil, err
		}
		if o == nil {
			results[i].Err = notFound(key)
			continue
		}
		if _, member := o.Place(key.Host); !member {
			results[i].Err = notFound(key)
			continue
		}
		c := &compaction{
			entry: e, place: i, opening: o, data: data,
			recordKey: s.keys.record(o.id, key.Host),
			logs:      s.keys.logs(o.id, key.Host),
			logKey:    s.keys.log(o.id, key.Host, e.Revision),
		}
		if n := c.size(); n > s.most {
			return nil, &TooLargeError{What: "a snapshot of " + key.String(), Bytes: n, Most: s.most}
		}
		rows = append(rows, c)
	}
	return rows, nil
}

// size is what a compaction takes in a request, about: a put, an erased range, a
// read, and two compares.
func (c *compaction) size() int {
	return 2*len(c.recordKey) + 4*len(c.logKey) + len(c.data) + idBytes + 8*perOperation
}

// compactable says how many of the snapshots go into one transaction; one at
// least.
func (s *Store) compactable(rows []*compaction) int {
	bytes := 0
	for i, c := range rows {
		bytes += c.size()
		if i > 0 && (bytes > s.most || i == maxGroups*groupSize) {
			return i
		}
	}
	return len(rows)
}

// compacting is a batch of snapshots, or so much of it as goes into one
// transaction.
type compacting struct {
	store   *Store
	rows    []*compaction
	results []adapters.Result
	stored  bool // whether any snapshot is
}

// compact stores the snapshots that fit. One whose record changed since it was
// compared goes round again, and is told why it does not fit.
func (c *compacting) compact(ctx context.Context) error {
	for try := 1; ; try++ {
		if err := c.compare(ctx); err != nil {
			return err
		}
		if len(c.rows) == 0 {
			return nil
		}
		out, err := c.store.store(ctx, c.write())
		switch {
		case err == nil:
			c.answered(&out)
		case !errors.Is(err, errAgain):
			return err
		}
		if len(c.rows) == 0 {
			return nil
		}
		if err := c.store.again(ctx, try); err != nil {
			return err
		}
	}
}

const compactingDoes = "a compaction"

// compare reads the records, and leaves those snapshots that give theirs.
func (c *compacting) compare(ctx context.Context) error {
	there := make(map[string]bool)
	of := make(map[string]*compaction, len(c.rows))
	var names []string
	for _, r := range c.rows {
		opening := c.store.keys.opening(r.opening.id)
		if _, noted := there[opening]; !noted {
			there[opening] = false
			names = append(names, opening)
		}
	}
	for _, r := range c.rows {
		of[r.recordKey] = r
		names = append(names, r.recordKey)
	}
	var fit []*compaction
	err := c.store.each(ctx, compactingDoes, names, func(name string, kv *mvccpb.KeyValue) error {
		r := of[name]
		if r == nil {
			there[name] = kv != nil
			return nil
		}
		err := c.store.refuses(r, there[c.store.keys.opening(r.opening.id)], kv)
		if c.results[r.place].Err = err; err == nil {
			fit = append(fit, r)
		}
		return nil
	})
	c.rows = fit
	return err
}

// refuses says why a snapshot cannot take the place of its log, nil where it
// can.
func (s *Store) refuses(c *compaction, there bool, kv *mvccpb.KeyValue) error {
	key := c.entry.Event.Key
	switch {
	case !there:
		s.known.forget(c.opening)
		return notFound(key)
	case kv == nil:
		return &adapters.ConflictError{Key: key, Expected: c.entry.Revision}
	}
	_, rec, err := s.recordIn(kv)
	switch {
	case err != nil:
		return &adapters.SnapshotError{Key: key, Reason: "the record cannot be read: " + err.Error()}
	case rec.Revision != c.entry.Revision:
		return &adapters.ConflictError{Key: key, Expected: c.entry.Revision, Found: rec.Revision}
	case !rec.Equal(&c.entry.Snapshot.Record):
		return &adapters.SnapshotError{Key: key, Reason: "its snapshot gives another record than the one that is stored"}
	}
	c.mod = kv.ModRevision
	s.heads.set(c.recordKey, head{rec.Revision, kv.ModRevision})
	return nil
}

// write is the transaction: one inside it for each snapshot.
func (c *compacting) write() write {
	w := write{doing: compactingDoes}
	for _, r := range c.rows {
		w.marks = append(w.marks, r.logKey)
	}
	w.build = func(st stamp) ([]clientv3.Cmp, []clientv3.Op) {
		snapshots := make([]clientv3.Op, len(c.rows))
		for i, r := range c.rows {
			ifs := []clientv3.Cmp{
				clientv3.Compare(clientv3.CreateRevision(c.store.keys.opening(r.opening.id)), ">", 0),
				clientv3.Compare(clientv3.ModRevision(r.recordKey), "=", r.mod),
			}
			then := []clientv3.Op{
				clientv3.OpDelete(r.logs, clientv3.WithRange(r.logKey)),
				clientv3.OpPut(r.logKey, string(append(st.append(nil), r.data...))),
			}
			snapshots[i] = clientv3.OpTxn(ifs, then, []clientv3.Op{clientv3.OpGet(r.logKey)})
		}
		return nil, grouped(snapshots)
	}
	return w
}

// answered takes the snapshots out that are stored, by the answer or by what was
// found where it was lost. One that was refused and is there all the same was
// stored by a first copy of the request: see [Store.before].
func (c *compacting) answered(out *outcome) {
	var rest []*compaction
	for i, r := range c.rows {
		stored := out.stored[r.logKey]
		if out.resp != nil {
			answer := inGroup(out.resp.Responses, i).GetResponseTxn()
			stored = answer.Succeeded
			if !stored {
				for _, kv := range answer.Responses[0].GetResponseRange().GetKvs() {
					by, _, err := unstamped(kv.Value)
					stored = err == nil && by == out.stamp
				}
			}
		}
		if stored {
			c.stored = true
		} else {
			rest = append(rest, r)
		}
	}
	c.rows = rest
}
