package proptest

import (
	"iter"
	"math/bits"
	"slices"

	"pgregory.net/rapid"
)

// dice is where the choices of a case come from: from rapid, from a seed, or
// from choices that were made before and are replayed. It remembers all that
// were made, so that a case can be made again, and smaller.
type dice struct {
	rapid  *rapid.T // nil where they come from elsewhere
	state  uint64   // of the seed's own sequence
	replay []int    // nil where they come from elsewhere; behind its end each is the first
	places bool     // whether the places of loops are kept

	made  []int
	loops []loop

	met  bool  // the law had something to judge
	told trace // what happened in the case
}

// loop is where the turns of a loop stand among the choices.
type loop struct {
	length int   // the place of the choice how many turns there are
	turns  []int // where each begins; the last entry is where the last ends
}

// seeded takes choices from a seed. Neighbouring seeds have nothing in common.
func seeded(seed int) *dice { return &dice{state: mix(uint64(seed) + 1)} }

// replayed takes choices from those that were made before.
func replayed(choices []int) *dice { return &dice{replay: choices, places: true} }

// mix spreads a number over all its bits: the finaliser of splitmix64.
func mix(x uint64) uint64 {
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}

// pick draws one of n choices, each as likely as the others; the first is the
// one to shrink to.
func pick(d *dice, label string, n int) int {
	v := 0
	switch {
	case d.rapid != nil:
		v = drawn(d.rapid, label, n)
	case d.replay != nil:
		v = min(d.next(), n-1)
	default:
		d.state += 0x9e3779b97f4a7c15
		hi, _ := bits.Mul64(mix(d.state), uint64(n))
		v = int(hi)
	}
	d.made = append(d.made, v)
	return v
}

// choose draws one of some numbers, which go on to mean the same when others
// are no longer there.
func (d *dice) choose(label string, from []int) int {
	if d.replay == nil {
		v := from[pick(d, label, len(from))]
		d.made[len(d.made)-1] = v
		return v
	}
	v := d.next()
	if !slices.Contains(from, v) {
		v = from[0]
	}
	d.made = append(d.made, v)
	return v
}

// next is the choice that is replayed next.
func (d *dice) next() int {
	if len(d.made) < len(d.replay) {
		return d.replay[len(d.made)]
	}
	return 0
}

// drawn takes a choice from rapid.
func drawn(t *rapid.T, label string, n int) int {
	return rapid.Custom(func(t *rapid.T) int {
		v := 0
		// Three bits more than are needed, so that the remainder is hardly uneven.
		for range bits.Len(uint(n-1)) + 3 {
			v <<= 1
			if coin.Draw(t, "bit") {
				v++
			}
		}
		return v % n
	}).Draw(t, label)
}

var coin = rapid.Bool()

// seldom is true in one of n draws.
func seldom(d *dice, label string, n int) bool { return pick(d, label, n) == n-1 }

// times goes round a loop at least and at most so many times. A turn can be
// taken out of a case as a whole.
func (d *dice) times(label string, least, most int) iter.Seq[int] {
	return func(yield func(int) bool) {
		l := loop{length: len(d.made)}
		for i := range least + pick(d, label, most-least+1) {
			l.turns = append(l.turns, len(d.made))
			if !yield(i) {
				break
			}
		}
		if d.places {
			l.turns = append(l.turns, len(d.made))
			d.loops = append(d.loops, l)
		}
	}
}
