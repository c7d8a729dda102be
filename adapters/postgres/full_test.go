package postgres_test

import (
	"context"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/rollmend/rollmend/adapters"
	"github.com/rollmend/rollmend/adapters/postgres"
	"github.com/rollmend/rollmend/adapters/postgres/throwaway"
	"github.com/rollmend/rollmend/adapters/storetest"
	"github.com/stretchr/testify/require"
)

// The tables are on a disk that is full, and the server's own log is not:
// without that it ends itself.
func TestAFullTablespace(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("a server whose tables are on a small disk is started by root, as another user")
	}
	storetest.OnSmallDisk(t, func(t *testing.T, d storetest.Disk) {
		server, err := throwaway.Start(t.Context(), notSynced)
		demand(t, err)
		t.Cleanup(server.Stop)
		own(t, d.Dir)
		conn, err := pgx.Connect(t.Context(), server.DSN())
		require.NoError(t, err)
		_, err = conn.Exec(t.Context(), `CREATE TABLESPACE small LOCATION '`+d.Dir+`'`)
		require.NoError(t, err)
		require.NoError(t, conn.Close(context.Background()))
		storetest.RunCase(t, storetest.FullCase, func(t testing.TB) storetest.Fixture {
			in := schema()
			dsn := server.DSN() + ` options='-c default_tablespace=small'`
			return storetest.Fixture{
				Promise: storetest.Promise{Durable: true},
				Open:    func(t testing.TB) adapters.Store { return open(t, dsn, postgres.Options{Schema: in}) },
				Close:   func(t testing.TB, s adapters.Store) { require.NoError(t, s.(*postgres.Store).Close()) },
				Fill:    d.Fill,
			}
		})
	})
}

// own gives a folder to the user that the server runs as, and lets it in.
func own(t *testing.T, dir string) {
	require.NoError(t, os.Chmod(filepath.Dir(dir), 0o755))
	for _, name := range []string{"postgres", "nobody"} {
		if u, err := user.Lookup(name); err == nil {
			uid, err := strconv.Atoi(u.Uid)
			require.NoError(t, err)
			gid, err := strconv.Atoi(u.Gid)
			require.NoError(t, err)
			require.NoError(t, os.Chown(dir, uid, gid))
			return
		}
	}
	require.Fail(t, "there is no user that the server runs as")
}
