package sqlite

import (
	"embed"
	"strings"
)

// All SQL of the package stands in this file and in the migrations.

//go:embed migrations/*.sql
var migrations embed.FS

const (
	busyTimeout     = `PRAGMA busy_timeout = 10000` // ms; longer than the worst checkpoint of another process
	fullSynchronous = `PRAGMA synchronous = FULL`
	writeAhead      = `PRAGMA journal_mode = WAL`
	fileName        = `SELECT file FROM pragma_database_list WHERE name = 'main'`

	copyInto = `VACUUM INTO ?`

	begin        = `BEGIN IMMEDIATE`
	beginReading = `BEGIN`
	commit       = `COMMIT`
	rollback     = `ROLLBACK`

	countTables   = `SELECT count(*), coalesce(sum(name = 'rollmend_schema'), 0) FROM sqlite_master WHERE type = 'table'`
	createVersion = `CREATE TABLE IF NOT EXISTS rollmend_schema (version INTEGER NOT NULL) STRICT`
	readVersion   = `SELECT coalesce(max(version), 0) FROM rollmend_schema`
	writeVersion  = `INSERT INTO rollmend_schema (version) VALUES (?)`

	takeEpoch  = `UPDATE writer SET epoch = epoch + 1`
	readWriter = `SELECT epoch, turn, ordering FROM writer`
	takeTurn   = `UPDATE writer SET turn = turn + 1, ordering = ? WHERE epoch = ? AND turn = ?`

	appendOpening    = `INSERT INTO openings (data) VALUES (?)`
	appendResumption = `INSERT INTO resumptions (data) VALUES (?) ON CONFLICT DO NOTHING`
	appendClearance  = `INSERT INTO clearances (data) VALUES (?)`
	addQuarantine    = `INSERT INTO quarantines (channel, closure, data) VALUES (?, ?, ?) ON CONFLICT DO NOTHING`
	removeQuarantine = `DELETE FROM quarantines WHERE channel = ? AND closure = ?`

	readOpenings    = `SELECT data FROM openings ORDER BY id LIMIT -1 OFFSET ?`
	readResumptions = `SELECT data FROM resumptions ORDER BY id`
	readClearances  = `SELECT data FROM clearances ORDER BY id`
	readQuarantines = `SELECT data FROM quarantines ORDER BY channel, closure`

	forgetMembers = `UPDATE openings SET data = ? WHERE id = (SELECT id FROM openings ORDER BY id LIMIT 1 OFFSET ?)`
	eraseChange   = `DELETE FROM changes WHERE id = ?`
	blankChange   = `UPDATE changes SET previous = -1, data = x'' WHERE id = ?`
	takePlace     = `UPDATE changes SET previous = 0, data = ? WHERE id = ?`
	readPrevious  = `SELECT previous FROM changes WHERE id = ?`

	readChange      = `SELECT data FROM changes WHERE id = ?`
	readChangesFrom = `SELECT id, previous, data FROM changes WHERE id > ? ORDER BY id`
	readPageBack    = `SELECT id, data FROM changes WHERE id <= ? ORDER BY id DESC LIMIT ?`
	readChain       = `
		WITH RECURSIVE chain (id, previous, data) AS (
			SELECT id, previous, data FROM changes WHERE id = ?
			UNION ALL
			SELECT c.id, c.previous, c.data FROM changes c JOIN chain ON c.id = chain.previous
		)
		SELECT data FROM chain ORDER BY id`
)

// rowsPerInsert is how many changes one statement appends. At a hundred the
// pure-Go driver is as fast as a C one; more win nothing.
const rowsPerInsert = 100

// appendChanges returns the statement that appends n changes. Its arguments are
// each one's previous row and data; where all are the first of their records,
// previous rows are left out: binding a value costs a tenth of storing a row.
// SQLite gives each row the id after the newest one.
func appendChanges(n int, firsts bool) string {
	one := `(?, ?)`
	if firsts {
		one = `(0, ?)`
	}
	return `INSERT INTO changes (previous, data) VALUES ` + one + strings.Repeat(`, `+one, n-1)
}
