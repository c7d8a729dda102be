package adapters

import (
	"context"
	"iter"

	"github.com/rollmend/rollmend/states"
)

// Outline is what a control plane needs of a record to begin with. Nearly all
// records of a fleet are terminal, and are read when their host comes with
// something that is to be decided; the others are in it whole.
type Outline struct {
	Key         states.Key
	LastSeq     states.Seq
	Wave        states.Wave
	State       states.State
	Synthesised bool
	Done        bool
	InFlight    bool
	Failing     bool // an enforced probe fails

	// Record is the record where it is not terminal, else nil. It is the
	// reader's: whoever yielded it does not write to it any more.
	Record *states.Record
}

// OutlineOf returns a record's outline. It shares nothing with rec that is
// written to.
func OutlineOf(rec *states.Record) Outline {
	o := Outline{
		Key: rec.Key, LastSeq: rec.LastSeq, Wave: rec.Wave, State: rec.State,
		Synthesised: rec.Synthesised(), Done: rec.Done(), InFlight: rec.InFlight(), Failing: rec.Probes.Failing(),
	}
	if !rec.State.Terminal() {
		kept := *rec
		o.Record = &kept
	}
	return o
}

// Outliner is a [Store] that has its records in outline sooner than it could
// read them, such as from what it read when it was opened. It is an optional
// power: without it they are made of [Store.Records].
type Outliner interface {
	// Outlines yields the outline of every record that Records would yield, once
	// each, and ends like it. It is fastest where the records of an opening follow
	// each other, in the order of its members.
	Outlines(ctx context.Context) iter.Seq2[Outline, error]
}

// Outlines yields the outline of every record of a store whose revision is not
// 0, in any order, once each. It stops at its first error, which it yields with
// the zero Outline. A commit that comes meanwhile may or may not be seen.
func Outlines(ctx context.Context, store Store) iter.Seq2[Outline, error] {
	if o, ok := store.(Outliner); ok {
		return o.Outlines(ctx)
	}
	return func(yield func(Outline, error) bool) {
		for rec, err := range store.Records(ctx) {
			if err != nil {
				yield(Outline{}, err)
				return
			}
			if !yield(OutlineOf(&rec), nil) {
				return
			}
		}
	}
}
