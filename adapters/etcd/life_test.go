package etcd_test

import (
	"testing"

	"github.com/rollmend/rollmend/adapters"
	"github.com/rollmend/rollmend/reducer"
	"github.com/rollmend/rollmend/states"
	"github.com/stretchr/testify/require"
)

const opened states.Time = 1_790_000_000_000

func opening(hosts ...states.Host) adapters.Opening {
	o := adapters.Opening{Rollout: states.Rollout{Channel: "stable", Ref: "a1b2c3d4"}, At: opened}
	for _, h := range hosts {
		o.Members = append(o.Members, adapters.Member{Host: h, Opened: reducer.Opened{
			Target: "/nix/store/new", Policy: states.Policy{OnFailure: states.RollbackAndHalt},
		}})
	}
	return o
}

// dispatch is the change that hands a host its dispatch.
func dispatch(t testing.TB, rec states.Record) adapters.Change {
	out, err := reducer.Step(rec, reducer.Event{
		Key: rec.Key, Origin: reducer.Origin{By: reducer.ByControlPlane}, At: opened + 1, Body: reducer.Dispatched{},
	})
	require.NoError(t, err)
	return adapters.Change{Expect: rec.Revision, Record: out.Record, Effects: []reducer.Effects{out.Effects}}
}
