package etcd

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"github.com/rollmend/rollmend/adapters"
	"go.etcd.io/etcd/api/v3/etcdserverpb"
	clientv3 "go.etcd.io/etcd/client/v3"
)

// Store is an [adapters.Store] in an etcd cluster. It is safe for concurrent
// use, by any number of stores in any number of processes.
type Store struct {
	client  *clientv3.Client
	close   func() error
	where   string // for errors
	keys    keys
	timeout time.Duration
	most    int // bytes of a request
	known   *openings
	heads   heads
	writer  writer
	tries   atomic.Uint64 // for stamps
	doubted atomic.Bool   // an answer did not come: see trust
	seen    atomic.Int64  // the newest revision of an answer

	ending sync.Once
	ended  chan struct{} // closed by Close
	closed error
}

// Close ends the store: every later call returns [adapters.ErrClosed].
func (s *Store) Close() error {
	s.ending.Do(func() {
		close(s.ended)
		s.closed = s.close()
	})
	return s.closed
}

// usable says why nothing is served.
func (s *Store) usable(ctx context.Context) error {
	select {
	case <-s.ended:
		return adapters.ErrClosed
	default:
		return ctx.Err()
	}
}

// saw notes the revision of an answer.
func (s *Store) saw(header *etcdserverpb.ResponseHeader) {
	for {
		seen := s.seen.Load()
		if header.GetRevision() <= seen || s.seen.CompareAndSwap(seen, header.GetRevision()) {
			return
		}
	}
}

// turns is how many members the default timeout is meant for: one that is silent
// must not use up all of it.
const turns = 3

// turn is how long one member is waited for, where another one may be asked. A
// longer timeout makes it no longer: it asks more often.
func (s *Store) turn() time.Duration { return min(s.timeout, DefaultTimeout) / turns }

// read reads at one moment, in the newest state that a quorum agreed on. It is
// sent again, for the time of the timeout, while the cluster cannot serve it.
func (s *Store) read(ctx context.Context, doing string, ops ...clientv3.Op) (*clientv3.TxnResponse, error) {
	whole, over := context.WithTimeout(ctx, s.timeout)
	defer over()
	for {
		if err := s.usable(ctx); err != nil {
			return nil, err
		}
		bounded, cancel := context.WithTimeout(whole, s.turn())
		resp, err := s.client.Txn(clientv3.WithRequireLeader(bounded)).Then(ops...).Commit()
		cancel()
		if err == nil {
			s.saw(resp.Header)
			return resp, nil
		}
		if ended := s.usable(ctx); ended != nil {
			return nil, ended
		}
		var unavailable *adapters.UnavailableError
		if err = s.failed(ctx, doing, err); !errors.As(err, &unavailable) {
			return nil, err
		}
		select {
		case <-time.After(pause):
		case <-whole.Done():
			if ended := ctx.Err(); ended != nil {
				return nil, ended
			}
			return nil, err
		}
	}
}
