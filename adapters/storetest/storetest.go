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
	// each sees what the others stored.
	SharedByProcesses bool
}

// Fixture is an empty place to keep a store in, and what the store promises.
type Fixture struct {
	Promise Promise
	Effort  Effort

	// Open opens the store in the place, with what it held before. The kit
	// closes one before it opens the next, unless the store is shared by
	// processes.
	Open func(t testing.TB) adapters.Store

	// Close closes a store that Open opened.
	Close func(t testing.TB, s adapters.Store)

	// Place names the place to other processes, which the kit starts and kills:
	// a path, or a database and a schema. The program must call [Serve] first.
	// Empty where no other process can open the place.
	Place string

	// CrashPoints names moments that the function handed to [Serve] tells its
	// process of, such as "before the record is written" or "in the middle of a
	// migration". At each, processes are killed: see [CrashCase].
	CrashPoints []string

	// Kill is a store's own way to a crash, such as that of the server behind
	// it: it starts a process that opens the place and calls [Work] with what it
	// writes going to acks, ends it, or what it stores in, at a moment of its own
	// choice once acks has got something, and returns when everything is gone
	// and the place can be opened again. A durable store must give this or a
	// Place.
	Kill func(t testing.TB, acks io.Writer)

	// Fill takes the room away that the place has, but for less than a megabyte,
	// until giveBack is called. Nil where there is no way.
	Fill func(t testing.TB) (giveBack func())

	// another makes one more of the same, on a place of its own.
	another func() Fixture
}

// Case is one sentence of the contract, and the check that it holds.
type Case struct {
	Name  string
	Check func(t testing.TB, f Fixture)
}

// Run runs every case against a place of its own.
func Run(t *testing.T, fixture func(t testing.TB) Fixture) {
	run := func(c Case) {
		t.Run(c.Name, func(t *testing.T) {
			f := fixture(t)
			f.another = func() Fixture { return fixture(t) }
			c.Check(t, f)
		})
	}
	for c := range Cases() {
		run(c)
	}
	for _, c := range crashCases(fixture(t)) {
		run(c)
	}
}

// Cases yields the cases that every fixture is put to, for those who want to run
// some of them. [CrashCase] makes the further ones, of one crash point each.
func Cases() iter.Seq[Case] {
	return func(yield func(Case) bool) {
		for _, group := range [][]Case{
			commitCases, logCases, fleetCases, valueCases, concurrencyCases, sharedCases, endingCases, fullCases, durabilityCases,
		} {
			for _, c := range group {
				if !yield(c) {
					return
				}
			}
		}
	}
}
