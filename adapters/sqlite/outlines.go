package sqlite

import (
	"context"
	"iter"

	"github.com/rollmend/rollmend/adapters"
	"github.com/rollmend/rollmend/internal/codec"
	"github.com/rollmend/rollmend/states"
)

var _ adapters.Outliner = (*Store)(nil)

// Outlines implements [adapters.Outliner]. What was read when the store was
// opened is handed out once, if nothing was stored since; later calls read the
// records.
func (s *Store) Outlines(ctx context.Context) iter.Seq2[adapters.Outline, error] {
	return func(yield func(adapters.Outline, error) bool) {
		if err := s.settled(ctx); err != nil {
			yield(adapters.Outline{}, err)
			return
		}
		kept := s.takeOutlined()
		if kept == nil {
			s.outlinesRead(ctx, yield)
			return
		}
		for _, in := range kept.openings {
			if in != nil && !in.each(ctx, yield) {
				return
			}
		}
	}
}

func (s *Store) outlinesRead(ctx context.Context, yield func(adapters.Outline, error) bool) {
	for rec, err := range s.Records(ctx) {
		if err != nil {
			yield(adapters.Outline{}, err)
			return
		}
		if !yield(adapters.OutlineOf(&rec), nil) {
			return
		}
	}
}

// takeOutlined returns what opening kept, nil where it is gone. After it, it is.
func (s *Store) takeOutlined() *outlined {
	s.mu.Lock()
	defer s.mu.Unlock()
	kept := s.outlined
	s.outlined = nil
	return kept
}

// outlined is the records in outline as opening read them, so that whoever
// starts on the store need not read it a second time. It is kept until it is
// handed out, somebody reads the records themselves, or something is stored.
type outlined struct {
	openings []*outlinedOpening // by the opening's place
}

type outlinedOpening struct {
	of      *opened
	briefs  []brief          // a member each; the zero one: nothing is stored of it
	records []*states.Record // likewise, of those that are not terminal; nil where all are
}

// brief is an outline without its key and its record.
type brief struct {
	lastSeq                              states.Seq
	wave                                 states.Wave
	state                                states.State
	synthesised, done, inFlight, failing bool
}

func briefOf(rec *states.Record) brief {
	return brief{
		lastSeq: rec.LastSeq, wave: rec.Wave, state: rec.State,
		synthesised: rec.Synthesised(), done: rec.Done(), inFlight: rec.InFlight(), failing: rec.Probes.Failing(),
	}
}

// take notes the record of a row. It reports whether it could be read.
func (o *outlined) take(skim *codec.Skimmer, row *changeRow, data []byte) bool {
	if row.brief.state == 0 {
		return false
	}
	at, i := o.of(row.in), row.member
	at.briefs[i] = row.brief
	if row.brief.state.Terminal() {
		if at.records != nil {
			at.records[i] = nil
		}
		return true
	}
	if _, _, _, err := skim.Key(data); err != nil {
		return false
	}
	rec, err := skim.Record(row.in.Members[i].Host)
	if err != nil {
		return false
	}
	if at.records == nil {
		at.records = make([]*states.Record, len(at.briefs))
	}
	at.records[i] = &rec
	return true
}

func (o *outlined) of(in *opened) *outlinedOpening {
	for len(o.openings) <= in.place {
		o.openings = append(o.openings, nil)
	}
	if o.openings[in.place] == nil {
		o.openings[in.place] = &outlinedOpening{of: in, briefs: make([]brief, len(in.Members))}
	}
	return o.openings[in.place]
}

// outline returns the outline of a member, and whether anything is stored of it.
func (o *outlinedOpening) outline(i int) (adapters.Outline, bool) {
	b := &o.briefs[i]
	out := adapters.Outline{
		Key:     states.Key{Rollout: o.of.Rollout, Host: o.of.Members[i].Host},
		LastSeq: b.lastSeq, Wave: b.wave, State: b.state,
		Synthesised: b.synthesised, Done: b.done, InFlight: b.inFlight, Failing: b.failing,
	}
	if o.records != nil {
		out.Record = o.records[i]
	}
	return out, b.state != 0
}

// each yields the outlines of an opening's members, in their order. It reports
// whether more are wanted.
func (o *outlinedOpening) each(ctx context.Context, yield func(adapters.Outline, error) bool) bool {
	for i := range o.briefs {
		if i%page == 0 && ctx.Err() != nil {
			yield(adapters.Outline{}, ctx.Err())
			return false
		}
		if out, ok := o.outline(i); ok && !yield(out, nil) {
			return false
		}
	}
	return true
}
