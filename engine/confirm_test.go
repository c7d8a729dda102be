package engine_test

import (
	"context"
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

// deaf hides that a store can be followed: its control plane hears of the others
// only by what their commits refuse it.
type deaf struct{ adapters.Store }

// No commit guards a dispatch that was marked before, so it must not go out on
// what one control plane alone knows.
func TestADispatchIsNotSentAgainOnceAnotherControlPlaneKnowsBetter(t *testing.T) {
	for name, meanwhile := range map[string]func(t *testing.T, other *engine.Engine){
		"an operator quarantined the target": func(t *testing.T, other *engine.Engine) {
			require.NoError(t, other.Impose(t.Context(), "stable", "new", "it loses data"))
		},
		"it was acknowledged": func(t *testing.T, other *engine.Engine) {
			r, err := other.Report(t.Context(), engine.Report{Event: reducer.Event{
				Key: web1, Seq: 1, At: 1, Body: reducer.DispatchAck{AtDispatch: "old"},
			}})
			require.NoError(t, err)
			require.Equal(t, reducer.Applied, r.Disposition)
		},
	} {
		t.Run(name, func(t *testing.T) {
			clk, place := newClock(), memory.New()
			one := startShared(t, clk, deaf{place}, plan("r1", "new"))
			other := startShared(t, clk, place.Replica(), plan("r1", "new"))
			answered(t, one, synth.Heartbeat{Host: "web-1", Current: "old", At: states.TimeOf(clk.Now()), Order: states.Order{Boot: 1, Beat: 1}})
			for range 2 {
				_, ok, err := one.Dispatch(t.Context(), "web-1", 0)
				require.NoError(t, err)
				require.True(t, ok, "it is sent until it is acknowledged")
			}
			meanwhile(t, other)
			_, ok, err := one.Dispatch(t.Context(), "web-1", 0)
			require.NoError(t, err)
			require.False(t, ok)
		})
	}
}

func startShared(t *testing.T, clk adapters.Clock, store adapters.Store, p gates.Plan) *engine.Engine {
	t.Helper()
	e, err := engine.New(context.Background(), engine.Options{Store: store, Clock: clk, Cycle: time.Minute, Shared: true})
	require.NoError(t, err)
	t.Cleanup(e.Close)
	_, err = e.Load(t.Context(), gates.NewFleet(p))
	require.NoError(t, err)
	return e
}
