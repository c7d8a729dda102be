package engine

import (
	"github.com/rollmend/rollmend/adapters"
	"github.com/rollmend/rollmend/reducer"
	"github.com/rollmend/rollmend/states"
)

// room is the memory that the changes of a batch lie in. Of a fleet that comes
// back it would be most of the garbage that there is.
type room struct {
	changes []adapters.Change
	staged  []staged
	effects []reducer.Effects
	wake    []states.Host
}

const (
	// roomsMost is how many rooms are kept: one for the batch that is decided, and
	// for each that is on its way.
	roomsMost = flightsMost + 1

	// roomMost is up to how many changes a room is kept: a full round's, and
	// hosts that it looks at again beside it. A few thousand take some megabytes.
	roomMost = roundMost + 2*redriveMost

	// effectsEach is how many effects a change of a host that comes back has.
	effectsEach = 3
)

// takeRoom gives a batch memory for its changes, if some is left.
func (c *Core) takeRoom(b *Batch) {
	if n := len(c.rooms); n > 0 {
		r := c.rooms[n-1]
		c.rooms = c.rooms[:n-1]
		b.Changes, b.staged, b.effects, b.Wake = r.changes, r.staged, r.effects, r.wake
	}
}

// roomFor makes room for as many effects behind those of the batch, and returns
// where it is. What has its place already keeps it.
func (b *Batch) roomFor(effects int) (from int) {
	if cap(b.effects)-len(b.effects) < effects {
		b.effects = make([]reducer.Effects, 0, max(64*effectsEach, effects, 2*cap(b.effects)))
	}
	return len(b.effects)
}

// Recycle takes back the memory of a batch that is settled: the next ones are
// made in it. Nobody may read the batch's changes and Wake any more; a caller
// that keeps some of them does without it.
func (c *Core) Recycle(b *Batch) {
	r := room{changes: b.Changes, staged: b.staged, effects: b.effects, wake: b.Wake}
	b.Changes, b.staged, b.effects, b.Wake = nil, nil, nil, nil
	if len(c.rooms) == roomsMost || cap(r.changes) > roomMost || cap(r.effects) > roomMost*effectsEach {
		return
	}
	clear(r.changes) // it keeps nothing alive
	clear(r.staged)
	clear(r.effects)
	clear(r.wake)
	c.rooms = append(c.rooms, room{r.changes[:0], r.staged[:0], r.effects[:0], r.wake[:0]})
}
