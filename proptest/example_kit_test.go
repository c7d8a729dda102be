package proptest_test

import (
	"fmt"

	"pgregory.net/rapid"

	"github.com/rollmend/rollmend/adapters/manifest"
	"github.com/rollmend/rollmend/gates"
	"github.com/rollmend/rollmend/proptest"
	"github.com/rollmend/rollmend/reducer"
	"github.com/rollmend/rollmend/states"
	"github.com/rollmend/rollmend/synth"
)

// In a test, draws are made by rapid.Check, which also makes a failing one
// smaller:
//
//	rapid.Check(t, func(t *rapid.T) {
//		rec := proptest.Records().Draw(t, "record")
//		...
//	})
func ExampleRecords() {
	guessed := proptest.Records().Filter(func(rec states.Record) bool { return rec.Synthesised() })
	rec := guessed.Example(1)
	fmt.Println(rec.Key, "rests on a guess:", len(rec.Guesses()) > 0)
	// Output:
	// stable@a1b2/web-1 rests on a guess: true
}

func ExampleClosures() {
	c := proptest.Closures().Filter(func(c states.Closure) bool { return !c.Known() }).Example(1)
	fmt.Println(c, "is itself:", c.Is(c))
	// Output:
	// unknown is itself: false
}

func ExampleEvents() {
	rec := proptest.Records().Filter(func(rec states.Record) bool { return rec.State == states.Soaking }).Example(1)
	legal, illegal := proptest.LegalEvents(rec).Example(1), proptest.IllegalEvents(rec).Example(1)
	for _, ev := range []reducer.Event{legal, illegal, proptest.Events(rec).Example(1)} {
		_, err := reducer.Step(rec, ev)
		fmt.Println(ev.Key == rec.Key, err == nil)
	}
	// Output:
	// true true
	// true false
	// true false
}

func ExampleLogs() {
	log := proptest.Logs().Example(1)
	rec, err := reducer.Rederive(log)
	fmt.Println(rec.Revision == log[len(log)-1].Revision, err)
	// Output:
	// true <nil>
}

// What a host did, and what its agent said of it, are two things.
func ExampleHistories() {
	rolledBack := proptest.Histories().Filter(func(h proptest.History) bool {
		return h.Moments[len(h.Moments)-1].Holds.IsZero() && h.Moments[len(h.Moments)-1].Runs.Is("old")
	})
	h := rolledBack.Example(1)
	for _, m := range h.Moments {
		var kinds []string
		for _, ev := range m.Reports {
			kinds = append(kinds, ev.Kind().String())
		}
		fmt.Println(m.What, kinds)
	}
	fmt.Println("accepted:", proptest.Accepted(h.Key, h.Opened, h.Reports()) == nil)
	// Output:
	// takes the dispatch [DispatchAck]
	// starts its activation [ActivationStarted]
	// fails its activation [ActivationFailed]
	// went back, and the agent has not noticed []
	// completes its rollback [RollbackComplete]
	// accepted: true
}

// A heartbeat of an earlier moment is stale for a record that knows the later
// ones.
func ExampleHeartbeats() {
	h := proptest.Histories().Filter(func(h proptest.History) bool { return len(h.Moments) > 4 }).Example(1)
	var rec states.Record
	out, _ := reducer.Step(rec, reducer.Event{Key: h.Key, Origin: reducer.Origin{By: reducer.ByControlPlane}, At: h.Moments[0].At, Body: h.Opened})
	rec = out.Record
	for _, ev := range h.Reports() {
		out, _ := reducer.Step(rec, ev)
		rec = out.Record
	}
	now := h.Moments[len(h.Moments)-1].At
	finding := synth.Chain(synth.Look{
		Record: rec, Now: now, Bounds: synth.Bounds{Silence: 1 << 50, Skew: 1},
		Seen: synth.Seen{Heartbeat: h.Beat(0), Received: now},
	})
	fmt.Println(finding.Reason)
	drawn := proptest.Heartbeats(h).Example(1)
	fmt.Println(drawn.Host)
	// Output:
	// stale
	// web-1
}

func ExampleFleets() {
	fleet := proptest.Fleets().Filter(func(f proptest.Fleet) bool { return len(f.Records) > 2 }).Example(1)
	passed, held := 0, 0
	for _, verdict := range gates.Evaluate(fleet.View(), fleet.Asks(gates.Dispatch)...) {
		if verdict.Passed() {
			passed++
		} else {
			held++
		}
	}
	fmt.Println(passed+held == len(fleet.Asks(gates.Dispatch)))
	// Output:
	// true
}

func ExamplePlans() {
	plan := proptest.Plans().Filter(func(p gates.Plan) bool { return len(p.Hosts) > 0 }).Example(1)
	fleet := gates.NewFleet(plan)
	_, planned := fleet.Host(plan.Hosts[0].Host)
	fmt.Println(planned)
	// Output:
	// true
}

func ExampleManifests() {
	m, err := manifest.Parse(proptest.Manifests().Example(1))
	fmt.Println(m.Plan().Ref, err)
	refused := proptest.RefusedManifests().Example(1)
	_, err = manifest.Parse(refused.JSON)
	fmt.Println(refused.Fault)
	fmt.Println(err)
	// Output:
	// a1b2 <nil>
	// another schema
	// manifest: refused: /schemaVersion: 2 is unknown: this version of rollmend reads 1
}

// A law of one's own beside ours.
func ExampleProperty() {
	law := proptest.Property{
		Name: "a record that is not terminal can go on",
		Check: func(t *rapid.T, sys proptest.System) error {
			rec := proptest.Records().Draw(t, "record")
			if rec.State.Terminal() {
				return nil
			}
			ev := proptest.LegalEvents(rec).Draw(t, "event")
			_, err := sys.Step(rec, ev)
			return err
		},
	}
	_, broken := law.Search(proptest.Real(), 1, 100)
	fmt.Println(law.Name, "- broken:", broken)
	// Output:
	// a record that is not terminal can go on - broken: false
}

// A policy that believes every heartbeat, whatever its age.
func ExampleSynthesisLaws() {
	sys := proptest.Real()
	sys.Chain = func(l synth.Look) synth.Finding {
		l.Seen.Newer = false
		l.Record.LastOrder = states.Order{}
		return synth.Chain(l)
	}
	for _, law := range proptest.SynthesisLaws() {
		if found, broken := law.Find(sys, 1, 1000); broken {
			fmt.Print(found.Text())
			break
		}
	}
	// Output:
	// # Broken: a stale heartbeat undoes nothing.
	// rollout stable@a1b2 target=new soak=10s
	// host web-1 runs=old
	// dispatch web-1
	// at 1s
	// beat web-1 runs=new since=1s
	// #   received 1s, off target never, newer known true, gates open true
	// #   web-1  Pending
	// #     times       opened=0s dispatched=0s soak-due=10s
	// #     closures    target=new
	// ----
	// there is a chain
	//   the finding is stable@a1b2/web-1: chain (reports-in-flight): the host runs the target of our dispatch, its reports are on the way
}
