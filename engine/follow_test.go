package engine_test

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/rollmend/rollmend/adapters"
	"github.com/rollmend/rollmend/adapters/memory"
	"github.com/rollmend/rollmend/engine"
	"github.com/rollmend/rollmend/gates"
	"github.com/rollmend/rollmend/reducer"
	"github.com/rollmend/rollmend/states"
	"github.com/rollmend/rollmend/synth"
)

// pair starts two control planes on one place.
func pair(t *testing.T) (one, other *engine.Engine, now func() states.Time) {
	clk, place := newClock(), memory.New()
	one = startOn(t, clk, place.Replica(), plan("r1", "new"))
	other = startOn(t, clk, place.Replica(), plan("r1", "new"))
	return one, other, func() states.Time { return states.TimeOf(clk.Now()) }
}

// A host is held at one control plane until a host of another proved itself;
// nothing else happens at the first that could make it look.
func TestAHeldHostIsLetGoByWhatAnotherControlPlaneSaw(t *testing.T) {
	one, other, now := pair(t)
	beat(t, other, synth.Heartbeat{Host: "web-2", Current: "new", At: now()})
	require.Equal(t, states.Pending, stateOf(t, other, "web-2"))
	beat(t, one, synth.Heartbeat{Host: "web-1", Current: "new", At: now()})
	require.Eventually(t, func() bool {
		return stateOf(t, other, "web-2") == states.Converged
	}, 10*time.Second, time.Millisecond)
	require.Eventually(t, func() bool {
		return stateOf(t, one, "web-2") == states.Converged
	}, 10*time.Second, time.Millisecond, "and it is seen at the first")
}

func TestAPollerWakesForWhatAnotherControlPlaneSaw(t *testing.T) {
	one, other, now := pair(t)
	answered(t, other, synth.Heartbeat{Host: "web-2", Current: "old", At: now()})
	polled := make(chan bool, 1)
	go func() {
		_, ok, err := other.Dispatch(context.Background(), "web-2", time.Minute)
		polled <- ok && err == nil
	}()
	beat(t, one, synth.Heartbeat{Host: "web-1", Current: "new", At: now()})
	select {
	case ok := <-polled:
		require.True(t, ok)
	case <-time.After(10 * time.Second):
		t.Fatal("it sleeps on")
	}
}

func TestARolloutThatAnotherControlPlaneOpensIsSeen(t *testing.T) {
	one, other, _ := pair(t)
	_, err := other.Load(t.Context(), gates.NewFleet(plan("r2", "newer")))
	require.NoError(t, err)
	require.Eventually(t, func() bool {
		ex, err := one.Explain(t.Context(), "web-1")
		return err == nil && len(ex.Records) > 0 && ex.Records[0].Record.Rollout.Ref == "r2"
	}, 10*time.Second, time.Millisecond)
}

func TestAQuarantineOfAnotherControlPlaneHolds(t *testing.T) {
	one, other, now := pair(t)
	beat(t, one, synth.Heartbeat{Host: "web-1", Current: "old", At: now(), LastReply: now()})
	require.NoError(t, other.Impose(t.Context(), "stable", "new", "it does not boot"))
	require.Eventually(t, func() bool {
		ex, err := one.Explain(t.Context(), "web-1")
		require.NoError(t, err)
		v := ex.Records[0].Verdict
		return len(v.Blocks) > 0
	}, 10*time.Second, time.Millisecond)
	_, ok, err := one.Dispatch(t.Context(), "web-1", 0)
	require.NoError(t, err)
	require.False(t, ok)
}

// counted counts what follows a store, and how often a fleet was read.
type counted struct {
	*memory.Replica
	followings, fleets atomic.Int64
	failing            atomic.Int64 // how many times news cannot be read
}

func (c *counted) Follow(ctx context.Context) (adapters.Following, error) {
	f, err := c.Replica.Follow(ctx)
	c.followings.Add(1)
	return &countedFollowing{f, c}, err
}

func (c *counted) Fleet(ctx context.Context) (adapters.Fleet, error) {
	c.fleets.Add(1)
	return c.Replica.Fleet(ctx)
}

type countedFollowing struct {
	adapters.Following
	of *counted
}

func (f *countedFollowing) News(ctx context.Context) (adapters.News, error) {
	if f.of.failing.Add(-1) >= 0 {
		return adapters.News{}, errors.New("the line is cut")
	}
	return f.Following.News(ctx)
}

func (f *countedFollowing) Close() error {
	f.of.followings.Add(-1)
	return f.Following.Close()
}

func TestNewsThatCannotBeReadComesLater(t *testing.T) {
	clk, place := newClock(), memory.New()
	store := &counted{Replica: place.Replica()}
	store.failing.Store(1)
	e := startOn(t, clk, store, plan("r1", "new"))
	other := startOn(t, clk, place.Replica(), plan("r1", "new"))
	beat(t, other, synth.Heartbeat{Host: "web-1", Current: "new", At: states.TimeOf(clk.Now())})
	require.Eventually(t, func() bool {
		return stateOf(t, e, "web-1") == states.Converged
	}, 10*time.Second, time.Millisecond)
	require.Negative(t, store.failing.Load())
}

func TestAnEngineThatIsClosedFollowsNothing(t *testing.T) {
	store := &counted{Replica: memory.New().Replica()}
	e := startOn(t, newClock(), store, plan("r1", "new"))
	require.EqualValues(t, 1, store.followings.Load())
	e.Close()
	require.Zero(t, store.followings.Load())
}

// What an engine stores itself makes it read nothing again.
func TestItsOwnWritesAreNoNews(t *testing.T) {
	clk := newClock()
	store := &counted{Replica: memory.New().Replica()}
	e := startOn(t, clk, store, plan("r1", "new"))
	before := store.fleets.Load()
	for _, host := range []states.Host{"web-1", "web-2", "db-1"} {
		beat(t, e, synth.Heartbeat{Host: host, Current: "new", At: states.TimeOf(clk.Now())})
	}
	key := states.Key{Rollout: states.Rollout{Channel: "stable", Ref: "r1"}, Host: "web-1"}
	_, err := e.Report(t.Context(), engine.Report{Event: reducer.Event{Key: key, Seq: 1, At: 1, Body: reducer.DispatchAck{AtDispatch: "old"}}})
	require.NoError(t, err)
	_, err = e.Fleet(t.Context())
	require.NoError(t, err)
	require.Equal(t, before, store.fleets.Load())
}
