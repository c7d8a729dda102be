package codec

import (
	"encoding/binary"

	"github.com/rollmend/rollmend/states"
)

// writer appends the parts of one message.
type writer struct {
	buf      []byte
	last     states.Time // times are written as the distance from the one before
	shared   [maxShared]string
	marks    [maxShared]uint32  // of each of them, length and last byte: most differ there
	n        int                // how many of shared are used
	observed states.Observation // the one written last
}

func (w *writer) begin(dst []byte, m message) {
	w.buf = append(dst, version, m.tag)
}

func (w *writer) byte(b byte) { w.buf = append(w.buf, b) }

func (w *writer) uint(v uint64) {
	if v < 0x80 { // nearly all are
		w.buf = append(w.buf, byte(v))
		return
	}
	w.buf = binary.AppendUvarint(w.buf, v)
}

func (w *writer) int(v int64) { w.uint(uint64(v<<1) ^ uint64(v>>63)) }

func (w *writer) time(t states.Time) {
	w.int(int64(t - w.last))
	w.last = t
}

// string writes the length, doubled, and the bytes; or, for a string that was
// written before, its place among those, doubled plus one.
func (w *writer) string(s string) {
	if len(s) >= minShared {
		mark := uint32(len(s))<<8 | uint32(s[len(s)-1])
		for i, m := range w.marks[:w.n] {
			if m == mark && w.shared[i] == s {
				w.uint(uint64(i)<<1 | 1)
				return
			}
		}
		if w.n < maxShared {
			w.shared[w.n], w.marks[w.n] = s, mark
			w.n++
		}
	}
	w.uint(uint64(len(s)) << 1)
	w.buf = append(w.buf, s...)
}

// flags writes up to eight truths as the bits of a byte, the first lowest.
func (w *writer) flags(set ...bool) {
	var b byte
	for i, on := range set {
		if on {
			b |= 1 << i
		}
	}
	w.byte(b)
}

func (w *writer) rollout(r states.Rollout) {
	w.string(string(r.Channel))
	w.string(string(r.Ref))
}

func (w *writer) key(k states.Key) {
	w.rollout(k.Rollout)
	w.string(string(k.Host))
}

func (w *writer) order(o states.Order) {
	w.uint(o.Boot)
	w.uint(o.Beat)
}

func (w *writer) policy(p states.Policy) {
	w.int(int64(p.Soak))
	w.byte(byte(p.OnFailure))
	w.flags(p.DeferredIsDone)
}
