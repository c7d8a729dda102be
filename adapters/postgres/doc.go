// Package postgres is a durable store in a PostgreSQL database, which any
// number of control plane processes may share.
//
// Start with [OpenURL], or with [Open] for a pool of your own. Several replicas
// may open it at once: the first creates or migrates the tables while the
// others wait.
//
// A commit is one transaction of two round trips, of which the second leaves
// while it is encoded, with synchronous commit on whatever the server's default
// is: what was reported as stored survives what the server's own settings
// (fsync, synchronous standbys) let it survive. Records are keyed rows; the log
// is a row for each change; everything stands in a schema of its own, named in
// [Options].
//
// A transaction that meets another (serialisation failure, deadlock, a lost
// race) is run again a bounded number of times, and then is a
// [*ContentionError]. Where the connection is cut between a commit and its
// answer, the store waits until the transaction has ended and reads whether the
// commit is there; only where it cannot read that is the outcome
// [adapters.ErrUnknownOutcome]. What takes longer than [Options] allow is a
// [*TimeoutError], and a server that is away an [*adapters.UnavailableError]; a
// caller may leave until the end of its transaction is on the way, and waits
// for the answer from then on.
//
// What other replicas store arrives by notification ([Store.Follow]), with a
// poll behind it, so that a notification that is lost only delays.
//
// Stop every replica before a database is restored from a backup, and start
// them afterwards: they remember openings.
package postgres
