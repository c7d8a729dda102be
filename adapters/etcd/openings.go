package etcd

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"sync"

	"github.com/rollmend/rollmend/adapters"
	"github.com/rollmend/rollmend/internal/codec"
	"github.com/rollmend/rollmend/states"
	"go.etcd.io/etcd/api/v3/mvccpb"
	clientv3 "go.etcd.io/etcd/client/v3"
)

// openings remembers what was opened. An opening never changes, and its id is
// drawn at random, so one that was read once is right until it is forgotten;
// whether it still is there, the cluster says.
type openings struct {
	mu        sync.RWMutex
	byID      map[string]*opened
	byRollout map[states.Rollout]*opened
}

type opened struct {
	adapters.Opening
	id string
}

func newOpenings() *openings {
	return &openings{byID: make(map[string]*opened), byRollout: make(map[states.Rollout]*opened)}
}

func (k *openings) add(o *opened) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.byID[o.id] = o
	k.byRollout[o.Rollout] = o
}

func (k *openings) forget(o *opened) {
	k.mu.Lock()
	defer k.mu.Unlock()
	delete(k.byID, o.id)
	if k.byRollout[o.Rollout] == o {
		delete(k.byRollout, o.Rollout)
	}
}

// keep drops all openings but these: others may have forgotten rollouts, whose
// members would be remembered for ever.
func (k *openings) keep(ids []string) {
	there := make(map[string]bool, len(ids))
	for _, id := range ids {
		there[id] = true
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	for id, o := range k.byID {
		if there[id] {
			continue
		}
		delete(k.byID, id)
		if k.byRollout[o.Rollout] == o {
			delete(k.byRollout, o.Rollout)
		}
	}
}

func (k *openings) named(r states.Rollout) *opened {
	k.mu.RLock()
	defer k.mu.RUnlock()
	return k.byRollout[r]
}

func (k *openings) withID(id string) *opened {
	k.mu.RLock()
	defer k.mu.RUnlock()
	return k.byID[id]
}

// find returns the opening of a rollout, nil where there is none. One that was
// forgotten has no members.
func (s *Store) find(ctx context.Context, r states.Rollout) (*opened, error) {
	if o := s.known.named(r); o != nil {
		return o, nil
	}
	o, err := s.readNamed(ctx, r)
	if gone := new(goneError); errors.As(err, &gone) {
		o, err = s.readNamed(ctx, r) // by now it says that it is forgotten
	}
	return o, err
}

func (s *Store) readNamed(ctx context.Context, r states.Rollout) (*opened, error) {
	resp, err := s.read(ctx, "reading an opening", clientv3.OpGet(s.keys.named(r)))
	if err != nil {
		return nil, err
	}
	kvs := resp.Responses[0].GetResponseRange().GetKvs()
	switch {
	case len(kvs) == 0:
		return nil, nil
	case len(kvs[0].Value) != idLength:
		return &opened{Opening: adapters.Opening{Rollout: r}}, nil
	}
	return s.learn(ctx, string(kvs[0].Value))
}

// goneError says that an opening is not there. That is damage, unless it was
// forgotten after its id was read.
type goneError struct {
	id string
	error
}

func (e *goneError) Unwrap() error { return e.error }

func (s *Store) gone(id string) error {
	return &goneError{id, s.damaged(fmt.Sprintf("the opening %s is gone", id), nil)}
}

// learn reads an opening by its id. The error is a [*goneError] where it is not
// there.
func (s *Store) learn(ctx context.Context, id string) (*opened, error) {
	if o := s.known.withID(id); o != nil {
		return o, nil
	}
	const doing = "reading an opening"
	resp, err := s.read(ctx, doing, clientv3.OpGet(s.keys.opening(id)))
	if err != nil {
		return nil, err
	}
	kvs := resp.Responses[0].GetResponseRange().GetKvs()
	if len(kvs) == 0 {
		return nil, s.gone(id)
	}
	pieces, err := strconv.Atoi(string(kvs[0].Value))
	if err != nil || pieces < 1 || pieces > maxPieces {
		return nil, s.damaged(fmt.Sprintf("the opening %s has %q pieces", id, kvs[0].Value), err)
	}
	var text []byte
	for n := range pieces { // each by itself: together they may exceed what an answer holds
		err := s.each(ctx, doing, []string{s.keys.opening(id), s.keys.piece(id, n)}, func(key string, kv *mvccpb.KeyValue) error {
			switch {
			case key == s.keys.opening(id) && kv == nil:
				return s.gone(id) // and perhaps a piece is erased already
			case kv == nil:
				return s.damaged(fmt.Sprintf("piece %d of the opening %s is gone", n, id), nil)
			case key != s.keys.opening(id):
				text = append(text, kv.Value...)
			}
			return nil
		})
		if err != nil {
			return nil, err
		}
	}
	o, err := codec.DecodeOpening(text)
	if err != nil {
		return nil, s.damaged("the opening "+id, err)
	}
	known := &opened{Opening: o, id: id}
	s.known.add(known)
	return known, nil
}
