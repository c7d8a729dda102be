// Package proptest holds synthesis policies, gates, stores and agents to the
// laws of rollmend: sentences that random lives of hosts and fleets try to
// break. A case that breaks one is made as small as can be and told as a
// timeline in the words of package scenario, which becomes a file as it is.
//
// Start with [Run], from a test of what is yours:
//
//	package mine_test
//
//	import (
//		"testing"
//
//		"github.com/rollmend/rollmend/gates"
//		"github.com/rollmend/rollmend/proptest"
//		"github.com/rollmend/rollmend/states"
//	)
//
//	// frozen holds every host of a channel.
//	type frozen struct{ channel states.Channel }
//
//	func (frozen) Name() string { return "frozen" }
//
//	func (f frozen) Hold(_ *gates.View, ask gates.Ask) (gates.Block, bool) {
//		held := ask.Key.Rollout.Channel == f.channel
//		return gates.Block{Scope: string(f.channel), Why: "it is frozen", Release: "an operator"}, held
//	}
//
//	func TestGate(t *testing.T) {
//		rule := proptest.Rule{
//			Name:  "nothing goes on a frozen channel",
//			Holds: func(_ *proptest.Fleet, ask gates.Ask) bool { return ask.Key.Rollout.Channel == "edge" },
//		}
//		sys := proptest.Real()
//		sys.Gates = func(gates.Plan) []gates.Gate { return []gates.Gate{frozen{"edge"}} }
//		proptest.Run(t, sys, proptest.GateLaws(rule)...)
//	}
//
// A [System] is what is judged. [Real] is ours; replace what is yours: Chain for
// a synthesis policy ([SynthesisLaws]), Gates ([GateLaws]), Open for a store
// ([StoreLaws]; its contract with several writers and crashes is package
// storetest). [Accepted] judges what an agent reports. The example below shows
// a defect in a gate and what comes back.
//
// # Laws
//
// A [Property] is a sentence and its check. [Idempotent], [Confluent],
// [AnyOrder], [TerminalStays], [RederiveEquals], [NoGateViolated] and
// [StampsBounded] are those to know; [Laws] yields all of the pure half.
// [Property.Find] looks without a test, and [Property.Reached] counts how often
// a law had anything to judge: one that never has proves nothing.
//
// Cases come from seeds. The same seed gives the same case on any machine, a
// case counts as one law judged once, and Run says how many there were. The
// flags -proptest.seed and -proptest.cases look at others; a failure prints the
// command that shows it again.
//
// # Generators
//
// [Closures], [Records], [Logs], [Events], [LegalEvents], [IllegalEvents],
// [Histories], [Heartbeats], [Plans], [Fleets], [Manifests] and
// [RefusedManifests] are generators for rapid, for properties of your own:
//
//	rapid.Check(t, func(t *rapid.T) {
//		rec := proptest.Records().Draw(t, "record")
//		ev := proptest.LegalEvents(rec).Draw(t, "event")
//		...
//	})
//
// They invent nothing: every record is where its events led it, every heartbeat
// is true to its host's history at some moment of it.
//
// The oracles here are written from the specification and share no code with
// what they judge. A program that runs a control plane does not link this
// package.
package proptest
