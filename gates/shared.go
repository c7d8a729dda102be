package gates

import (
	"slices"

	"github.com/rollmend/rollmend/states"
)

// words are what gates said of a rollout's waves, while the view is as it was
// then.
type words struct {
	changes uint64 // of the view
	byWave  [][gatesOfOurs]said
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

// said returns the place for what a gate says of a wave; nil for a wave far
// behind all that the view has heard of.
func (r *rollout) said(changes uint64, gate int, w states.Wave) *said {
	if r.words.changes != changes {
		clear(r.words.byWave)
		r.words.changes = changes
	}
	place := int(w - states.Unstaged)
	if place < 0 || place > len(r.waves)+1 {
		return nil
	}
	for len(r.words.byWave) <= place {
		r.words.byWave = append(r.words.byWave, [gatesOfOurs]said{})
	}
	return &r.words.byWave[place][gate]
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
