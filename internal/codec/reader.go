package codec

import (
	"encoding/binary"
	"fmt"
	"strings"
	"time"

	"github.com/rollmend/rollmend/states"
)

// reader takes the parts of one message in the order in which a writer
// appended them. Its first error sticks: from then on every part is zero.
type reader struct {
	in       []byte
	at       int
	last     states.Time
	shared   [maxShared]string
	n        int
	observed states.Observation // the one read last
	name     string
	err      *Error
	names    *names // nil: every text is made anew
	room     *room  // nil: so is what a record points to
}

func (r *reader) begin(in []byte, m message) {
	r.in, r.name = in, m.name
	if v := r.byte(); r.err == nil && v != version {
		r.failAt(0, fmt.Sprintf("layout version %d, and this version reads up to %d", v, version))
	}
	if tag := r.byte(); r.err == nil && tag != m.tag {
		r.failAt(1, fmt.Sprintf("it is marked %q, not %q", tag, m.tag))
	}
}

// end returns the first error, or one for what was left over.
func (r *reader) end() error {
	if r.err == nil && r.at < len(r.in) {
		r.fail(fmt.Sprintf("%d bytes too many", len(r.in)-r.at))
	}
	if r.err != nil {
		return r.err
	}
	return nil
}

func (r *reader) fail(reason string) { r.failAt(r.at, reason) }

func (r *reader) failAt(offset int, reason string) {
	if r.err == nil {
		r.err = &Error{Message: r.name, Offset: offset, Reason: reason}
	}
	r.at = len(r.in)
}

func (r *reader) byte() byte {
	if r.at >= len(r.in) {
		r.fail("it ends too early")
		return 0
	}
	b := r.in[r.at]
	r.at++
	return b
}

func (r *reader) uint() uint64 {
	if r.at < len(r.in) && r.in[r.at] < 0x80 {
		r.at++
		return uint64(r.in[r.at-1])
	}
	v, n := binary.Uvarint(r.in[r.at:])
	switch {
	case n == 0:
		r.fail("it ends too early")
	case n < 0:
		r.fail("a number of more than 64 bits")
	default:
		r.at += n
		return v
	}
	return 0
}

func (r *reader) int() int64 {
	u := r.uint()
	return int64(u>>1) ^ -int64(u&1)
}

func (r *reader) time() states.Time {
	if r.err != nil {
		return 0
	}
	r.last += states.Time(r.int())
	return r.last
}

// count reads how many parts follow, each of at least size bytes.
func (r *reader) count(size int) int {
	n := r.uint()
	if n > uint64((len(r.in)-r.at)/size) {
		r.fail(fmt.Sprintf("%d parts announced, more than can follow", n))
		return 0
	}
	return int(n)
}

func (r *reader) string() string {
	v := r.uint()
	if v&1 == 1 {
		return r.again(v >> 1)
	}
	in := r.bytes(v >> 1)
	if r.names == nil {
		return r.share(string(in))
	}
	return r.share(r.names.of(in))
}

// part reads a text as a part of whole, which is the message as text.
func (r *reader) part(whole string) string {
	v := r.uint()
	if v&1 == 1 {
		return r.again(v >> 1)
	}
	size := len(r.bytes(v >> 1))
	return r.share(whole[r.at-size : r.at])
}

// text reads a text without making it. Where it may come again, whoever asks
// for it puts it in its place, the last of shared.
func (r *reader) text() []byte {
	v := r.uint()
	if v&1 == 1 {
		return []byte(r.again(v >> 1))
	}
	in := r.bytes(v >> 1)
	if len(in) >= minShared && r.n < maxShared {
		r.n++
	}
	return in
}

func (r *reader) bytes(size uint64) []byte {
	if size > uint64(len(r.in)-r.at) {
		r.fail(fmt.Sprintf("a text of %d bytes, longer than what follows", size))
		return nil
	}
	from := r.at
	r.at += int(size)
	return r.in[from:r.at]
}

// share notes a text that may come again.
func (r *reader) share(s string) string {
	if len(s) >= minShared && r.n < maxShared {
		r.shared[r.n] = s
		r.n++
	}
	return s
}

func (r *reader) again(i uint64) string {
	if i >= uint64(r.n) {
		r.fail(fmt.Sprintf("text number %d again, of %d so far", i, r.n))
		return ""
	}
	return r.shared[i]
}

// flags reads what the writer's flags wrote for as many truths.
func (r *reader) flags(into ...*bool) {
	b := r.byte()
	if b>>len(into) != 0 {
		r.failAt(r.at-1, fmt.Sprintf("flags %#x, of which %d are known", b, len(into)))
		return
	}
	for i := range into {
		*into[i] = b&(1<<i) != 0
	}
}

func (r *reader) rollout() states.Rollout {
	return states.Rollout{Channel: states.Channel(r.string()), Ref: states.Ref(r.string())}
}

func (r *reader) key() states.Key {
	return states.Key{Rollout: r.rollout(), Host: states.Host(r.string())}
}

func (r *reader) order() states.Order { return states.Order{Boot: r.uint(), Beat: r.uint()} }

func (r *reader) policy() states.Policy {
	p := states.Policy{Soak: time.Duration(r.int()), OnFailure: enum[states.OnFailure](r)}
	r.flags(&p.DeferredIsDone)
	return p
}

// enum reads a value of an enumeration. Which values there are is known to the
// enumeration alone, by the names that it gives them.
func enum[E interface {
	~uint8
	fmt.Stringer
}](r *reader,
) E {
	e := E(r.byte())
	if e != 0 && strings.HasPrefix(e.String(), "invalid") {
		r.failAt(r.at-1, fmt.Sprintf("%d is not one of its values", uint8(e)))
		return 0
	}
	return e
}
