//go:build !linux

package sqlite_test

import (
	"context"
	"database/sql"

	"github.com/rollmend/rollmend/adapters/storetest"
)

// filePoints need a system that ends a process in the middle of a write.
var filePoints []string

func prepareFiles(context.Context, *sql.DB, *storetest.Process, string) error { return nil }

func limitFiles(*storetest.Process, string) error { return nil }
