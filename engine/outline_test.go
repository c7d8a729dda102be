package engine_test

import (
	"context"
	"iter"
	"slices"
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

// brief is a store that has its records in outline, in no useful order, and does
// not let them be read.
type brief struct {
	*memory.Store
	t testing.TB
}

func (s brief) Records(context.Context) iter.Seq2[states.Record, error] {
	s.t.Error("the records are read")
	return func(func(states.Record, error) bool) {}
}

func (s brief) Outlines(ctx context.Context) iter.Seq2[adapters.Outline, error] {
	var all []adapters.Outline
	for o, err := range adapters.Outlines(ctx, s.Store) {
		require.NoError(s.t, err)
		all = append(all, o)
	}
	slices.SortFunc(all, func(a, b adapters.Outline) int { return -compare(a.Key, b.Key) })
	return func(yield func(adapters.Outline, error) bool) {
		for _, o := range all {
			if !yield(o, nil) {
				return
			}
		}
	}
}

func compare(a, b states.Key) int { return slices.Compare([]byte(a.String()), []byte(b.String())) }

// A control plane that starts on outlines knows what one knows that read every
// record.
func TestAControlPlaneStartsOnOutlines(t *testing.T) {
	clk, store := newClock(), memory.New()
	e := start(t, clk, store, wide(8))
	at := states.TimeOf(clk.Now())
	for _, host := range []states.Host{"host-00001", "host-00004"} {
		beat(t, e, synth.Heartbeat{Host: host, Current: "new", At: at})
	}
	key := states.Key{Rollout: states.Rollout{Channel: "stable", Ref: "r1"}, Host: "host-00002"}
	reported(t, e, key, 1, at, reducer.DispatchAck{AtDispatch: "old"})
	key.Host = "host-00006"
	reported(t, e, key, 1, at, reducer.DispatchAck{AtDispatch: "old"})
	reported(t, e, key, 2, at, reducer.ActivationCompleted{Observed: "new"})
	e.Close()

	whole, outlined := startOn(t, clk, store, wide(8)), startOn(t, clk, brief{store, t}, wide(8))
	overview := func(e *engine.Engine) engine.Overview {
		o, err := e.Fleet(t.Context())
		require.NoError(t, err)
		return o
	}
	o := overview(outlined)
	require.Equal(t, overview(whole), o)
	require.Equal(t, 2, o.Rollouts[0].ByState[states.Converged])
	require.Equal(t, 1, o.Rollouts[0].ByState[states.Soaking])
	for _, h := range wide(8).Hosts {
		want, err := whole.Explain(t.Context(), h.Host)
		require.NoError(t, err)
		got, err := outlined.Explain(t.Context(), h.Host)
		require.NoError(t, err)
		require.Equal(t, want, got)
	}
	// Its last number is known: what was told before is a duplicate.
	require.Equal(t, reducer.Duplicate, reported(t, outlined, key, 2, at, reducer.ActivationCompleted{Observed: "new"}).Disposition)
	require.Equal(t, reducer.Applied, reported(t, outlined, key, 3, at.Add(time.Hour), reducer.Converged{Current: "new"}).Disposition)
}

// An engine that is closed while its store is opened, or read, does not wait for
// it.
func TestAControlPlaneThatIsClosedWhileItBeginsEndsThat(t *testing.T) {
	for name, open := range map[string]func(context.Context) (adapters.Store, error){
		"while it opens the store": func(ctx context.Context) (adapters.Store, error) {
			<-ctx.Done()
			return nil, ctx.Err()
		},
		"while it reads the store": func(context.Context) (adapters.Store, error) { return endless{Store: memory.New()}, nil },
	} {
		t.Run(name, func(t *testing.T) {
			e, err := engine.Begin(engine.Options{Clock: newClock(), Cycle: time.Minute}, open)
			require.NoError(t, err)
			loaded := make(chan error, 1)
			go func() {
				_, err := e.Load(context.Background(), gates.NewFleet(wide(1)))
				loaded <- err
			}()
			closed := make(chan struct{})
			go func() {
				e.Close()
				close(closed)
			}()
			select {
			case <-closed:
			case <-time.After(time.Minute):
				require.Fail(t, "it waits")
			}
			require.ErrorIs(t, <-loaded, engine.ErrClosed)
		})
	}
}

// endless is a store that cannot be read to its end.
type endless struct{ adapters.Store }

func (endless) Records(ctx context.Context) iter.Seq2[states.Record, error] {
	return func(yield func(states.Record, error) bool) {
		<-ctx.Done()
		yield(states.Record{}, ctx.Err())
	}
}
