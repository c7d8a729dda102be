package codec

import (
	"fmt"

	"github.com/rollmend/rollmend/adapters"
	"github.com/rollmend/rollmend/reducer"
	"github.com/rollmend/rollmend/states"
)

// AppendResumption appends a resumption.
func AppendResumption(dst []byte, a *adapters.Resumption) []byte {
	var w writer
	w.begin(dst, resumptionMessage)
	w.rollout(a.Rollout)
	w.time(a.At)
	w.string(a.Reason)
	w.uint(uint64(len(a.Hosts)))
	for _, h := range a.Hosts {
		w.string(string(h))
	}
	return w.buf
}

// DecodeResumption reads what [AppendResumption] appended. The error is an
// [*Error].
func DecodeResumption(in []byte) (adapters.Resumption, error) {
	var r reader
	r.begin(in, resumptionMessage)
	a := adapters.Resumption{Rollout: r.rollout(), At: r.time(), Reason: r.string()}
	if n := r.count(1); n > 0 {
		a.Hosts = make([]states.Host, n)
		for i := range a.Hosts {
			a.Hosts[i] = states.Host(r.string())
		}
	}
	return a, r.end()
}

// AppendImposition appends an imposition.
func AppendImposition(dst []byte, a *adapters.Imposition) []byte {
	var w writer
	w.begin(dst, impositionMessage)
	w.quarantine(&a.Quarantine)
	return w.buf
}

// DecodeImposition reads what [AppendImposition] appended. The error is an
// [*Error].
func DecodeImposition(in []byte) (adapters.Imposition, error) {
	var r reader
	r.begin(in, impositionMessage)
	a := adapters.Imposition{Quarantine: r.quarantine()}
	return a, r.end()
}

// AppendClearance appends a clearance.
func AppendClearance(dst []byte, a *adapters.Clearance) []byte {
	var w writer
	w.begin(dst, clearanceMessage)
	w.string(string(a.Channel))
	w.string(string(a.Closure))
	w.time(a.At)
	w.string(a.Reason)
	return w.buf
}

// DecodeClearance reads what [AppendClearance] appended. The error is an
// [*Error].
func DecodeClearance(in []byte) (adapters.Clearance, error) {
	var r reader
	r.begin(in, clearanceMessage)
	a := adapters.Clearance{
		Channel: states.Channel(r.string()),
		Closure: states.Closure(r.string()),
		At:      r.time(),
		Reason:  r.string(),
	}
	return a, r.end()
}

// AppendOpening appends an opening. What its members were opened with is
// written once for all that share it, so that a million members take little
// more than their names.
//
// The error is a [*ValueError] where the members are not sorted by host, each
// host once.
func AppendOpening(dst []byte, o *adapters.Opening) ([]byte, error) {
	var w writer
	w.begin(dst, openingMessage)
	w.rollout(o.Rollout)
	w.time(o.At)
	w.time(o.SignedAt)
	w.uint(uint64(len(o.Members)))
	seen := make(map[reducer.Opened]uint64)
	for i := range o.Members {
		m := &o.Members[i]
		if i > 0 && m.Host <= o.Members[i-1].Host {
			return dst, &ValueError{
				Value:  "opening of " + o.Rollout.String(),
				Reason: fmt.Sprintf("host %s after %s: members are sorted by host, each once", m.Host, o.Members[i-1].Host),
			}
		}
		w.string(string(m.Host))
		place, ok := seen[m.Opened]
		if !ok {
			place = uint64(len(seen))
			seen[m.Opened] = place
		}
		w.uint(place)
		if !ok {
			w.opened(&m.Opened)
		}
	}
	return w.buf, nil
}

// minMember is the least that a member of an opening takes: its host and the
// place of what it was opened with.
const minMember = 2

// DecodeOpening reads what [AppendOpening] appended. The error is an [*Error].
func DecodeOpening(in []byte) (adapters.Opening, error) {
	var r reader
	r.begin(in, openingMessage)
	o := adapters.Opening{Rollout: r.rollout(), At: r.time(), SignedAt: r.time()}
	var seen []reducer.Opened
	if n := r.count(minMember); n > 0 {
		o.Members = make([]adapters.Member, n)
	}
	names := string(in) // little else: a million hosts share one text
	for i := range o.Members {
		o.Members[i].Host = states.Host(r.part(names))
		place := r.uint()
		if place == uint64(len(seen)) {
			seen = append(seen, r.opened())
		}
		if place >= uint64(len(seen)) {
			r.fail(fmt.Sprintf("opened as number %d of %d", place, len(seen)))
		}
		if r.err != nil {
			return adapters.Opening{}, r.err
		}
		o.Members[i].Opened = seen[place]
	}
	return o, r.end()
}
