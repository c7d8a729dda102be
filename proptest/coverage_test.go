package proptest_test

import (
	"testing"

	"github.com/rollmend/rollmend/gates"
	"github.com/rollmend/rollmend/proptest"
	"github.com/rollmend/rollmend/reducer"
	"github.com/rollmend/rollmend/states"
	"github.com/rollmend/rollmend/synth"
)

// The cases that laws are looked at in, and in how many of them each must have
// something to judge: the rarest law comes to twice that.
const (
	coverageCases = 600
	leastMet      = 5
)

// A law that is never about the cases that are drawn holds whatever the system
// does.
func TestNoLawIsEmpty(t *testing.T) {
	for law := range proptest.Laws() {
		met := law.Reached(proptest.Real(), seed(), coverageCases)
		t.Logf("%4d of %d: %s", met, coverageCases, law.Name)
		if met < leastMet {
			t.Errorf("in %d of %d cases there is something to judge by the law: %s", met, coverageCases, law.Name)
		}
	}
}

// deaf is a system whose hosts are never understood: laws about what is
// concluded from heartbeats have nothing to judge in it.
func deaf() proptest.System {
	sys := proptest.Real()
	sys.Chain = func(synth.Look) synth.Finding { return synth.Finding{} }
	return sys
}

// The count can be low: a law about chains is empty where there are none.
func TestAnEmptyLawIsSeen(t *testing.T) {
	for law := range proptest.Laws() {
		if law.Name == "a chain applies, and leads where the host is" {
			if met := law.Reached(deaf(), seed(), coverageCases); met != 0 {
				t.Errorf("without a single chain %d cases have one", met)
			}
			return
		}
	}
	t.Error("there is no such law")
}

// Every case of synth, every reason, every gate and every state comes up in
// what the laws draw.
func TestWhatIsDrawnCoversTheSpecification(t *testing.T) {
	cases, reasons, blocks, seen := map[states.Case]int{}, map[synth.Reason]int{}, map[string]int{}, map[states.State]int{}
	sys := proptest.Real()
	look := func(f synth.Finding) synth.Finding {
		cases[f.Case]++
		reasons[f.Reason]++
		return f
	}
	sys.Chain = func(l synth.Look) synth.Finding {
		seen[l.Record.State]++
		return look(synth.Chain(l))
	}
	ahead := sys.Ahead
	sys.Ahead = func(rec states.Record, ev reducer.Event) synth.Finding { return look(ahead(rec, ev)) }
	sys.Evaluate = func(v *gates.View, asks ...gates.Ask) []gates.Verdict {
		verdicts := gates.Evaluate(v, asks...)
		for _, verdict := range verdicts {
			for _, b := range verdict.Blocks {
				blocks[b.Gate]++
			}
		}
		return verdicts
	}
	for law := range proptest.Laws() {
		law.Search(sys, seed(), coverageCases/10)
	}
	for c := range states.Cases() {
		if cases[c] < leastMet {
			t.Errorf("the case %s comes up %d times", c, cases[c])
		}
	}
	for s := range states.States() {
		if seen[s] < leastMet {
			t.Errorf("a record that is %s is looked at %d times", s, seen[s])
		}
	}
	for r := synth.InStep; r <= synth.DeferredNotBooted; r++ {
		if reasons[r] < leastMet {
			t.Errorf("the reason %s is given %d times", r, reasons[r])
		}
	}
	for name := range gates.Names() {
		if blocks[name] < leastMet {
			t.Errorf("the gate %s holds %d times", name, blocks[name])
		}
	}
	t.Log(cases, reasons, blocks, seen)
}
