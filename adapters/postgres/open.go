package postgres

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/rollmend/rollmend/adapters"
)

// Options are the settings of a store. The zero value is fit for use.
type Options struct {
	// Schema is the database's schema that holds the store's tables; empty:
	// "rollmend". It is created where there is none. Stores with different
	// schemas share a database and nothing else.
	Schema string

	// Timeout is how long the server may take over one statement, and how long
	// a transaction may stand idle; 0: [DefaultTimeout]. A call waits as long
	// for a free connection.
	Timeout time.Duration
}

const (
	// DefaultTimeout is far above what a batch of a thousand changes takes, and
	// well below what operators wait for.
	DefaultTimeout = 10 * time.Second
)

// OpenURL opens the store in the database that a connection string names, in
// the form of a URL or of "key=value" words, and creates its tables where there
// are none. It has its own pool of connections, which Close closes. The errors
// are those of [Open].
func OpenURL(ctx context.Context, dsn string, o Options) (*Store, error) {
	pool, err := pgxpool.New(ctx, dsn)
	if err != nil {
		return nil, fmt.Errorf("postgres: %w", err)
	}
	s, err := Open(ctx, pool, o)
	if err != nil {
		pool.Close()
		return nil, err
	}
	s.close = pool.Close
	return s, nil
}

// Open opens the store in the pool's database, and creates its tables where
// there are none. A call takes one connection of the pool, for its own time.
// Closing the store leaves the pool open.
//
// The error is an [*adapters.NotAStoreError] for a schema that holds something
// else, and an [*adapters.NewerSchemaError] for one that a later version wrote;
// neither was written to.
func Open(ctx context.Context, pool *pgxpool.Pool, o Options) (*Store, error) {
	if o.Schema == "" {
		o.Schema = "rollmend"
	}
	if o.Timeout <= 0 {
		o.Timeout = DefaultTimeout
	}
	if strings.Contains(o.Schema, "\x00") {
		return nil, fmt.Errorf("postgres: a schema's name holds no zero byte: %q", o.Schema)
	}
	to := pool.Config().ConnConfig
	s := &Store{
		pool:    pool,
		close:   func() {},
		where:   fmt.Sprintf("schema %s of %s@%s:%d/%s", o.Schema, to.User, to.Host, to.Port, to.Database),
		schema:  o.Schema,
		prefix:  quoted(o.Schema) + ".",
		timeout: o.Timeout,
		millis:  strconv.FormatInt(max(o.Timeout.Milliseconds(), 1), 10),
		ended:   make(chan struct{}),
		known:   newOpenings(),
		writer:  rand.Uint32(),
	}
	if err := s.migrate(ctx); err != nil {
		return nil, err
	}
	return s, nil
}

var _ adapters.Store = (*Store)(nil)
