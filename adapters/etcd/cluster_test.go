package etcd_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/rollmend/rollmend/adapters"
	"github.com/rollmend/rollmend/adapters/etcd"
	"github.com/rollmend/rollmend/adapters/etcd/throwaway"
	"github.com/rollmend/rollmend/adapters/storetest"
	"github.com/rollmend/rollmend/reducer"
	"github.com/rollmend/rollmend/states"
	"github.com/stretchr/testify/require"
	clientv3 "go.etcd.io/etcd/client/v3"
)

// These tests are about faults of a three-member cluster. Where a fault hits is
// drawn at random: a failure says with what.

// ready waits until a cluster serves again.
func ready(t testing.TB, c *throwaway.Cluster) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	require.NoError(t, c.Ready(ctx))
}

func leader(t testing.TB, c *throwaway.Cluster) *throwaway.Member {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	m, err := c.Leader(ctx)
	require.NoError(t, err)
	return m
}

// acks collects what a writer says was acknowledged.
type acks struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (a *acks) Write(b []byte) (int, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.text.Write(b)
}

func (a *acks) lines() int {
	a.mu.Lock()
	defer a.mu.Unlock()
	return bytes.Count(a.text.Bytes(), []byte("\n"))
}

// grow waits until there is more. The writer must not have ended, with *err.
func (a *acks) grow(t testing.TB, ended <-chan struct{}, err *error) {
	t.Helper()
	before := a.lines()
	for deadline := time.Now().Add(4 * patience); a.lines() == before; {
		select {
		case <-ended:
			require.NoError(t, *err, "the writer sees none of the faults")
		case <-time.After(time.Millisecond):
			require.True(t, time.Now().Before(deadline), "nothing was acknowledged for so long")
		}
	}
}

// kept holds a store to what was acknowledged.
func (a *acks) kept(t testing.TB, s *etcd.Store) {
	require.NoError(t, storetest.Accounts(t.Context(), s, &a.text))
}

// work lets a writer work while faults happen, and then holds the store to what
// was acknowledged. The writer sees none of the faults.
func work(t *testing.T, c *throwaway.Cluster, faults func(progress func())) {
	o := etcd.Options{Prefix: prefix()}
	s := open(t, c.Endpoints(), o)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var said acks
	ended := make(chan struct{})
	var err error
	go func() {
		defer close(ended)
		err = storetest.Work(ctx, s, &said)
	}()
	faults(func() {
		said.grow(t, ended, &err)
		time.Sleep(rand.N(20 * time.Millisecond)) // into the middle of some commit
	})
	cancel()
	<-ended
	require.ErrorIs(t, err, context.Canceled)
	said.kept(t, open(t, c.Endpoints(), o))
}

func TestALeaderKilledInMidCommitLosesNothing(t *testing.T) {
	c := start(t, 3)
	work(t, c, func(progress func()) {
		for range 4 {
			progress()
			m := leader(t, c)
			m.Kill()
			progress() // the other two go on
			require.NoError(t, m.Start())
			ready(t, c)
		}
	})
}

func TestALeaderThatIsCutOffOrStandsStillLosesNothing(t *testing.T) {
	c := start(t, 3)
	work(t, c, func(progress func()) {
		progress()
		c.Isolate(leader(t, c))
		progress()
		c.Heal()
		progress()
		m := leader(t, c)
		require.NoError(t, m.Pause())
		progress()
		require.NoError(t, m.Resume())
		progress()
	})
}

// refuses makes sure that a store without a quorum refuses to write and to
// read, with errors that a caller can act on.
func refuses(t testing.TB, s *etcd.Store, rec states.Record) {
	var unavailable *adapters.UnavailableError
	_, err := s.Record(t.Context(), rec.Key)
	require.ErrorAs(t, err, &unavailable)
	results, err := s.Commit(t.Context(), []adapters.Change{dispatch(t, rec)})
	require.Nil(t, results)
	require.ErrorAs(t, err, &unavailable)
	require.NotErrorIs(t, err, adapters.ErrUnknownOutcome)
	err = s.Enact(t.Context(), []adapters.Act{adapters.Clearance{Channel: "stable"}, adapters.Imposition{}})
	require.ErrorAs(t, err, &unavailable)
	_, err = s.Fleet(t.Context())
	require.ErrorAs(t, err, &unavailable)
	upkeepRefuses(t, s, rec)
}

// upkeepRefuses makes sure of the same for upkeep, all at once, since each waits
// for the whole timeout.
func upkeepRefuses(t testing.TB, s *etcd.Store, rec states.Record) {
	rec = dispatch(t, rec).Record
	snapshot := reducer.LogEntry{Revision: rec.Revision, Snapshot: &reducer.Snapshot{Record: rec}, Event: reducer.Event{Key: rec.Key}}
	calls := map[string]func() error{
		"a compaction": func() error {
			_, err := s.Compact(t.Context(), []reducer.LogEntry{snapshot})
			return err
		},
		"a pruning": func() error {
			_, err := s.Prune(t.Context(), adapters.Pruning{Rollouts: []states.Rollout{rec.Rollout}})
			return err
		},
		"an erasing": func() error {
			_, err := s.Prune(t.Context(), adapters.Pruning{Most: 10})
			return err
		},
		"a look for strays": func() (last error) {
			for _, err := range s.Strays(t.Context()) {
				last = err
			}
			return last
		},
	}
	told := make(map[string]chan error, len(calls))
	for name, call := range calls {
		tell := make(chan error, 1)
		told[name] = tell
		go func() { tell <- call() }()
	}
	for name := range calls {
		err := <-told[name]
		var unavailable *adapters.UnavailableError
		require.ErrorAs(t, err, &unavailable, name)
		require.NotErrorIs(t, err, adapters.ErrUnknownOutcome, name)
	}
}

// leaderless waits until a member knows that it has no leader.
func leaderless(t testing.TB, c *throwaway.Cluster, m *throwaway.Member) {
	client := raw(t, c)
	require.Eventually(t, func() bool {
		status, err := client.Status(t.Context(), m.Endpoint)
		return err == nil && status.Leader == 0
	}, time.Minute, 10*time.Millisecond)
}

// A write that the store's own time cut short may be on its way for ever, so it
// is in doubt. While nobody leads, none is sent that could be.
func TestTimeThatRunsOutOverALeaderPutsNothingInDoubt(t *testing.T) {
	c := start(t, 3)
	in := prefix()
	o := opening("a", "b")
	require.NoError(t, open(t, c.Endpoints(), etcd.Options{Prefix: in}).Enact(t.Context(), []adapters.Act{o}))
	left := c.Members[0]
	var slow cutter
	s := open(t, []string{slow.listen(t, left.Endpoint)}, etcd.Options{Prefix: in, Timeout: time.Second})
	rec := whole(t, s, states.Key{Rollout: o.Rollout, Host: "a"})
	_, err := s.Commit(t.Context(), []adapters.Change{dispatch(t, whole(t, s, states.Key{Rollout: o.Rollout, Host: "b"}))})
	require.NoError(t, err)
	c.Members[1].Kill()
	c.Members[2].Kill()
	leaderless(t, c, left)
	var held func(*crossing) bool
	held = func(c *crossing) bool {
		slow.arm(in+"log/", held)
		time.Sleep(400 * time.Millisecond) // the second one is answered, the third would be cut short
		_, err := c.server.Write(c.bytes)
		return err == nil
	}
	slow.arm(in+"log/", held)
	refuses(t, s, rec)
}

func TestAMinorityThatIsCutOffRefusesAndTheRestGoesOn(t *testing.T) {
	t.Parallel() // it waits, most of the time
	c := start(t, 3)
	in := prefix()
	s := open(t, c.Endpoints(), etcd.Options{Prefix: in})
	o := opening("a", "b")
	require.NoError(t, s.Enact(t.Context(), []adapters.Act{o}))
	alone := leader(t, c) // the hardest: it has to notice
	behind := open(t, []string{alone.Endpoint}, etcd.Options{Prefix: in, Timeout: 4 * time.Second})
	rec := whole(t, behind, states.Key{Rollout: o.Rollout, Host: "a"})
	c.Isolate(alone)
	leaderless(t, c, alone)
	refuses(t, behind, rec)

	b := dispatch(t, whole(t, s, states.Key{Rollout: o.Rollout, Host: "b"}))
	b.Closes = true
	results, err := s.Commit(t.Context(), []adapters.Change{b})
	require.NoError(t, err)
	require.NoError(t, results[0].Err)
	require.Equal(t, rec, whole(t, s, rec.Key), "nothing of what was refused is there")

	c.Heal()
	require.Eventually(t, func() bool {
		_, err := behind.Fleet(t.Context())
		return err == nil
	}, time.Minute, 10*time.Millisecond)
	require.Equal(t, b.Record, whole(t, behind, b.Record.Key), "it has caught up")
	results, err = behind.Commit(t.Context(), []adapters.Change{dispatch(t, rec)})
	require.NoError(t, err)
	require.NoError(t, results[0].Err)
}

func TestWithoutAQuorumNothingIsHalfDoneAndWithOneAllIsThere(t *testing.T) {
	t.Parallel() // it waits, most of the time
	c := start(t, 3)
	o := etcd.Options{Prefix: prefix(), Timeout: 4 * time.Second}
	s := open(t, c.Endpoints(), o)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var said acks
	ended := make(chan error, 1)
	go func() { ended <- storetest.Work(ctx, s, &said) }()
	require.Eventually(t, func() bool { return said.lines() > 100 }, 2*time.Minute, time.Millisecond)
	lead := leader(t, c)
	var down []*throwaway.Member
	var left *throwaway.Member
	for _, m := range c.Members {
		if m != lead && left == nil {
			left = m
			continue
		}
		down = append(down, m)
		m.Kill()
	}
	err := <-ended
	var unavailable *adapters.UnavailableError
	require.True(t, errors.As(err, &unavailable) || errors.Is(err, adapters.ErrUnknownOutcome), "the work ended with %v", err)

	leaderless(t, c, left)
	refuses(t, s, states.Record{Key: states.Key{Rollout: opening().Rollout, Host: "host-00000"}, Belief: states.Belief{State: states.Pending}})

	for _, m := range down {
		require.NoError(t, m.Start())
	}
	ready(t, c)
	said.kept(t, open(t, c.Endpoints(), o))
	_, err = s.Fleet(t.Context())
	require.NoError(t, err, "the store goes on")
}

// written waits until something was written, and then for half a second of work:
// a cluster that loses its leader before it has served anybody never does. It
// reports false where it is done.
func written(client *clientv3.Client, done <-chan struct{}) bool {
	for from := int64(0); ; {
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		now, err := client.Get(ctx, "any")
		cancel()
		if err == nil && from != 0 && now.Header.Revision > from {
			break
		}
		if err == nil && from == 0 {
			from = now.Header.Revision
		}
		select {
		case <-done:
			return false
		case <-time.After(10 * time.Millisecond):
		}
	}
	select {
	case <-done:
		return false
	case <-time.After(500 * time.Millisecond):
		return true
	}
}

func TestHistoriesOnThreeMembersAreLinearizable(t *testing.T) {
	c := start(t, 3)
	client := raw(t, c)
	done := make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() {
		for written(client, done) {
			ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
			if m, err := c.Leader(ctx); err == nil {
				m.Kill()
				if err := errors.Join(m.Start(), c.Ready(ctx)); err != nil {
					t.Error(fmt.Errorf("a member did not come back: %w", err))
				}
			}
			cancel()
		}
	})
	histories(t, c.Endpoints(), 10)
	close(done)
	wg.Wait()
}

// The leader may be lost between what an upkeep has read and what it writes:
// nothing is half done, and the next call does it.
func TestAnUpkeepThatLosesItsLeaderIsNotHalfDone(t *testing.T) {
	t.Parallel() // it waits, most of the time
	c := start(t, 3)
	in := prefix()
	others := open(t, c.Endpoints(), etcd.Options{Prefix: in})
	o := opening("a", "b")
	require.NoError(t, others.Enact(t.Context(), []adapters.Act{o}))
	for range 3 {
		moved(t, others, keyIn(o, 0))
	}
	next := succeed(t, others, o)
	left := c.Members[0]
	var cut cutter
	s := open(t, []string{cut.listen(t, left.Endpoint)}, etcd.Options{Prefix: in, Timeout: 8 * time.Second}) // it has to outlast the end of the leader
	entry := snapshot(t, s, keyIn(o, 0))
	old := adapters.Pruning{Rollouts: []states.Rollout{o.Rollout}}
	for _, upkeep := range []struct {
		name, sends string
		call        func(s *etcd.Store) error
		done        func() bool
	}{
		{"a compaction", in + "log/", func(s *etcd.Store) error {
			results, err := s.Compact(t.Context(), []reducer.LogEntry{entry})
			return first(results, err)
		}, func() bool { return count(t, raw(t, c), in+"log/") == 1 }},
		{"a pruning", in + "forgotten/", func(s *etcd.Store) error {
			_, err := s.Prune(t.Context(), old)
			return err
		}, func() bool { return count(t, raw(t, c), in+"forgotten/") == 1 }},
		{"an erasing", "/a/", func(s *etcd.Store) error { // a key of the log that goes
			_, err := s.Prune(t.Context(), adapters.Pruning{Most: 100})
			return err
		}, func() bool { return count(t, raw(t, c), in+"log/") == 0 }},
	} {
		ready(t, c)
		require.Eventually(t, func() bool {
			_, err := s.Fleet(t.Context())
			return err == nil
		}, time.Minute, 10*time.Millisecond, upkeep.name)
		cut.arm(upkeep.sends, func(cross *crossing) bool {
			c.Members[1].Kill()
			c.Members[2].Kill()
			leaderless(t, c, left)
			_, err := cross.server.Write(cross.bytes)
			return err == nil
		})
		var unavailable *adapters.UnavailableError
		err := upkeep.call(s)
		require.ErrorAs(t, err, &unavailable, upkeep.name)
		require.NotErrorIs(t, err, adapters.ErrUnknownOutcome, upkeep.name)
		require.False(t, cut.armed(), "%s: nothing was met", upkeep.name)
		require.NoError(t, c.Members[1].Start())
		require.NoError(t, c.Members[2].Start())
		ready(t, c)
		require.False(t, upkeep.done(), "%s that was refused is there", upkeep.name)
		require.Empty(t, verified(t, others), upkeep.name)
		require.NoError(t, upkeep.call(others), upkeep.name)
		require.True(t, upkeep.done(), upkeep.name)
	}
	f, err := others.Fleet(t.Context())
	require.NoError(t, err)
	require.Equal(t, []adapters.Opening{o.Forgotten(), next}, f.Openings)
	require.Empty(t, verified(t, others))
}
