package adapters_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/rollmend/rollmend/adapters"
	"github.com/rollmend/rollmend/adapters/memory"
	"github.com/rollmend/rollmend/adapters/storetest"
	"github.com/rollmend/rollmend/reducer"
)

// audited is a store of one's own: it keeps what another one keeps, and tells
// of every quarantine once that is stored. It takes effects one by one, as a
// sink, so that a new one would not compile until it is handled here.
type audited struct {
	adapters.Store
	tell func(reducer.Quarantine)
}

func (a audited) Commit(ctx context.Context, changes []adapters.Change) ([]adapters.Result, error) {
	results, err := a.Store.Commit(ctx, changes)
	for i := range results {
		if results[i].Err != nil {
			continue // not stored, so there is nothing to tell
		}
		for j := range changes[i].Effects {
			if err := changes[i].Effects[j].To(auditor(a.tell)); err != nil {
				return results, err
			}
		}
	}
	return results, err
}

type auditor func(reducer.Quarantine)

func (auditor) Log(reducer.LogEntry) error { return nil }

func (tell auditor) Quarantine(q reducer.Quarantine) error {
	tell(q)
	return nil
}

func (auditor) Transition(reducer.Transition) error { return nil }

func open(testing.TB) adapters.Store {
	return audited{memory.New(), func(q reducer.Quarantine) { fmt.Println("quarantined:", q.Closure) }}
}

// In a test of its own it is held to the contract by
//
//	storetest.Run(t, func(testing.TB) storetest.Fixture { return fixture })
func ExampleStore() {
	fixture := storetest.Fixture{Open: open}
	store := fixture.Open(nil)
	fleet, err := store.Fleet(context.Background())
	fmt.Println(len(fleet.Openings), fleet.Ordering, err)
	// Output:
	// 0 1 <nil>
}

func TestAStoreOfOnesOwnHoldsTheContract(t *testing.T) {
	storetest.Run(t, func(testing.TB) storetest.Fixture {
		return storetest.Fixture{
			Open:  func(t testing.TB) adapters.Store { return open(t) },
			Close: func(testing.TB, adapters.Store) {},
		}
	})
}
