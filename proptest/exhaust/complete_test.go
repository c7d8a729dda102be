package exhaust_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/rollmend/rollmend/proptest/exhaust"
	"github.com/rollmend/rollmend/states"
	"github.com/rollmend/rollmend/synth"
)

// evidences is what a record of each state can rest on, from the cases of the
// specification: each leads along the road, and a chain that is cut off leaves a
// record in the middle of it.
var evidences = map[string][]string{
	"invalid":    {"reported"},
	"Pending":    {"reported"},
	"Activating": {"reported", "records-lost", "reports-in-flight", "held-by-agent", "report-ahead"},
	"Deferred":   {"reported"},
	"Soaking": {
		"reported", "agent-restarted", "reboot-finished", "records-lost", "reports-in-flight", "held-by-agent", "report-ahead",
	},
	"Converged": {"reported", "records-lost"},
	"Failed":    {"reported", "report-ahead"},
	"Reverted":  {"reported", "rollback-unreported"},
}

// puts is every kind of event from each of those who can send it.
func puts() (out []string) {
	for kind := range states.Kinds() {
		if !kind.Agent() {
			out = append(out, kind.String()+" control-plane")
			continue
		}
		out = append(out, kind.String()+" reported")
		if slices.Contains(guesses, kind) {
			out = append(out, kind.String()+" synthesised")
		}
	}
	return out
}

// worlds is each failure policy, with and without a soak, of agents that give an
// order and that do not.
func worlds() (out []string) {
	for _, p := range []states.OnFailure{states.Halt, states.RollbackAndHalt} {
		for _, soak := range []string{"0s", "20s"} {
			for _, ordered := range []bool{true, false} {
				out = append(out, fmt.Sprintf("on-failure=%s soak=%s ordered=%t", p, soak, ordered))
			}
		}
	}
	return out
}

// hits counts what was asked, by some of its dimensions.
func hits(report *exhaust.Report, of func(c exhaust.Combination) []string) map[string]uint64 {
	return report.By(func(c exhaust.Combination) string { return strings.Join(of(c), ", ") })
}

// compare finds what was to be hit and was not, and what was hit against what
// was to be.
func compare(t *testing.T, what string, got map[string]uint64, want []string) {
	t.Helper()
	least := ^uint64(0)
	for _, name := range want {
		if got[name] == 0 {
			t.Errorf("%s: nothing was asked of %s", what, name)
		}
		least = min(least, got[name])
	}
	for _, name := range slices.Sorted(maps.Keys(got)) {
		if name != "" && !slices.Contains(want, name) {
			t.Errorf("%s: %s should not be possible, and was asked %d times", what, name, got[name])
		}
	}
	t.Logf("%s: %d of them, each at least %d times", what, len(want), least)
}

func TestEveryStateEventEvidenceAndPolicyIsAsked(t *testing.T) {
	report := asked().report
	var want []string
	for _, world := range worlds() {
		for _, state := range slices.Sorted(maps.Keys(evidences)) {
			for _, evidence := range evidences[state] {
				for _, put := range puts() {
					want = append(want, strings.Join([]string{world, state, evidence, put}, ", "))
				}
			}
		}
	}
	got := hits(&report, func(c exhaust.Combination) []string {
		if c.Part != exhaust.Step || !slices.Contains(puts(), c.Put) {
			return nil // what cannot be sent is counted by its rule
		}
		return []string{c.Policy, c.State, c.Evidence, c.Put}
	})
	compare(t, "state, event, evidence and policy", got, want)
}

func TestEveryStateHeartbeatEvidenceAndPolicyIsAsked(t *testing.T) {
	report := asked().report
	var want []string
	for _, world := range worlds() {
		for _, state := range slices.Sorted(maps.Keys(evidences)) {
			for _, evidence := range evidences[state] {
				for _, runs := range []string{"new", "old", "other", "unknown"} {
					want = append(want, strings.Join([]string{world, state, evidence, "heartbeat running " + runs}, ", "))
				}
			}
		}
	}
	got := hits(&report, func(c exhaust.Combination) []string {
		if c.Part != exhaust.Chain {
			return nil
		}
		return []string{c.Policy, c.State, c.Evidence, c.Put}
	})
	compare(t, "state, heartbeat, evidence and policy", got, want)
}

// Each case of section 5 of the specification and each finding, under each
// policy.
func TestEveryCaseAndFindingIsHit(t *testing.T) {
	report := asked().report
	var want []string
	for _, world := range worlds() {
		for reason := range synth.Reasons() {
			switch reason {
			case synth.Missed, synth.Held:
				continue // told with their cases
			case synth.DeferredNotBooted:
				if strings.HasSuffix(world, "ordered=false") {
					continue // only boots tell it
				}
			}
			want = append(want, world+", "+reason.String())
		}
		want = append(want, world+", held "+states.RecordsLost.String())
		for why := range states.Cases() {
			want = append(want, world+", chain "+why.String())
		}
	}
	got := hits(&report, func(c exhaust.Combination) []string {
		if c.Part != exhaust.Chain && c.Part != exhaust.Ahead {
			return nil
		}
		return []string{c.Policy, c.Answer}
	})
	compare(t, "policy and finding", got, want)
}

// Each disposition, and each reason to refuse.
func TestEveryDispositionIsHit(t *testing.T) {
	report := asked().report
	want := []string{"applied", "absorbed", "duplicate"}
	for _, why := range []string{
		"illegal", "no body", "no number", "wrong record",
		"not-on-target", "soak-not-over", "enforced-probe-failing", "reverted-to-unknown", "reverted-to-target", "closure-target-required",
	} {
		want = append(want, "refused "+why)
	}
	got := hits(&report, func(c exhaust.Combination) []string {
		if c.Part != exhaust.Step {
			return nil
		}
		return []string{c.Answer}
	})
	compare(t, "disposition", got, want)
}

func TestEveryRuleHasAPart(t *testing.T) {
	report := asked().report
	var want []string
	for _, r := range exhaust.Rules() {
		want = append(want, r.Name)
	}
	compare(t, "rule", report.Rules, want)
}
