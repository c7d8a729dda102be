// Package etcd is a durable store in an etcd cluster, which any number of
// control plane processes may share, and which goes on without a part of its
// servers.
//
// Start with [OpenEndpoints], or with [Open] for a client of your own (TLS,
// passwords). Several replicas may open one place at once, each with a store of
// its own. A cluster without a quorum refuses with an
// [adapters.UnavailableError]; one whose quota is used up with an
// [adapters.FullError] that says what to do.
//
// # How much
//
// A batch is one transaction and one round trip, whatever its size, up to
// [Options.RequestBytes]. A host takes some hundred bytes of the database for
// each thing that is stored of it, and etcd keeps every older version of a
// record until its history is compacted, which is the operator's business: run
// the servers with --auto-compaction-mode=periodic
// --auto-compaction-retention=1h, and defragment now and then. By default a
// database may become 2 GiB (--quota-backend-bytes), and etcd's authors advise
// against more than 8 GiB. What was forgotten or compacted leaves the database
// with that history, too. The repository's docs/performance.md says what a
// host was measured to take, and for how many hosts that is room; beyond, take
// PostgreSQL.
//
// # What is kept
//
// All keys are below [Options.Prefix]. Names are escaped as in a URL's path; an
// opening's id is twelve hexadecimal digits, drawn at random; a number in a key
// has its length in front of it, so that keys are in the order of their numbers.
//
//	again/SHA-256                  a resumption that is stored
//	body/ID/N                      an opening with all its hosts, in pieces
//	forgotten/ID                   what is below that id is to be erased
//	log/ID/HOST/REVISION           what a change added to a record's log, or a snapshot
//	named/CHANNEL/REF              the id of a rollout's opening, or that it is forgotten
//	opening/ID                     in how many pieces it stands
//	ordering                       its version, as etcd counts, is the ordering revision
//	plan/N                         the acts, in their order; of a forgotten opening, what stays
//	quarantine/CHANNEL/CLOSURE     the quarantines in force
//	record/ID/HOST                 the records that something happened to
//	schema                         the version of this layout
//	writer/ID                      one for each open store: see below
//
// Values but ids and numbers begin with a stamp, that of the store and of its
// try, and go on with a message of rollmend's codec. Move a store with etcd's
// snapshots, not key by key: copied keys have other versions. Stop every
// replica before a snapshot is restored, and start them afterwards. Restore with
// --bump-revision and --mark-compacted, so that no revision of etcd's comes
// again: a store compares them, and its followings go by them. One that was
// overlooked then reads everything again. The repository's docs/operations.md has
// the commands.
//
// # How it is safe
//
// Each change is a transaction inside the batch's: it compares etcd's revision
// of the record's key, that the opening is there, and, where it is guarded, the
// version of the ordering key. etcd compares all of them before it writes any,
// so a batch is judged by one moment, and a conflict fails its own change.
//
// Where an answer is lost, the store does not guess. Every transaction compares
// the revision of the store's own writer key. The store puts that key anew, so
// that a transaction which still is on its way stores nothing from then on, and
// reads whether its stamp is there. Where the change's log was compacted in the
// meantime, or its rollout forgotten, it looks in etcd's history. Only where no
// quorum lets it do so in time, or that history is compacted as well, is the
// outcome [adapters.ErrUnknownOutcome].
//
// # Upkeep
//
// [Store.Compact] puts snapshots in the place of whole logs, each compared with
// the revision of its record's key. [Store.Prune] forgets rollouts in one
// transaction: it takes their openings away, which every commit compares and
// every reading looks at. What was below them cannot be seen from then on, and is
// erased in steps, by whichever replica is asked to; a step may be lost, or come
// twice. [Store.Strays] names keys that belong to nothing. None of it becomes
// room before etcd's own history is compacted.
//
// Leases hold two things only, whose loss is harmless: the writer keys, so that
// a killed process leaves nothing behind, and the pieces of an opening that is
// too large for a request until it is there.
package etcd
