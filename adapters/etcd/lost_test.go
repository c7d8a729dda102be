package etcd_test

import (
	"context"
	"testing"
	"time"

	"github.com/rollmend/rollmend/adapters"
	"github.com/rollmend/rollmend/adapters/etcd"
	"github.com/rollmend/rollmend/reducer"
	"github.com/rollmend/rollmend/states"
	"github.com/stretchr/testify/require"
)

func TestACompactionWhoseAnswerIsLostIsLookedUp(t *testing.T) {
	cluster := one(t)
	client := raw(t, cluster)
	for name, c := range map[string]struct {
		stored bool // what was sent arrives
		then   func(t *testing.T, s *etcd.Store, key states.Key)
		last   states.Revision // of the record, in the end
	}{
		"never sent": {last: 4},
		"stored":     {stored: true, last: 4},
		"stored, and the record has moved since": {stored: true, last: 5, then: func(t *testing.T, s *etcd.Store, key states.Key) {
			moved(t, s, key)
		}},
	} {
		t.Run(name, func(t *testing.T) {
			in := prefix()
			var cut cutter
			s := open(t, []string{cut.listen(t, cluster.Endpoints()[0])}, etcd.Options{Prefix: in})
			others := open(t, cluster.Endpoints(), etcd.Options{Prefix: in})
			o := opening("a", "b")
			require.NoError(t, s.Enact(t.Context(), []adapters.Act{o}))
			for range 4 {
				moved(t, s, keyIn(o, 0))
				moved(t, s, keyIn(o, 1))
			}
			batch := []reducer.LogEntry{snapshot(t, s, keyIn(o, 0)), snapshot(t, s, keyIn(o, 1))}
			moved(t, s, keyIn(o, 1)) // the second one is stale
			before := count(t, client, in+"log/")
			cut.arm(in+"log/", func(cross *crossing) bool {
				if c.stored {
					cross.deliver()
					arrives(t, func() bool { return count(t, client, in+"log/") < before })
				}
				if c.then != nil {
					c.then(t, others, keyIn(o, 0))
				}
				return false
			})
			results, err := s.Compact(t.Context(), batch)
			require.NoError(t, err)
			require.False(t, cut.armed(), "nothing was cut")
			require.NoError(t, results[0].Err)
			var conflict *adapters.ConflictError
			require.ErrorAs(t, results[1].Err, &conflict)
			require.Equal(t, states.Revision(5), conflict.Found)
			log, err := s.Log(t.Context(), keyIn(o, 0))
			require.NoError(t, err)
			require.Equal(t, batch[0], log[0])
			require.Equal(t, c.last, log[len(log)-1].Revision)
			require.Empty(t, verified(t, s))
		})
	}
}

// What was stored before its log was compacted, or its rollout forgotten and
// erased, no key says any more when its writer looks for it.
func TestACommitWhoseAnswerIsLostIsFoundBehindAnUpkeep(t *testing.T) {
	cluster := one(t)
	client := raw(t, cluster)
	forget := func(t *testing.T, s *etcd.Store, o adapters.Opening) {
		done, err := s.Prune(t.Context(), adapters.Pruning{Rollouts: []states.Rollout{o.Rollout}, Most: 100})
		require.NoError(t, err)
		require.False(t, done.More)
	}
	for name, c := range map[string]struct {
		stored bool
		then   func(t *testing.T, s *etcd.Store, o adapters.Opening)
		told   error
	}{
		"compacted at once": {true, func(t *testing.T, s *etcd.Store, o adapters.Opening) { compact(t, s, keyIn(o, 0)) }, nil},
		"moved and compacted, twice": {true, func(t *testing.T, s *etcd.Store, o adapters.Opening) {
			for range 2 {
				moved(t, s, keyIn(o, 0))
				compact(t, s, keyIn(o, 0))
			}
		}, nil},
		"compacted and forgotten": {true, func(t *testing.T, s *etcd.Store, o adapters.Opening) {
			compact(t, s, keyIn(o, 0))
			forget(t, s, o)
		}, nil},
		"forgotten": {true, forget, nil},
		"forgotten, and the history compacted": {true, func(t *testing.T, s *etcd.Store, o adapters.Opening) {
			forget(t, s, o)
			compactHistory(t, client)
		}, adapters.ErrUnknownOutcome},
		"never sent, and forgotten": {false, forget, adapters.ErrNotFound},
		"never sent, and another's compacted": {false, func(t *testing.T, s *etcd.Store, o adapters.Opening) {
			moved(t, s, keyIn(o, 0))
			compact(t, s, keyIn(o, 0))
		}, &adapters.ConflictError{}},
	} {
		t.Run(name, func(t *testing.T) {
			in := prefix()
			var cut cutter
			s := open(t, []string{cut.listen(t, cluster.Endpoints()[0])}, etcd.Options{Prefix: in})
			others := open(t, cluster.Endpoints(), etcd.Options{Prefix: in})
			o := opening("a", "b")
			require.NoError(t, s.Enact(t.Context(), []adapters.Act{o}))
			succeed(t, others, o)
			rec := moved(t, s, keyIn(o, 0))
			stale := dispatch(t, member(t, &o, 1))
			stale.Expect, stale.Record.Revision, stale.Effects[0].Entry.Revision = 7, 8, 8
			cut.arm(in+"log/", func(cross *crossing) bool {
				before := count(t, client, in+"log/")
				if c.stored {
					cross.deliver()
					arrives(t, func() bool { return count(t, client, in+"log/") > before })
				}
				c.then(t, others, o)
				return false
			})
			results, err := s.Commit(t.Context(), []adapters.Change{stale, dispatch(t, rec)})
			require.False(t, cut.armed(), "nothing was cut")
			if c.told == adapters.ErrUnknownOutcome {
				require.ErrorIs(t, err, c.told)
				return
			}
			require.NoError(t, err)
			require.Error(t, results[0].Err)
			if conflict := (&adapters.ConflictError{}); c.told != nil && c.told != adapters.ErrNotFound {
				require.ErrorAs(t, results[1].Err, &conflict)
			} else {
				require.ErrorIs(t, results[1].Err, c.told)
			}
			require.Empty(t, verified(t, s))
		})
	}
}

func TestAPruningWhoseAnswerIsLostIsLookedUp(t *testing.T) {
	cluster := one(t)
	client := raw(t, cluster)
	for name, fault := range map[string]func(in string, others *etcd.Store) func(*crossing) bool{
		"never sent": func(string, *etcd.Store) func(*crossing) bool {
			return func(*crossing) bool { return false }
		},
		"stored": func(in string, _ *etcd.Store) func(*crossing) bool {
			return func(c *crossing) bool {
				c.deliver()
				arrives(t, func() bool { return count(t, client, in+"forgotten/") > 0 })
				return false
			}
		},
		"stored, and erased by another": func(in string, others *etcd.Store) func(*crossing) bool {
			return func(c *crossing) bool {
				c.deliver()
				arrives(t, func() bool { return count(t, client, in+"forgotten/") > 0 })
				_, err := others.Prune(context.Background(), adapters.Pruning{Most: 1000})
				require.NoError(t, err)
				return false
			}
		},
		"stored and erased, and decided on a later moment by another": func(in string, others *etcd.Store) func(*crossing) bool {
			return func(c *crossing) bool {
				c.deliver()
				arrives(t, func() bool { return count(t, client, in+"forgotten/") > 0 })
				_, err := others.Prune(context.Background(), adapters.Pruning{Most: 1000})
				require.NoError(t, err)
				require.NoError(t, others.Enact(context.Background(), []adapters.Act{adapters.Imposition{}}))
				return false
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			in := prefix()
			var cut cutter
			s := open(t, []string{cut.listen(t, cluster.Endpoints()[0])}, etcd.Options{Prefix: in})
			others := open(t, cluster.Endpoints(), etcd.Options{Prefix: in})
			o := opening("a", "b")
			require.NoError(t, s.Enact(t.Context(), []adapters.Act{o}))
			moved(t, s, keyIn(o, 0))
			next := succeed(t, s, o)
			f, err := s.Fleet(t.Context())
			require.NoError(t, err)
			cut.arm(in+"forgotten/", fault(in, others))
			_, err = s.Prune(t.Context(), adapters.Pruning{Guard: f.Ordering, Rollouts: []states.Rollout{o.Rollout}})
			require.NoError(t, err)
			require.False(t, cut.armed(), "nothing was cut")
			after, err := s.Fleet(t.Context())
			require.NoError(t, err)
			require.Equal(t, []adapters.Opening{o.Forgotten(), next}, after.Openings)
			_, err = s.Record(t.Context(), keyIn(o, 0))
			require.ErrorIs(t, err, adapters.ErrNotFound)
			moved(t, s, keyIn(next, 0))
			require.Empty(t, verified(t, s))
		})
	}
}

// An erasing may be lost, stored twice, or late: nothing is written any more
// where it erases.
func TestAnErasingWhoseAnswersAreLostGoesOn(t *testing.T) {
	cluster, in := one(t), prefix()
	client := raw(t, cluster)
	var cut cutter
	s := open(t, []string{cut.listen(t, cluster.Endpoints()[0])}, etcd.Options{Prefix: in})
	o := openedFleet(t, s, 5)
	for i := range o.Members {
		moved(t, s, keyIn(o, i))
	}
	next := succeed(t, s, o)
	moved(t, s, keyIn(next, 0))
	done, err := s.Prune(t.Context(), adapters.Pruning{Rollouts: []states.Rollout{o.Rollout}})
	require.NoError(t, err)
	require.Equal(t, adapters.Pruned{More: true}, done)
	id := only(t, client, in+"forgotten/")
	before := count(t, client, in+"record/"+id)
	var faults int
	cut.arm(in+"record/"+id+"/edge", func(c *crossing) bool { // what names a key erases
		faults++
		c.deliver()
		arrives(t, func() bool { return count(t, client, in+"record/"+id) < before })
		cut.arm(in+"log/"+id+"/edge", func(*crossing) bool {
			faults++
			return false
		})
		return false
	})
	for n := 0; ; n++ {
		require.Less(t, n, 20, "an erasing that does not end")
		done, err := s.Prune(t.Context(), adapters.Pruning{Most: 3})
		require.NoError(t, err)
		if !done.More {
			break
		}
	}
	require.Equal(t, 2, faults)
	require.Zero(t, count(t, client, in+"record/"+id)+count(t, client, in+"log/"+id)+count(t, client, in+"body/"+id)+count(t, client, in+"forgotten/"))
	require.Empty(t, verified(t, s))
}

// What was enacted may be lifted, superseded and forgotten before whoever enacted
// it looks for it: it is not enacted again.
func TestAnEnactmentWhoseAnswerIsLostIsFoundBehindAPruning(t *testing.T) {
	cluster := one(t)
	client := raw(t, cluster)
	in := prefix()
	var cut cutter
	s := open(t, []string{cut.listen(t, cluster.Endpoints()[0])}, etcd.Options{Prefix: in})
	others := open(t, cluster.Endpoints(), etcd.Options{Prefix: in})
	o := opening("a", "b")
	q := reducer.Quarantine{Channel: "stable", Closure: "/nix/store/bad", Why: "said once"}
	var next adapters.Opening
	cut.arm("said once", func(c *crossing) bool {
		c.deliver()
		arrives(t, func() bool { return count(t, client, in+"opening/") > 0 })
		require.NoError(t, others.Enact(t.Context(), []adapters.Act{adapters.Clearance{Channel: "stable", Closure: "/nix/store/bad"}}))
		next = succeed(t, others, o)
		_, err := others.Prune(t.Context(), adapters.Pruning{Rollouts: []states.Rollout{o.Rollout}, Most: 100})
		require.NoError(t, err)
		return false
	})
	require.NoError(t, s.Enact(t.Context(), []adapters.Act{adapters.Imposition{Quarantine: q}, o}))
	require.False(t, cut.armed(), "nothing was cut")
	f, err := s.Fleet(t.Context())
	require.NoError(t, err)
	require.Equal(t, []adapters.Opening{o.Forgotten(), next}, f.Openings)
	require.Empty(t, f.Quarantines, "what was lifted since is not imposed again")
	require.Equal(t, adapters.Ordering(4), f.Ordering)
}

// Why a change is refused is read behind the transaction. Where that cannot be
// read any more, the others are stored all the same, and nobody says that they
// are not.
func TestWhatRefusedAChangeCannotBeReadAnyMore(t *testing.T) {
	cluster := one(t)
	in := prefix()
	var cut cutter
	s := open(t, []string{cut.listen(t, cluster.Endpoints()[0])}, etcd.Options{Prefix: in, Timeout: 2 * time.Second})
	others := open(t, cluster.Endpoints(), etcd.Options{Prefix: in})
	o := opening("a", "b")
	require.NoError(t, s.Enact(t.Context(), []adapters.Act{o}))
	moved(t, others, keyIn(o, 1))
	batch := []adapters.Change{dispatch(t, member(t, &o, 0)), dispatch(t, member(t, &o, 1))}
	cut.arm(in+"log/", func(c *crossing) bool {
		cut.arm(in+"log/", func(*crossing) bool {
			cut.cut()
			return false
		})
		_, err := c.server.Write(c.bytes)
		return err == nil
	})
	_, err := s.Commit(t.Context(), batch)
	require.False(t, cut.armed(), "nothing was cut")
	require.ErrorIs(t, err, adapters.ErrUnknownOutcome)
	cut.heal()
	for i, want := range []states.Revision{1, 1} {
		rec, err := others.Record(t.Context(), keyIn(o, i))
		require.NoError(t, err)
		require.Equal(t, want, rec.Revision)
	}
	// Said again, each is told: the one is stored already, the other was overtaken.
	results, err := s.Commit(t.Context(), batch)
	require.NoError(t, err)
	for i := range results {
		var conflict *adapters.ConflictError
		require.ErrorAs(t, results[i].Err, &conflict)
		require.Equal(t, states.Revision(1), conflict.Found)
	}
}
