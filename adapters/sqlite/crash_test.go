package sqlite_test

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"net/url"
	"path/filepath"
	"strings"

	"github.com/rollmend/rollmend/adapters"
	"github.com/rollmend/rollmend/adapters/sqlite"
	"github.com/rollmend/rollmend/adapters/storetest"
	"github.com/rollmend/rollmend/adapters/storetest/broken"
)

// crashPoint is a moment of a statement that the store sends.
type crashPoint struct {
	name      string
	statement string // a part of its text
	before    bool   // the statement, not behind it
}

var statementPoints = []crashPoint{
	{"before a transaction begins", "BEGIN", true},
	{"after a transaction began", "BEGIN", false},
	{"in the middle of a migration, before its tables", "migrations/0001", true},
	{"in the middle of a migration, after its tables", "migrations/0001", false},
	{"after the schema's version is written", "INTO rollmend_schema", false},
	{"after the file is taken over", "SET epoch = epoch + 1", false},
	{"after the turn is taken and the ordering revision written", "SET turn = turn + 1", false},
	{"after records and their log are written", "INTO changes", false},
	{"after a quarantine is written", "INTO quarantines", false},
	{"after an opening is written", "INTO openings", false},
	{"after members are forgotten", "UPDATE openings", false},
	{"before a row is erased", "DELETE FROM changes", true},
	{"after a row is erased", "DELETE FROM changes", false},
	{"before a snapshot takes its place", "SET previous = 0, data = ?", true},
	{"after a snapshot took its place", "SET previous = 0, data = ?", false},
	{"before COMMIT", "COMMIT", true},
	{"after COMMIT and before its answer", "COMMIT", false},
}

// crashPoints are the names of all points at which a process can be killed.
func crashPoints() (names []string) {
	for _, p := range statementPoints {
		names = append(names, p.name)
	}
	names = append(names, storetest.UpkeepCrashPoints()...)
	return append(names, filePoints...)
}

// migrationMark stands in the text of the first migration alone.
const migrationMark = "CREATE TABLE writer"

// of tells whether a statement is the point's.
func (p crashPoint) of(query string) bool {
	if p.statement == "migrations/0001" {
		return strings.Contains(query, migrationMark)
	}
	return strings.Contains(query, p.statement)
}

// What may stand in front of a path in the name of a place.
const (
	oneConnection = "one connection to " // a pool of one connection opens it
	tooEarly      = "too early on "      // commits are acknowledged before they are made
)

// openProcess opens the store in a process that the kit started.
func openProcess(ctx context.Context, p *storetest.Process) (adapters.Store, error) {
	path, one := strings.CutPrefix(p.Place, oneConnection)
	path, early := strings.CutPrefix(path, tooEarly)
	plain, err := sql.Open("sqlite", fileName(path))
	if err != nil {
		return nil, err
	}
	if err := prepareFiles(ctx, plain, p, path); err != nil {
		return nil, err
	}
	if err := plain.Close(); err != nil {
		return nil, err
	}
	db := sql.OpenDB(&crashing{path: fileName(path), original: plain.Driver(), process: p})
	if one {
		db.SetMaxOpenConns(1)
	}
	s, err := sqlite.Open(ctx, db)
	if err != nil {
		return nil, err
	}
	if early {
		return broken.AcknowledgesEarly(s), nil
	}
	return s, limitFiles(p, path)
}

// fileName is the path as OpenFile hands it to the driver.
func fileName(path string) string {
	name := url.URL{Scheme: "file", Path: filepath.ToSlash(path), RawQuery: "_pragma=busy_timeout(10000)"}
	return name.String()
}

// crashing connects to a file, by connections that tell a process what they
// are about to do.
type crashing struct {
	path     string
	original driver.Driver
	process  *storetest.Process
}

func (d *crashing) Driver() driver.Driver { return d.original }

func (d *crashing) Connect(context.Context) (driver.Conn, error) {
	c, err := d.original.Open(d.path)
	if err != nil {
		return nil, err
	}
	return &crashingConn{c, d.process}, nil
}

// reach tells the points of a statement.
func reach(p *storetest.Process, query string, before bool) {
	for _, at := range statementPoints {
		if at.before == before && at.of(query) {
			p.Reach(at.name)
		}
	}
}

type crashingConn struct {
	driver.Conn
	process *storetest.Process
}

func (c *crashingConn) ExecContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Result, error) {
	reach(c.process, query, true)
	defer reach(c.process, query, false)
	return c.Conn.(driver.ExecerContext).ExecContext(ctx, query, args)
}

func (c *crashingConn) QueryContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Rows, error) {
	return c.Conn.(driver.QueryerContext).QueryContext(ctx, query, args)
}

func (c *crashingConn) PrepareContext(ctx context.Context, query string) (driver.Stmt, error) {
	s, err := c.Conn.(driver.ConnPrepareContext).PrepareContext(ctx, query)
	if err != nil {
		return nil, err
	}
	return &crashingStmt{s, c.process, query}, nil
}

type crashingStmt struct {
	driver.Stmt
	process *storetest.Process
	query   string
}

func (s *crashingStmt) ExecContext(ctx context.Context, args []driver.NamedValue) (driver.Result, error) {
	reach(s.process, s.query, true)
	defer reach(s.process, s.query, false)
	return s.Stmt.(driver.StmtExecContext).ExecContext(ctx, args)
}
