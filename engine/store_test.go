package engine_test

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"time"

	"github.com/benbjohnson/clock"
	"github.com/stretchr/testify/require"

	"github.com/rollmend/rollmend/adapters"
	"github.com/rollmend/rollmend/adapters/memory"
	"github.com/rollmend/rollmend/engine"
	"github.com/rollmend/rollmend/gates"
	"github.com/rollmend/rollmend/reducer"
	"github.com/rollmend/rollmend/states"
	"github.com/rollmend/rollmend/synth"
)

// watched counts commits, and fails them while it is told to.
type watched struct {
	*memory.Store
	commits atomic.Int64
	failing atomic.Pointer[error]
}

func (w *watched) Commit(ctx context.Context, changes []adapters.Change) ([]adapters.Result, error) {
	w.commits.Add(1)
	if err := w.failing.Load(); err != nil {
		return nil, *err
	}
	return w.Store.Commit(ctx, changes)
}

func newClock() *clock.Mock {
	clk := clock.NewMock()
	clk.Set(time.Unix(1_700_000_000, 0))
	return clk
}

func startOn(t *testing.T, clk *clock.Mock, store adapters.Store, p gates.Plan) *engine.Engine {
	t.Helper()
	e, err := engine.New(t.Context(), engine.Options{Store: store, Clock: clk, Cycle: time.Minute})
	require.NoError(t, err)
	t.Cleanup(e.Close)
	_, err = e.Load(t.Context(), gates.NewFleet(p))
	require.NoError(t, err)
	return e
}

func TestAnUnchangedHeartbeatWritesNothing(t *testing.T) {
	clk, store := newClock(), &watched{Store: memory.New()}
	e := startOn(t, clk, store, plan("r1", "new"))
	hosts := []states.Host{"web-1", "web-2", "db-1"}
	for _, host := range hosts {
		beat(t, e, synth.Heartbeat{Host: host, Current: "new", At: states.TimeOf(clk.Now())})
	}
	_, err := e.Fleet(t.Context()) // after the gates that opened were seen to
	require.NoError(t, err)
	before := store.commits.Load()
	require.Positive(t, before)
	for range 100 {
		clk.Add(time.Minute)
		for _, host := range hosts {
			beat(t, e, synth.Heartbeat{Host: host, Current: "new", At: states.TimeOf(clk.Now())})
		}
	}
	require.Equal(t, before, store.commits.Load())
}

func TestAStoreInTroubleLosesNothing(t *testing.T) {
	clk, store := newClock(), &watched{Store: memory.New()}
	e := startOn(t, clk, store, plan("r1", "new"))
	trouble := error(&adapters.FullError{Where: "the disk", Err: errors.New("no space")})
	store.failing.Store(&trouble)
	hb := synth.Heartbeat{Host: "web-1", Current: "new", At: states.TimeOf(clk.Now())}
	_, err := e.Heartbeat(t.Context(), hb)
	var full *adapters.FullError
	require.ErrorAs(t, err, &full)
	require.Equal(t, states.Pending, stateOf(t, e, "web-1"), "what is not stored does not count")

	store.failing.Store(nil)
	beat(t, e, hb)
	require.Equal(t, states.Converged, stateOf(t, e, "web-1"), "the very same beat does it once there is room")
}

func TestABudgetOfOneIsOneForTwoControlPlanes(t *testing.T) {
	clk, store := newClock(), memory.New()
	p := plan("r1", "new")
	p.Hosts = []gates.PlannedHost{
		{Host: "web-1", Channel: "stable", Target: "new", Policy: p.Hosts[0].Policy},
		{Host: "web-2", Channel: "stable", Target: "new", Policy: p.Hosts[0].Policy},
	}
	p.Budgets = []gates.Budget{{Name: "web", Hosts: []states.Host{"web-1", "web-2"}, MaxInFlight: 1}}
	one, other := startOn(t, clk, store, p), startOn(t, clk, store, p)
	for e, host := range map[*engine.Engine]states.Host{one: "web-1", other: "web-2"} {
		now := states.TimeOf(clk.Now())
		answered(t, e, synth.Heartbeat{Host: host, Current: "old", At: now})
	}
	_, ok, err := one.Dispatch(t.Context(), "web-1", 0)
	require.NoError(t, err)
	require.True(t, ok)
	_, ok, err = other.Dispatch(t.Context(), "web-2", 0)
	require.NoError(t, err)
	require.False(t, ok, "the other control plane's decision was on an older ordering revision")
}

func TestTwoWritersOfOneRecordBothGetIn(t *testing.T) {
	clk, store := newClock(), memory.New()
	one, other := startOn(t, clk, store, plan("r1", "new")), startOn(t, clk, store, plan("r1", "new"))
	now := states.TimeOf(clk.Now())
	key := states.Key{Rollout: states.Rollout{Channel: "stable", Ref: "r1"}, Host: "web-1"}
	for seq, e := range []*engine.Engine{one, other, one} {
		body := []reducer.Body{
			reducer.DispatchAck{AtDispatch: "old"},
			reducer.ActivationStarted{Method: "switch"},
			reducer.ActivationCompleted{Observed: "new"},
		}[seq]
		r, err := e.Report(t.Context(), engine.Report{Event: reducer.Event{Key: key, Seq: states.Seq(seq + 1), At: now, Body: body}})
		require.NoError(t, err)
		require.Equal(t, reducer.Applied, r.Disposition, r.Reason)
	}
	rec, err := store.Record(t.Context(), key)
	require.NoError(t, err)
	require.Equal(t, states.Soaking, rec.State)
	log, err := store.Log(t.Context(), key)
	require.NoError(t, err)
	folded, err := reducer.Rederive(log)
	require.NoError(t, err)
	require.True(t, folded.Equal(&rec))
}

func TestWhoeverWaitsIsToldThatTheEngineClosed(t *testing.T) {
	clk := newClock()
	e := startOn(t, clk, memory.New(), plan("r1", "new"))
	polled := make(chan error, 1)
	go func() {
		_, _, err := e.Dispatch(context.Background(), "web-1", time.Hour)
		polled <- err
	}()
	e.Close()
	require.ErrorIs(t, <-polled, engine.ErrClosed)
	_, err := e.Heartbeat(t.Context(), synth.Heartbeat{Host: "web-1", Current: "old", At: 1})
	require.ErrorIs(t, err, engine.ErrClosed)
}
