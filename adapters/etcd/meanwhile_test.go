package etcd_test

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/rollmend/rollmend/adapters"
	"github.com/rollmend/rollmend/adapters/etcd"
	"github.com/rollmend/rollmend/reducer"
	"github.com/rollmend/rollmend/states"
	"github.com/stretchr/testify/require"
	"go.etcd.io/etcd/api/v3/etcdserverpb"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// These tests let another store come in between two requests of a call.

// asks reports whether a transaction reads a key that begins so.
func asks(txn *etcdserverpb.TxnRequest, begins string) bool {
	return contains(txn.Success, func(op *etcdserverpb.RequestOp) bool {
		return strings.HasPrefix(string(op.GetRequestRange().GetKey()), begins)
	})
}

// behindAnswer opens a store, and lets something happen once, when the first
// request has its answer that reads a key which begins so.
func behindAnswer(t testing.TB, in, begins string, happen func()) *etcd.Store {
	once := sync.OnceFunc(happen)
	return betweenIn(t, in, func(txn *etcdserverpb.TxnRequest, send func() error) error {
		err := send()
		if asks(txn, in+begins) {
			once()
		}
		return err
	})
}

// What is read in several requests is of one moment all the same, whether a
// rollout is forgotten, or erased as well, in between.
func TestARolloutThatIsForgottenInTheMidstOfAReadingIsNoDamage(t *testing.T) {
	for _, behind := range []string{"plan/", "named/", "opening/", "body/"} {
		for name, most := range map[string]int{"forgotten": 0, "erased": 100} {
			t.Run(behind+" "+name, func(t *testing.T) {
				in := prefix()
				others := open(t, one(t).Endpoints(), etcd.Options{Prefix: in})
				o := opening("a", "b")
				require.NoError(t, others.Enact(t.Context(), []adapters.Act{o}))
				moved(t, others, keyIn(o, 0))
				next := succeed(t, others, o)
				forget := func() {
					_, err := others.Prune(t.Context(), adapters.Pruning{Rollouts: []states.Rollout{o.Rollout}, Most: most})
					require.NoError(t, err)
				}
				s := behindAnswer(t, in, behind, forget)
				if behind != "plan/" {
					_, err := s.Record(t.Context(), keyIn(o, 0))
					require.ErrorIs(t, err, adapters.ErrNotFound)
				}
				f, err := s.Fleet(t.Context())
				require.NoError(t, err)
				require.Equal(t, []adapters.Opening{o.Forgotten(), next}, f.Openings)
			})
		}
	}
}

// A snapshot is compared and stored in two requests.
func TestACompactionIsToldWhatCameInBetween(t *testing.T) {
	for name, c := range map[string]struct {
		happen func(t *testing.T, others *etcd.Store, o adapters.Opening)
		want   func(t *testing.T, err error)
	}{
		"a change": {
			func(t *testing.T, others *etcd.Store, o adapters.Opening) { moved(t, others, keyIn(o, 0)) },
			func(t *testing.T, err error) {
				require.Equal(t, &adapters.ConflictError{Key: keyIn(opening("a"), 0), Expected: 2, Found: 3}, err)
			},
		},
		"another's compaction": {
			func(t *testing.T, others *etcd.Store, o adapters.Opening) { compact(t, others, keyIn(o, 0)) },
			func(t *testing.T, err error) { require.NoError(t, err) },
		},
		"a pruning that erases nothing yet": {
			func(t *testing.T, others *etcd.Store, o adapters.Opening) {
				_, err := others.Prune(t.Context(), adapters.Pruning{Rollouts: []states.Rollout{o.Rollout}})
				require.NoError(t, err)
			},
			func(t *testing.T, err error) { require.ErrorIs(t, err, adapters.ErrNotFound) },
		},
		"a pruning": {
			func(t *testing.T, others *etcd.Store, o adapters.Opening) {
				_, err := others.Prune(t.Context(), adapters.Pruning{Rollouts: []states.Rollout{o.Rollout}, Most: 100})
				require.NoError(t, err)
			},
			func(t *testing.T, err error) { require.ErrorIs(t, err, adapters.ErrNotFound) },
		},
	} {
		t.Run(name, func(t *testing.T) {
			in := prefix()
			others := open(t, one(t).Endpoints(), etcd.Options{Prefix: in})
			o := opening("a", "b")
			require.NoError(t, others.Enact(t.Context(), []adapters.Act{o}))
			for range 2 {
				moved(t, others, keyIn(o, 0))
				moved(t, others, keyIn(o, 1))
			}
			succeed(t, others, o)
			s := behindAnswer(t, in, "record/", func() { c.happen(t, others, o) })
			batch := []reducer.LogEntry{snapshot(t, others, keyIn(o, 0)), snapshot(t, others, keyIn(o, 1))}
			results, err := s.Compact(t.Context(), batch)
			require.NoError(t, err)
			c.want(t, results[0].Err)
			if !strings.HasPrefix(name, "a pruning") {
				require.NoError(t, results[1].Err, "the other one is stored")
				log, err := s.Log(t.Context(), keyIn(o, 1))
				require.NoError(t, err)
				require.Equal(t, batch[1:], log)
			}
			require.Empty(t, verified(t, s))
		})
	}
}

// A pruning was decided on what the gates said at one moment: whoever changes
// that in between makes it look again.
func TestAPruningThatWasOvertakenForgetsNothing(t *testing.T) {
	in := prefix()
	others := open(t, one(t).Endpoints(), etcd.Options{Prefix: in})
	o := opening("a", "b")
	require.NoError(t, others.Enact(t.Context(), []adapters.Act{o}))
	next := succeed(t, others, o)
	f, err := others.Fleet(t.Context())
	require.NoError(t, err)
	closes := dispatch(t, member(t, &o, 0))
	closes.Closes = true
	s := behindAnswer(t, in, "plan/", func() {
		_, err := others.Commit(t.Context(), []adapters.Change{closes})
		require.NoError(t, err)
	})
	p := adapters.Pruning{Guard: f.Ordering, Rollouts: []states.Rollout{o.Rollout}, Most: 100}
	_, err = s.Prune(t.Context(), p)
	require.Equal(t, &adapters.GuardError{Guard: f.Ordering, Ordering: f.Ordering + 1}, err)
	f, err = s.Fleet(t.Context())
	require.NoError(t, err)
	require.Equal(t, []adapters.Opening{o, next}, f.Openings)
	p.Guard = f.Ordering
	_, err = s.Prune(t.Context(), p)
	require.NoError(t, err)
}

// Two control planes may forget the same at once: one of them does.
func TestARolloutIsForgottenOnce(t *testing.T) {
	in := prefix()
	others := open(t, one(t).Endpoints(), etcd.Options{Prefix: in})
	o := opening("a", "b")
	require.NoError(t, others.Enact(t.Context(), []adapters.Act{o}))
	next := succeed(t, others, o)
	p := adapters.Pruning{Rollouts: []states.Rollout{o.Rollout}}
	s := behindAnswer(t, in, "plan/", func() {
		theirs := p
		theirs.Most = 100
		done, err := others.Prune(t.Context(), theirs)
		require.NoError(t, err)
		require.Equal(t, adapters.Pruned{Erased: 1}, done)
	})
	_, err := s.Record(t.Context(), keyIn(o, 0)) // from now on it knows the opening, and reads the plan alone
	require.NoError(t, err)
	done, err := s.Prune(t.Context(), p)
	require.NoError(t, err)
	require.Equal(t, adapters.Pruned{}, done, "it is not to be erased again")
	f, err := s.Fleet(t.Context())
	require.NoError(t, err)
	require.Equal(t, []adapters.Opening{o.Forgotten(), next}, f.Openings)
}

// The client sends a request again where a server says that its time ran out.
// What the first one stored may be compacted before the second one comes.
func TestARequestThatIsSentTwiceAroundACompactionIsNoConflictWithItself(t *testing.T) {
	in := prefix()
	others := open(t, one(t).Endpoints(), etcd.Options{Prefix: in})
	o := opening("a")
	require.NoError(t, others.Enact(t.Context(), []adapters.Act{o}))
	sent := 0
	s := betweenIn(t, in, func(txn *etcdserverpb.TxnRequest, send func() error) error {
		err := send()
		writes := contains(txn.Success, func(op *etcdserverpb.RequestOp) bool {
			return strings.HasPrefix(string(op.GetRequestPut().GetKey()), in+"log/")
		})
		if sent++; !writes || err != nil {
			sent--
			return err
		}
		if sent == 1 {
			compact(t, others, keyIn(o, 0))
			return status.Error(codes.DeadlineExceeded, "the server's own")
		}
		return err
	})
	c := dispatch(t, member(t, &o, 0))
	results, err := s.Commit(t.Context(), []adapters.Change{c})
	require.NoError(t, err)
	require.Equal(t, 2, sent)
	require.NoError(t, results[0].Err)
	rec, err := s.Record(t.Context(), keyIn(o, 0))
	require.NoError(t, err)
	require.True(t, rec.Equal(&c.Record))
}

// Several control planes on one place look after it while all of them work.
func TestManyLookAfterOnePlace(t *testing.T) {
	in := prefix()
	const planes, rounds = 3, 8
	var stores []*etcd.Store
	for range planes {
		stores = append(stores, open(t, one(t).Endpoints(), etcd.Options{Prefix: in}))
	}
	o := opening("a", "b", "c", "d")
	require.NoError(t, stores[0].Enact(t.Context(), []adapters.Act{o}))
	var wg sync.WaitGroup
	for plane, s := range stores {
		wg.Go(func() {
			for round := range rounds {
				if err := lookAfter(t, s, plane, round); err != nil {
					t.Errorf("plane %d, round %d: %v", plane, round, err)
					return
				}
			}
		})
	}
	wg.Wait()
	for more := true; more; {
		done, err := stores[0].Prune(t.Context(), adapters.Pruning{Rollouts: superseded(t, stores[0]), Most: 1000})
		require.NoError(t, err)
		more = done.More
	}
	for _, s := range stores {
		require.Empty(t, verified(t, s))
		f, err := s.Fleet(t.Context())
		require.NoError(t, err)
		require.Len(t, f.Openings, 1+planes*rounds)
	}
	require.EqualValues(t, 1, count(t, raw(t, one(t)), in+"opening/"), "all but the newest are forgotten")
}

// superseded are the rollouts of the one channel but the newest.
func superseded(t testing.TB, s *etcd.Store) (old []states.Rollout) {
	f, err := s.Fleet(t.Context())
	require.NoError(t, err)
	for _, o := range f.Openings[:len(f.Openings)-1] {
		old = append(old, o.Rollout)
	}
	return old
}

// lookAfter opens a rollout, takes its hosts along, compacts their logs, and
// forgets every other rollout, as far as nobody else came first.
func lookAfter(t testing.TB, s *etcd.Store, plane, round int) error {
	o := opening("a", "b", "c", "d")
	o.Rollout.Ref = states.Ref(fmt.Sprintf("%d-%d", plane, round))
	if err := s.Enact(t.Context(), []adapters.Act{o}); err != nil {
		return err
	}
	var snapshots []reducer.LogEntry
	for i := range o.Members {
		rec, err := s.Record(t.Context(), keyIn(o, i))
		if err == nil {
			var results []adapters.Result
			results, err = s.Commit(t.Context(), []adapters.Change{dispatch(t, rec)})
			err = first(results, err)
		}
		var log []reducer.LogEntry
		if err == nil {
			log, err = s.Log(t.Context(), keyIn(o, i))
		}
		if errors.Is(err, adapters.ErrNotFound) {
			continue // another control plane has forgotten it
		}
		if err != nil {
			return err
		}
		entry, err := reducer.Compact(log)
		if err != nil {
			return err
		}
		snapshots = append(snapshots, entry)
	}
	results, err := s.Compact(t.Context(), snapshots)
	if err := first(results, err); err != nil && !errors.Is(err, adapters.ErrNotFound) {
		return err
	}
	f, err := s.Fleet(t.Context())
	if err != nil {
		return err
	}
	p := adapters.Pruning{Guard: f.Ordering, Most: 3}
	for _, o := range f.Openings[:len(f.Openings)-1] {
		p.Rollouts = append(p.Rollouts, o.Rollout)
	}
	var overtaken *adapters.GuardError
	if _, err := s.Prune(t.Context(), p); err != nil && !errors.As(err, &overtaken) {
		return err
	}
	for rec, err := range s.Records(t.Context()) {
		if err != nil {
			return err
		}
		if rec.Revision != 1 {
			return fmt.Errorf("%s is at revision %d", rec.Key, rec.Revision)
		}
	}
	return nil
}

// first is the first error of a call.
func first(results []adapters.Result, err error) error {
	for i := 0; err == nil && i < len(results); i++ {
		err = results[i].Err
	}
	return err
}
