package engine_test

import (
	"context"
	"testing"
	"time"

	"github.com/benbjohnson/clock"
	"github.com/stretchr/testify/require"

	"github.com/rollmend/rollmend/adapters/memory"
	"github.com/rollmend/rollmend/engine"
	"github.com/rollmend/rollmend/gates"
	"github.com/rollmend/rollmend/reducer"
	"github.com/rollmend/rollmend/states"
	"github.com/rollmend/rollmend/synth"
)

// plan is a channel of two waves, a host in each, behind which comes another
// channel with one host.
func plan(ref states.Ref, target states.Closure) gates.Plan {
	policy := states.Policy{Soak: 10 * time.Second, OnFailure: states.RollbackAndHalt, DeferredIsDone: true}
	return gates.Plan{
		Ref: ref,
		Hosts: []gates.PlannedHost{
			{Host: "db-1", Channel: "slow", Wave: 0, Target: target, Policy: policy},
			{Host: "web-1", Channel: "stable", Wave: 0, Target: target, Policy: policy},
			{Host: "web-2", Channel: "stable", Wave: 1, Target: target, Policy: policy},
		},
		ChannelEdges: []gates.ChannelEdge{{Gates: "stable", Gated: "slow"}},
	}
}

func start(t *testing.T, clk *clock.Mock, store *memory.Store, p gates.Plan) *engine.Engine {
	t.Helper()
	e, err := engine.New(t.Context(), engine.Options{Store: store, Clock: clk, Cycle: time.Minute})
	require.NoError(t, err)
	t.Cleanup(e.Close)
	_, err = e.Load(t.Context(), gates.NewFleet(p))
	require.NoError(t, err)
	return e
}

func beat(t *testing.T, e *engine.Engine, hb synth.Heartbeat) engine.HeartbeatReply {
	t.Helper()
	reply, err := e.Heartbeat(t.Context(), hb)
	require.NoError(t, err)
	return reply
}

// answered lets a host beat, get the reply, and say with its next beat that it
// had it: from then on it may be sent something.
func answered(t *testing.T, e *engine.Engine, hb synth.Heartbeat) {
	t.Helper()
	hb.LastReply = beat(t, e, hb).ReceivedAt
	hb.Order.Beat++
	beat(t, e, hb)
}

func stateOf(t *testing.T, e *engine.Engine, host states.Host) states.State {
	t.Helper()
	ex, err := e.Explain(t.Context(), host)
	require.NoError(t, err)
	require.Len(t, ex.Records, 1)
	return ex.Records[0].Record.State
}

// One cycle is enough after a wipe, however deep the order and in whatever
// order the hosts come back.
func TestAWipedFleetIsBackWithinOneCycle(t *testing.T) {
	clk := clock.NewMock()
	clk.Set(time.Unix(1_700_000_000, 0))
	e := start(t, clk, memory.New(), plan("r1", "new"))
	for _, host := range []states.Host{"db-1", "web-2", "web-1"} {
		clk.Add(time.Second)
		beat(t, e, synth.Heartbeat{Host: host, Current: "new", At: states.TimeOf(clk.Now()), Order: states.Order{Boot: 1, Beat: 7}})
	}
	require.Eventually(t, func() bool { return stateOf(t, e, "db-1") == states.Converged }, 5*time.Second, time.Millisecond)
	require.Equal(t, states.Converged, stateOf(t, e, "web-1"))
	require.Equal(t, states.Converged, stateOf(t, e, "web-2"))
}

// The ordinary road, from the dispatch to the convergence.
func TestARolloutGoesThroughItsWaves(t *testing.T) {
	clk := clock.NewMock()
	clk.Set(time.Unix(1_700_000_000, 0))
	e := start(t, clk, memory.New(), plan("r1", "new"))
	now := func() states.Time { return states.TimeOf(clk.Now()) }
	for _, host := range []states.Host{"web-1", "web-2"} {
		answered(t, e, synth.Heartbeat{Host: host, Current: "old", At: now(), Order: states.Order{Boot: 1, Beat: 1}})
	}
	_, ok, err := e.Dispatch(t.Context(), "web-2", 0)
	require.NoError(t, err)
	require.False(t, ok, "wave 1 waits for wave 0")
	d, ok, err := e.Dispatch(t.Context(), "web-1", 0)
	require.NoError(t, err)
	require.True(t, ok)
	require.Equal(t, states.Closure("new"), d.Target)

	report := func(host states.Host, seq states.Seq, body reducer.Body) {
		t.Helper()
		r, err := e.Report(context.Background(), engine.Report{Event: reducer.Event{
			Key: states.Key{Rollout: states.Rollout{Channel: "stable", Ref: "r1"}, Host: host},
			Seq: seq, At: now(), Body: body,
		}})
		require.NoError(t, err)
		require.Equal(t, reducer.Applied, r.Disposition, r.Reason)
	}
	report("web-1", 1, reducer.DispatchAck{AtDispatch: "old"})
	report("web-1", 2, reducer.ActivationCompleted{Observed: "new"})
	clk.Add(10 * time.Second)

	type answer struct {
		ok  bool
		err error
	}
	polled := make(chan answer, 1)
	go func() {
		_, ok, err := e.Dispatch(context.Background(), "web-2", time.Minute)
		polled <- answer{ok, err}
	}()
	report("web-1", 3, reducer.Converged{Current: "new"})
	got := <-polled
	require.NoError(t, got.err)
	require.True(t, got.ok, "the poller wakes when its wave comes")
}
