package main

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/rollmend/rollmend/adapters"
	"github.com/rollmend/rollmend/adapters/memory"
	"github.com/rollmend/rollmend/reducer"
	"github.com/rollmend/rollmend/states"
	"github.com/stretchr/testify/require"
)

// answering is a store that stores nothing, and answers after a while.
type answering struct {
	adapters.Store
	after   time.Duration
	results []adapters.Result
}

func (a answering) Commit(context.Context, []adapters.Change) ([]adapters.Result, error) {
	time.Sleep(a.after)
	return a.results, nil
}

func changeOf(host states.Host) adapters.Change {
	rec := states.Record{Key: states.Key{Rollout: states.Rollout{Channel: "c", Ref: "r"}, Host: host}}
	return adapters.Change{Record: rec, Effects: []reducer.Effects{{
		Transition: reducer.Transition{From: states.Soaking, To: states.Converged},
	}}}
}

func hostsOf(all []witnessed) (out []states.Host) {
	for _, one := range all {
		out = append(out, one.Host)
	}
	return out
}

// Two processes commit one after the other, and the first writes down its
// outcome last: the order is that in which the commits began. What was refused
// is not there.
func TestTheChangesOfSeveralProcessesStandInTheOrderOfTheirBeginnings(t *testing.T) {
	dir := t.TempDir()
	slow, err := openWitness(answering{after: 50 * time.Millisecond, results: make([]adapters.Result, 1)}, dir)
	require.NoError(t, err)
	fast, err := openWitness(answering{results: []adapters.Result{{}, {Err: errors.New("a conflict")}}}, dir)
	require.NoError(t, err)
	commit := func(store adapters.Store, hosts ...states.Host) {
		var changes []adapters.Change
		for _, host := range hosts {
			changes = append(changes, changeOf(host))
		}
		_, err := store.Commit(t.Context(), changes)
		require.NoError(t, err)
	}
	commit(fast, "first", "refused")
	commit(slow, "second")
	commit(fast, "third", "refused")
	all, err := readWitness(dir)
	require.NoError(t, err)
	require.Equal(t, []states.Host{"first", "second", "third"}, hostsOf(all))
}

// overtaken is a store that answers a commit of one change after a later one of
// two, and refuses the first of those.
type overtaken struct {
	adapters.Store
	begun, later chan struct{}
}

func (o overtaken) Commit(_ context.Context, changes []adapters.Change) ([]adapters.Result, error) {
	results := make([]adapters.Result, len(changes))
	if len(changes) == 1 {
		close(o.begun)
		<-o.later
	} else {
		results[0].Err = errors.New("a conflict")
	}
	return results, nil
}

// A process commits two rounds side by side, and the second is answered first:
// each is told by its own outcome.
func TestCommitsThatOverlapAreToldApart(t *testing.T) {
	dir, inner := t.TempDir(), overtaken{begun: make(chan struct{}), later: make(chan struct{})}
	store, err := openWitness(inner, dir)
	require.NoError(t, err)
	first := make(chan error)
	go func() {
		_, err := store.Commit(t.Context(), []adapters.Change{changeOf("one")})
		first <- err
	}()
	<-inner.begun
	_, err = store.Commit(t.Context(), []adapters.Change{changeOf("refused"), changeOf("two")})
	require.NoError(t, err)
	close(inner.later)
	require.NoError(t, <-first)
	all, err := readWitness(dir)
	require.NoError(t, err)
	require.Equal(t, []states.Host{"one", "two"}, hostsOf(all))
}

// A process is killed between its commit and the answer, or while it writes one
// of both down.
func TestWhatAKillCutOffIsUnknownOrNotThere(t *testing.T) {
	dir := t.TempDir()
	store, err := openWitness(answering{results: make([]adapters.Result, 1)}, dir)
	require.NoError(t, err)
	_, err = store.Commit(t.Context(), []adapters.Change{changeOf("one")})
	require.NoError(t, err)
	found, err := filepath.Glob(filepath.Join(dir, "*"))
	require.NoError(t, err)
	whole, err := os.ReadFile(found[0])
	require.NoError(t, err)
	begun := len(whole)
	for whole[begun-2] != '\n' {
		begun--
	}
	begun--
	for cut := range whole {
		require.NoError(t, os.WriteFile(found[0], whole[:cut], 0o600))
		all, err := readWitness(dir)
		require.NoError(t, err, "cut at byte %d", cut)
		if cut < begun {
			require.Empty(t, all, "cut at byte %d", cut)
			continue
		}
		require.Len(t, all, 1, "cut at byte %d of %d", cut, begun)
		require.True(t, all[0].unknown, "cut at byte %d of %d", cut, begun)
	}
}

// A control plane learns of the others through the witness too.
func TestAStoreThatCanBeFollowedStillIs(t *testing.T) {
	shared, err := openWitness(memory.New().Replica(), t.TempDir())
	require.NoError(t, err)
	require.Implements(t, (*adapters.Follower)(nil), shared)
	alone, err := openWitness(answering{}, t.TempDir())
	require.NoError(t, err)
	require.NotImplements(t, (*adapters.Follower)(nil), alone)
}
