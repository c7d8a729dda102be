package engine

import (
	"slices"

	"github.com/rollmend/rollmend/gates"
)

// wakeMost bounds how many hosts one place that becomes free in a budget wakes:
// more than one, since the first may not be asking any more, but not the whole
// fleet.
const wakeMost = 64

// wait remembers that a host is held, so that it is looked at again when what
// its first block waits for comes.
func (c *Core) wait(id int32, v *gates.Verdict) {
	s := &c.slots[id]
	bit := uint8(1) << v.Ask.Purpose
	if s.waiting&bit != 0 {
		return // it is found by a block that still stands
	}
	for i := range v.Blocks {
		b := &v.Blocks[i]
		if b.Waits.On != 0 && b.Waits.On != gates.OnManifest {
			key := waitKey{b.Waits, v.Ask.Purpose}
			c.waits[key] = append(c.waits[key], id)
			s.waiting |= bit
			return
		}
	}
}

// release queues the hosts that wait for what came.
func (c *Core) release(came []gates.Wait) {
	for _, w := range came {
		for _, purpose := range [...]gates.Purpose{gates.Synthesis, gates.Dispatch} {
			key := waitKey{w, purpose}
			waiting, ok := c.waits[key]
			if !ok {
				continue
			}
			n := len(waiting)
			if w.On == gates.OnBudget {
				n = min(n, wakeMost)
			}
			// In the order in which they lie in memory: which of them is first makes no
			// difference to anybody.
			slices.Sort(waiting[:n])
			for _, id := range waiting[:n] {
				c.requeue(id)
				c.slots[id].waiting &^= 1 << purpose
			}
			if n == len(waiting) {
				delete(c.waits, key)
			} else {
				c.waits[key] = slices.Clone(waiting[n:])
			}
		}
	}
}

func (c *Core) requeue(id int32) {
	if !c.slots[id].queued {
		c.slots[id].queued = true
		c.queue = append(c.queue, id)
	}
}
