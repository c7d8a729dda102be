package engine

import (
	"hash/maphash"

	"github.com/rollmend/rollmend/states"
)

// hostIndex finds a host's slot by its name. It keeps no name of its own: it
// compares with the slot's, which is read next anyway. It costs 11 to 22 bytes
// a host, without pointers.
type hostIndex struct {
	places []place      // a hash table; its length is a power of two
	seed   maphash.Seed // what is found depends on names alone, whatever the seed
}

// place is one of the hash table's. The zero place is free.
type place struct {
	tag uint32 // upper half of the name's hash: names are compared where it fits
	id  int32  // of the slot, plus 1
}

func newHostIndex() hostIndex {
	return hostIndex{places: make([]place, 16), seed: maphash.MakeSeed()}
}

// find returns the place of a host in slots, and whether it has one.
func (x *hostIndex) find(slots []slot, host states.Host) (int32, bool) {
	at, _ := x.search(slots, host)
	id := x.places[at].id
	return id - 1, id != 0
}

// guess returns the host, plus 1, that is where the search for one begins, 0 for
// none. It is nearly always the one that is searched for; whose name it has was
// not read.
func (x *hostIndex) guess(host states.Host) int32 {
	return x.places[int(maphash.String(x.seed, string(host)))&(len(x.places)-1)].id
}

// slotOf returns the place of a host's slot, which is made at the end of slots
// for a host that has none.
func (x *hostIndex) slotOf(slots []slot, host states.Host) ([]slot, int32) {
	x.reserve(slots, len(slots)+1)
	at, tag := x.search(slots, host)
	if id := x.places[at].id; id != 0 {
		return slots, id - 1
	}
	slots = append(slots, slot{name: host})
	x.places[at] = place{tag: tag, id: int32(len(slots))}
	return slots, int32(len(slots)) - 1
}

// reserve makes room for as many hosts.
func (x *hostIndex) reserve(slots []slot, hosts int) {
	size := len(x.places)
	for hosts*4 > size*3 {
		size *= 2
	}
	if size > len(x.places) {
		x.grow(slots, size)
	}
}

func (x *hostIndex) grow(slots []slot, size int) {
	x.places = make([]place, size)
	for i := range slots {
		at, tag := x.search(slots, slots[i].name)
		x.places[at] = place{tag: tag, id: int32(i + 1)}
	}
}

// search returns where a host is in the table, or the free place where it would
// be, and the host's tag.
func (x *hostIndex) search(slots []slot, host states.Host) (at int, tag uint32) {
	hash := maphash.String(x.seed, string(host))
	tag = uint32(hash >> 32)
	mask := len(x.places) - 1
	for at = int(hash) & mask; ; at = (at + 1) & mask {
		p := x.places[at]
		if p.id == 0 || p.tag == tag && slots[p.id-1].name == host {
			return at, tag
		}
	}
}
