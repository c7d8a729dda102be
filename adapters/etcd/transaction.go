package etcd

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/rollmend/rollmend/adapters"
	"go.etcd.io/etcd/api/v3/etcdserverpb"
	"go.etcd.io/etcd/api/v3/mvccpb"
	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	clientv3 "go.etcd.io/etcd/client/v3"
)

// A server refuses a transaction with more than 128 compares or operations
// (--max-txn-ops), where a transaction inside another has what the outer one
// leaves. So a batch is a list of groups, each a list of changes, and each
// change a transaction of its own compares.
const (
	maxGroups = 30
	groupSize = 40
)

const (
	// maxTries bounds how often a transaction is made anew that met another.
	maxTries = 8

	// pause is the wait before something is sent again.
	pause = 50 * time.Millisecond

	// settleTimeouts is how many timeouts a commit whose answer was lost looks
	// for its outcome: an election and the restart of a member are over then.
	settleTimeouts = 3
)

// send sends a transaction. While the cluster has no leader it asks when there
// is one, and then sends it again: what is asked has no effect, so that time
// which runs out over it leaves nothing in doubt. Once the transaction is sent
// nothing cuts it short but the timeout: the answer would be lost. sure says of
// an error that the transaction had no effect, and never will have.
func (s *Store) send(ctx context.Context, doing string, ifs []clientv3.Cmp, then, otherwise []clientv3.Op) (resp *clientv3.TxnResponse, sure bool, err error) {
	tries, over := context.WithTimeout(ctx, s.timeout)
	defer over()
	for {
		if err := s.usable(ctx); err != nil {
			return nil, true, err
		}
		resp, err = s.transact(context.WithoutCancel(ctx), ifs, then, otherwise)
		if err == nil {
			return resp, true, nil
		}
		if !errors.Is(err, rpctypes.ErrNoLeader) || tries.Err() != nil {
			return nil, refused(err), err
		}
		if _, unserved := s.read(tries, doing, clientv3.OpGet(s.keys.ordering())); unserved != nil && s.usable(ctx) == nil {
			return nil, true, err
		}
	}
}

// transact sends a transaction once.
func (s *Store) transact(ctx context.Context, ifs []clientv3.Cmp, then, otherwise []clientv3.Op) (*clientv3.TxnResponse, error) {
	bounded, cancel := context.WithTimeout(clientv3.WithRequireLeader(ctx), s.timeout)
	defer cancel()
	resp, err := s.client.Txn(bounded).If(ifs...).Then(then...).Else(otherwise...).Commit()
	if err == nil {
		s.saw(resp.Header)
	}
	return resp, err
}

// write is a transaction that is to be stored once.
type write struct {
	doing string

	// build makes the transaction of a stamp. What it compares outside of its
	// single changes must never hold again once it does not.
	build func(stamp) ([]clientv3.Cmp, []clientv3.Op)

	// marks are keys of which it writes at least one, with its stamp, if it
	// stores anything.
	marks []string

	// behind, if it is set, looks for a write none of whose marks bears its stamp:
	// they may have been there. It notes in the outcome what it finds.
	behind func(context.Context, *outcome) error
}

// outcome is what became of a write: the answer, or, where that was lost, what
// was found.
type outcome struct {
	stamp stamp
	resp  *clientv3.TxnResponse

	revision int64           // that it was stored at
	stored   map[string]bool // the marks that it wrote
}

// store sends a write. After an error nothing is stored, unless the error is
// [adapters.ErrUnknownOutcome]; errAgain asks for a new one.
func (s *Store) store(ctx context.Context, w write) (outcome, error) {
	if err := s.trust(ctx, w.doing); err != nil {
		return outcome{}, err
	}
	fence, err := s.fence(ctx)
	if err != nil {
		return outcome{}, s.failed(ctx, w.doing, err)
	}
	st := stamp{writer: s.writer.id, try: s.tries.Add(1)}
	ifs, then := w.build(st)
	ifs = append(ifs, clientv3.Compare(clientv3.ModRevision(s.keys.writer(s.writer.id)), "=", fence))
	resp, sure, err := s.send(ctx, w.doing, ifs, then, nil)
	switch {
	case err == nil && resp.Succeeded:
		return outcome{stamp: st, resp: resp, revision: resp.Header.GetRevision()}, nil
	case err == nil:
		s.unfence(fence)
		return s.before(ctx, w, st)
	case sure:
		return outcome{}, s.failed(ctx, w.doing, err)
	}
	return s.settle(ctx, w, st, err)
}

// before finds out whether a write that found other things than it was made for
// was stored before: the client sends a request again where a server answers
// that its time ran out, and what was found then is the first copy's work.
func (s *Store) before(ctx context.Context, w write, st stamp) (outcome, error) {
	out, err := s.marked(ctx, w, st)
	switch {
	case err != nil:
		return s.settle(ctx, w, st, err)
	case len(out.stored) > 0:
		return out, nil
	}
	return outcome{}, errAgain
}

// trust makes sure, after an answer did not come, that the cluster serves
// again before anything else is written to it: what cannot be sent is refused,
// not doubted.
func (s *Store) trust(ctx context.Context, doing string) error {
	if !s.doubted.Load() {
		return s.usable(ctx)
	}
	if _, err := s.read(ctx, doing, clientv3.OpGet(s.keys.ordering())); err != nil {
		return err
	}
	s.doubted.Store(false)
	return nil
}

// settle finds out what became of a write whose answer was lost. It first puts
// a new fence: a transaction that is still on its way stores nothing from then
// on. Then it reads whether the write is there.
func (s *Store) settle(ctx context.Context, w write, st stamp, cause error) (outcome, error) {
	s.doubted.Store(true)
	bounded, cancel := context.WithTimeout(context.WithoutCancel(ctx), settleTimeouts*s.timeout)
	defer cancel()
	for {
		out, err := s.lookFor(bounded, w, st)
		switch {
		case err == nil && len(out.stored) > 0:
			return out, nil
		case err == nil && ctx.Err() != nil:
			return outcome{}, ctx.Err()
		case err == nil:
			return outcome{}, errAgain
		}
		select {
		case <-time.After(pause):
			if !errors.Is(err, adapters.ErrClosed) && !errors.Is(err, errHidden) {
				continue
			}
		case <-bounded.Done():
		}
		return outcome{}, fmt.Errorf("etcd: %s: %s: %w: %w (%w)", s.where, w.doing, adapters.ErrUnknownOutcome, cause, err)
	}
}

// lookFor ends a write that may still be on its way, and then reads whether it
// is there.
func (s *Store) lookFor(ctx context.Context, w write, st stamp) (outcome, error) {
	if err := s.refence(ctx); err != nil {
		return outcome{}, err
	}
	return s.marked(ctx, w, st)
}

// marked reads which of a write's marks bear its stamp.
func (s *Store) marked(ctx context.Context, w write, st stamp) (outcome, error) {
	out := outcome{stamp: st, stored: make(map[string]bool)}
	err := s.each(ctx, w.doing, w.marks, func(key string, kv *mvccpb.KeyValue) error {
		if kv == nil {
			return nil
		}
		if by, _, err := unstamped(kv.Value); err == nil && by == st {
			out.stored[key], out.revision = true, kv.ModRevision
		}
		return nil
	})
	if err == nil && len(out.stored) == 0 && w.behind != nil {
		err = w.behind(ctx, &out)
	}
	return out, err
}

// each reads keys, as many as a batch has, at one moment. Where there is no
// such key, f gets nil for it.
func (s *Store) each(ctx context.Context, doing string, keys []string, f func(string, *mvccpb.KeyValue) error) error {
	ops := make([]clientv3.Op, len(keys))
	for i, key := range keys {
		ops[i] = clientv3.OpGet(key)
	}
	resp, err := s.read(ctx, doing, grouped(ops)...)
	if err != nil {
		return err
	}
	for i, key := range keys {
		var kv *mvccpb.KeyValue
		if kvs := inGroup(resp.Responses, i).GetResponseRange().GetKvs(); len(kvs) > 0 {
			kv = kvs[0]
		}
		if err := f(key, kv); err != nil {
			return err
		}
	}
	return nil
}

// grouped puts operations into transactions without compares.
func grouped(ops []clientv3.Op) []clientv3.Op {
	groups := make([]clientv3.Op, 0, len(ops)/groupSize+1)
	for ; len(ops) > groupSize; ops = ops[groupSize:] {
		groups = append(groups, clientv3.OpTxn(nil, ops[:groupSize], nil))
	}
	return append(groups, clientv3.OpTxn(nil, ops, nil))
}

// inGroup finds the answer to an operation that was grouped.
func inGroup(groups []*etcdserverpb.ResponseOp, i int) *etcdserverpb.ResponseOp {
	return groups[i/groupSize].GetResponseTxn().GetResponses()[i%groupSize]
}

// again waits a random moment before the next try, or says that there is none.
func (s *Store) again(ctx context.Context, try int) error {
	if try == maxTries {
		return &ContentionError{Where: s.where, Tries: try}
	}
	select {
	case <-time.After(rand.N(time.Duration(try) * 5 * time.Millisecond)):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
