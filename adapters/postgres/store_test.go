package postgres_test

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/rollmend/rollmend/adapters"
	"github.com/rollmend/rollmend/adapters/postgres"
	"github.com/rollmend/rollmend/adapters/postgres/throwaway"
	"github.com/rollmend/rollmend/adapters/storetest"
	"github.com/stretchr/testify/require"
)

const (
	// dsnVariable names a database for the tests. Each uses schemas of its own.
	dsnVariable = "ROLLMEND_POSTGRES_DSN"
)

var effort = storetest.EffortFlags()

// place names a schema of a database to other processes.
type place struct{ DSN, Schema string }

func (p place) String() string {
	text, err := json.Marshal(p)
	if err != nil {
		panic(err) // two strings
	}
	return string(text)
}

// workOn carries the place to a process that writes until its server is gone.
const workOn = "ROLLMEND_POSTGRES_WORK_ON"

func TestMain(m *testing.M) {
	if text := os.Getenv(workOn); text != "" {
		s, err := openProcess(context.Background(), &storetest.Process{Place: text})
		if err == nil {
			err = storetest.Work(context.Background(), s, os.Stdout)
		}
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	storetest.Serve(openProcess)
	status := m.Run()
	if shared.server != nil {
		shared.server.Stop()
	}
	os.Exit(status)
}

// notSynced has the server not wait for the disk. What it wrote survives its own
// death all the same, and no test cuts the power.
const notSynced = "fsync=off"

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
		if shared.server, shared.err = throwaway.Start(context.Background(), notSynced); shared.err == nil {
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

// openProcess opens the store in a process that the kit started.
func openProcess(ctx context.Context, p *storetest.Process) (adapters.Store, error) {
	var at place
	if err := json.Unmarshal([]byte(p.Place), &at); err != nil {
		return nil, err
	}
	config, err := pgxpool.ParseConfig(at.DSN)
	if err != nil {
		return nil, err
	}
	crashing(config, p)
	pool, err := pgxpool.NewWithConfig(ctx, config)
	if err != nil {
		return nil, err
	}
	return postgres.Open(ctx, pool, postgres.Options{Schema: at.Schema})
}

// killServer runs a process that writes, kills the server under it at a random
// moment after something was acknowledged, and starts it again.
func killServer(t testing.TB, s *throwaway.Server, at place, acks io.Writer) {
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), workOn+"="+at.String())
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	in := bufio.NewReader(out)
	_, err = in.Peek(1)
	require.NoError(t, err)
	gone := make(chan struct{})
	time.AfterFunc(rand.N(100*time.Millisecond), func() {
		defer close(gone)
		s.Kill()
		_ = cmd.Process.Kill() // it would wait for the server
	})
	_, err = io.Copy(acks, in)
	require.NoError(t, err)
	require.Error(t, cmd.Wait(), "it was killed, or met the end of its server")
	<-gone
	require.NoError(t, s.Launch(context.Background()))
}

func TestStoreKeepsTheContract(t *testing.T) {
	dsn := database(t)
	storetest.Run(t, func(t testing.TB) storetest.Fixture {
		at := place{DSN: dsn, Schema: schema()}
		f := storetest.Fixture{
			Promise:     storetest.Promise{Durable: true, SharedByProcesses: true},
			Effort:      *effort,
			Open:        func(t testing.TB) adapters.Store { return open(t, dsn, postgres.Options{Schema: at.Schema}) },
			Close:       func(t testing.TB, s adapters.Store) { require.NoError(t, s.(*postgres.Store).Close()) },
			Place:       at.String(),
			CrashPoints: crashPoints(),
		}
		if shared.server != nil {
			f.Kill = func(t testing.TB, acks io.Writer) { killServer(t, shared.server, at, acks) }
		}
		return f
	})
}
