package broken

import (
	"context"
	"sync"

	"github.com/rollmend/rollmend/adapters"
	"github.com/rollmend/rollmend/states"
)

// AcknowledgesEarly returns a store that answers a commit as stored before it
// is, and stores it only then. Its reads wait, so that nobody notices before
// its process is killed. It is the null control of a loop of kills: a loop
// that finds nothing missing here is blind.
func AcknowledgesEarly(s adapters.Store) adapters.Store { return &early{Store: s} }

type early struct {
	adapters.Store
	behind sync.WaitGroup // the commit that is still to be done
}

func (s *early) Commit(ctx context.Context, changes []adapters.Change) ([]adapters.Result, error) {
	s.behind.Wait()
	s.behind.Go(func() { _, _ = s.Store.Commit(context.WithoutCancel(ctx), changes) })
	return make([]adapters.Result, len(changes)), nil
}

func (s *early) Record(ctx context.Context, key states.Key) (states.Record, error) {
	s.behind.Wait()
	return s.Store.Record(ctx, key)
}

func (s *early) Fleet(ctx context.Context) (adapters.Fleet, error) {
	s.behind.Wait()
	return s.Store.Fleet(ctx)
}
