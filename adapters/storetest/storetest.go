// Package storetest holds an implementation of [adapters.Store] to the
// contract of its port, whoever wrote it.
//
// Start with [Run], from a test of your own store:
//
//	func TestStore(t *testing.T) {
//		storetest.Run(t, func(t testing.TB) storetest.Fixture {
//			path := filepath.Join(t.TempDir(), "fleet.db")
//			...
//		})
//	}
//
// Every case is a sentence of the contract. What a store does not promise is
// not asked of it: it says what it promises in its [Fixture].
package storetest

import (
	"io"
	"iter"
	"testing"

	"github.com/rollmend/rollmend/adapters"
)

// Promise says what a store promises beyond the port.
type Promise struct {
	// Durable: what was stored is there when the store is opened again, also
	// after its process was killed.
	Durable bool

	// SharedByProcesses: several stores may be open on one place at once, and
	// each sees what the others stored. One that is an [adapters.Follower] is
	// held to that as well.
	SharedByProcesses bool
}

// Fixture is an empty place to keep a store in.
type Fixture struct {
	Promise Promise

	// Open opens the store in the place, with what it held before. The kit
	// closes one before it opens the next, unless the store is shared by
	// processes.
	Open func(t testing.TB) adapters.Store

	// Close closes a store that Open opened.
	Close func(t testing.TB, s adapters.Store)

	// Kill starts a process that opens the place and calls [Work] with what it
	// writes going to acks, kills it (SIGKILL) at a moment of its own choice once
	// acks has got something, and returns when the process is gone. Nil where
	// there is no such way; a durable store should give one.
	Kill func(t testing.TB, acks io.Writer)
}

// Case is one sentence of the contract, and the check that it holds.
type Case struct {
	Name  string
	Check func(t testing.TB, f Fixture)
}

// Run runs every case against a place of its own.
func Run(t *testing.T, fixture func(t testing.TB) Fixture) {
	for c := range Cases() {
		t.Run(c.Name, func(t *testing.T) { c.Check(t, fixture(t)) })
	}
}

// Cases yields the cases, for those who want to run some of them.
func Cases() iter.Seq[Case] {
	return func(yield func(Case) bool) {
		for _, group := range [][]Case{commitCases, logCases, fleetCases, valueCases, concurrencyCases, durabilityCases, followCases} {
			for _, c := range group {
				if !yield(c) {
					return
				}
			}
		}
	}
}
