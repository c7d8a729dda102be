package postgres

import (
	"embed"
	"strings"

	"github.com/jackc/pgx/v5"
)

// All SQL of the package stands in this file and in the migrations. It names
// the schema rollmend; a store puts its own schema in that place.

//go:embed migrations/*.sql
var migrations embed.FS

const (
	begin    = `BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE`
	commit   = `COMMIT`
	rollback = `ROLLBACK`

	// The timeouts are milliseconds. A client that is gone must not hold its
	// locks for ever.
	configure = `SELECT set_config('synchronous_commit', 'on', true), set_config('statement_timeout', $1, true),
		set_config('idle_in_transaction_session_timeout', $1, true)`

	lockToken      = `SELECT pg_advisory_xact_lock($1)`
	lockMigrations = `SELECT pg_advisory_lock(hashtextextended('rollmend migrates ' || $1, 0))`

	countTables = `SELECT count(*), count(*) FILTER (WHERE c.relname = 'rollmend_schema')
		FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = $1 AND c.relkind IN ('r', 'p')`
	schemaExists  = `SELECT EXISTS (SELECT FROM pg_namespace WHERE nspname = $1)`
	createVersion = `CREATE TABLE IF NOT EXISTS rollmend.rollmend_schema (version integer PRIMARY KEY)`
	readVersion   = `SELECT coalesce(max(version), 0) FROM rollmend.rollmend_schema`
	writeVersion  = `INSERT INTO rollmend.rollmend_schema (version) VALUES ($1)`

	readNumbers = `SELECT ordering, number, prunings FROM rollmend.fleet`

	// The fleet in one statement sees one moment.
	readFleet = `
		SELECT 0 AS kind, 0::bigint AS place, ordering AS n, NULL::bytea AS data FROM rollmend.fleet
		UNION ALL SELECT 1, place, id, NULL FROM rollmend.openings
		UNION ALL SELECT 2, place, 0, data FROM rollmend.resumptions
		UNION ALL SELECT 3, place, 0, data FROM rollmend.clearances
		UNION ALL SELECT 4, 0, 0, data FROM rollmend.quarantines
		ORDER BY kind, place`
	readOpenings     = `SELECT id, data FROM rollmend.openings WHERE id = ANY ($1::bigint[])`
	readOpeningNamed = `SELECT id, data FROM rollmend.openings WHERE channel = $1 AND ref = $2`
	openingsThere    = `SELECT id FROM rollmend.openings WHERE id = ANY ($1::bigint[])`

	readRecord = `SELECT r.data FROM rollmend.openings o
		LEFT JOIN rollmend.records r ON r.rollout = o.id AND r.host = $2 WHERE o.id = $1`
	readLog = `SELECT l.revision, l.data FROM rollmend.openings o
		LEFT JOIN rollmend.log l ON l.rollout = o.id AND l.host = $2 WHERE o.id = $1 ORDER BY l.revision`
	readPage = `SELECT r.rollout, r.host, r.data FROM rollmend.records r
		WHERE (r.rollout, r.host) > ($1, $2) AND NOT EXISTS (SELECT FROM rollmend.forgotten f WHERE f.rollout = r.rollout)
		ORDER BY r.rollout, r.host LIMIT $3`

	// Locks are taken in the order of the keys, as by every other commit.
	lockRecords = `SELECT r.rollout, r.host, r.revision FROM rollmend.records r
		JOIN unnest($1::bigint[], $2::bytea[]) AS k (rollout, host) ON r.rollout = k.rollout AND r.host = k.host
		ORDER BY r.rollout, r.host FOR UPDATE OF r`
	readRevisions = `SELECT r.rollout, r.host, r.revision FROM rollmend.records r
		JOIN unnest($1::bigint[], $2::bytea[]) AS k (rollout, host) ON r.rollout = k.rollout AND r.host = k.host`
	// Whoever holds the fleet's row is the only one to end a transaction.
	// Quarantines are stored by its holder alone.
	holdFleet     = `SELECT ordering FROM rollmend.fleet FOR UPDATE`
	updateRecords = `UPDATE rollmend.records r SET revision = v.revision, data = v.data
		FROM unnest($1::bigint[], $2::bytea[], $3::bigint[], $4::bytea[]) AS v (rollout, host, revision, data)
		WHERE r.rollout = v.rollout AND r.host = v.host`
	// Rows are taken out of their arrays side by side in the list of what is
	// selected: as a FROM, each array would be written down first.
	insertRecords = `INSERT INTO rollmend.records (rollout, host, revision, data)
		SELECT unnest($1::bigint[]), unnest($2::bytea[]), unnest($3::bigint[]), unnest($4::bytea[])`
	insertLog = `INSERT INTO rollmend.log (rollout, host, revision, data, was, became, at)
		SELECT unnest($1::bigint[]), unnest($2::bytea[]), unnest($3::bigint[]), unnest($4::bytea[]),
		NULLIF(unnest($5::smallint[]), -1), NULLIF(unnest($6::smallint[]), -1), NULLIF(unnest($7::bigint[]), -1)`

	addQuarantine = `INSERT INTO rollmend.quarantines (channel, closure, data) VALUES ($1, $2, $3)
		ON CONFLICT DO NOTHING`
	removeQuarantine = `DELETE FROM rollmend.quarantines WHERE channel = $1 AND closure = $2`
	appendOpening    = `INSERT INTO rollmend.openings (id, channel, ref, data) VALUES ($1, $2, $3, $4)
		ON CONFLICT (channel, ref) DO NOTHING`
	appendResumption = `INSERT INTO rollmend.resumptions (digest, data) VALUES ($1, $2) ON CONFLICT DO NOTHING`
	appendClearance  = `INSERT INTO rollmend.clearances (data) VALUES ($1)`

	// finishCommit is the last statement before COMMIT. Where the ordering revision
	// is no longer $2, or rollouts were forgotten since $9, the commit gets no
	// number, and without one its row is refused (not_null_violation) and the
	// transaction with it.
	finishCommit = `
		WITH taken AS (
			UPDATE rollmend.fleet SET number = number + 1, ordering = ordering + $1, prunings = prunings + $10
			WHERE ($2::bigint = 0 OR ordering = $2) AND prunings = $9 RETURNING number, ordering
		)
		INSERT INTO rollmend.commits (number, token, at, ordering, fleet, rollouts, hosts, revisions)
		SELECT taken.number, $3, (extract(epoch FROM clock_timestamp()) * 1000)::bigint, coalesce(taken.ordering, 0), $4, $5, $6, $7
		FROM (SELECT) AS always LEFT JOIN taken ON true
		RETURNING pg_notify($8, '')`
	pruneCommits = `DELETE FROM rollmend.commits WHERE number IN (SELECT number FROM rollmend.commits ORDER BY number LIMIT $1)
		AND at < (extract(epoch FROM clock_timestamp()) * 1000)::bigint - $2`

	forgetOpening = `UPDATE rollmend.openings SET id = $2, data = $3 WHERE id = $1`
	noteForgotten = `INSERT INTO rollmend.forgotten (rollout) VALUES ($1)`
	eraseRecords  = `DELETE FROM rollmend.records WHERE (rollout, host) IN (
		SELECT r.rollout, r.host FROM rollmend.records r JOIN rollmend.forgotten f ON f.rollout = r.rollout LIMIT $1)`
	eraseLogs = `DELETE FROM rollmend.log WHERE (rollout, host, revision) IN (
		SELECT l.rollout, l.host, l.revision FROM rollmend.log l JOIN rollmend.forgotten f ON f.rollout = l.rollout LIMIT $1)`
	endForgotten = `DELETE FROM rollmend.forgotten f WHERE NOT EXISTS (SELECT FROM rollmend.records r WHERE r.rollout = f.rollout)
		AND NOT EXISTS (SELECT FROM rollmend.log l WHERE l.rollout = f.rollout)`
	countForgotten = `SELECT count(*) FROM rollmend.forgotten`

	lockRecordData = `SELECT r.rollout, r.host, r.revision, r.data FROM rollmend.records r
		JOIN unnest($1::bigint[], $2::bytea[]) AS k (rollout, host) ON r.rollout = k.rollout AND r.host = k.host
		ORDER BY r.rollout, r.host FOR UPDATE OF r`
	eraseLog = `DELETE FROM rollmend.log l USING unnest($1::bigint[], $2::bytea[]) AS k (rollout, host)
		WHERE l.rollout = k.rollout AND l.host = k.host`

	// A record's rows that no record, or no opening, goes with.
	readStrays = `
		SELECT 'a record of an opening that is not there' AS what, r.rollout, r.host, r.revision FROM rollmend.records r
		WHERE NOT EXISTS (SELECT FROM rollmend.openings o WHERE o.id = r.rollout)
		AND NOT EXISTS (SELECT FROM rollmend.forgotten f WHERE f.rollout = r.rollout)
		UNION ALL
		SELECT 'a log entry without a record', l.rollout, l.host, l.revision FROM rollmend.log l
		WHERE NOT EXISTS (SELECT FROM rollmend.records r WHERE r.rollout = l.rollout AND r.host = l.host)
		AND NOT EXISTS (SELECT FROM rollmend.forgotten f WHERE f.rollout = l.rollout)
		UNION ALL
		SELECT 'a log entry behind its record', l.rollout, l.host, l.revision FROM rollmend.log l
		JOIN rollmend.records r ON r.rollout = l.rollout AND r.host = l.host WHERE l.revision > r.revision`

	readOutcome = `SELECT EXISTS (SELECT FROM rollmend.commits WHERE token = $1),
		coalesce((SELECT min(number) FROM rollmend.commits), 0), (SELECT number FROM rollmend.fleet)`

	readNewest      = `SELECT ordering, number, coalesce((SELECT min(number) FROM rollmend.commits), 0) FROM rollmend.fleet`
	readCommits     = `SELECT token, fleet, rollouts, hosts FROM rollmend.commits WHERE number > $1 ORDER BY number`
	readQuarantines = `SELECT data FROM rollmend.quarantines`
	readSome        = `SELECT r.data FROM rollmend.records r
		JOIN unnest($1::bigint[], $2::bytea[]) AS k (rollout, host) ON r.rollout = k.rollout AND r.host = k.host`

	channel = "rollmend" // of notifications
	listen  = `LISTEN ` + channel
)

// in returns a statement for the store's schema.
func (s *Store) in(statement string) string {
	return strings.ReplaceAll(statement, "rollmend.", s.prefix)
}

func quoted(name string) string { return pgx.Identifier{name}.Sanitize() }
