package gates

import (
	"slices"

	"github.com/rollmend/rollmend/states"
)

// words are what gates said of a rollout's waves, while the view is as it was
// then.
type words struct {
	changes uint64 // of the view
	byWave  []ofWave
}

// ofWave is what they said of one wave.
type ofWave struct {
	gates [gatesOfOurs]said // each by itself
	same  said              // all of them, of every host that is like the others; see [Rules.same]
}

// gatesOfOurs is at least how many there are.
const gatesOfOurs = 7

var _ [gatesOfOurs - len(order)]struct{}

// said is what one gate said of one wave.
type said struct {
	is     bool
	blocks []Block // shared: to be copied before it is added to

	front  *Block  // the first of the blocks that joined begins with
	joined []Block // those, and these behind them; likewise shared
}

// said returns the place for what gates say of a wave; nil for a wave far behind
// all that the view has heard of.
func (r *rollout) said(changes uint64, w states.Wave) *ofWave {
	if r.words.changes != changes {
		clear(r.words.byWave)
		r.words.changes = changes
	}
	place := int(w - states.Unstaged)
	if place < 0 || place > len(r.waves)+1 {
		return nil
	}
	for len(r.words.byWave) <= place {
		r.words.byWave = append(r.words.byWave, ofWave{})
	}
	return &r.words.byWave[place]
}

// same returns the place for the answer that every host of the ask's wave gets
// which wants the same; nil where there is none, because a gate looks at this
// very host.
func (r Rules) same(v *View, ask *Ask) *said {
	if ask.Purpose != Synthesis || len(r.Own) > 0 || v == nil {
		return nil
	}
	rollout := v.rollouts[ask.Key.Rollout]
	if rollout == nil || v.Quarantined(ask.Key.Rollout.Channel, ask.Target) ||
		len(v.fleet.edgesTo(ask.Key.Host)) > 0 || !v.fleet.lists(ask) {
		return nil
	}
	wave := rollout.said(v.changes, ask.Wave)
	if wave == nil {
		return nil
	}
	return &wave.same
}

// behind returns the blocks with what was said behind them.
func (s *said) behind(blocks []Block) []Block {
	switch {
	case len(s.blocks) == 0:
		return blocks
	case len(blocks) == 0:
		return s.blocks
	case s.front != &blocks[0]: // which keeps what it is the first of alive, so that no other has its place
		s.front, s.joined = &blocks[0], slices.Clip(slices.Concat(blocks, s.blocks))
	}
	return s.joined
}
