// Package adapters holds the ports of rollmend, [Store] and [Clock], their
// contract, and the errors that their implementations share. The folders below
// it hold what implements them.
//
// An implementation outside this module is as good as ours: hand it to
// package storetest, which holds it to the contract of this page.
package adapters

import (
	"cmp"
	"context"
	"iter"
	"slices"
	"time"

	"github.com/rollmend/rollmend/reducer"
	"github.com/rollmend/rollmend/states"
)

// Store keeps records, their logs, and what an operator or a manifest decided.
//
// Durability: what a method reported as stored is there after the process is
// killed, unless the store says in its own documentation that it is not.
//
// Isolation: a method sees commits whole or not at all. Methods may be called
// concurrently; two that overlap take effect in some order.
//
// Errors: a method that returns an error stored nothing, with one exception:
// after [ErrUnknownOutcome] it may have stored all of it. Read again to find
// out. A store that cannot be reached, that is full, or whose context ended
// leaves everything as it was. No error ends the store: the next call is
// served as soon as its cause is gone.
//
// A store is free in its layout: it may append and fold later, or keep keyed
// rows. It must not change what it was handed: times, names and numbers come
// back as they went in.
type Store interface {
	// Fleet reads what is not a record: openings, resumptions, quarantines in
	// force, clearances, and the ordering revision they were read at. What it
	// returns may be shared: read it only.
	Fleet(ctx context.Context) (Fleet, error)

	// Enact stores acts, all of them or none, in their order, and raises the
	// ordering revision where any of them was new. An act that is already in force is left as it is, so
	// repeating a call is harmless: an Opening by its rollout, an Imposition by
	// channel and closure, a Clearance of what is not quarantined.
	Enact(ctx context.Context, acts []Act) error

	// Record reads one record. A host of an opened rollout always has one: until
	// something happened to it, the opening itself gives it, at revision 0. The
	// error is [ErrNotFound] where the rollout was not opened with that host.
	Record(ctx context.Context, key states.Key) (states.Record, error)

	// Records yields every record whose revision is not 0, in any order, once
	// each. It stops at its first error, which it yields with the zero Record. A
	// commit that comes meanwhile may or may not be seen.
	Records(ctx context.Context) iter.Seq2[states.Record, error]

	// Log reads a record's log, oldest first, beginning with the entry Opened at
	// revision 0 and without gaps: entry i has revision i. The error is
	// [ErrNotFound] where there is no record.
	Log(ctx context.Context, key states.Key) ([]reducer.LogEntry, error)

	// Commit stores changes. Each is atomic (record, log, transition and
	// quarantine together or not at all) and guarded by its Expect and Guard. A
	// conflict fails its own change alone and is told in its Result, which
	// stands at the change's place, as is [ErrNotFound] for a record whose rollout
	// was not opened with that host; the rest is stored. An error means that
	// nothing of the batch was stored. A batch holds each key at most once, and
	// each change has effects; one that does not is an error.
	//
	// A batch compares every Guard with the ordering revision as it was before
	// the batch, and raises it once, after them, if a change that is stored says
	// so.
	//
	// The changes and their effects are the caller's again once Commit returns: a
	// store, or what is wrapped around one, copies what it keeps.
	Commit(ctx context.Context, changes []Change) ([]Result, error)
}

// Clock tells the control plane's time. The Clock of benbjohnson/clock
// satisfies it.
type Clock interface {
	Now() time.Time
}

// Change is one record's step, or several in a row, ready to store.
type Change struct {
	// Expect is the revision that was read; the stored record must still be at
	// it. 0: the record is as its opening left it.
	Expect states.Revision

	// Guard is the ordering revision that the gates were read at; it must still
	// be the store's. 0: the change was not gated.
	Guard Ordering

	// Closes says that the change may close a gate for some other host (a
	// dispatch, a quarantine, a failure, a host that is no longer done), so that
	// its commit raises the ordering revision.
	Closes bool

	Record  states.Record     // as it shall be; its Revision is Expect plus the log entries
	Effects []reducer.Effects // of each step, in order

	// Member is where the rollout's opening lists the record's host, plus 1, where
	// the caller knows it: a hint that spares a store a search. A wrong one is as
	// good as none.
	Member int32
}

// Result tells what became of one change.
type Result struct {
	// Err is nil where the change is stored; a [*ConflictError], or
	// [ErrNotFound], where it is not.
	Err error
}

// Ordering is the fleet's ordering revision: it rises with every commit that
// may close a gate. The first is 1.
type Ordering uint64

// Fleet is what a store holds beside records.
type Fleet struct {
	Ordering    Ordering
	Openings    []Opening            // in the order in which they were enacted
	Resumptions []Resumption         // likewise
	Quarantines []reducer.Quarantine // in force, sorted by channel, then closure
	Clearances  []Clearance          // in the order in which they were enacted
}

// Act is a decision of the planner or an operator: an [Opening], a
// [Resumption], an [Imposition] or a [Clearance].
type Act interface{ act() }

// Opening opens a rollout: one commit for all its hosts. It supersedes the
// channel's earlier ones.
type Opening struct {
	Rollout  states.Rollout
	At       states.Time // the control plane's clock
	SignedAt states.Time // of the manifest that brought it; zero where unsigned
	Members  []Member    // sorted by host
}

// Member is one host of an opening.
type Member struct {
	Host   states.Host
	Opened reducer.Opened
}

// Resumption lets a halted rollout go on past the hosts that had failed.
type Resumption struct {
	Rollout states.Rollout
	At      states.Time // the control plane's clock
	Reason  string
	Hosts   []states.Host // those that were Failed or Reverted then, sorted
}

// Imposition is a quarantine that an operator sets.
type Imposition struct {
	Quarantine reducer.Quarantine
}

// Clearance ends a quarantine.
type Clearance struct {
	Channel states.Channel
	Closure states.Closure
	At      states.Time // the control plane's clock
	Reason  string
}

func (Opening) act()    {}
func (Resumption) act() {}
func (Imposition) act() {}
func (Clearance) act()  {}

// Place says where a host stands among the members, and whether it is one.
func (o Opening) Place(h states.Host) (place int, ok bool) {
	return slices.BinarySearchFunc(o.Members, h, func(m Member, h states.Host) int { return cmp.Compare(m.Host, h) })
}

// Record returns the record that the opening gives a member, and the first
// entry of its log.
func (o Opening) Record(m Member) (states.Record, reducer.LogEntry, error) {
	ev := reducer.Event{
		Key:    states.Key{Rollout: o.Rollout, Host: m.Host},
		Origin: reducer.Origin{By: reducer.ByControlPlane},
		At:     o.At,
		Body:   m.Opened,
	}
	out, err := reducer.Step(states.Record{}, ev)
	return out.Record, out.Effects.Entry, err
}
