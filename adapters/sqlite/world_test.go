package sqlite_test

import (
	"fmt"
	"testing"

	"github.com/rollmend/rollmend/adapters"
	"github.com/rollmend/rollmend/reducer"
	"github.com/rollmend/rollmend/states"
	"github.com/stretchr/testify/require"
)

const (
	opened states.Time    = 1_790_000_000_000
	target states.Closure = "/nix/store/q0l9z1k3v8-nixos-system-26.05"
)

// opening opens one rollout for n hosts.
func opening(n int) adapters.Opening {
	o := adapters.Opening{Rollout: states.Rollout{Channel: "stable", Ref: "a1b2c3d4"}, At: opened}
	for i := range n {
		o.Members = append(o.Members, adapters.Member{
			Host:   states.Host(fmt.Sprintf("web-%06d", i)),
			Opened: reducer.Opened{Target: target, Policy: states.Policy{OnFailure: states.RollbackAndHalt}},
		})
	}
	return o
}

// recovery is the change that brings a wiped host back: a heartbeat showed it
// on its target, and three events are synthesised.
func recovery(t testing.TB, o adapters.Opening, m adapters.Member) adapters.Change {
	rec, _, err := o.Record(m)
	require.NoError(t, err)
	c := adapters.Change{Record: rec}
	seen := states.Observation{At: opened + 30_000, Order: states.Order{Boot: 12, Beat: 340}, Current: target}
	for _, body := range []reducer.Body{
		reducer.DispatchAck{}, reducer.ActivationCompleted{Observed: target}, reducer.Converged{Current: target},
	} {
		out, err := reducer.Step(c.Record, reducer.Event{
			Key:    rec.Key,
			Origin: reducer.Origin{By: reducer.BySynthesis, Case: states.RecordsLost, From: seen},
			At:     opened,
			Body:   body,
		})
		require.NoError(t, err)
		c.Record, c.Effects = out.Record, append(c.Effects, out.Effects)
	}
	return c
}

// dispatch is the change that hands a host its dispatch, with an entry of its
// own in the log.
func dispatch(t testing.TB, rec states.Record) adapters.Change {
	origin := reducer.Origin{By: reducer.ByControlPlane}
	out, err := reducer.Step(rec, reducer.Event{Key: rec.Key, Origin: origin, At: opened + 1, Body: reducer.Dispatched{}})
	require.NoError(t, err)
	return adapters.Change{Expect: rec.Revision, Record: out.Record, Effects: []reducer.Effects{out.Effects}}
}

// commit stores changes, none of which may conflict.
func commit(t testing.TB, s adapters.Store, changes ...adapters.Change) {
	results, err := s.Commit(t.Context(), changes)
	require.NoError(t, err)
	for _, r := range results {
		require.NoError(t, r.Err)
	}
}

// revision returns the revision of the opening's first host.
func revision(t testing.TB, s adapters.Store, o adapters.Opening) states.Revision {
	rec, err := s.Record(t.Context(), states.Key{Rollout: o.Rollout, Host: o.Members[0].Host})
	require.NoError(t, err)
	return rec.Revision
}
