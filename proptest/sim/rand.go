package sim

import "time"

// dice gives random numbers by name: a number depends on the seed, on what it
// decides, and on how often that was decided before, and on nothing else. Every
// machine has dice of its own, so a run with one fault less draws the same
// numbers everywhere else.
type dice struct {
	seed uint64
	used map[string]uint64
}

func newDice(seed uint64) *dice { return &dice{seed: seed, used: map[string]uint64{}} }

// of returns the dice of one machine: what it draws depends on nothing that
// happens to another.
func (d *dice) of(machine string) *dice { return newDice(mix(d.seed ^ digestText(machine))) }

// next returns 64 random bits for one more decision of that name.
func (d *dice) next(name string) uint64 {
	n := d.used[name]
	d.used[name] = n + 1
	h := d.seed ^ 0x9e3779b97f4a7c15
	for i := range len(name) {
		h = (h ^ uint64(name[i])) * 0x100000001b3
	}
	return mix(h + n*0x9e3779b97f4a7c15)
}

// mix is the finaliser of SplitMix64: every bit of the result depends on every
// bit of the input.
func mix(z uint64) uint64 {
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return z ^ z>>31
}

// below returns a number from 0 to n-1.
func (d *dice) below(name string, n int) int { return int(d.next(name) % uint64(n)) }

// jump returns by how much a clock jumps: up to a day either way.
func (d *dice) jump() time.Duration {
	reach := []time.Duration{2 * time.Second, time.Minute, 4 * time.Minute, time.Hour, 24 * time.Hour}[d.below("reach", 5)]
	return d.between("jump", -reach, reach)
}

// oneIn is true once in n times, never for 0.
func (d *dice) oneIn(name string, n int) bool { return n > 0 && d.below(name, n) == 0 }

// between returns a duration from a to b, whole milliseconds.
func (d *dice) between(name string, a, b time.Duration) time.Duration {
	return a + time.Duration(d.below(name, int((b-a)/time.Millisecond)+1))*time.Millisecond
}
