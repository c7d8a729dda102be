package sqlite_test

import (
	"path/filepath"
	"testing"

	"github.com/rollmend/rollmend/adapters"
	"github.com/rollmend/rollmend/adapters/sqlite"
	"github.com/rollmend/rollmend/adapters/storetest"
	"github.com/stretchr/testify/require"
)

func TestAFullFileSystem(t *testing.T) {
	storetest.OnSmallDisk(t, func(t *testing.T, d storetest.Disk) {
		storetest.RunCase(t, storetest.FullCase, func(t testing.TB) storetest.Fixture {
			path := filepath.Join(d.Dir, "fleet.db")
			return storetest.Fixture{
				Promise: storetest.Promise{Durable: true},
				Open:    func(t testing.TB) adapters.Store { return openFile(t, path) },
				Close:   func(t testing.TB, s adapters.Store) { require.NoError(t, s.(*sqlite.Store).Close()) },
				Fill:    d.Fill,
			}
		})
	})
}
