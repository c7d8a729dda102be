package postgres_test

import (
	"context"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/rollmend/rollmend/adapters/storetest"
)

// crashPoint is a moment at which the client dies: before a statement, or a
// batch, goes out, or when the server has answered it.
type crashPoint struct {
	name      string
	statement string // a part of its text
	answered  bool
}

var statementPoints = []crashPoint{
	{"before a transaction is sent", "BEGIN ISOLATION", false},
	{"after the records are locked and read", "FOR UPDATE OF r", true},
	{"before the writes and COMMIT are sent", "INSERT INTO %log", false},
	{"after the log is written and before the rest is known", "INSERT INTO %log", true},
	{"after COMMIT and before its answer is read to the end", "COMMIT", true},
	{"after an opening is written", "INSERT INTO %openings", true},
	{"after a quarantine is written", "INSERT INTO %quarantines", true},
	{"in the middle of a migration, before its tables", "CREATE TABLE %fleet", false},
	{"in the middle of a migration, after its tables", "CREATE TABLE %fleet", true},
	{"after the schema's version is written", "INSERT INTO %rollmend_schema", true},
}

// crashPoints are the names of all points.
func crashPoints() (names []string) {
	for _, p := range statementPoints {
		names = append(names, p.name)
	}
	return names
}

// of tells whether a statement is the point's. A % in the point's text is the
// schema.
func (p crashPoint) of(query string) bool {
	for _, part := range strings.Split(p.statement, "%") {
		at := strings.Index(query, part)
		if at < 0 {
			return false
		}
		query = query[at+len(part):]
	}
	return true
}

// crashing tells a process what its connections do.
type crashing struct{ process *storetest.Process }

func (c *crashing) reach(query string, answered bool) {
	for _, at := range statementPoints {
		if at.answered == answered && at.of(query) {
			c.process.Reach(at.name)
		}
	}
}

type queryKey struct{}

func (c *crashing) TraceQueryStart(ctx context.Context, _ *pgx.Conn, data pgx.TraceQueryStartData) context.Context {
	c.reach(data.SQL, false)
	return context.WithValue(ctx, queryKey{}, data.SQL)
}

func (c *crashing) TraceQueryEnd(ctx context.Context, _ *pgx.Conn, _ pgx.TraceQueryEndData) {
	if query, ok := ctx.Value(queryKey{}).(string); ok {
		c.reach(query, true)
	}
}

func (c *crashing) TraceBatchStart(ctx context.Context, _ *pgx.Conn, data pgx.TraceBatchStartData) context.Context {
	for _, q := range data.Batch.QueuedQueries {
		c.reach(q.SQL, false)
	}
	return ctx
}

func (c *crashing) TraceBatchQuery(_ context.Context, _ *pgx.Conn, data pgx.TraceBatchQueryData) {
	c.reach(data.SQL, true)
}

func (c *crashing) TraceBatchEnd(context.Context, *pgx.Conn, pgx.TraceBatchEndData) {}
