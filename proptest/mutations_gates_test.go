package proptest_test

import (
	"fmt"
	"slices"

	"github.com/rollmend/rollmend/gates"
	"github.com/rollmend/rollmend/proptest"
	"github.com/rollmend/rollmend/states"
)

const (
	allBlocks = "every block of every gate is listed, in their order, as a slow recount has them"
	counters  = "counters that followed the records equal those that count them afresh"
	progress  = "how far a rollout is equals a slow recount"
	oneCall   = "what is let through in one call overspends no budget"
	itself    = "a host never counts against itself"
	unknown   = "what is not known holds"
	byOrder   = "a rebuilt convergence is held by the gates of order, and by no other"
	speaking  = "every block says what it is, what holds and what would release it"
	sameAsks  = "the same asks give the same bytes"
	woken     = "whoever may go has been told that the gate he waited for opened"
)

// judged makes a defect of Evaluate: the verdicts.
func judged(change func(view *gates.View, v *gates.Verdict)) func(*proptest.System) {
	return func(sys *proptest.System) {
		evaluate := sys.Evaluate
		sys.Evaluate = func(view *gates.View, asks ...gates.Ask) []gates.Verdict {
			verdicts := evaluate(view, asks...)
			for i := range verdicts {
				change(view, &verdicts[i])
			}
			return verdicts
		}
	}
}

// dropped takes a gate away.
func dropped(gate string) func(*proptest.System) {
	return judged(func(_ *gates.View, v *gates.Verdict) {
		v.Blocks = slices.DeleteFunc(v.Blocks, func(b gates.Block) bool { return b.Gate == gate })
	})
}

// asked makes a defect of Evaluate: the asks.
func asked(change func(a *gates.Ask)) func(*proptest.System) {
	return func(sys *proptest.System) {
		evaluate := sys.Evaluate
		sys.Evaluate = func(view *gates.View, asks ...gates.Ask) []gates.Verdict {
			asks = slices.Clone(asks)
			for i := range asks {
				change(&asks[i])
			}
			return evaluate(view, asks...)
		}
	}
}

// unreleased keeps a sort of release to itself.
func unreleased(on gates.On) func(*proptest.System) {
	return func(sys *proptest.System) {
		track := sys.Track
		sys.Track = func(view *gates.View, from, to gates.Standing, released []gates.Wait) []gates.Wait {
			return slices.DeleteFunc(track(view, from, to, released), func(w gates.Wait) bool { return w.On == on })
		}
	}
}

var gateMutations = []mutation{
	{"the gate quarantine is dropped", allBlocks, dropped("quarantine")},
	{"the gate halted is dropped", allBlocks, dropped("halted")},
	{"the gate channel-edges is dropped", allBlocks, dropped("channel-edges")},
	{"the gate wave-promotion is dropped", allBlocks, dropped("wave-promotion")},
	{"the gate host-edges is dropped", allBlocks, dropped("host-edges")},
	{"the gate disruption-budget is dropped", allBlocks, dropped("disruption-budget")},
	{"the gate compliance-wave is dropped", allBlocks, dropped("compliance-wave")},
	{"only the first block is listed", allBlocks, judged(func(_ *gates.View, v *gates.Verdict) { v.Blocks = v.Blocks[:min(1, len(v.Blocks))] })},
	{"the next wave goes one too early", allBlocks, asked(func(a *gates.Ask) {
		if a.Wave > 0 {
			a.Wave--
		}
	})},
	{"an unstaged host goes with the first wave", allBlocks, asked(func(a *gates.Ask) { a.Wave = max(a.Wave, 0) })},
	{"a deferred host is never done", progress, func(sys *proptest.System) {
		standing := sys.Standing
		sys.Standing = func(rec *states.Record) gates.Standing {
			s := standing(rec)
			s.Done = s.Done && s.State != states.Deferred
			return s
		}
	}},
	{"a deferred host is done whatever its wave says", allBlocks, func(sys *proptest.System) {
		standing := sys.Standing
		sys.Standing = func(rec *states.Record) gates.Standing {
			s := standing(rec)
			s.Done = s.Done || s.State == states.Deferred
			return s
		}
	}},
	{"a dispatch that was not acknowledged takes no place", allBlocks, func(sys *proptest.System) {
		standing := sys.Standing
		sys.Standing = func(rec *states.Record) gates.Standing {
			s := standing(rec)
			s.InFlight = s.InFlight && s.State != states.Pending
			return s
		}
	}},
	{"a state that was left goes on counting", counters, func(sys *proptest.System) {
		track := sys.Track
		sys.Track = func(view *gates.View, from, to gates.Standing, released []gates.Wait) []gates.Wait {
			if from.State == states.Soaking {
				from.InFlight = false
			}
			return track(view, from, to, released)
		}
	}},
	{"a budget forgets what was let through before", oneCall, func(sys *proptest.System) {
		evaluate := sys.Evaluate
		sys.Evaluate = func(view *gates.View, asks ...gates.Ask) (verdicts []gates.Verdict) {
			for _, a := range asks {
				verdicts = append(verdicts, evaluate(view, a)...)
			}
			return verdicts
		}
	}},
	{"a budget counts the host itself", itself, countsItself},
	{"what is not in the plan may go", unknown, dropped("unknown")},
	{"quarantines that are not known are none", unknown, dropped("quarantine")},
	{"a halted rollout holds what is rebuilt", byOrder, judged(func(view *gates.View, v *gates.Verdict) {
		if v.Ask.Purpose == gates.Synthesis && view != nil && len(view.HaltedBy(v.Ask.Key.Rollout)) > 0 {
			v.Blocks = append(v.Blocks, gates.Block{Gate: "halted", Waits: gates.Wait{On: gates.OnResume}})
		}
	})},
	{"nothing holds what is rebuilt", byOrder, judged(func(_ *gates.View, v *gates.Verdict) {
		if v.Ask.Purpose == gates.Synthesis {
			v.Blocks = nil
		}
	})},
	{"a block does not say what would release it", speaking, judged(func(_ *gates.View, v *gates.Verdict) {
		for i := range v.Blocks {
			v.Blocks[i].Release = ""
		}
	})},
	{"a verdict depends on what came before it", sameAsks, func(sys *proptest.System) {
		n := 0
		judged(func(_ *gates.View, v *gates.Verdict) {
			for i := range v.Blocks {
				n++
				v.Blocks[i].Why += fmt.Sprint(n)
			}
		})(sys)
	}},
	{"a wave that is done wakes nobody", woken, unreleased(gates.OnWave)},
	{"a channel that is done wakes nobody", woken, unreleased(gates.OnChannel)},
	{"a host that is done wakes nobody", woken, unreleased(gates.OnRecord)},
	{"a place in a budget wakes nobody", woken, unreleased(gates.OnBudget)},
	{"probes that pass again wake nobody", woken, unreleased(gates.OnProbes)},
}

// countsItself is the deadlock of a budget of one whose host is in flight.
func countsItself(sys *proptest.System) {
	judged(func(view *gates.View, v *gates.Verdict) {
		if view == nil || view.Fleet() == nil || v.Ask.Purpose != gates.Dispatch {
			return
		}
		for _, b := range view.Fleet().Plan().Budgets {
			host := v.Ask.Key.Host
			inFlight := slices.ContainsFunc(b.Hosts, func(h states.Host) bool { return h != host && slices.Contains(view.Holders(h), host) })
			if inFlight && b.Limit() == 1 && slices.Contains(b.Hosts, host) {
				v.Blocks = append(v.Blocks, gates.Block{Gate: "disruption-budget"})
			}
		}
	})(sys)
}
