package postgres_test

import (
	"context"
	"net"
	"regexp"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/rollmend/rollmend/adapters/storetest"
)

// crashPoint is a moment at which the client dies: when what stands before a
// statement is on its way to the server, and the statement is not; or when the
// server has answered it. The store sends several at once: only a cut between
// them shows that they are stored together.
type crashPoint struct {
	name      string
	statement *regexp.Regexp
	answered  bool
}

func sent(name, statement string) crashPoint {
	return crashPoint{name: name, statement: statementOf(statement)}
}

func answered(name, statement string) crashPoint {
	return crashPoint{name: name, statement: statementOf(statement), answered: true}
}

// statementOf finds a statement by its beginning, in which a % is the schema:
// one of those that the tests make.
func statementOf(text string) *regexp.Regexp {
	return regexp.MustCompile(strings.ReplaceAll(regexp.QuoteMeta(text), "%", `"[^.]*\."\.`))
}

var statementPoints = []crashPoint{
	sent("before a transaction begins", "BEGIN ISOLATION"),
	sent("after it began, before the records are locked", "SELECT r.rollout, r.host, r.revision FROM %records r"),
	answered("after the records are locked and read", "SELECT r.rollout, r.host, r.revision FROM %records r"),
	sent("before records are written for the first time", "INSERT INTO %records"),
	sent("before records are written again", "UPDATE %records"),
	sent("between records and log", "INSERT INTO %log"),
	sent("between log and quarantine", "INSERT INTO %quarantines"),
	sent("between what is stored and its number", "WITH taken AS"),
	sent("before what is forgotten is noted", "INSERT INTO %forgotten"),
	sent("between what is forgotten and its opening", "UPDATE %openings"),
	sent("between records and logs that are erased", "DELETE FROM %log WHERE"),
	answered("after logs are erased", "DELETE FROM %log WHERE"),
	sent("before a log is compacted", "DELETE FROM %log l USING"),
	sent("before COMMIT", "COMMIT"),
	answered("after COMMIT and before its answer is told", "COMMIT"),
	sent("between a quarantine's end and its clearance", "INSERT INTO %clearances"),
	answered("after an opening is written", "INSERT INTO %openings"),
	sent("in the middle of a migration, before its tables", "CREATE TABLE %fleet"),
	answered("in the middle of a migration, after its tables", "CREATE TABLE %fleet"),
	answered("after the schema's version is written", "INSERT INTO %rollmend_schema"),
}

// crashPoints are the names of all points.
func crashPoints() (names []string) {
	for _, p := range statementPoints {
		names = append(names, p.name)
	}
	return append(names, storetest.UpkeepCrashPoints()...)
}

// crashing has the connections of a pool tell a process where they are.
func crashing(config *pgxpool.Config, p *storetest.Process) {
	for _, at := range statementPoints {
		if at.name != p.Point {
			continue
		}
		if at.answered {
			config.ConnConfig.Tracer = &answers{p, at}
			return
		}
		config.ConnConfig.DefaultQueryExecMode = pgx.QueryExecModeExec // the text goes with every statement
		dial := config.ConnConfig.DialFunc
		config.ConnConfig.DialFunc = func(ctx context.Context, network, addr string) (net.Conn, error) {
			conn, err := dial(ctx, network, addr)
			return &cut{conn, p, at}, err
		}
	}
}

// cut is a connection that sends what stands before a point's statement, and
// then tells the process where it is.
type cut struct {
	net.Conn
	process *storetest.Process
	point   crashPoint
}

func (c *cut) Write(b []byte) (n int, err error) {
	for _, at := range c.point.statement.FindAllIndex(b, -1) {
		some, err := c.Conn.Write(b[n:at[0]])
		if n += some; err != nil {
			return n, err
		}
		c.process.Reach(c.point.name)
	}
	some, err := c.Conn.Write(b[n:])
	return n + some, err
}

// answers tells a process of the answers to a point's statement.
type answers struct {
	process *storetest.Process
	point   crashPoint
}

func (a *answers) answered(query string) {
	if a.point.statement.MatchString(query) {
		a.process.Reach(a.point.name)
	}
}

type queryKey struct{}

func (a *answers) TraceQueryStart(ctx context.Context, _ *pgx.Conn, data pgx.TraceQueryStartData) context.Context {
	return context.WithValue(ctx, queryKey{}, data.SQL)
}

func (a *answers) TraceQueryEnd(ctx context.Context, _ *pgx.Conn, _ pgx.TraceQueryEndData) {
	if query, ok := ctx.Value(queryKey{}).(string); ok {
		a.answered(query)
	}
}

func (a *answers) TraceBatchStart(ctx context.Context, _ *pgx.Conn, _ pgx.TraceBatchStartData) context.Context {
	return ctx
}

func (a *answers) TraceBatchQuery(_ context.Context, _ *pgx.Conn, data pgx.TraceBatchQueryData) {
	a.answered(data.SQL)
}

func (a *answers) TraceBatchEnd(context.Context, *pgx.Conn, pgx.TraceBatchEndData) {}
