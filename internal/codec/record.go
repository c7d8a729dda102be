package codec

import (
	"math/bits"

	"github.com/rollmend/rollmend/states"
)

// AppendRecord appends a record.
func AppendRecord(dst []byte, rec *states.Record) []byte {
	var w writer
	w.begin(dst, recordMessage)
	w.record(rec)
	return w.buf
}

// DecodeRecord reads what [AppendRecord] appended. The error is an [*Error].
func DecodeRecord(in []byte) (states.Record, error) {
	var r reader
	r.begin(in, recordMessage)
	var rec states.Record
	r.record(&rec)
	return rec, r.end()
}

// record begins with key and revision, so that a store finds its newest rows
// without reading the rest.
func (w *writer) record(rec *states.Record) {
	w.key(rec.Key)
	w.uint(uint64(rec.Revision))
	dispatched := rec.Dispatched.IsSet()
	w.flags(rec.Gap, dispatched, rec.Synthesised())
	w.int(int64(rec.Wave))
	w.string(string(rec.Target))
	w.policy(rec.Policy)
	w.time(rec.Opened)
	if dispatched {
		w.time(rec.Dispatched)
	}
	w.uint(uint64(rec.LastSeq))
	w.belief(&rec.Belief)
	if rec.Synthesised() {
		w.doubt(rec.Doubt)
	}
}

func (w *writer) doubt(d *states.Doubt) {
	w.belief(&d.Before)
	w.uint(uint64(len(d.Guesses)))
	for i := range d.Guesses {
		w.guess(&d.Guesses[i])
	}
}

func (r *reader) record(rec *states.Record) {
	rec.Key = r.key()
	rec.Revision = states.Revision(r.uint())
	r.recordBody(rec)
}

// recordBody reads what follows key and revision.
func (r *reader) recordBody(rec *states.Record) {
	var dispatched, synthesised bool
	r.flags(&rec.Gap, &dispatched, &synthesised)
	rec.Wave = states.Wave(r.int())
	rec.Target = states.Closure(r.string())
	rec.Policy = r.policy()
	rec.Opened = r.time()
	if dispatched {
		rec.Dispatched = r.time()
	}
	rec.LastSeq = states.Seq(r.uint())
	r.belief(&rec.Belief)
	if synthesised {
		rec.Doubt = r.doubt()
	}
}

func (r *reader) doubt() *states.Doubt {
	d := r.room.newDoubt()
	r.belief(&d.Before)
	n := r.uint()
	if n == 0 || n > states.MaxGuesses {
		r.fail("a synthesised record rests on one guess at least, and on a few at most")
		return nil
	}
	d.Guesses = r.room.newGuesses(int(n))
	for i := range d.Guesses {
		d.Guesses[i] = r.guess()
	}
	return d
}

func (w *writer) belief(b *states.Belief) {
	w.byte(byte(b.State))
	w.stamps(&b.Stamps)
	w.string(string(b.AtDispatch))
	w.string(string(b.Current))
	w.string(string(b.RevertedTo))
	w.byte(byte(b.PolicyApplied))
	w.uint(uint64(len(b.Probes)))
	for i := range b.Probes {
		w.probe(&b.Probes[i])
	}
	w.order(b.LastOrder)
	w.order(b.DeferredOrder)
}

func (r *reader) belief(b *states.Belief) {
	b.State = enum[states.State](r)
	r.stamps(&b.Stamps)
	b.AtDispatch = states.Closure(r.string())
	b.Current = states.Closure(r.string())
	b.RevertedTo = states.Closure(r.string())
	b.PolicyApplied = enum[states.OnFailure](r)
	if n := r.count(minProbe); n > 0 {
		b.Probes = r.room.newProbes(n)
		for i := range b.Probes {
			b.Probes[i] = r.probe()
		}
	}
	b.LastOrder = r.order()
	b.DeferredOrder = r.order()
}

// stamps writes which are set, which were given by a report, and the set ones.
func (w *writer) stamps(s *states.Stamps) {
	var set uint64
	for i, at := range s.Times {
		if at.IsSet() {
			set |= 1 << i
		}
	}
	w.uint(set)
	w.uint(uint64(s.Given))
	for ; set != 0; set &= set - 1 {
		w.time(s.Times[bits.TrailingZeros64(set)])
	}
}

func (r *reader) stamps(s *states.Stamps) {
	set := r.uint()
	if set>>len(s.Times) != 0 {
		r.fail("a stamp that is not known")
		return
	}
	s.Given = uint16(r.uint())
	for ; set != 0; set &= set - 1 {
		s.Times[bits.TrailingZeros64(set)] = r.time()
	}
}

// minProbe is the least that a probe takes: a byte for each of its parts.
const minProbe = 6

func (w *writer) probe(p *states.Probe) {
	w.string(p.Name)
	w.byte(byte(p.Mode))
	w.byte(byte(p.Status))
	w.flags(p.Declared, p.SinceGap)
	w.time(p.At)
	w.string(p.Reason)
}

func (r *reader) probe() states.Probe {
	p := states.Probe{Name: r.string(), Mode: enum[states.Mode](r), Status: enum[states.Status](r)}
	r.flags(&p.Declared, &p.SinceGap)
	p.At = r.time()
	p.Reason = r.string()
	return p
}

func (w *writer) guess(g *states.Guess) {
	w.byte(byte(g.Kind))
	w.byte(byte(g.Case))
	w.time(g.At)
	w.observation(&g.From)
}

func (r *reader) guess() states.Guess {
	return states.Guess{Kind: enum[states.Kind](r), Case: enum[states.Case](r), At: r.time(), From: r.observation()}
}

// observation writes whether it is the one written last, and where it is not,
// all of it: the guesses of a record, and the log entries of a change, mostly
// rest on one.
func (w *writer) observation(o *states.Observation) {
	same := *o == w.observed
	w.flags(same)
	if same {
		return
	}
	w.observed = *o
	w.time(o.At)
	w.order(o.Order)
	w.string(string(o.Current))
	w.uint(uint64(o.Seq))
}

func (r *reader) observation() states.Observation {
	var same bool
	r.flags(&same)
	if !same {
		r.observed = states.Observation{
			At:      r.time(),
			Order:   r.order(),
			Current: states.Closure(r.string()),
			Seq:     states.Seq(r.uint()),
		}
	}
	return r.observed
}
