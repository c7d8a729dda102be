package sqlite

import (
	"hash/maphash"
	"math/bits"

	"github.com/rollmend/rollmend/adapters"
	"github.com/rollmend/rollmend/states"
)

// index finds the newest row of every record. A record's place in it is its
// host's place in its rollout's opening, so that it costs a few bytes without
// pointers a host: a million of them are nothing to the garbage collector.
type index struct {
	openings  []*opened // in the order in which they were enacted
	byRollout map[states.Rollout]*opened
}

// opened is one opening, and what is stored of its members.
type opened struct {
	adapters.Opening
	heads []head // a member each
	place int    // in openings
	gone  bool   // its members were forgotten: another one has its place
	slots []slot // hash of a host -> its member
	seed  maphash.Seed
}

// slot is a place of the hash table. The zero slot is free.
type slot struct {
	tag    uint32 // upper half of the host's hash: names are compared where it fits
	member uint32 // the member's place plus 1
}

// head is a record's newest row. The zero head: nothing but the opening.
type head struct {
	row      int64
	revision states.Revision
}

func newIndex() *index {
	return &index{byRollout: make(map[states.Rollout]*opened)}
}

// open adds an opening. One of the same rollout is left as it is.
func (x *index) open(o adapters.Opening) {
	if x.byRollout[o.Rollout] != nil {
		return
	}
	in := makeOpened(o)
	in.place = len(x.openings)
	x.openings = append(x.openings, in)
	x.byRollout[o.Rollout] = in
}

func makeOpened(o adapters.Opening) *opened {
	in := &opened{
		Opening: o,
		heads:   make([]head, len(o.Members)),
		slots:   make([]slot, 2<<bits.Len(uint(len(o.Members)))), // at most half full: searches stay short
		seed:    maphash.MakeSeed(),
	}
	for i := range o.Members {
		at, tag := in.search(o.Members[i].Host)
		in.slots[at] = slot{tag: tag, member: uint32(i + 1)}
	}
	return in
}

// forget takes the members of an opening away, and returns their newest rows.
func (x *index) forget(in *opened) (rows []int64) {
	in.gone = true
	for i := range in.heads {
		if row := in.heads[i].row; row != 0 {
			rows = append(rows, row)
		}
	}
	left := makeOpened(in.Forgotten())
	left.place = in.place
	x.openings[in.place], x.byRollout[in.Rollout] = left, left
	return rows
}

// find returns a record's opening and its member's place there.
func (x *index) find(key states.Key) (*opened, int, bool) { return x.findAt(key, 0) }

// findAt does the same where the place, plus 1, is known; 0 and a wrong one are
// searched for.
func (x *index) findAt(key states.Key, hint int32) (*opened, int, bool) {
	in := x.byRollout[key.Rollout]
	if in == nil {
		return nil, 0, false
	}
	if i := int(hint) - 1; i >= 0 && i < len(in.Members) && in.Members[i].Host == key.Host {
		return in, i, true
	}
	at, _ := in.search(key.Host)
	i := in.slots[at].member
	return in, int(i) - 1, i != 0
}

// search returns the slot of a host, or the free one where it would be, and the
// host's tag.
func (in *opened) search(h states.Host) (at int, tag uint32) {
	hash := maphash.String(in.seed, string(h))
	tag = uint32(hash >> 32)
	mask := len(in.slots) - 1
	for at = int(hash) & mask; ; at = (at + 1) & mask {
		s := in.slots[at]
		if s.member == 0 || s.tag == tag && in.Members[s.member-1].Host == h {
			return at, tag
		}
	}
}

// findText returns a host's place among the members, and whether it has one, by
// a name that was not made a text yet, and its hash.
func (in *opened) findText(host []byte, hash uint64) (int, bool) {
	tag, mask := uint32(hash>>32), len(in.slots)-1
	for at := int(hash) & mask; ; at = (at + 1) & mask {
		s := in.slots[at]
		if s.member == 0 || s.tag == tag && string(in.Members[s.member-1].Host) == string(host) {
			return int(s.member) - 1, s.member != 0
		}
	}
}

// set is a set of places in an index: by opening, a bit a member.
type set [][]uint64

// has reports whether a place is in the set.
func (s set) has(in *opened, i int) bool {
	return in.place < len(s) && s[in.place] != nil && s[in.place][i/64]&(1<<(i%64)) != 0
}

// add adds a place and reports whether it is new.
func (s *set) add(in *opened, i int) bool {
	for len(*s) <= in.place {
		*s = append(*s, nil)
	}
	if (*s)[in.place] == nil {
		(*s)[in.place] = make([]uint64, len(in.heads)/64+1)
	}
	word, bit := &(*s)[in.place][i/64], uint64(1)<<(i%64)
	fresh := *word&bit == 0
	*word |= bit
	return fresh
}
