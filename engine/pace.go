package engine

import (
	"time"

	"github.com/rollmend/rollmend/states"
)

// briefly is how long whoever has a report, or asks for a dispatch, stays away
// where too many wait. There are few of them beside the heartbeats.
const briefly = time.Second

// early is the part of a cycle by which a host may be in front of its place
// without being moved: clocks and networks are not exact. It is also the part of
// a fleet that stays together where all came at once, so it is small.
const early = 256

// pace returns when a host is to beat again. Each host has its place in the
// cycle, by its name; so a fleet that came back all at once is spread evenly
// two heartbeats later, and stays so whatever the agents do. No host is asked to
// wait for longer than a cycle, nor for less than half of one.
func pace(host states.Host, at states.Time, cycle time.Duration) time.Duration {
	whole := cycle.Milliseconds()
	if whole <= 1 {
		return cycle
	}
	until := (placeOf(host, whole) - int64(at)%whole + whole) % whole
	switch {
	case until < whole/early:
		return cycle // it is at its place, or nearly
	case until < whole/2:
		until = (until + whole) / 2 // from there it is as far to its place again
	}
	return time.Duration(until) * time.Millisecond
}

// stayAway returns when a host that was not let in is to come again: at a
// moment of its own within half a cycle, so that those who were turned away are
// spread, and all are served within one.
func stayAway(host states.Host, cycle time.Duration) time.Duration {
	return max(time.Duration(placeOf(host, cycle.Milliseconds()/2))*time.Millisecond, cycle/100)
}

// placeOf returns a host's place among so many: an even spread of names (the
// hash FNV-1a, stirred once more since names are alike).
func placeOf(host states.Host, places int64) int64 {
	h := uint64(0xcbf29ce484222325)
	for i := range len(host) {
		h = (h ^ uint64(host[i])) * 0x100000001b3
	}
	h = (h ^ h>>33) * 0xff51afd7ed558ccd
	return int64((h ^ h>>33) % uint64(max(places, 1)))
}
