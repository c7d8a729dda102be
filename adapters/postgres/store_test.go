package postgres_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"sync"
	"testing"
	"time"

	"github.com/rollmend/rollmend/adapters"
	"github.com/rollmend/rollmend/adapters/postgres"
	"github.com/rollmend/rollmend/adapters/postgres/throwaway"
	"github.com/rollmend/rollmend/adapters/storetest"
	"github.com/stretchr/testify/require"
)

const (
	// dsnVariable names a database for the tests. Each uses schemas of its own.
	dsnVariable = "ROLLMEND_POSTGRES_DSN"

	// These make of the test's program a writer of a store, to be killed.
	workOn = "ROLLMEND_POSTGRES_WORK_ON"
	workIn = "ROLLMEND_POSTGRES_WORK_IN"
)

func TestMain(m *testing.M) {
	if dsn := os.Getenv(workOn); dsn != "" {
		s, err := postgres.OpenURL(context.Background(), dsn, postgres.Options{Schema: os.Getenv(workIn)})
		if err == nil {
			err = storetest.Work(context.Background(), s, os.Stdout)
		}
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	status := m.Run()
	if shared.server != nil {
		shared.server.Stop()
	}
	os.Exit(status)
}

// shared is the server of all tests that do not harm theirs.
var shared struct {
	once   sync.Once
	server *throwaway.Server
	dsn    string
	err    error
}

// database returns a database to test in.
func database(t testing.TB) string {
	shared.once.Do(func() {
		if shared.dsn = os.Getenv(dsnVariable); shared.dsn != "" {
			return
		}
		if shared.server, shared.err = throwaway.Start(context.Background()); shared.err == nil {
			shared.dsn = shared.server.DSN()
		}
	})
	demand(t, shared.err)
	return shared.dsn
}

// demand skips a test where no server is installed; in CI that is a failure.
func demand(t testing.TB, err error) {
	if errors.Is(err, throwaway.ErrNoBinaries) && os.Getenv("CI") == "" {
		t.Skipf("%v; or name a database in %s", err, dsnVariable)
	}
	require.NoError(t, err)
}

func schema() string { return fmt.Sprintf("test \"%x.", rand.Uint64()) }

func open(t testing.TB, dsn string, o postgres.Options) *postgres.Store {
	s, err := postgres.OpenURL(context.Background(), dsn, o)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.Close()) })
	return s
}

// kill runs a writer of the store and kills it at a random moment after it
// acknowledged something.
func kill(t testing.TB, dsn, schema string, acks io.Writer) {
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), workOn+"="+dsn, workIn+"="+schema)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	in := bufio.NewReader(out)
	_, err = in.Peek(1)
	require.NoError(t, err)
	time.AfterFunc(rand.N(150*time.Millisecond), func() { _ = cmd.Process.Kill() })
	_, err = io.Copy(acks, in)
	require.NoError(t, err)
	require.ErrorContains(t, cmd.Wait(), "killed")
}

func TestStoreKeepsTheContract(t *testing.T) {
	dsn := database(t)
	storetest.Run(t, func(t testing.TB) storetest.Fixture {
		in := schema()
		return storetest.Fixture{
			Promise: storetest.Promise{Durable: true, SharedByProcesses: true},
			Open:    func(t testing.TB) adapters.Store { return open(t, dsn, postgres.Options{Schema: in}) },
			Close:   func(t testing.TB, s adapters.Store) { require.NoError(t, s.(*postgres.Store).Close()) },
			Kill:    func(t testing.TB, acks io.Writer) { kill(t, dsn, in, acks) },
		}
	})
}
