package etcd_test

import (
	"testing"
	"time"

	"github.com/rollmend/rollmend/adapters"
	"github.com/rollmend/rollmend/adapters/etcd"
	"github.com/rollmend/rollmend/engine"
	"github.com/rollmend/rollmend/gates"
	"github.com/rollmend/rollmend/states"
	"github.com/rollmend/rollmend/synth"
	"github.com/stretchr/testify/require"
)

// Two control planes on one cluster: what one of them sees lets go a host that
// the other holds, to which nothing else happens.
func TestAHeldHostIsLetGoByWhatAnotherControlPlaneSaw(t *testing.T) {
	in := prefix()
	policy := states.Policy{OnFailure: states.RollbackAndHalt}
	fleet := gates.NewFleet(gates.Plan{Ref: "r1", Hosts: []gates.PlannedHost{
		{Host: "web-1", Channel: "stable", Wave: 0, Target: target, Policy: policy},
		{Host: "web-2", Channel: "stable", Wave: 1, Target: target, Policy: policy},
	}})
	var planes []*engine.Engine
	for range 2 {
		s := open(t, one(t).Endpoints(), etcd.Options{Prefix: in})
		e, err := engine.New(t.Context(), engine.Options{Store: s, Clock: adapters.WallClock{}, Cycle: time.Hour})
		require.NoError(t, err)
		t.Cleanup(e.Close)
		_, err = e.Load(t.Context(), fleet)
		require.NoError(t, err)
		planes = append(planes, e)
	}
	state := func(e *engine.Engine, host states.Host) states.State {
		ex, err := e.Explain(t.Context(), host)
		require.NoError(t, err)
		return ex.Records[0].Record.State
	}
	now := states.TimeOf(time.Now())
	_, err := planes[1].Heartbeat(t.Context(), synth.Heartbeat{Host: "web-2", Current: target, At: now})
	require.NoError(t, err)
	require.Equal(t, states.Pending, state(planes[1], "web-2"), "wave 1 waits for wave 0")
	_, err = planes[0].Heartbeat(t.Context(), synth.Heartbeat{Host: "web-1", Current: target, At: now})
	require.NoError(t, err)
	for _, e := range planes {
		require.Eventually(t, func() bool { return state(e, "web-2") == states.Converged }, time.Minute, 5*time.Millisecond)
	}
}
