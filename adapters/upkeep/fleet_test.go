package upkeep_test

import (
	"context"
	"fmt"
	"iter"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/rollmend/rollmend/adapters"
	"github.com/rollmend/rollmend/adapters/memory"
	"github.com/rollmend/rollmend/adapters/upkeep"
	"github.com/rollmend/rollmend/reducer"
	"github.com/rollmend/rollmend/states"
)

const dawn states.Time = 1_790_000_000_000

var stable = states.Rollout{Channel: "stable", Ref: "r1"}

func host(i int) states.Host { return states.Host(fmt.Sprintf("web-%04d", i)) }

func keyOf(i int) states.Key { return states.Key{Rollout: stable, Host: host(i)} }

func opening(r states.Rollout, hosts int) adapters.Opening {
	o := adapters.Opening{Rollout: r, At: dawn}
	for i := range hosts {
		o.Members = append(o.Members, adapters.Member{Host: host(i), Opened: reducer.Opened{
			Target: "/nix/store/new", Policy: states.Policy{Soak: time.Minute, OnFailure: states.Halt},
		}})
	}
	return o
}

// filled is a store of some hosts, of which host i has had i%6 reports, a
// minute apart, of which the third is refused.
func filled(t *testing.T, hosts int) *memory.Store {
	t.Helper()
	s := memory.New()
	require.NoError(t, s.Enact(t.Context(), []adapters.Act{opening(stable, hosts)}))
	for i := range hosts {
		reports(t, s, keyOf(i), i%6)
	}
	return s
}

func reports(t *testing.T, s adapters.Store, key states.Key, n int) {
	t.Helper()
	bodies := []reducer.Body{
		reducer.DispatchAck{AtDispatch: "/nix/store/old"},
		reducer.ActivationStarted{Method: "switch"},
		reducer.Converged{Current: "/nix/store/new"}, // refused
		reducer.ActivationCompleted{Observed: "/nix/store/new"},
		reducer.Converged{Current: "/nix/store/new"},
	}
	for range n {
		rec, err := s.Record(t.Context(), key)
		require.NoError(t, err)
		seq := rec.LastSeq + 1
		out, _ := reducer.Step(rec, reducer.Event{
			Key: key, Seq: seq, At: dawn.Add(time.Duration(seq) * time.Minute), Body: bodies[(seq-1)%states.Seq(len(bodies))],
		})
		results, err := s.Commit(t.Context(), []adapters.Change{{
			Expect: rec.Revision, Record: out.Record, Effects: []reducer.Effects{out.Effects},
		}})
		require.NoError(t, err)
		require.NoError(t, results[0].Err)
	}
}

// lying is a store that says something else of some records than it holds.
type lying struct {
	*memory.Store
	record func(states.Record) (states.Record, error)
	log    func(states.Key, []reducer.LogEntry) ([]reducer.LogEntry, error)
	list   func([]states.Record) []states.Record
	strays []string
}

func (l *lying) Record(ctx context.Context, key states.Key) (states.Record, error) {
	rec, err := l.Store.Record(ctx, key)
	if err != nil || l.record == nil {
		return rec, err
	}
	return l.record(rec)
}

func (l *lying) Log(ctx context.Context, key states.Key) ([]reducer.LogEntry, error) {
	log, err := l.Store.Log(ctx, key)
	if err != nil || l.log == nil {
		return log, err
	}
	return l.log(key, slices.Clone(log))
}

func (l *lying) Records(ctx context.Context) iter.Seq2[states.Record, error] {
	if l.list == nil {
		return l.Store.Records(ctx)
	}
	return func(yield func(states.Record, error) bool) {
		var all []states.Record
		for rec, err := range l.Store.Records(ctx) {
			if err != nil {
				yield(rec, err)
				return
			}
			all = append(all, rec)
		}
		for _, rec := range l.list(all) {
			if !yield(rec, nil) {
				return
			}
		}
	}
}

func (l *lying) Strays(context.Context) iter.Seq2[string, error] {
	return func(yield func(string, error) bool) {
		for _, s := range l.strays {
			if !yield(s, nil) {
				return
			}
		}
	}
}

func verified(t *testing.T, s adapters.Store) (found []upkeep.Finding) {
	t.Helper()
	for f, err := range upkeep.Verify(t.Context(), s, nil) {
		require.NoError(t, err)
		found = append(found, f)
	}
	return found
}
