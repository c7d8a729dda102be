package etcd

import (
	"context"
	"errors"
	"fmt"

	"github.com/rollmend/rollmend/internal/codec"
	"github.com/rollmend/rollmend/states"
	"go.etcd.io/etcd/api/v3/etcdserverpb"
	"go.etcd.io/etcd/api/v3/mvccpb"
	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	clientv3 "go.etcd.io/etcd/client/v3"
)

// maxBack bounds how many compactions of one log are gone back behind. Between a
// commit and the look for its outcome there is hardly time for one.
const maxBack = 8

// errHidden says that nobody can tell any more whether a change was stored.
var errHidden = errors.New("its log was compacted since, or its rollout forgotten, and the history of that moment is compacted")

// behind looks for a change of the part that its log no longer shows, since the
// log was compacted, or the rollout forgotten, after the change was stored. It
// goes back in the cluster's history to the moment before. One change is enough:
// it says when the part was stored.
func (p *part) behind(ctx context.Context, out *outcome) error {
	var ops []clientv3.Op
	for _, r := range p.rows {
		ops = append(ops, p.store.shows(r, newest)...)
	}
	resp, err := p.store.read(ctx, looking, grouped(ops)...)
	if err != nil {
		return err
	}
	for i, r := range p.rows {
		opening, first := inGroup(resp.Responses, 2*i), inGroup(resp.Responses, 2*i+1)
		if err := p.store.lookBack(ctx, r, out, opening, first); err != nil || len(out.stored) > 0 {
			return err
		}
	}
	return nil
}

const (
	looking = "looking for a commit"
	newest  = 0 // as a revision
)

// shows reads, as of a revision, whether a change's opening is there, and how its
// log begins.
func (s *Store) shows(r *row, at int64) []clientv3.Op {
	return []clientv3.Op{
		clientv3.OpGet(s.keys.opening(r.opening.id), clientv3.WithCountOnly(), clientv3.WithRev(at)),
		clientv3.OpGet(s.keys.logs(r.opening.id, r.change.Record.Host), clientv3.WithPrefix(), clientv3.WithLimit(1), clientv3.WithRev(at)),
	}
}

// lookBack goes back in one log for as long as something hides whether it had a
// change.
func (s *Store) lookBack(ctx context.Context, r *row, out *outcome, opening, first *etcdserverpb.ResponseOp) error {
	for range maxBack {
		since, err := s.hidden(ctx, r, opening, first)
		if err != nil || since == 0 {
			return err
		}
		resp, err := s.read(ctx, looking, append(s.shows(r, since-1), clientv3.OpGet(r.logKey, clientv3.WithRev(since-1)))...)
		if errors.Is(err, rpctypes.ErrCompacted) {
			break
		}
		if err != nil {
			return err
		}
		for _, kv := range resp.Responses[2].GetResponseRange().GetKvs() {
			if by, _, err := unstamped(kv.Value); err == nil && by == out.stamp {
				out.stored[r.logKey], out.revision = true, kv.ModRevision
				return nil
			}
		}
		opening, first = resp.Responses[0], resp.Responses[1]
	}
	return fmt.Errorf("etcd: %s: %w", r.change.Record.Key, errHidden)
}

// hidden says since which revision a log does not show whether it had a change;
// 0: it shows it.
func (s *Store) hidden(ctx context.Context, r *row, opening, first *etcdserverpb.ResponseOp) (since int64, err error) {
	if opening.GetResponseRange().GetCount() == 0 {
		resp, err := s.read(ctx, looking, clientv3.OpGet(s.keys.named(r.change.Record.Rollout)))
		if err != nil {
			return 0, err
		}
		for _, kv := range resp.Responses[0].GetResponseRange().GetKvs() {
			since = kv.ModRevision // by whoever forgot it
		}
		return since, nil
	}
	for _, kv := range first.GetResponseRange().GetKvs() {
		if s.covers(kv, r.change.Record.Revision) {
			since = kv.ModRevision
		}
	}
	return since, nil
}

// covers reports whether a log begins with a snapshot of a revision, or of a
// later one.
func (s *Store) covers(kv *mvccpb.KeyValue, of states.Revision) bool {
	_, data, err := unstamped(kv.Value)
	if err != nil {
		return false
	}
	_, effects, err := codec.DecodeEffects(data)
	return err == nil && len(effects) > 0 && effects[0].Entry.Snapshot != nil && effects[0].Entry.Revision >= of
}

// wrote reports whether a change was stored with the others of its part.
func (p *part) wrote(ctx context.Context, r *row, out outcome) (bool, error) {
	if out.stored[r.logKey] {
		return true, nil
	}
	then, err := p.at(ctx, r.logKey, out.revision) // it may have been compacted or erased since
	if err != nil || then == nil {
		return false, err
	}
	by, _, err := unstamped(then.Value)
	return err == nil && by == out.stamp, nil
}

// at reads a key as it was at a revision.
func (p *part) at(ctx context.Context, key string, revision int64) (*mvccpb.KeyValue, error) {
	bounded, cancel := context.WithTimeout(context.WithoutCancel(ctx), p.store.timeout)
	defer cancel()
	resp, err := p.store.client.Get(bounded, key, clientv3.WithRev(revision))
	if err != nil {
		if errors.Is(err, rpctypes.ErrCompacted) {
			err = fmt.Errorf("the history of that moment is compacted: %w", err)
		}
		return nil, err
	}
	if len(resp.Kvs) == 0 {
		return nil, nil
	}
	return resp.Kvs[0], nil
}
