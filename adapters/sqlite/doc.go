// Package sqlite is a durable store in one SQLite file.
//
// Start with [OpenFile], which uses the pure-Go driver of modernc.org/sqlite,
// or with [Open] for a *sql.DB of any other SQLite driver.
//
// A commit is one transaction, in WAL mode with full synchronisation: what was
// reported as stored survives a kill and a power cut.
//
// Nothing is updated in place. Opening a rollout stores one row for all its
// hosts; each change appends one row, in the order of arrival, since random
// updates of a large table cost five times as much. Which row is a record's
// newest is kept in memory (32 to 48 bytes a host beside its name) and read
// anew when the store is opened. What was read then of the records themselves
// (24 bytes a host, and the records that are not terminal) is kept for whoever
// starts on it, until [Store.Outlines] or [Store.Records] is called, or something
// is stored.
//
// One process at a time writes to the file. The one that opened it last has
// it: a store that was open before returns [ErrTakenOver] from its next commit
// on, and has stored nothing since.
package sqlite
