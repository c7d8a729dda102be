package engine

import (
	"slices"

	"github.com/rollmend/rollmend/gates"
	"github.com/rollmend/rollmend/states"
)

// wakeMost bounds how many hosts one place that becomes free in a budget wakes:
// more than one, since the first may not be asking any more, but not the whole
// fleet.
const wakeMost = 64

// waiters are the hosts that wait for the same.
type waiters struct{ hosts []int32 } // places of their slots

// held remembers who waits with the last host of a wave that was held. The hosts
// of a wave mostly share the very blocks, and need not be told apart again. What
// they wait for comes with a change of the view, and then the gates say all anew:
// blocks that are the same still stand.
type held struct {
	blocks  *gates.Block // the first
	purpose gates.Purpose
	with    *waiters
}

// wait remembers that a host is held, so that it is looked at again when what
// one of its blocks waits for comes.
func (c *Core) wait(id int32, v *gates.Verdict) {
	s := &c.slots[id]
	bit := uint8(1) << v.Ask.Purpose
	if s.waiting&bit != 0 || len(v.Blocks) == 0 {
		return // it is found by a block that still stands
	}
	near := s.now.rollout.heldIn(v.Ask.Wave)
	if near.blocks != &v.Blocks[0] || near.purpose != v.Ask.Purpose {
		with := c.waitersOf(v)
		if with == nil {
			return
		}
		*near = held{&v.Blocks[0], v.Ask.Purpose, with}
	}
	near.with.hosts = append(near.with.hosts, id)
	s.waiting |= bit
}

// heldIn returns the place for who was held last in a wave.
func (r *rollout) heldIn(w states.Wave) *held {
	if r == nil {
		return &held{}
	}
	place := max(0, int(w-states.Unstaged)) % heldMost
	for len(r.held) <= place {
		r.held = append(r.held, held{})
	}
	return &r.held[place]
}

// heldMost bounds for how many waves of a rollout it is remembered.
const heldMost = 64

// waitersOf returns who else waits for what a verdict waits for; nil where that
// is nothing that comes by itself.
//
// A host that has several blocks goes when the last of them is gone, so any will
// do to find it by. Gates that look at more stand in front: what they wait for
// mostly comes earlier, for many hosts at once that are then held all the same.
func (c *Core) waitersOf(v *gates.Verdict) *waiters {
	for i := len(v.Blocks) - 1; i >= 0; i-- {
		if w := v.Blocks[i].Waits; w.On != 0 && w.On != gates.OnManifest {
			key := waitKey{w, v.Ask.Purpose}
			if c.waits[key] == nil {
				c.waits[key] = &waiters{}
			}
			return c.waits[key]
		}
	}
	return nil
}

// release queues the hosts that wait for what came.
func (c *Core) release(came []gates.Wait) {
	for _, w := range came {
		for _, purpose := range [...]gates.Purpose{gates.Synthesis, gates.Dispatch} {
			key := waitKey{w, purpose}
			with, ok := c.waits[key]
			if !ok {
				continue
			}
			waiting := with.hosts
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
				with.hosts = slices.Clone(waiting[n:])
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
