package etcd

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"strings"

	"github.com/rollmend/rollmend/adapters"
	"github.com/rollmend/rollmend/internal/codec"
	"github.com/rollmend/rollmend/reducer"
	"github.com/rollmend/rollmend/states"
	"go.etcd.io/etcd/api/v3/etcdserverpb"
	"go.etcd.io/etcd/api/v3/mvccpb"
	clientv3 "go.etcd.io/etcd/client/v3"
)

// Fleet implements [adapters.Store]. The members of the openings are shared
// with the store and must not be written to.
func (s *Store) Fleet(ctx context.Context) (adapters.Fleet, error) {
	p, err := s.plan(ctx)
	if err != nil {
		return adapters.Fleet{}, err
	}
	return p.fleet, nil
}

// plan is the fleet as it was read at a revision, and where its openings stand.
type plan struct {
	fleet    adapters.Fleet
	revision int64
	entries  []planned // of the openings, in their order
}

// planned is an opening's entry of the plan.
type planned struct {
	id   string // the opening's
	name string // the entry's own key
	by   stamp  // of whoever opened it
}

// plan reads the plan. Its openings are read after it: where one of them was
// forgotten in between, all is read again.
func (s *Store) plan(ctx context.Context) (*plan, error) {
	gone := &goneError{}
	for try := 1; ; try++ {
		before := gone.id
		p, err := s.readPlan(ctx)
		if !errors.As(err, &gone) || gone.id == before {
			return p, err
		}
		if err := s.again(ctx, try); err != nil {
			return nil, err
		}
	}
}

func (s *Store) readPlan(ctx context.Context) (*plan, error) {
	resp, err := s.read(ctx, "reading the fleet",
		clientv3.OpGet(s.keys.ordering()),
		clientv3.OpGet(s.keys.plans(), clientv3.WithPrefix()),
		clientv3.OpGet(s.keys.quarantines(), clientv3.WithPrefix()))
	if err != nil {
		return nil, err
	}
	p := &plan{revision: resp.Header.GetRevision()}
	p.fleet.Ordering = versionOf(resp.Responses[0])
	if p.fleet.Ordering == 0 {
		return nil, s.damaged("its ordering key is gone", nil)
	}
	for _, kv := range resp.Responses[1].GetResponseRange().GetKvs() {
		if err := s.planned(ctx, p, kv); err != nil {
			return nil, err
		}
	}
	for _, kv := range resp.Responses[2].GetResponseRange().GetKvs() {
		q, err := s.quarantineIn(kv)
		if err != nil {
			return nil, err
		}
		p.fleet.Quarantines = append(p.fleet.Quarantines, q)
	}
	sortQuarantines(p.fleet.Quarantines)
	ids := make([]string, len(p.entries))
	for i := range p.entries {
		ids[i] = p.entries[i].id
	}
	s.known.keep(ids)
	return p, nil
}

func sortQuarantines(list []reducer.Quarantine) {
	slices.SortFunc(list, func(a, b reducer.Quarantine) int {
		return cmp.Or(cmp.Compare(a.Channel, b.Channel), cmp.Compare(a.Closure, b.Closure))
	})
}

// quarantineIn decodes the value of a quarantine's key.
func (s *Store) quarantineIn(kv *mvccpb.KeyValue) (reducer.Quarantine, error) {
	_, data, err := unstamped(kv.Value)
	if err != nil {
		return reducer.Quarantine{}, s.damaged("the key "+string(kv.Key), err)
	}
	q, err := codec.DecodeQuarantine(data)
	if err != nil {
		return reducer.Quarantine{}, s.damaged("the key "+string(kv.Key), err)
	}
	return q, nil
}

// planned adds an entry of the plan to what is read of it.
func (s *Store) planned(ctx context.Context, p *plan, kv *mvccpb.KeyValue) error {
	f := &p.fleet
	by, data, err := unstamped(kv.Value)
	if err == nil && len(data) == 0 {
		err = errNoStamp
	}
	if err != nil {
		return s.damaged("the key "+string(kv.Key), err)
	}
	switch data[0] {
	case planOpening:
		o, err := s.learn(ctx, string(data[1:]))
		if err != nil {
			return err
		}
		f.Openings = append(f.Openings, o.Opening)
		p.entries = append(p.entries, planned{id: o.id, name: string(kv.Key), by: by})
		return nil
	case planForgotten:
		var left forgotten
		if left, err = forgottenIn(data[1:]); err == nil {
			f.Openings = append(f.Openings, left.opening)
			p.entries = append(p.entries, planned{id: left.id, name: string(kv.Key), by: by})
		}
	case planResumption:
		f.Resumptions, err = appended(f.Resumptions, data[1:], codec.DecodeResumption)
	case planClearance:
		f.Clearances, err = appended(f.Clearances, data[1:], codec.DecodeClearance)
	case planImposition:
	default:
		err = fmt.Errorf("an act of kind %q", data[0])
	}
	if err != nil {
		return s.damaged("the key "+string(kv.Key), err)
	}
	return nil
}

func appended[V any](to []V, data []byte, decode func([]byte) (V, error)) ([]V, error) {
	v, err := decode(data)
	return append(to, v), err
}

// member returns what a record was opened with.
func (s *Store) member(ctx context.Context, key states.Key) (*opened, adapters.Member, error) {
	o, err := s.find(ctx, key.Rollout)
	if err != nil {
		return nil, adapters.Member{}, err
	}
	if o == nil {
		return nil, adapters.Member{}, notFound(key)
	}
	i, ok := o.Place(key.Host)
	if !ok {
		return nil, adapters.Member{}, notFound(key)
	}
	return o, o.Members[i], nil
}

// about reads a range that belongs to a record, and makes sure that the
// record's opening still is there.
func (s *Store) about(ctx context.Context, doing string, key states.Key, o *opened, op clientv3.Op) ([]*mvccpb.KeyValue, error) {
	resp, err := s.read(ctx, doing, clientv3.OpGet(s.keys.opening(o.id), clientv3.WithCountOnly()), op)
	if err != nil {
		return nil, err
	}
	if resp.Responses[0].GetResponseRange().GetCount() == 0 {
		s.known.forget(o)
		return nil, notFound(key)
	}
	return resp.Responses[1].GetResponseRange().GetKvs(), nil
}

// Record implements [adapters.Store].
func (s *Store) Record(ctx context.Context, key states.Key) (states.Record, error) {
	if err := s.usable(ctx); err != nil {
		return states.Record{}, err
	}
	o, m, err := s.member(ctx, key)
	if err != nil {
		return states.Record{}, err
	}
	name := s.keys.record(o.id, key.Host)
	kvs, err := s.about(ctx, "reading a record", key, o, clientv3.OpGet(name))
	if err != nil {
		return states.Record{}, err
	}
	if len(kvs) == 0 {
		rec, _, err := o.Record(m)
		return rec, err
	}
	_, rec, err := s.recordIn(kvs[0])
	if err != nil {
		return states.Record{}, err
	}
	s.heads.set(name, head{rec.Revision, kvs[0].ModRevision})
	return rec, nil
}

// Log implements [adapters.Store].
func (s *Store) Log(ctx context.Context, key states.Key) ([]reducer.LogEntry, error) {
	if err := s.usable(ctx); err != nil {
		return nil, err
	}
	o, m, err := s.member(ctx, key)
	if err != nil {
		return nil, err
	}
	_, first, err := o.Record(m)
	if err != nil {
		return nil, err
	}
	kvs, err := s.about(ctx, "reading a log", key, o, clientv3.OpGet(s.keys.logs(o.id, key.Host), clientv3.WithPrefix()))
	if err != nil {
		return nil, err
	}
	log := []reducer.LogEntry{first}
	for _, kv := range kvs {
		_, data, err := unstamped(kv.Value)
		if err != nil {
			return nil, s.damaged("the key "+string(kv.Key), err)
		}
		of, effects, err := codec.DecodeEffects(data)
		if err == nil && of != key {
			err = fmt.Errorf("it is of %s", of)
		}
		if err != nil {
			return nil, s.damaged("the key "+string(kv.Key), err)
		}
		for i := range effects {
			entry := effects[i].Entry
			if entry.Snapshot != nil && len(log) == 1 {
				log = log[:0] // it stands for the opening, too
			} else if want := log[0].Revision + states.Revision(len(log)); entry.Revision != want {
				return nil, s.damaged(fmt.Sprintf("the log of %s has entry %d where %d was to be", key, entry.Revision, want), nil)
			}
			log = append(log, entry)
		}
	}
	return log, nil
}

// page is how many records are read at a time: enough to make a round trip's
// cost small, few enough to hold in memory.
const page = 2000

// Records implements [adapters.Store]. It walks the records in the order of
// their keys, and goes round those that are forgotten and not yet erased.
func (s *Store) Records(ctx context.Context) iter.Seq2[states.Record, error] {
	return func(yield func(states.Record, error) bool) {
		from, end := s.keys.records(), clientv3.GetPrefixRangeEnd(s.keys.records())
		for {
			resp, err := s.read(ctx, "reading records",
				clientv3.OpGet(from, clientv3.WithRange(end), clientv3.WithLimit(page)),
				clientv3.OpGet(s.keys.forgottens(), clientv3.WithPrefix(), clientv3.WithKeysOnly()))
			if err != nil {
				yield(states.Record{}, err)
				return
			}
			kvs := resp.Responses[0].GetResponseRange().GetKvs()
			erasing := idsIn(resp.Responses[1], s.keys.forgottens())
			next := ""
			for _, kv := range kvs {
				id := idOf(kv, s.keys.records())
				next = string(kv.Key) + "\x00"
				if erasing[id] {
					next = clientv3.GetPrefixRangeEnd(s.keys.recordsOf(id))
					continue
				}
				_, rec, err := s.recordIn(kv)
				if err == nil {
					err = ctx.Err()
				}
				if err != nil {
					yield(states.Record{}, err)
					return
				}
				s.heads.set(string(kv.Key), head{rec.Revision, kv.ModRevision})
				if !yield(rec, nil) {
					return
				}
			}
			if len(kvs) < page {
				return
			}
			from = next
		}
	}
}

// idOf is the opening's id in a key that begins so.
func idOf(kv *mvccpb.KeyValue, begins string) string {
	id, _, _ := strings.Cut(string(kv.Key[len(begins):]), "/")
	return id
}

// idsIn are the ids of openings in an answer's keys.
func idsIn(answer *etcdserverpb.ResponseOp, begins string) map[string]bool {
	ids := make(map[string]bool)
	for _, kv := range answer.GetResponseRange().GetKvs() {
		ids[idOf(kv, begins)] = true
	}
	return ids
}
