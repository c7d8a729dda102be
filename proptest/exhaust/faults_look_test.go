package exhaust_test

import (
	"slices"
	"time"

	"github.com/rollmend/rollmend/reducer"
	"github.com/rollmend/rollmend/states"
	"github.com/rollmend/rollmend/synth"
)

// lookFaults are of which heartbeats prove anything.
var lookFaults = []fault{
	{"never-beat", "a host that never beat is taken as here", looked(func(l *synth.Look) {
		if !l.Seen.Received.IsSet() {
			l.Seen.Received = l.Now
		}
	})},
	{"silent", "silence begins a moment late", looked(func(l *synth.Look) { l.Bounds.Silence += time.Millisecond })},
	{"", "silence begins a moment early", looked(func(l *synth.Look) { l.Bounds.Silence -= time.Millisecond })},
	{"closure-unknown", "two unknown closures are the same", looked(func(l *synth.Look) {
		if l.Seen.Heartbeat.Current == "" && l.Record.AtDispatch == "" {
			l.Seen.Heartbeat.Current, l.Record.AtDispatch = "none", "none"
		}
	})},
	{"newer-known", "an older beat than the newest counts", looked(func(l *synth.Look) { l.Seen.Newer = false })},
	{"before-opening", "a beat from long before the opening counts", looked(func(l *synth.Look) {
		if !moved(l) {
			l.Bounds.Skew += time.Millisecond
		}
	})},
	{"", "the bound on clocks is not given", looked(func(l *synth.Look) { l.Bounds.Skew = 0 })},
	{"reply-known", "the reply that the agent knows is not looked at", looked(func(l *synth.Look) { l.Seen.Heartbeat.LastReply = 0 })},
	{"opening-ahead", "an opening that is still to come bounds all the same", looked(func(l *synth.Look) {
		if l.Now < l.Record.Opened && !moved(l) {
			l.Now = l.Record.Opened
			l.Seen.Received = l.Now
		}
	})},
	{"older-by-order", "a beat from before the last transition counts", relooked(
		func(l *synth.Look, f *synth.Finding) bool {
			return f.Reason == synth.Stale && !l.Seen.Newer && moved(l) && bothOrders(l)
		},
		func(l *synth.Look) { l.Seen.Heartbeat.Order.Beat += 1000; l.Seen.Heartbeat.Order.Boot += 1000 },
	)},
	{"", "beats are ordered by clock alone", looked(func(l *synth.Look) { l.Seen.Heartbeat.Order = states.Order{} })},
	{"rests-on-this-beat", "the beat that a record rests on is stale", found(func(l *synth.Look, f *synth.Finding) {
		last := l.Record.LastGuess()
		judged := f.Reason != synth.Silent && f.Reason != synth.ClosureUnknown && !l.Seen.Newer
		if judged && l.Record.Synthesised() && last.From.Seq == 0 && bothOrders(l) && l.Seen.Heartbeat.Order == l.Record.LastOrder {
			*f = synth.Finding{Key: f.Key, Reason: synth.Stale, Detail: f.Detail}
		}
	})},
	{"older-by-clock", "a beat that is older by the clock counts", relooked(
		func(l *synth.Look, f *synth.Finding) bool {
			return f.Reason == synth.Stale && !l.Seen.Newer && moved(l) && !bothOrders(l)
		},
		func(l *synth.Look) { l.Seen.Heartbeat.At = l.Record.At(states.LastTransitionAt) },
	)},
	{"", "a beat at the very last transition is stale", looked(func(l *synth.Look) {
		if l.Seen.Heartbeat.At == l.Record.At(states.LastTransitionAt) {
			l.Seen.Heartbeat.At--
		}
	})},
	{"transition-ahead", "a last transition beyond the bound makes every beat stale", looked(func(l *synth.Look) {
		if last := l.Record.At(states.LastTransitionAt); l.Now < last && moved(l) && !bothOrders(l) {
			l.Now, l.Seen.Received = last, last
		}
	})},
	{"dispatched-on-target", "a host that is sent what it runs is only stale", renamed(synth.DispatchedOnTarget, synth.Stale)},
	{"no-record-no-case", "what was never opened drifts", found(func(l *synth.Look, f *synth.Finding) {
		if l.Record.State == 0 && f.Reason == synth.InStep {
			f.Reason = synth.Drift
		}
	})},
	{"not-booted", "a reboot into the old closure is not named", renamed(synth.DeferredNotBooted, synth.InStep)},
	{"drift-off", "a host that left its target is in step", renamed(synth.Drift, synth.InStep, states.Soaking, states.Converged)},
	{"drift-failed", "a failed host on a third closure is in step", renamed(synth.Drift, synth.InStep, states.Failed)},
	{"drift-reverted", "a reverted host on the target is in step", renamed(synth.Drift, synth.InStep, states.Reverted)},
	{"waits-for-dispatch", "a host that waits drifts", found(func(l *synth.Look, f *synth.Finding) {
		if l.Record.State == states.Pending && f.Reason == synth.InStep && !l.Seen.Heartbeat.Current.Is(l.Record.Target) {
			f.Reason = synth.Drift
		}
	})},
	{"in-step", "a soak that is over is a convergence", found(func(l *synth.Look, f *synth.Finding) {
		if l.Record.State == states.Soaking && f.Reason == synth.InStep {
			from := states.Observation{At: l.Seen.Heartbeat.At, Order: l.Seen.Heartbeat.Order, Current: l.Seen.Heartbeat.Current}
			f.Reason, f.Case = synth.Missed, states.AgentRestarted
			f.Events = []reducer.Event{reducer.Synthesise(&l.Record, states.KindConverged, states.AgentRestarted, from, l.Record.SoakDue())}
		}
	})},
}

// caseFaults are of cases 1 to 4.
var caseFaults = []fault{
	{"agent-restarted", "case 1 is forgotten", forgotten(states.AgentRestarted, nil)},
	{"reboot-finished", "case 2 is forgotten", forgotten(states.RebootFinished, func(l *synth.Look, _ *synth.Finding) bool { return boots(l) })},
	{"reboot-unnumbered", "case 2 is forgotten where boots are not given", forgotten(states.RebootFinished, func(l *synth.Look, _ *synth.Finding) bool { return !boots(l) })},
	{"not-rebooted", "any boot finishes a deferral", relooked(
		func(l *synth.Look, f *synth.Finding) bool {
			return l.Record.State == states.Deferred && f.Reason == synth.InStep && l.Seen.Heartbeat.Current.Is(l.Record.Target)
		},
		func(l *synth.Look) { l.Record.DeferredOrder = states.Order{} },
	)},
	{"held-on-target", "case 3c is forgotten", forgotten(states.HeldByAgent, func(_ *synth.Look, f *synth.Finding) bool { return len(f.Events) == 2 })},
	{"held-off-target", "case 3c goes by current_since off the target", found(func(l *synth.Look, f *synth.Finding) {
		if since := l.Seen.Heartbeat.CurrentSince; f.Case == states.HeldByAgent && len(f.Events) == 1 && since.IsSet() {
			f.Events[0].At = since
		}
	})},
	{"reports-in-flight", "case 3b is forgotten", forgotten(states.ReportsInFlight, nil)},
	{"holds-another", "another rollout's heartbeat counts in case 3", looked(func(l *synth.Look) {
		if l.Seen.Heartbeat.Holds != l.Record.Rollout {
			l.Seen.Heartbeat.Holds = states.Rollout{}
		}
	})},
	{"held-by-gates", "records-lost asks no gate", found(func(_ *synth.Look, f *synth.Finding) {
		if f.Reason == synth.Held {
			f.Reason, f.Blocks = synth.Missed, nil
		}
	})},
	{"held-by-gates", "a held finding hides its blocks", found(func(_ *synth.Look, f *synth.Finding) { f.Blocks = nil })},
	{"lost-stamp", "case 3 is stamped at the heartbeat", found(func(l *synth.Look, f *synth.Finding) {
		if f.Reason == synth.Missed && f.Case == states.RecordsLost && !l.Seen.OffTarget.IsSet() && !l.Seen.Heartbeat.CurrentSince.IsSet() {
			f.Events[0].At = l.Seen.Heartbeat.At
		}
	})},
	{"lost-since", "current_since is not looked at in case 3", relooked(
		func(_ *synth.Look, f *synth.Finding) bool { return f.Case == states.RecordsLost },
		func(l *synth.Look) { l.Seen.Heartbeat.CurrentSince = 0 },
	)},
	{"lost-off", "being seen off the target does not count", looked(func(l *synth.Look) { l.Seen.OffTarget = 0 })},
	{"lost-off", "a slow clock was off its target before the opening", looked(func(l *synth.Look) {
		if l.Seen.OffTarget <= l.Record.Opened {
			l.Seen.OffTarget = 0
		}
	})},
	{"lost-soak-open", "a host that has just switched converged", relooked(
		func(l *synth.Look, f *synth.Finding) bool {
			return f.Reason == synth.Missed && f.Case == states.RecordsLost && len(f.Events) == 2 && len(l.Seen.Heartbeat.Failing) == 0
		},
		func(l *synth.Look) { l.Record.Policy.Soak = -24 * time.Hour },
	)},
	{"lost-failing", "failing probes do not count", looked(func(l *synth.Look) { l.Seen.Heartbeat.Failing = nil })},
	{"lost-converged", "case 3 stops at Soaking", found(func(_ *synth.Look, f *synth.Finding) {
		if f.Case == states.RecordsLost {
			f.Events = f.Events[:min(2, len(f.Events))]
		}
	})},
	{"lost-converged", "case 3 converged before the soak was due", found(func(l *synth.Look, f *synth.Finding) {
		if f.Case == states.RecordsLost && len(f.Events) == 3 {
			f.Events[2].At = l.Seen.Heartbeat.At
		}
	})},
	{"since-given", "current_since is not looked at", relooked(
		func(_ *synth.Look, f *synth.Finding) bool {
			return f.Reason == synth.Missed && f.Case != states.RecordsLost
		},
		func(l *synth.Look) { l.Seen.Heartbeat.CurrentSince = 0 },
	)},
	{"not-before-transition", "a chain is stamped before the last transition", unbounded(moved)},
	{"not-before-opening", "a chain is stamped before the opening", unbounded(func(l *synth.Look) bool { return !moved(l) })},
	{"guessed-ack-unknown", "a guessed acknowledgement gives what runs now", found(func(l *synth.Look, f *synth.Finding) {
		for i := range f.Events {
			if f.Events[i].Kind() == states.KindDispatchAck {
				f.Events[i].Body = reducer.DispatchAck{AtDispatch: l.Seen.Heartbeat.Current}
			}
		}
	})},
	{"rollback-unreported", "case 4 is forgotten", forgotten(states.RollbackUnreported, nil)},
	{"not-back-yet", "a rollback to what runs is invented", looked(func(l *synth.Look) {
		if l.Record.State == states.Failed && l.Record.AtDispatch.Is(l.Record.Target) {
			l.Record.Target = "something else"
		}
	})},
	{"halt-said", "a rollback is invented under the halt that Failed named", looked(func(l *synth.Look) {
		if l.Record.State == states.Failed && !l.Record.At(states.ActivationFailedAt).IsSet() {
			l.Record.PolicyApplied = states.RollbackAndHalt
		}
	})},
	{"halt-own", "a rollback is invented under the record's own halt", looked(func(l *synth.Look) {
		if l.Record.State == states.Failed && l.Record.At(states.ActivationFailedAt).IsSet() {
			l.Record.PolicyApplied = states.RollbackAndHalt
		}
	})},
	{"observation-said", "a chain hides its observation", found(func(_ *synth.Look, f *synth.Finding) {
		f.Events = slices.Clone(f.Events)
		for i := range f.Events {
			f.Events[i].Origin.From.Current = ""
		}
	})},
}
