package reducer

import (
	"slices"

	"github.com/rollmend/rollmend/states"
)

// Steps applies the events of a chain to a record in place, in their order, and
// gives what [Step] would for one after the other, in less memory. It appends the
// effects to dst. It stops at the first event that is not applied: record and
// effects are then those up to it, beside the error of Step, which is nil where
// the event only was no news.
func Steps(rec *states.Record, dst []Effects, chain []Event) ([]Effects, error) {
	var own owner
	var was states.Record
	dst = slices.Grow(dst, len(chain))
	for i := range chain {
		ev := &chain[i]
		if ev.Reported() {
			was = *rec // a report that is refused is heard
		}
		dst = append(dst, Effects{})
		disposition, err := step(rec, ev, &dst[len(dst)-1], &own)
		if disposition != Applied && disposition != Absorbed {
			if ev.Reported() {
				*rec = was
			}
			return dst[:len(dst)-1], err
		}
	}
	return dst, nil
}

// owner remembers the doubt that was made for a record in this call: nobody else
// has it yet, so it may be written to.
type owner struct{ doubt *states.Doubt }

// roomy is a doubt with room for the guesses of a host that comes back: what
// brings more gets a list of its own.
type roomy struct {
	states.Doubt
	room [3]states.Guess
}

// add puts a guess behind those that a record rests on. before is the belief
// that it rests on where it is the first.
func (o *owner) add(rec *states.Record, before *states.Belief, g states.Guess) {
	if o != nil && o.doubt != nil && rec.Doubt == o.doubt {
		rec.Doubt.Guesses = append(rec.Doubt.Guesses, g)
		return
	}
	r := &roomy{}
	r.Before = *before
	r.Guesses = r.room[:0]
	if rec.Synthesised() {
		r.Before = rec.Doubt.Before
		r.Guesses = append(r.Guesses, rec.Doubt.Guesses...)
	}
	r.Guesses = append(r.Guesses, g)
	rec.Doubt = &r.Doubt
	if o != nil {
		o.doubt = rec.Doubt
	}
}
