package proptest_test

import (
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/rollmend/rollmend/adapters"
	"github.com/rollmend/rollmend/adapters/manifest"
	"github.com/rollmend/rollmend/gates"
	"github.com/rollmend/rollmend/proptest"
	"github.com/rollmend/rollmend/reducer"
	"github.com/rollmend/rollmend/scenario"
	"github.com/rollmend/rollmend/states"
	"github.com/rollmend/rollmend/synth"
)

// The laws that need an engine; the others are those of [proptest.Laws].
func TestTheKitsLawsHoldOfOurs(t *testing.T) {
	const searched, counted = 400, 100
	for _, p := range []proptest.Property{proptest.NoGateViolated(), proptest.AnyOrder(), proptest.SameAsMemory()} {
		if found, ok := p.Find(proptest.Real(), seed(), searched); ok {
			t.Errorf("seed %d\n%s", found.Seed, found.Text())
		}
		if met := p.Reached(proptest.Real(), seed(), counted); met < counted/10 {
			t.Errorf("in %d of %d cases there is something to judge by the law: %s", met, counted, p.Name)
		}
	}
}

// spread counts what a generator draws, and how much of it is something.
func spread[V any](t *testing.T, g *rapid.Generator[V], is map[string]func(V) bool) {
	t.Helper()
	const draws = 2000
	seen := map[string]int{}
	for i := range draws {
		v := g.Example(seed() + i)
		for what, holds := range is {
			if holds(v) {
				seen[what]++
			}
		}
	}
	for what := range is {
		if seen[what] < draws/400 {
			t.Errorf("of %d draws %d are %s", draws, seen[what], what)
		}
	}
	t.Log(seen)
}

func TestRecordsAreOfEverySort(t *testing.T) {
	is := map[string]func(states.Record) bool{
		"guessed":          func(r states.Record) bool { return r.Synthesised() },
		"behind a gap":     func(r states.Record) bool { return r.Gap },
		"dispatched":       func(r states.Record) bool { return r.Dispatched.IsSet() },
		"with probes":      func(r states.Record) bool { return len(r.Probes) > 0 },
		"cut":              func(r states.Record) bool { return r.At(states.AckedAt).IsSet() && !r.Reported(states.AckedAt) },
		"nothing but open": func(r states.Record) bool { return r.Revision == 0 },
	}
	for s := range states.States() {
		is[s.String()] = func(r states.Record) bool { return r.State == s }
	}
	spread(t, proptest.Records(), is)
}

// Every record is what its log folds to: nothing but events led to it.
func TestLogsFold(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		if _, err := reducer.Rederive(proptest.Logs().Draw(t, "log")); err != nil {
			t.Fatal(err)
		}
	})
}

func TestLegalEventsAreTakenInAndIllegalOnesAreNot(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		rec := proptest.Records().Draw(t, "record")
		if out, err := reducer.Step(rec, proptest.IllegalEvents(rec).Draw(t, "illegal")); err == nil || out.Disposition != reducer.Refused {
			t.Fatalf("%s: %v", out.Disposition, err)
		}
		if out, err := reducer.Step(rec, proptest.LegalEvents(rec).Draw(t, "legal")); err != nil {
			t.Fatalf("%s: %v", out.Disposition, err)
		}
	})
}

func TestEventsAreOfEverySort(t *testing.T) {
	type put struct {
		ev  reducer.Event
		out reducer.Outcome
	}
	draw := rapid.Custom(func(t *rapid.T) put {
		rec := proptest.Records().Draw(t, "record")
		ev := proptest.Events(rec).Draw(t, "event")
		out, _ := reducer.Step(rec, ev)
		return put{ev, out}
	})
	is := map[string]func(put) bool{
		"synthesised": func(p put) bool { return p.ev.Synthesised() },
		"cut":         func(p put) bool { return p.ev.Clamped },
	}
	for _, d := range []reducer.Disposition{reducer.Applied, reducer.Absorbed, reducer.Duplicate, reducer.Refused} {
		is[d.String()] = func(p put) bool { return p.out.Disposition == d }
	}
	for k := range states.Kinds() {
		if k.Agent() {
			is[k.String()] = func(p put) bool { return p.ev.Kind() == k }
		}
	}
	spread(t, draw, is)
}

// What a host did is never refused, and whatever of it is known, a heartbeat of
// any moment contradicts nothing.
func TestAHistoryIsTrue(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		h := proptest.Histories().Draw(t, "history")
		if err := proptest.Accepted(h.Key, h.Opened, h.Reports()); err != nil {
			t.Fatal(err)
		}
		hb := proptest.Heartbeats(h).Draw(t, "heartbeat")
		if !slices.ContainsFunc(h.Moments, func(m proptest.Moment) bool {
			return m.At == hb.At && m.Runs.Is(hb.Current) && m.Holds == hb.Holds
		}) {
			t.Fatalf("%+v is of no moment of %+v", hb, h)
		}
	})
	is := map[string]func(proptest.History) bool{}
	for _, k := range []states.Kind{states.KindConverged, states.KindActivationDeferred, states.KindActivationFailed, states.KindFailed, states.KindRollbackComplete} {
		is["a history with "+k.String()] = func(h proptest.History) bool {
			return slices.ContainsFunc(h.Reports(), func(ev reducer.Event) bool { return ev.Kind() == k })
		}
	}
	spread(t, proptest.Histories(), is)
}

func TestAnAgentThatMisreportsIsToldWhere(t *testing.T) {
	reports := func(bodies ...reducer.Body) (all []reducer.Event) {
		for i, b := range bodies {
			all = append(all, reducer.Event{Key: web, Seq: states.Seq(i + 1), At: at(10 * i), Body: b})
		}
		return all
	}
	opened := reducer.Opened{Target: "new"}
	sound := reports(reducer.DispatchAck{AtDispatch: "old"}, reducer.ActivationCompleted{Observed: "new"}, reducer.Converged{Current: "new"})
	if err := proptest.Accepted(web, opened, sound); err != nil {
		t.Error(err)
	}
	gap := slices.Clone(sound)
	gap[1].Seq = 3
	for want, bad := range map[string][]reducer.Event{
		"in Pending it is refused":    reports(reducer.ActivationCompleted{Observed: "new"}),
		"report 3 has the place of 2": gap,
		"not-on-target":               reports(reducer.DispatchAck{}, reducer.ActivationCompleted{Observed: "other"}),
	} {
		if err := proptest.Accepted(web, opened, bad); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("want %q, got %v", want, err)
		}
	}
}

func TestFleetsAreOfEverySort(t *testing.T) {
	is := map[string]func(proptest.Fleet) bool{
		"with waves": func(f proptest.Fleet) bool {
			return slices.ContainsFunc(f.Plan.Hosts, func(h gates.PlannedHost) bool { return h.Wave > 0 })
		},
		"with unstaged hosts": func(f proptest.Fleet) bool {
			return slices.ContainsFunc(f.Plan.Hosts, func(h gates.PlannedHost) bool { return h.Wave == states.Unstaged })
		},
		"with edges":            func(f proptest.Fleet) bool { return len(f.Plan.HostEdges) > 0 },
		"with channel edges":    func(f proptest.Fleet) bool { return len(f.Plan.ChannelEdges) > 0 },
		"with budgets":          func(f proptest.Fleet) bool { return len(f.Plan.Budgets) > 0 },
		"of no host":            func(f proptest.Fleet) bool { return len(f.Plan.Hosts) == 0 },
		"with nothing open":     func(f proptest.Fleet) bool { return len(f.Open) == 0 },
		"with failing probes":   func(f proptest.Fleet) bool { return len(f.Failing) > 0 },
		"with older rollouts":   func(f proptest.Fleet) bool { return len(f.Asks(gates.Dispatch)) < len(f.Records) },
		"with somebody to go":   func(f proptest.Fleet) bool { return somebody(f, true) },
		"with somebody to wait": func(f proptest.Fleet) bool { return somebody(f, false) },
	}
	spread(t, proptest.Fleets(), is)
}

func somebody(f proptest.Fleet, passed bool) bool {
	return slices.ContainsFunc(gates.Evaluate(f.View(), f.Asks(gates.Dispatch)...), func(v gates.Verdict) bool { return v.Passed() == passed })
}

// A plan survives being written as the steps that declare it.
func TestAPlanIsDeclared(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		plan := proptest.Plans().Draw(t, "plan")
		session := scenario.Control{}.Begin(t.Context())
		for _, line := range scenario.PlanLines(plan, func(states.Host) states.Closure { return "old" }) {
			if _, err := session.Do(line); err != nil {
				t.Fatalf("%s: %v", line, err)
			}
		}
		got := session.Plan()
		for i := range got.Hosts {
			if !got.Hosts[i].Target.Known() {
				got.Hosts[i].Policy = plan.Hosts[i].Policy // of a host that is in no rollout
			}
		}
		if len(plan.Hosts) == 0 {
			got.Ref = plan.Ref // which nothing names
		}
		if diff := cmp.Diff(plan, got, equateEmpty); diff != "" {
			t.Fatal(diff)
		}
	})
}

var equateEmpty = cmp.FilterValues(func(a, b any) bool { return isEmpty(a) && isEmpty(b) }, cmp.Ignore())

func isEmpty(v any) bool {
	switch v := v.(type) {
	case []gates.HostEdge:
		return len(v) == 0
	case []gates.ChannelEdge:
		return len(v) == 0
	case []gates.Budget:
		return len(v) == 0
	case []gates.PlannedHost:
		return len(v) == 0
	case []states.Host:
		return len(v) == 0
	}
	return false
}

func TestManifestsAreAccepted(t *testing.T) {
	spread(t, proptest.Manifests(), map[string]func([]byte) bool{
		"with waves":         func(b []byte) bool { return strings.Contains(string(b), `"edge-1"`) },
		"with budgets":       func(b []byte) bool { return strings.Contains(string(b), `"maxInFlight`) },
		"with edges":         func(b []byte) bool { return strings.Contains(string(b), `"gated"`) },
		"of hosts to switch": func(b []byte) bool { return strings.Contains(string(b), `"new-`) },
	})
	rapid.Check(t, func(t *rapid.T) {
		b := proptest.Manifests().Draw(t, "manifest")
		m, err := manifest.Parse(b)
		if err != nil {
			t.Fatalf("%v\n%s", err, b)
		}
		var doc struct{ Hosts map[string]any }
		if err := json.Unmarshal(b, &doc); err != nil || len(doc.Hosts) != len(m.Plan().Hosts) {
			t.Fatalf("%d hosts are written, %d are read (%v)", len(doc.Hosts), len(m.Plan().Hosts), err)
		}
	})
}

func TestRefusedManifestsAreRefused(t *testing.T) {
	faults := map[string]int{}
	for i := range 200 {
		m := proptest.RefusedManifests().Example(seed() + i)
		faults[m.Fault]++
		var refused *manifest.Error
		if _, err := manifest.Parse(m.JSON); !errors.As(err, &refused) {
			t.Fatalf("%s: %v\n%s", m.Fault, err, m.JSON)
		}
	}
	if len(faults) < 10 {
		t.Errorf("only these faults come up: %v", faults)
	}
}

// brokenStores are stores that lose something, each caught by what it gives
// back.
func TestAStoreThatLosesSomethingIsCaught(t *testing.T) {
	for name, spoil := range map[string]func(adapters.Store) adapters.Store{
		"it loses a quarantine":             func(s adapters.Store) adapters.Store { return noQuarantines{s} },
		"it lists a record as it was first": func(s adapters.Store) adapters.Store { return &firstOnly{Store: s} },
		"it does not count the ordering":    func(s adapters.Store) adapters.Store { return uncounted{s} },
	} {
		t.Run(name, func(t *testing.T) {
			sys := proptest.Real()
			sys.Open = func() (adapters.Store, error) { return spoil(memoryStore()), nil }
			found, ok := proptest.SameAsMemory().Find(sys, seed(), usualCases)
			if !ok {
				t.Fatalf("%d cases from seed %d on do not show it", usualCases, seed())
			}
			var v *proptest.Violation
			if !errors.As(found.Err, &v) || len(v.Timeline) > 12 {
				t.Errorf("it is told at length: %v", found.Err)
			}
			t.Logf("seed %d\n%s", found.Seed, found.Text())
		})
	}
}

// A synthesis policy that guesses too much is caught, one that guesses less is
// not.
func TestASynthesisPolicyIsJudged(t *testing.T) {
	cautious := proptest.Real()
	cautious.Chain = func(l synth.Look) synth.Finding {
		f := synth.Chain(l)
		if f.Case == states.RollbackUnreported {
			return synth.Finding{Key: f.Key, Reason: synth.InStep, Detail: "rollbacks are for people"}
		}
		return f
	}
	for _, p := range proptest.SynthesisLaws() {
		if found, ok := p.Find(cautious, seed(), 200); ok {
			t.Errorf("seed %d\n%s", found.Seed, found.Text())
		}
	}
	rash := proptest.Real()
	rash.Chain = func(l synth.Look) synth.Finding {
		l.Seen.Newer = false
		return synth.Chain(l)
	}
	for _, p := range proptest.SynthesisLaws() {
		if found, ok := p.Find(rash, seed(), usualCases); ok {
			t.Logf("seed %d\n%s", found.Seed, found.Text())
			return
		}
	}
	t.Error("a policy that believes stale heartbeats is not caught")
}
