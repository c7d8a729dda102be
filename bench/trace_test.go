package bench_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/rollmend/rollmend/adapters"
	"github.com/rollmend/rollmend/reducer"
	"github.com/rollmend/rollmend/states"
)

const (
	before states.Closure = "/nix/store/8a1mcq2wzr-nixos-system-25.11"
	target states.Closure = "/nix/store/q0l9z1k3v8-nixos-system-26.05"

	openedAt states.Time = 1_790_000_000_000
	soak                 = 10 * time.Minute
)

var (
	stable = states.Rollout{Channel: "stable", Ref: "a1b2c3d4"}
	policy = states.Policy{Soak: soak, OnFailure: states.RollbackAndHalt, DeferredIsDone: true}
)

// life is what one record goes through: from its opening through a transition
// with each event.
type life struct {
	opened  states.Record
	events  []reducer.Event
	through []states.State // where each event leads
}

// transitions is how many there are in the trace. They go through all seven
// states.
const transitions = 11

// trace is three lives: of a host that needs a reboot, of one whose probes
// fail, and of one for which all goes well.
func trace(t testing.TB) []life {
	ack := reducer.DispatchAck{AtDispatch: before}
	completed := reducer.ActivationCompleted{Observed: target}
	converged := reducer.Converged{Current: target}
	failed := reducer.Failed{Duration: time.Minute, Failing: []string{"http"}, PolicyApplied: states.RollbackAndHalt}
	return []life{
		lived(t, "db-1", ack, reducer.ActivationDeferred{Component: "kernel"}, completed, converged),
		lived(t, "web-1", ack, completed, failed, reducer.RollbackComplete{RevertedTo: before}),
		lived(t, "web-2", ack, completed, converged),
	}
}

// lived makes a life of what its agent reports, a soak apart.
func lived(t testing.TB, host states.Host, bodies ...reducer.Body) life {
	rec := opened(t, stable, host, 0)
	l := life{opened: rec}
	for i, body := range bodies {
		ev := reducer.Event{
			Key: rec.Key, Seq: states.Seq(i + 1), At: openedAt.Add(time.Duration(i+1) * soak),
			Order: states.Order{Boot: 3, Beat: uint64(100 + i)}, Body: body,
		}
		out, err := reducer.Step(rec, ev)
		require.NoError(t, err)
		require.NotEqual(t, rec.State, out.Record.State)
		rec = out.Record
		l.events, l.through = append(l.events, ev), append(l.through, rec.State)
	}
	return l
}

// opened returns a record as its opening leaves it.
func opened(t testing.TB, id states.Rollout, host states.Host, wave states.Wave) states.Record {
	m := adapters.Member{Host: host, Opened: reducer.Opened{Wave: wave, Target: target, Policy: policy}}
	rec, _, err := adapters.Opening{Rollout: id, At: openedAt, Members: []adapters.Member{m}}.Record(m)
	require.NoError(t, err)
	return rec
}
