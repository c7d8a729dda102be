package etcd

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/rollmend/rollmend/adapters"
	"github.com/rollmend/rollmend/reducer"
	"github.com/rollmend/rollmend/states"
	"go.etcd.io/etcd/api/v3/mvccpb"
	clientv3 "go.etcd.io/etcd/client/v3"
)

var _ adapters.Follower = (*Store)(nil)

// maxNews bounds how many changed records are kept for a reader that does not
// ask; above that it reads everything again.
const maxNews = 1 << 16

const (
	// watchAgain is the wait before a watch that ended is begun again.
	watchAgain = 100 * time.Millisecond

	// progressAgain is the wait before a watch is asked again how far it is.
	progressAgain = 20 * time.Millisecond
)

// following is a watch, and what it has told.
type following struct {
	store  *Store
	ctx    context.Context // the watch's
	cancel context.CancelFunc
	ended  chan struct{} // closed when the watch has ended
	bell   chan struct{} // holds a value while there may be news

	mu          sync.Mutex
	moved       chan struct{} // closed, and made anew, when anything below changes
	reached     int64         // the revision up to which everything is told; 0: unknown
	ordering    adapters.Ordering
	quarantines map[string]reducer.Quarantine // by key
	changed     map[string]states.Record      // by key
	reload      bool
}

// Follow implements [adapters.Follower], by a watch from the revision that it
// begins at. A watcher that fell behind what the cluster has compacted reads
// everything again.
func (s *Store) Follow(ctx context.Context) (adapters.Following, error) {
	f := &following{
		store: s, ended: make(chan struct{}), bell: make(chan struct{}, 1), moved: make(chan struct{}),
	}
	if err := f.begin(ctx); err != nil {
		return nil, err
	}
	f.ctx, f.cancel = context.WithCancel(clientv3.WithRequireLeader(context.Background()))
	go f.run()
	return f, nil
}

// begin reads where the following stands.
func (f *following) begin(ctx context.Context) error {
	s := f.store
	resp, err := s.read(ctx, "following", clientv3.OpGet(s.keys.ordering()), clientv3.OpGet(s.keys.quarantines(), clientv3.WithPrefix()))
	if err != nil {
		return err
	}
	quarantines := make(map[string]reducer.Quarantine)
	for _, kv := range resp.Responses[1].GetResponseRange().GetKvs() {
		if quarantines[string(kv.Key)], err = s.quarantineIn(kv); err != nil {
			return err
		}
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.ordering, f.quarantines = versionOf(resp.Responses[0]), quarantines
	f.changed = make(map[string]states.Record)
	f.reach(resp.Header.GetRevision())
	return nil
}

// reach notes progress. The caller holds the lock.
func (f *following) reach(revision int64) {
	f.reached = revision
	close(f.moved)
	f.moved = make(chan struct{})
}

// run watches until the following is closed.
func (f *following) run() {
	defer close(f.ended)
	for f.store.usable(f.ctx) == nil {
		f.mu.Lock()
		from := f.reached
		f.mu.Unlock()
		if from != 0 {
			f.watch(from)
		} else if f.begin(f.ctx) == nil {
			continue
		}
		select {
		case <-time.After(watchAgain):
		case <-f.store.ended:
		case <-f.ctx.Done():
		}
	}
}

// watch takes in what is stored behind a revision, until the watch ends.
func (f *following) watch(from int64) {
	ctx, cancel := context.WithCancel(f.ctx)
	defer cancel()
	k := f.store.keys
	for resp := range f.store.client.Watch(ctx, k.ordering(), clientv3.WithRange(k.schema()), clientv3.WithRev(from+1)) {
		switch {
		case resp.CompactRevision != 0:
			f.lost()
			return
		case resp.Err() != nil:
			return
		case resp.IsProgressNotify():
			f.mu.Lock()
			if at := resp.Header.GetRevision(); at > f.reached {
				f.reach(at)
			}
			f.mu.Unlock()
		case len(resp.Events) > 0:
			if err := f.take(resp.Events); err != nil {
				f.lost()
				return
			}
		}
	}
}

// lost notes that the watch cannot go on where it was: everything is to be read
// again.
func (f *following) lost() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.reload = true
	f.reach(0)
	f.ring()
}

func (f *following) ring() {
	select {
	case f.bell <- struct{}{}:
	default:
	}
}

// take takes in the events of one or several whole revisions.
func (f *following) take(events []*clientv3.Event) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	news := false
	for _, ev := range events {
		others, err := f.event(ev)
		if err != nil {
			return err
		}
		news = news || others
	}
	f.reach(events[len(events)-1].Kv.ModRevision)
	if news {
		f.ring()
	}
	return nil
}

// event takes in one event, and reports whether others are behind it. A record
// that this store wrote itself needs no telling, nor what others had made of it
// before.
func (f *following) event(ev *clientv3.Event) (others bool, err error) {
	s, key := f.store, string(ev.Kv.Key)
	switch {
	case key == s.keys.ordering():
		f.ordering = adapters.Ordering(ev.Kv.Version)
		return false, nil
	case strings.HasPrefix(key, s.keys.records()) && ev.Type == mvccpb.Event_DELETE:
		return false, nil // erased: that it is forgotten was told
	case strings.HasPrefix(key, s.keys.quarantines()):
		if ev.Type == mvccpb.Event_DELETE {
			delete(f.quarantines, key)
			return true, nil
		}
		f.quarantines[key], err = s.quarantineIn(ev.Kv)
		return true, err
	case ev.Type == mvccpb.Event_DELETE:
		return true, errors.New("a key was removed that never is")
	case strings.HasPrefix(key, s.keys.plans()):
		return f.planned(ev.Kv)
	case strings.HasPrefix(key, s.keys.records()):
		by, rec, err := s.recordIn(ev.Kv)
		if err != nil {
			return true, err
		}
		if by.writer == s.writer.id {
			delete(f.changed, key)
			return false, nil
		}
		s.heads.set(key, head{rec.Revision, ev.Kv.ModRevision})
		f.changed[key] = rec
		if len(f.changed) > maxNews {
			f.reload = true
			clear(f.changed)
		}
		return true, nil
	}
	return false, nil
}

// planned takes in an entry of the plan, and reports whether others are behind
// it. Records of a rollout that is forgotten are no news any more.
func (f *following) planned(kv *mvccpb.KeyValue) (others bool, err error) {
	s := f.store
	by, data, err := unstamped(kv.Value)
	if err != nil {
		return true, err
	}
	if len(data) > 0 && data[0] == planForgotten {
		left, err := forgottenIn(data[1:])
		if err != nil {
			return true, err
		}
		by = left.by
		maps.DeleteFunc(f.changed, func(key string, _ states.Record) bool {
			return strings.HasPrefix(key, s.keys.recordsOf(left.id))
		})
	}
	others = by.writer != s.writer.id
	f.reload = f.reload || others
	return others, nil
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
	case <-f.store.ended:
		return adapters.ErrClosed
	}
}

// News implements [adapters.Following]. It waits until the watch has come to
// where the store's answers are.
func (f *following) News(ctx context.Context) (adapters.News, error) {
	bounded, cancel := context.WithTimeout(ctx, f.store.timeout)
	defer cancel()
	for {
		if err := f.store.usable(ctx); err != nil {
			return adapters.News{}, err
		}
		news, moved, ok := f.now()
		if ok {
			return news, nil
		}
		_ = f.store.client.RequestProgress(f.ctx)
		select {
		case <-moved:
		case <-time.After(progressAgain):
		case <-f.ended:
			return adapters.News{}, adapters.ErrClosed
		case <-bounded.Done():
			return adapters.News{}, f.store.failed(ctx, "following", bounded.Err())
		}
	}
}

// now takes what there is, where the watch has come far enough.
func (f *following) now() (news adapters.News, moved <-chan struct{}, ok bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.reached == 0 || f.reached < f.store.seen.Load() {
		return news, f.moved, false
	}
	if f.reload {
		f.reload = false
		clear(f.changed)
		return adapters.News{Reload: true}, nil, true
	}
	news = adapters.News{Ordering: f.ordering}
	news.Quarantines = slices.Collect(maps.Values(f.quarantines))
	sortQuarantines(news.Quarantines)
	for _, key := range slices.Sorted(maps.Keys(f.changed)) {
		news.Changed = append(news.Changed, f.changed[key])
	}
	clear(f.changed)
	return news, nil, true
}

// Close implements [adapters.Following].
func (f *following) Close() error {
	f.cancel()
	<-f.ended
	return nil
}
