package sqlite_test

import (
	"bufio"
	"context"
	"database/sql"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/rollmend/rollmend/adapters"
	"github.com/rollmend/rollmend/adapters/sqlite"
	"github.com/rollmend/rollmend/adapters/storetest"
	"github.com/stretchr/testify/require"
)

// workOn names the variable that makes of the test's program a writer of the
// store in its value, to be killed.
const workOn = "ROLLMEND_SQLITE_WORK_ON"

func TestMain(m *testing.M) {
	path := os.Getenv(workOn)
	if path == "" {
		os.Exit(m.Run())
	}
	s, err := sqlite.OpenFile(context.Background(), path)
	if err == nil {
		err = storetest.Work(context.Background(), s, os.Stdout)
	}
	fmt.Fprintln(os.Stderr, err)
	os.Exit(1)
}

// kill runs a writer of the store at path and kills it at a random moment after
// it acknowledged something.
func kill(t testing.TB, path string, acks io.Writer) {
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), workOn+"="+path)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	in := bufio.NewReader(out)
	_, err = in.Peek(1)
	require.NoError(t, err)
	time.AfterFunc(time.Duration(rand.Int64N(int64(150*time.Millisecond))), func() { _ = cmd.Process.Kill() })
	_, err = io.Copy(acks, in)
	require.NoError(t, err)
	require.ErrorContains(t, cmd.Wait(), "killed")
}

func openFile(t testing.TB, path string) *sqlite.Store {
	s, err := sqlite.OpenFile(t.Context(), path)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.Close()) })
	return s
}

func TestStoreKeepsTheContract(t *testing.T) {
	storetest.Run(t, func(t testing.TB) storetest.Fixture {
		path := filepath.Join(t.TempDir(), "fleet % of ?#1.db")
		return storetest.Fixture{
			Promise: storetest.Promise{Durable: true},
			Open:    func(t testing.TB) adapters.Store { return openFile(t, path) },
			Close:   func(t testing.TB, s adapters.Store) { require.NoError(t, s.(*sqlite.Store).Close()) },
			Kill:    func(t testing.TB, acks io.Writer) { kill(t, path, acks) },
		}
	})
}

// A pool of one connection is the narrowest that a user can hand over: a store
// that held one while it waits for another would stop for ever.
func TestStoreKeepsTheContractOnOneConnection(t *testing.T) {
	storetest.Run(t, func(t testing.TB) storetest.Fixture {
		db, err := sql.Open("sqlite", filepath.Join(t.TempDir(), "fleet.db"))
		require.NoError(t, err)
		t.Cleanup(func() { require.NoError(t, db.Close()) })
		db.SetMaxOpenConns(1)
		return storetest.Fixture{
			Promise: storetest.Promise{Durable: true},
			Open: func(t testing.TB) adapters.Store {
				s, err := sqlite.Open(t.Context(), db)
				require.NoError(t, err)
				return s
			},
			Close: func(t testing.TB, s adapters.Store) { require.NoError(t, s.(*sqlite.Store).Close()) },
		}
	})
}

func TestAClosedStoreSaysSo(t *testing.T) {
	s, err := sqlite.OpenFile(t.Context(), filepath.Join(t.TempDir(), "fleet.db"))
	require.NoError(t, err)
	require.NoError(t, s.Close())
	require.NoError(t, s.Close())
	_, err = s.Fleet(t.Context())
	require.ErrorIs(t, err, adapters.ErrClosed)
	_, err = s.Commit(t.Context(), nil)
	require.ErrorIs(t, err, adapters.ErrClosed)
	require.ErrorIs(t, s.Enact(t.Context(), nil), adapters.ErrClosed)
	for _, err := range s.Records(t.Context()) {
		require.ErrorIs(t, err, adapters.ErrClosed)
	}
}
