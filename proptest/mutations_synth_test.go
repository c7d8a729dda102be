package proptest_test

import (
	"fmt"

	"github.com/rollmend/rollmend/gates"
	"github.com/rollmend/rollmend/proptest"
	"github.com/rollmend/rollmend/reducer"
	"github.com/rollmend/rollmend/states"
	"github.com/rollmend/rollmend/synth"
)

const allCases = "every case, with its chain and its times, is as the specification has it"

// looking makes a defect of Chain: what it is handed.
func looking(change func(l *synth.Look)) func(*proptest.System) {
	return func(sys *proptest.System) {
		chain := sys.Chain
		sys.Chain = func(l synth.Look) synth.Finding {
			change(&l)
			return chain(l)
		}
	}
}

// finding makes a defect of Chain: what it finds.
func finding(change func(l synth.Look, f *synth.Finding)) func(*proptest.System) {
	return func(sys *proptest.System) {
		chain := sys.Chain
		sys.Chain = func(l synth.Look) synth.Finding {
			f := chain(l)
			change(l, &f)
			return f
		}
	}
}

// passedVerdict is what a gate that asks nothing would say.
func passedVerdict() gates.Verdict {
	id := states.Rollout{Channel: "stable", Ref: "a1b2"}
	v := gates.NewView(gates.NewFleet(gates.Plan{
		Ref: id.Ref, Hosts: []gates.PlannedHost{{Host: "web-1", Channel: id.Channel, Target: "new"}},
	}), []reducer.Quarantine{})
	v.Open(id)
	return gates.Evaluate(v, gates.Ask{Purpose: gates.Synthesis, Key: states.Key{Rollout: id, Host: "web-1"}, Target: "new"})[0]
}

func convergence(l *synth.Look, why states.Case, at states.Time) reducer.Event {
	hb := &l.Seen.Heartbeat
	from := states.Observation{At: hb.At, Order: hb.Order, Current: hb.Current}
	return reducer.Synthesise(&l.Record, states.KindConverged, why, from, at)
}

var synthMutations = []mutation{
	{"a stale heartbeat is accepted", "a stale heartbeat undoes nothing", looking(func(l *synth.Look) {
		l.Seen.Newer, l.Seen.Heartbeat.Order = false, states.Order{}
		l.Seen.Heartbeat.At = max(l.Seen.Heartbeat.At, l.Record.At(states.LastTransitionAt), l.Record.Opened)
	})},
	{"a beat is as new as the transition that it came before", "a stale heartbeat undoes nothing", looking(func(l *synth.Look) {
		if l.Seen.Heartbeat.Order == l.Record.LastOrder {
			l.Seen.Heartbeat.Order.Beat++
		}
	})},
	{"an older heartbeat than the newest counts", "a stale heartbeat undoes nothing", looking(func(l *synth.Look) { l.Seen.Newer = false })},
	{"two unknown closures are the same", "an unknown closure never matches", looking(func(l *synth.Look) {
		if !l.Record.AtDispatch.Known() {
			l.Record.AtDispatch = l.Seen.Heartbeat.Current
		}
	})},
	{"no closure is taken for the target", "a heartbeat without a closure is a liveness signal and nothing else", looking(func(l *synth.Look) {
		if !l.Seen.Heartbeat.Current.Known() {
			l.Seen.Heartbeat.Current = l.Record.Target
		}
	})},
	{"records-lost asks no gate", "what an agent holds or did is never gated, and a rebuilt convergence always is", looking(func(l *synth.Look) { l.Verdict = passedVerdict() })},
	{"reports-in-flight is gated", "what an agent holds or did is never gated, and a rebuilt convergence always is", finding(func(l synth.Look, f *synth.Finding) {
		if f.Case == states.ReportsInFlight && !l.Verdict.Passed() {
			f.Reason, f.Events = synth.Held, nil
		}
	})},
	{"failing probes do not count", "a failing enforced probe keeps a rebuilt record from converging", looking(func(l *synth.Look) { l.Seen.Heartbeat.Failing = nil })},
	{"a rollback is invented under halt", "under the policy halt no rollback is invented", looking(func(l *synth.Look) { l.Record.PolicyApplied = states.RollbackAndHalt })},
	{"what the agent holds is taken as converged", "a record never says what its host never was", finding(func(l synth.Look, f *synth.Finding) {
		if f.Case == states.HeldByAgent && len(f.Events) == 2 {
			f.Events = append(f.Events, convergence(&l, f.Case, f.Events[1].At.Add(l.Record.Policy.Soak)))
		}
	})},
	{"what the agent holds is taken for what it lost", allCases, looking(func(l *synth.Look) { l.Seen.Heartbeat.Holds = states.Rollout{} })},
	{"what the agent works on is taken for what it lost", allCases, looking(func(l *synth.Look) { l.Record.Dispatched = 0 })},
	{"any boot finishes a deferred activation", "with boots known, only a later boot finishes a deferred activation", looking(func(l *synth.Look) {
		if l.Record.State == states.Deferred && l.Seen.Heartbeat.Current.Is(l.Record.Target) {
			l.Seen.Heartbeat.Order.Boot = l.Record.DeferredOrder.Boot + 1
		}
	})},
	{"current_since is not looked at", allCases, looking(func(l *synth.Look) { l.Seen.Heartbeat.CurrentSince = 0 })},
	{"a host that was seen off its target served its soak", allCases, looking(func(l *synth.Look) { l.Seen.OffTarget = 0 })},
	{"a silent host is believed", allCases, looking(func(l *synth.Look) { l.Seen.Received = l.Now })},
	{"case 1 is forgotten", "after the last fault one heartbeat, and the reports that its reply asks for, bring the record to the host's truth", without(states.AgentRestarted)},
	{"case 2 is forgotten", allCases, without(states.RebootFinished)},
	{"case 3 is forgotten", allCases, without(states.RecordsLost)},
	{"case 3b is forgotten", allCases, without(states.ReportsInFlight)},
	{"case 3c is forgotten", allCases, without(states.HeldByAgent)},
	{"case 4 is forgotten", allCases, without(states.RollbackUnreported)},
	{"a rollback to what runs is invented", allCases, looking(func(l *synth.Look) {
		if l.Record.State == states.Failed && l.Record.AtDispatch.Is(l.Record.Target) {
			l.Record.Target = "something else"
		}
	})},
	{"another rollout's heartbeat counts", "a heartbeat that names another rollout does not rebuild this one", looking(func(l *synth.Look) { l.Seen.Heartbeat.Holds = states.Rollout{} })},
	{"a soak that is over is a convergence", "nothing leaves a soak or a terminal state by a guess", finding(func(l synth.Look, f *synth.Finding) {
		if l.Record.State == states.Soaking && l.Record.SoakDue() <= l.Seen.Heartbeat.At && f.Reason == synth.InStep {
			f.Reason, f.Events = synth.Missed, []reducer.Event{convergence(&l, states.RecordsLost, l.Seen.Heartbeat.At)}
		}
	})},
	{"a finding says nothing", "every finding has a reason, and every chain its evidence", finding(func(_ synth.Look, f *synth.Finding) { f.Detail = "" })},
	{"a chain hides what it rests on", "every finding has a reason, and every chain its evidence", finding(func(_ synth.Look, f *synth.Finding) {
		for i := range f.Events {
			f.Events[i].Origin.From.Current = ""
		}
	})},
	{"a chain lacks its first event", "a chain applies, and leads where the host is", finding(func(_ synth.Look, f *synth.Finding) {
		if len(f.Events) > 1 {
			f.Events = f.Events[1:]
		}
	})},
	{"a chain is found again", "a chain that was applied gives nothing more", finding(func(l synth.Look, f *synth.Finding) {
		if l.Record.State == states.Soaking && l.Record.Synthesised() && f.Reason == synth.InStep {
			f.Events = []reducer.Event{convergence(&l, states.AgentRestarted, l.Now)}
		}
	})},
	{"a finding depends on what came before it", "the same look gives the same bytes", func(sys *proptest.System) {
		chain, n := sys.Chain, 0
		sys.Chain = func(l synth.Look) synth.Finding {
			f := chain(l)
			n++
			f.Detail += fmt.Sprint(n)
			return f
		}
	}},
	{"a report that is ahead brings nothing with it", "a report ahead of its record brings the missing prefix with it", func(sys *proptest.System) {
		sys.Ahead = func(rec states.Record, _ reducer.Event) synth.Finding {
			return synth.Finding{Key: rec.Key, Reason: synth.InStep}
		}
	}},
	{"the prefix lacks the activation", "a report ahead of its record brings the missing prefix with it", func(sys *proptest.System) {
		ahead := sys.Ahead
		sys.Ahead = func(rec states.Record, ev reducer.Event) synth.Finding {
			f := ahead(rec, ev)
			f.Events = f.Events[:min(1, len(f.Events))]
			return f
		}
	}},
	{"the prefix has a number", "a report ahead of its record brings the missing prefix with it", func(sys *proptest.System) {
		ahead := sys.Ahead
		sys.Ahead = func(rec states.Record, ev reducer.Event) synth.Finding {
			f := ahead(rec, ev)
			for i := range f.Events {
				f.Events[i].Origin.By = reducer.ByAgent
			}
			return f
		}
	}},
}

// without forgets a case.
func without(which states.Case) func(*proptest.System) {
	return finding(func(_ synth.Look, f *synth.Finding) {
		if f.Case == which {
			f.Reason, f.Case, f.Events = synth.InStep, 0, nil
		}
	})
}
