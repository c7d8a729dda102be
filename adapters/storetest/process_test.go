package storetest_test

import (
	"testing"

	"github.com/rollmend/rollmend/adapters"
	"github.com/rollmend/rollmend/adapters/memory"
	"github.com/rollmend/rollmend/adapters/storetest"
	"github.com/stretchr/testify/require"
)

// The program of this package's tests does not call Serve.
func TestAProgramThatDoesNotServeIsToldTo(t *testing.T) {
	f := storetest.Fixture{
		Promise: storetest.Promise{Durable: true, SharedByProcesses: true},
		Open:    func(testing.TB) adapters.Store { return memory.New() },
		Close:   func(testing.TB, adapters.Store) {},
		Place:   "somewhere",
	}
	tried := 0
	for c := range storetest.Cases() {
		switch c.Name {
		case "what was acknowledged before a kill is there after it, and every record whole",
			"of processes that decided on the same, exactly one wins, and each sees it":
			tried++
			require.Contains(t, c.Complaint(t, f), "does the program call storetest.Serve first?")
		}
	}
	require.Equal(t, 2, tried)
}
