package etcd

import (
	"context"
	"errors"
	"sync"
	"time"

	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	clientv3 "go.etcd.io/etcd/client/v3"
)

// writer is a store's own key, its fence. Every transaction of the store
// compares the key's revision, so that putting it anew ends all that are still
// on their way, wherever they are held up.
type writer struct {
	id string // random, of idBytes

	mu    sync.Mutex
	fence int64 // the key's revision; 0: it must be put
	lease clientv3.LeaseID
}

// writerLife is how long a writer's key is there, in seconds: long, since
// putting it again is a round trip, and not for ever, since a process that is
// killed leaves it behind. To lose it is harmless: what was made for it stores
// nothing and is made anew.
const writerLife = 3600

// fence returns the revision of the store's fence, and puts it where there is
// none.
func (s *Store) fence(ctx context.Context) (int64, error) {
	s.writer.mu.Lock()
	defer s.writer.mu.Unlock()
	if s.writer.fence != 0 {
		return s.writer.fence, nil
	}
	err := s.putFence(ctx)
	return s.writer.fence, err
}

// refence puts a new fence.
func (s *Store) refence(ctx context.Context) error {
	s.writer.mu.Lock()
	defer s.writer.mu.Unlock()
	return s.putFence(ctx)
}

// unfence forgets a fence that is no longer there.
func (s *Store) unfence(revision int64) {
	s.writer.mu.Lock()
	defer s.writer.mu.Unlock()
	if s.writer.fence == revision {
		s.writer.fence = 0
	}
}

// putFence puts the fence. Should its answer be lost, a later look finds that
// the fence is not the one that it knows, and puts another. It asks for no more
// than one thing of one member at a time, so that of several members of which
// one is silent another is met at the next try.
func (s *Store) putFence(ctx context.Context) error {
	s.writer.fence = 0
	whole, cancel := context.WithTimeout(ctx, s.timeout)
	defer cancel()
	for {
		err := s.tryFence(whole)
		if err == nil || refused(err) && !errors.Is(err, rpctypes.ErrNoLeader) && !errors.Is(err, rpctypes.ErrLeaseNotFound) {
			return err
		}
		select {
		case <-time.After(pause):
		case <-whole.Done():
			return err
		}
	}
}

func (s *Store) tryFence(ctx context.Context) error {
	if err := s.usable(ctx); err != nil {
		return err
	}
	bounded, cancel := context.WithTimeout(clientv3.WithRequireLeader(ctx), s.turn())
	defer cancel()
	if s.writer.lease == 0 {
		lease, err := s.client.Grant(bounded, writerLife)
		if err != nil {
			return err
		}
		s.writer.lease = lease.ID
	}
	resp, err := s.client.Put(bounded, s.keys.writer(s.writer.id), "", clientv3.WithLease(s.writer.lease))
	if errors.Is(err, rpctypes.ErrLeaseNotFound) {
		s.writer.lease = 0
		return err
	}
	if err != nil {
		return err
	}
	s.saw(resp.Header)
	s.writer.fence = resp.Header.GetRevision()
	return nil
}
