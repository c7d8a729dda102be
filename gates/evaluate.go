package gates

import (
	"iter"
	"slices"
)

// Gate is a rule of the caller's own. It is asked behind ours, in the order in
// which [Rules] lists it.
type Gate interface {
	// Name returns a stable kebab-case name.
	Name() string
	// Hold returns why the host must wait, and true; or false to let it go. It
	// must neither change the view nor depend on anything but its arguments and
	// what it was made with.
	Hold(v *View, ask Ask) (Block, bool)
}

// Rules are the gates to ask: ours, and behind them the caller's own.
type Rules struct {
	Own []Gate
}

// gate is one of ours. It appends its blocks, if any.
type gate struct {
	name      string
	synthesis bool // whether it also holds a synthesised convergence
	hold      func(v *View, ask *Ask, p *pass, blocks []Block) []Block
	byWave    bool // whether all hosts of a wave get the same blocks of it
}

// order is the order of the gates: the first that holds is the reason.
var order = [...]gate{
	{"quarantine", true, holdQuarantine, false},
	{"halted", false, holdHalted, true},
	{"channel-edges", true, holdChannelEdges, true},
	{"wave-promotion", true, holdWave, true},
	{"host-edges", true, holdHostEdges, false},
	{"disruption-budget", false, holdBudget, false},
	{"compliance-wave", false, holdCompliance, true},
}

// Names yields the names of our gates in their order, and whether each also
// holds a synthesised convergence.
func Names() iter.Seq2[string, bool] {
	return func(yield func(string, bool) bool) {
		for _, g := range order {
			if !yield(g.name, g.synthesis) {
				return
			}
		}
	}
}

// pass remembers what was let through in one call.
type pass struct {
	spent map[int]int // hosts let through, by the budget's place
}

// Evaluate asks our gates alone; see [Rules.Evaluate].
func Evaluate(v *View, asks ...Ask) []Verdict { return Rules{}.Evaluate(v, asks...) }

// Evaluate answers each ask. A verdict lists every block. Dispatches that are
// let through in one call count against the budgets of the later ones, so that
// one pass cannot overspend; a host should be asked for once in a call.
func (r Rules) Evaluate(v *View, asks ...Ask) []Verdict {
	verdicts := make([]Verdict, len(asks))
	var p pass
	for i, ask := range asks {
		verdicts[i] = r.evaluate(v, ask, &p)
	}
	return verdicts
}

// EvaluateOne answers one ask.
func (r Rules) EvaluateOne(v *View, ask Ask) Verdict { return r.evaluate(v, ask, nil) }

// evaluate answers an ask. Where all hosts of its wave get the same answer, one
// of them is judged for the others too.
func (r Rules) evaluate(v *View, ask Ask, p *pass) Verdict {
	same := r.same(v, &ask)
	if same == nil {
		return Verdict{Ask: ask, Blocks: r.blocks(v, ask, p), asked: true}
	}
	if !same.is {
		same.is, same.blocks = true, slices.Clip(r.blocks(v, ask, p))
	}
	return Verdict{Ask: ask, Blocks: same.blocks, asked: true}
}

// blocks asks every gate, and counts a host that is let through.
func (r Rules) blocks(v *View, ask Ask, p *pass) (blocks []Block) {
	if block, ok := unknown(v, &ask); ok {
		return []Block{block}
	}
	if p == nil {
		p = &pass{}
	}
	for i := range order {
		if g := &order[i]; ask.Purpose == Dispatch || g.synthesis {
			blocks = v.held(i, &ask, p, blocks)
		}
	}
	for _, g := range r.Own {
		if block, held := g.Hold(v, ask); held {
			block.Gate = g.Name()
			blocks = append(blocks, block)
		}
	}
	if len(blocks) == 0 && ask.Purpose == Dispatch {
		spend(v, &ask, p)
	}
	return blocks
}

// held appends the blocks of one of our gates. Those that all hosts of a wave
// get are put into words once, and not again before the view changes: of a
// fleet that comes back at once nearly every host is held, and most of them
// for the same reasons. Whoever adds to a shared list gets one of his own.
func (v *View) held(gate int, ask *Ask, p *pass, blocks []Block) []Block {
	g := &order[gate]
	if !g.byWave {
		return g.hold(v, ask, p, blocks)
	}
	wave := v.rollouts[ask.Key.Rollout].said(v.changes, ask.Wave)
	if wave == nil {
		return g.hold(v, ask, p, blocks)
	}
	known := &wave.gates[gate]
	if !known.is {
		known.is, known.blocks = true, slices.Clip(g.hold(v, ask, p, nil))
	}
	return known.behind(blocks)
}

// unknown holds what the gates cannot judge.
func unknown(v *View, ask *Ask) (Block, bool) {
	held := func(gate, scope, why, release string) (Block, bool) {
		return Block{Gate: gate, Scope: scope, Why: why, Release: release, Waits: Wait{On: OnManifest}}, true
	}
	switch {
	case ask.Purpose != Dispatch && ask.Purpose != Synthesis:
		return held("unknown", string(ask.Key.Host), "the ask does not say what for", "an ask with a purpose")
	case v == nil || v.fleet == nil:
		return held("unknown", "fleet", "no manifest is loaded", "loading one")
	case v.quarantines == nil:
		return held("quarantine", "fleet", "the quarantines are not known", "reading them from the store")
	}
	if !v.fleet.lists(ask) {
		return held("unknown", string(ask.Key.Host), "the manifest does not list the host", "a manifest that does")
	}
	if current, ok := v.fleet.Rollout(ask.Key.Rollout.Channel); !ok || current != ask.Key.Rollout {
		return held("unknown", ask.Key.Rollout.String(), "it is not the rollout of the manifest", "a manifest that names it")
	}
	if _, ok := v.rollouts[ask.Key.Rollout]; !ok {
		return held("unknown", ask.Key.Rollout.String(), "the rollout is not open", "opening it")
	}
	return Block{}, false
}
