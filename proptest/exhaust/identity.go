package exhaust

import (
	"encoding/binary"

	"github.com/rollmend/rollmend/states"
)

// identity tells records apart by all but their numbers: what a step makes of a
// number depends on the last one alone, and every number is put relative to it.
// The policy, the wave and the target are those of the world.
func identity(rec *states.Record) string {
	b := make([]byte, 0, 256)
	b = numbers(b, int64(rec.Opened), int64(rec.Dispatched), int64(min(rec.LastSeq, 1)), truth(rec.Gap))
	b = identityOf(b, &rec.Belief)
	if rec.Doubt == nil {
		return string(b)
	}
	b = identityOf(b, &rec.Doubt.Before)
	for _, g := range rec.Doubt.Guesses {
		b = numbers(b, int64(g.Kind), int64(g.Case), int64(g.At), int64(g.From.At), int64(min(g.From.Seq, 1)),
			int64(g.From.Order.Boot), int64(g.From.Order.Beat))
		b = text(b, string(g.From.Current))
	}
	return string(b)
}

// kin is what records have in common of which each share takes a part.
type kin struct {
	state      states.State
	evidence   states.Case
	dispatched bool
	gap        bool
	switching  bool // the switch is said to have begun
	applied    states.OnFailure
	back       bool // it failed, and has a closure to go back to
}

func kinOf(rec *states.Record) kin {
	out := kin{state: rec.State, dispatched: rec.Dispatched != 0, gap: rec.Gap}
	out.switching = rec.State == states.Activating && rec.Times[states.StartedAt] != 0
	if rec.State == states.Failed {
		out.applied, out.back = rec.PolicyApplied, !unknown(rec.AtDispatch) && !same(rec.AtDispatch, rec.Target)
	}
	if rec.Doubt != nil {
		out.evidence = rec.Doubt.Guesses[len(rec.Doubt.Guesses)-1].Case
	}
	return out
}

func identityOf(b []byte, of *states.Belief) []byte {
	b = numbers(b, int64(of.State), int64(of.Given), int64(of.PolicyApplied),
		int64(of.LastOrder.Boot), int64(of.LastOrder.Beat), int64(of.DeferredOrder.Boot), int64(of.DeferredOrder.Beat))
	for _, at := range of.Times {
		b = numbers(b, int64(at))
	}
	b = text(text(text(b, string(of.AtDispatch)), string(of.Current)), string(of.RevertedTo))
	b = numbers(b, int64(len(of.Probes)))
	for _, p := range of.Probes {
		b = text(text(b, p.Name), p.Reason)
		b = numbers(b, int64(p.Mode), int64(p.Status), int64(p.At), truth(p.Declared), truth(p.SinceGap))
	}
	return b
}

func numbers(b []byte, all ...int64) []byte {
	for _, n := range all {
		b = binary.AppendVarint(b, n)
	}
	return b
}

func text(b []byte, s string) []byte { return append(numbers(b, int64(len(s))), s...) }

func truth(is bool) int64 {
	if is {
		return 1
	}
	return 0
}
