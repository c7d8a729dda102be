package memory

import (
	"cmp"
	"context"
	"maps"
	"slices"

	"github.com/rollmend/rollmend/adapters"
	"github.com/rollmend/rollmend/internal/codec"
	"github.com/rollmend/rollmend/states"
)

// Replica is a store on the contents of another, as a second process would have
// it: what one of them stores is news to the others. It is for tests and
// simulations of several control planes.
type Replica struct{ *Store }

var (
	_ adapters.Store    = (*Replica)(nil)
	_ adapters.Follower = (*Replica)(nil)
)

// Replica returns another store on the same contents. Closing one of them
// closes all.
func (s *Store) Replica() *Replica { return &Replica{s} }

// Commit implements [adapters.Store].
func (r *Replica) Commit(ctx context.Context, changes []adapters.Change) ([]adapters.Result, error) {
	return r.commit(ctx, changes, r)
}

// Enact implements [adapters.Store].
func (r *Replica) Enact(ctx context.Context, acts []adapters.Act) error {
	return r.Store.enactBy(ctx, acts, r)
}

// maxNews bounds how many changed records are kept for one that does not ask;
// above that it reads everything again.
const maxNews = 1 << 16

// following is a replica's place in what the others store.
type following struct {
	replica *Replica
	bell    chan struct{} // holds a value while there may be news
	ended   chan struct{}

	changed map[states.Key]bool // guarded by the store's lock
	reload  bool                // likewise
	closed  bool                // likewise
}

// Follow implements [adapters.Follower].
func (r *Replica) Follow(ctx context.Context) (adapters.Following, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if err := r.usable(ctx); err != nil {
		return nil, err
	}
	f := &following{
		replica: r, bell: make(chan struct{}, 1), ended: make(chan struct{}), changed: make(map[states.Key]bool),
	}
	r.followings = append(r.followings, f)
	return f, nil
}

// tell notes for every following what a writer stored: a record, or, with a nil
// key, an act. The caller holds the lock.
func (s *Store) tell(by *Replica, key *states.Key) {
	for _, f := range s.followings {
		switch {
		case by == f.replica && key != nil:
			delete(f.changed, *key)
			continue
		case by == f.replica:
			continue
		case key == nil || len(f.changed) >= maxNews:
			f.reload = true
			clear(f.changed)
		default:
			f.changed[*key] = true
		}
		f.ring()
	}
}

func (f *following) ring() {
	select {
	case f.bell <- struct{}{}:
	default:
	}
}

// Wait implements [adapters.Following].
func (f *following) Wait(ctx context.Context) error {
	select {
	case <-f.bell:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	case <-f.ended:
		return adapters.ErrClosed
	}
}

// News implements [adapters.Following].
func (f *following) News(ctx context.Context) (adapters.News, error) {
	s := f.replica.Store
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.usable(ctx); err != nil {
		return adapters.News{}, err
	}
	if f.reload {
		f.reload = false
		clear(f.changed)
		return adapters.News{Reload: true}, nil
	}
	news := adapters.News{Ordering: s.ordering, Quarantines: s.inForce()}
	for _, key := range slices.SortedFunc(maps.Keys(f.changed), func(a, b states.Key) int { return cmp.Compare(a.String(), b.String()) }) {
		h := s.histories[key]
		rec, err := codec.DecodeChangedRecord(h.changes[len(h.changes)-1])
		if err != nil {
			return adapters.News{}, err
		}
		news.Changed = append(news.Changed, rec)
	}
	clear(f.changed)
	return news, nil
}

// Close implements [adapters.Following].
func (f *following) Close() error {
	s := f.replica.Store
	s.mu.Lock()
	defer s.mu.Unlock()
	if !f.closed {
		f.closed = true
		close(f.ended)
		s.followings = slices.DeleteFunc(s.followings, func(g *following) bool { return g == f })
	}
	return nil
}
