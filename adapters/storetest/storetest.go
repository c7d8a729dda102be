// Package storetest holds an implementation of [adapters.Store] to the
// contract of its port, whoever wrote it.
//
// Start with [Run], from a test of your own store:
//
//	var effort = storetest.EffortFlags()
//
//	func TestMain(m *testing.M) {
//		storetest.Serve(open) // where other processes can open a place
//		os.Exit(m.Run())
//	}
//
//	func open(ctx context.Context, p *storetest.Process) (adapters.Store, error) {
//		s, err := mystore.Open(ctx, p.Place)
//		...
//	}
//
//	func TestStore(t *testing.T) {
//		storetest.Run(t, func(t testing.TB) storetest.Fixture {
//			path := filepath.Join(t.TempDir(), "fleet.db")
//			return storetest.Fixture{
//				Promise:     storetest.Promise{Durable: true},
//				Effort:      *effort,
//				Place:       path,
//				CrashPoints: []string{"before the rename", "after the rename"},
//				Open:        ...,
//				Close:       ...,
//			}
//		})
//	}
//
// Every case is a sentence of the contract. What a store does not promise is
// not asked of it; what it promises, it is held to: one that says that it is
// durable is killed and opened again, one that says that processes share it is
// opened by several that decide on the same.
//
// # Processes
//
// For this the kit starts the test's own program again, as often as it needs,
// and has it open a [Fixture.Place]: so a place is a text from which any process
// can tell what to open. [Serve] recognises such a process. It does the kit's
// work and is killed (SIGKILL) in the middle of it. The next one looks whether
// everything is there that the ones before it were told, record for record and
// entry for entry, each change whole, and nothing else.
//
// Processes are killed at random moments (flag -storetest.kills), and at crash
// points: moments that have a name, before and after each step that must not be
// seen alone. The kit knows those around the calls. Those inside of a store are
// named in [Fixture.CrashPoints], and told by the function handed to Serve: it
// wraps what the store writes to (a driver, a file, a connection) so that
// [Process.Reach] is called at each. A store needs nothing for this in its own
// code. A point that no process comes to is a failure. Where the system itself
// can end a process, such as in the middle of a write, [Process.Point] says when
// to prepare that.
//
// # Clients at once
//
// Three to five clients use a store at once, some of their contexts end, and
// porcupine looks for an order of their calls that explains every answer (flag
// -storetest.histories; [Histories] does the same outside of a test). A history
// without one is a failure that shows the longest order that was found, what the
// store holds after it, which calls can have been answered so by nobody, the
// seed, and how to try it again; it is drawn as well (go test -artifacts).
//
// # A full place
//
// A store that can run out of room is given a way to, [Fixture.Fill]. On Linux,
// [OnSmallDisk] has a real file system for it.
//
// # What the kit rejects
//
// Package broken holds stores with one thing wrong each, and names the cases
// that catch them. It also breaks any store for a null control: one that
// acknowledges before it commits must not survive [Kills].
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

	// Shared: several stores may be open on one place at once, and each sees what
	// the others stored. One that is an [adapters.Follower] is held to that as
	// well.
	Shared bool

	// SharedByProcesses: they may be open in different processes. It implies
	// Shared.
	SharedByProcesses bool
}

func (p Promise) shared() bool { return p.Shared || p.SharedByProcesses }

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

// RunCase runs one case by its name, as [Run] does.
func RunCase(t *testing.T, name string, fixture func(t testing.TB) Fixture) {
	for c := range Cases() {
		if c.Name == name {
			c.run(t, fixture)
			return
		}
	}
	t.Fatalf("storetest: there is no case %q", name)
}

// run runs a case against a place of its own.
func (c Case) run(t *testing.T, fixture func(t testing.TB) Fixture) {
	t.Run(c.Name, func(t *testing.T) {
		f := fixture(t)
		f.another = func() Fixture { return fixture(t) }
		c.Check(t, f)
	})
}

// Run runs every case against a place of its own.
func Run(t *testing.T, fixture func(t testing.TB) Fixture) {
	for c := range Cases() {
		c.run(t, fixture)
	}
	for _, c := range crashCases(fixture(t)) {
		c.run(t, fixture)
	}
}

// Cases yields the cases that every fixture is put to, for those who want to run
// some of them. [CrashCase] makes the further ones, of one crash point each.
func Cases() iter.Seq[Case] {
	return func(yield func(Case) bool) {
		for _, group := range [][]Case{
			commitCases, logCases, fleetCases, valueCases, concurrencyCases, sharedCases, endingCases, fullCases, durabilityCases,
			followCases, upkeepCases, outlineCases,
		} {
			for _, c := range group {
				if !yield(c) {
					return
				}
			}
		}
	}
}
