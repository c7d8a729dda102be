package memory_test

import (
	"testing"

	"github.com/rollmend/rollmend/adapters"
	"github.com/rollmend/rollmend/adapters/memory"
	"github.com/rollmend/rollmend/adapters/storetest"
	"github.com/rollmend/rollmend/states"
	"github.com/stretchr/testify/require"
)

var effort = storetest.EffortFlags()

func TestStoreKeepsTheContract(t *testing.T) {
	storetest.Run(t, func(testing.TB) storetest.Fixture {
		return storetest.Fixture{
			Effort: *effort,
			Open:   func(testing.TB) adapters.Store { return memory.New() },
			Close:  func(t testing.TB, s adapters.Store) { require.NoError(t, s.(*memory.Store).Close()) },
		}
	})
}

func TestReplicasKeepTheContract(t *testing.T) {
	storetest.Run(t, func(testing.TB) storetest.Fixture {
		place := memory.New()
		return storetest.Fixture{
			Promise: storetest.Promise{Shared: true},
			Open:    func(testing.TB) adapters.Store { return place.Replica() },
			Close:   func(testing.TB, adapters.Store) {},
		}
	})
}

func TestAClosedStoreSaysSo(t *testing.T) {
	s := memory.New()
	require.NoError(t, s.Close())
	_, err := s.Fleet(t.Context())
	require.ErrorIs(t, err, adapters.ErrClosed)
	_, err = s.Commit(t.Context(), nil)
	require.ErrorIs(t, err, adapters.ErrClosed)
	require.ErrorIs(t, s.Enact(t.Context(), nil), adapters.ErrClosed)
	_, err = s.Log(t.Context(), states.Key{})
	require.ErrorIs(t, err, adapters.ErrClosed)
	for rec, err := range s.Records(t.Context()) {
		require.Zero(t, rec)
		require.ErrorIs(t, err, adapters.ErrClosed)
	}
}

func TestARepeatedResumptionIsKeptOnce(t *testing.T) {
	s := memory.New()
	r := adapters.Resumption{Reason: "fixed", Hosts: []states.Host{"a"}}
	for range 2 {
		require.NoError(t, s.Enact(t.Context(), []adapters.Act{r}))
	}
	f, err := s.Fleet(t.Context())
	require.NoError(t, err)
	require.Equal(t, []adapters.Resumption{r}, f.Resumptions)
	require.Equal(t, adapters.Ordering(2), f.Ordering)
}
