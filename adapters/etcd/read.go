package etcd

import (
	"cmp"
	"context"
	"fmt"
	"iter"
	"slices"

	"github.com/rollmend/rollmend/adapters"
	"github.com/rollmend/rollmend/internal/codec"
	"github.com/rollmend/rollmend/reducer"
	"github.com/rollmend/rollmend/states"
	"go.etcd.io/etcd/api/v3/mvccpb"
	clientv3 "go.etcd.io/etcd/client/v3"
)

// Fleet implements [adapters.Store]. The members of the openings are shared
// with the store and must not be written to.
func (s *Store) Fleet(ctx context.Context) (adapters.Fleet, error) {
	resp, err := s.read(ctx, "reading the fleet",
		clientv3.OpGet(s.keys.ordering()),
		clientv3.OpGet(s.keys.plans(), clientv3.WithPrefix()),
		clientv3.OpGet(s.keys.quarantines(), clientv3.WithPrefix()))
	if err != nil {
		return adapters.Fleet{}, err
	}
	f := adapters.Fleet{Ordering: versionOf(resp.Responses[0])}
	if f.Ordering == 0 {
		return adapters.Fleet{}, s.damaged("its ordering key is gone", nil)
	}
	for _, kv := range resp.Responses[1].GetResponseRange().GetKvs() {
		if err := s.planned(ctx, &f, kv); err != nil {
			return adapters.Fleet{}, err
		}
	}
	for _, kv := range resp.Responses[2].GetResponseRange().GetKvs() {
		q, err := s.quarantineIn(kv)
		if err != nil {
			return adapters.Fleet{}, err
		}
		f.Quarantines = append(f.Quarantines, q)
	}
	sortQuarantines(f.Quarantines)
	return f, nil
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

// planned adds an entry of the plan to a fleet.
func (s *Store) planned(ctx context.Context, f *adapters.Fleet, kv *mvccpb.KeyValue) error {
	_, data, err := unstamped(kv.Value)
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
		return nil
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
			if have, want := effects[i].Entry.Revision, states.Revision(len(log)); have != want {
				return nil, s.damaged(fmt.Sprintf("the log of %s has entry %d where %d was to be", key, have, want), nil)
			}
			log = append(log, effects[i].Entry)
		}
	}
	return log, nil
}

// page is how many records are read at a time: enough to make a round trip's
// cost small, few enough to hold in memory.
const page = 2000

// Records implements [adapters.Store]. It walks the records in the order of
// their keys.
func (s *Store) Records(ctx context.Context) iter.Seq2[states.Record, error] {
	return func(yield func(states.Record, error) bool) {
		from, end := s.keys.records(), clientv3.GetPrefixRangeEnd(s.keys.records())
		for {
			resp, err := s.read(ctx, "reading records", clientv3.OpGet(from, clientv3.WithRange(end), clientv3.WithLimit(page)))
			if err != nil {
				yield(states.Record{}, err)
				return
			}
			kvs := resp.Responses[0].GetResponseRange().GetKvs()
			for _, kv := range kvs {
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
			from = string(kvs[len(kvs)-1].Key) + "\x00"
		}
	}
}
