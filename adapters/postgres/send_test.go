package postgres_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/rollmend/rollmend/adapters"
	"github.com/rollmend/rollmend/adapters/postgres"
	"github.com/rollmend/rollmend/internal/codec"
	"github.com/rollmend/rollmend/reducer"
	"github.com/stretchr/testify/require"
)

// A user's pool may send statements in any of the driver's ways.
func TestACommitIsStoredWhateverTheWayOfSending(t *testing.T) {
	dsn := database(t)
	for _, mode := range []string{"cache_statement", "cache_describe", "describe_exec", "exec", "simple_protocol"} {
		t.Run(mode, func(t *testing.T) {
			for _, errand := range errands {
				s := open(t, dsn+" default_query_exec_mode="+mode, postgres.Options{Schema: schema(), Timeout: unhurried})
				e := errand(t, s)
				require.NoError(t, e.on(t.Context(), s))
				e.stored()
			}
		})
	}
}

// What a batch of several statements begins with is not there where one of the
// later ones is refused.
func TestABatchOfManyStatementsIsStoredWholeOrNotAtAll(t *testing.T) {
	dsn, in := database(t), schema()
	s := open(t, dsn, postgres.Options{Schema: in, Timeout: unhurried})
	o := fleetOf(1300)
	require.NoError(t, s.Enact(t.Context(), []adapters.Act{o}))
	batch := make([]adapters.Change, len(o.Members))
	for i := range batch {
		batch[i] = recovered(t, &o, i)
	}
	conn := raw(t, dsn, in)
	before := contents(t, conn)
	run(t, conn, fmt.Sprintf(`ALTER TABLE log ADD CONSTRAINT refused CHECK (host <> '%s')`, o.Members[1290].Host))
	require.ErrorContains(t, commitOf(t.Context(), s, batch)(), "refused")
	require.Equal(t, before, contents(t, conn))
	run(t, conn, `ALTER TABLE log DROP CONSTRAINT refused`)
	require.NoError(t, commitOf(t.Context(), s, batch)())
	stored(t, s, []adapters.Change{batch[0], batch[511], batch[512], batch[1299]})

	// And again, as records that are there.
	for i := range batch {
		c := &batch[i]
		c.Expect, c.Effects = c.Record.Revision, nil
		step(t, c, 1, reducer.ProbeResult{})
	}
	require.NoError(t, commitOf(t.Context(), s, batch)())
	stored(t, s, []adapters.Change{batch[0], batch[511], batch[512], batch[1299]})
}

// What cannot be encoded is found when some of the batch has left already.
func TestAChangeThatCannotBeEncodedEndsTheCallAndLeavesNothing(t *testing.T) {
	dsn, in := database(t), schema()
	var w witness
	s := openWatched(t, dsn, postgres.Options{Schema: in, Timeout: unhurried}, &w)
	o := fleetOf(600)
	require.NoError(t, s.Enact(t.Context(), []adapters.Act{o}))
	batch := make([]adapters.Change, len(o.Members))
	for i := range batch {
		batch[i] = recovered(t, &o, i)
	}
	body := &batch[599].Effects[0].Entry.Event.Body
	good := *body
	*body = &reducer.DispatchAck{}
	conn := raw(t, dsn, in)
	before := contents(t, conn)
	err := commitOf(t.Context(), s, batch)()
	require.ErrorAs(t, err, new(*codec.ValueError))
	require.Equal(t, before, contents(t, conn))
	*body = good
	require.NoError(t, commitOf(t.Context(), s, batch)())
	stored(t, s, batch[597:])
	require.Empty(t, w.told())
}

// A pooler between store and server may take away what a connection prepared.
func TestWhoLosesWhatItPreparedGoesOn(t *testing.T) {
	dsn, in := database(t), schema()
	var w witness
	pool := poolOf(t, dsn, func(c *pgxpool.Config) { c.MaxConns, c.ConnConfig.Tracer = 1, &w })
	s := opens(t, pool, postgres.Options{Schema: in, Timeout: unhurried})
	o := opening("a", "b")
	require.NoError(t, s.Enact(t.Context(), []adapters.Act{o}))
	require.NoError(t, commitOf(t.Context(), s, firsts(t, &o, 0))())
	w.between = func(conn *pgx.Conn) {
		w.between = nil
		run(t, conn, `DEALLOCATE ALL`)
	}
	require.ErrorContains(t, commitOf(t.Context(), s, firsts(t, &o, 1))(), "26000")
	require.NoError(t, commitOf(t.Context(), s, firsts(t, &o, 1))())
	stored(t, s, firsts(t, &o, 0, 1))
}

// The statements that end a transaction are traced like all others.
func TestATracerIsToldOfEachStatement(t *testing.T) {
	dsn, in := database(t), schema()
	var seen tracer
	pool := poolOf(t, dsn, func(c *pgxpool.Config) { c.ConnConfig.Tracer = &seen })
	s := opens(t, pool, postgres.Options{Schema: in, Timeout: unhurried})
	e := errands["commit"](t, s)
	seen.queries, seen.began, seen.ended = nil, 0, 0
	require.NoError(t, e.on(t.Context(), s))
	require.Equal(t, 2, seen.began)
	require.Equal(t, 2, seen.ended)
	var tags []string
	for _, q := range seen.queries {
		require.NoError(t, q.Err)
		require.NotEmpty(t, q.SQL)
		tags = append(tags, q.CommandTag.String())
	}
	require.Equal(t, []string{
		"BEGIN", "SELECT 1", "SELECT 1", "SELECT 1", "SELECT 1", "SELECT 1",
		"UPDATE 1", "INSERT 0 1", "INSERT 0 2", "SELECT 1", "INSERT 0 1", "INSERT 0 1", "COMMIT",
	}, tags)
}

// tracer keeps what it is told of batches. Its test makes one call at a time.
type tracer struct {
	queries      []pgx.TraceBatchQueryData
	began, ended int
}

func (*tracer) TraceQueryStart(ctx context.Context, _ *pgx.Conn, _ pgx.TraceQueryStartData) context.Context {
	return ctx
}
func (*tracer) TraceQueryEnd(context.Context, *pgx.Conn, pgx.TraceQueryEndData) {}

func (seen *tracer) TraceBatchStart(ctx context.Context, _ *pgx.Conn, _ pgx.TraceBatchStartData) context.Context {
	seen.began++
	return ctx
}

func (seen *tracer) TraceBatchQuery(_ context.Context, _ *pgx.Conn, data pgx.TraceBatchQueryData) {
	seen.queries = append(seen.queries, data)
}

func (seen *tracer) TraceBatchEnd(context.Context, *pgx.Conn, pgx.TraceBatchEndData) { seen.ended++ }
