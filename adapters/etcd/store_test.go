package etcd_test

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rollmend/rollmend/adapters"
	"github.com/rollmend/rollmend/adapters/etcd"
	"github.com/rollmend/rollmend/adapters/etcd/throwaway"
	"github.com/rollmend/rollmend/adapters/storetest"
	"github.com/stretchr/testify/require"
	clientv3 "go.etcd.io/etcd/client/v3"
	"go.uber.org/zap"
	"google.golang.org/grpc"
)

var effort = storetest.EffortFlags()

// place names a prefix of a cluster to other processes.
func place(endpoints []string, prefix string) string {
	return strings.Join(append(slices.Clone(endpoints), prefix), " ")
}

func openProcess(ctx context.Context, p *storetest.Process) (adapters.Store, error) {
	words := strings.Fields(p.Place)
	last := len(words) - 1
	client, err := clientv3.New(clientv3.Config{
		Endpoints: words[:last], Logger: zap.NewNop(),
		DialOptions: []grpc.DialOption{grpc.WithChainUnaryInterceptor(crashing(p))},
	})
	if err != nil {
		return nil, err
	}
	return etcd.Open(ctx, client, etcd.Options{Prefix: words[last], Timeout: patience}) // both end with the process
}

func TestMain(m *testing.M) {
	storetest.Serve(openProcess)
	status := m.Run()
	if shared.cluster != nil {
		shared.cluster.Stop()
	}
	throwaway.Clean()
	os.Exit(status)
}

// shared is the one-member cluster of all tests that do not harm theirs.
var shared struct {
	once    sync.Once
	cluster *throwaway.Cluster
	err     error
}

func one(t testing.TB) *throwaway.Cluster {
	shared.once.Do(func() { shared.cluster, shared.err = throwaway.Start(context.Background(), 1) })
	require.NoError(t, shared.err)
	return shared.cluster
}

// start starts a cluster of the test's own.
func start(t testing.TB, members int, flags ...string) *throwaway.Cluster {
	c, err := throwaway.Start(context.Background(), members, flags...)
	require.NoError(t, err)
	t.Cleanup(c.Stop)
	return c
}

func prefix() string { return fmt.Sprintf("test-%x/", rand.Uint64()) }

// patience is the timeout of stores that must not see a fault: an election, and
// what a disk is asked to keep, take seconds where tests of other packages keep
// the machine busy.
const patience = 30 * time.Second

// open opens a store, which waits for patience unless o says otherwise.
func open(t testing.TB, endpoints []string, o etcd.Options) *etcd.Store {
	o.Timeout = cmp.Or(o.Timeout, patience)
	s, err := etcd.OpenEndpoints(context.Background(), endpoints, o)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.Close()) })
	return s
}

// contract holds stores on a cluster to the contract of the port.
func contract(t *testing.T, endpoints []string, o etcd.Options) {
	storetest.Run(t, func(t testing.TB) storetest.Fixture {
		o := o
		o.Prefix = prefix()
		return storetest.Fixture{
			Promise:     storetest.Promise{Durable: true, SharedByProcesses: true},
			Effort:      *effort,
			Place:       place(endpoints, o.Prefix),
			CrashPoints: crashPoints(),
			Open:        func(t testing.TB) adapters.Store { return open(t, endpoints, o) },
			Close:       func(t testing.TB, s adapters.Store) { require.NoError(t, s.(*etcd.Store).Close()) },
		}
	})
}

func TestStoreKeepsTheContract(t *testing.T) {
	contract(t, one(t).Endpoints(), etcd.Options{})
}

// histories lets clients use two stores on one place at once, and checks that
// the answers are linearizable.
func histories(t *testing.T, endpoints []string, n int) storetest.HistoryReport {
	seed := rand.Uint64N(1 << 32)
	t.Logf("histories from seed %d", seed)
	report, err := storetest.Histories(t.Context(), func(ctx context.Context) ([]adapters.Store, func() error, error) {
		o := etcd.Options{Prefix: prefix(), Timeout: patience}
		var stores []adapters.Store
		for range 2 {
			s, err := etcd.OpenEndpoints(ctx, endpoints, o)
			if err != nil {
				return nil, nil, err
			}
			stores = append(stores, s)
		}
		return stores, func() error {
			return errors.Join(stores[0].(*etcd.Store).Close(), stores[1].(*etcd.Store).Close())
		}, nil
	}, seed, n)
	t.Logf("%+v", report)
	require.NoError(t, err)
	require.Positive(t, report.Overlapping)
	require.Positive(t, report.Conflicts)
	return report
}

func TestHistoriesAreLinearizable(t *testing.T) {
	histories(t, one(t).Endpoints(), 60)
}
