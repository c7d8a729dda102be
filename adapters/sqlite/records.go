package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"hash/maphash"
	"iter"
	"slices"
	"sync"

	"github.com/rollmend/rollmend/adapters"
	"github.com/rollmend/rollmend/internal/codec"
	"github.com/rollmend/rollmend/states"
)

// page is how many rows Records reads at a time: enough to make a query's cost
// small, few enough to hold in memory.
const page = 1000

// ahead is how many pages are read while the caller works on another.
const ahead = 1

// Records implements [adapters.Store]. It yields the records as they were when
// it began, and holds no connection while the caller works on one.
//
// It walks from the newest row back: rows are never changed, and the first one
// of a record that it meets is the record.
func (s *Store) Records(ctx context.Context) iter.Seq2[states.Record, error] {
	return func(yield func(states.Record, error) bool) {
		if err := s.settled(ctx); err != nil {
			yield(states.Record{}, err)
			return
		}
		s.mu.RLock()
		from, erased := s.last, s.erased
		s.mu.RUnlock()
		s.takeOutlined()
		ctx, stop := context.WithCancel(ctx)
		pages, gone := make(chan recordPage, ahead), make(chan struct{})
		var seen set // the reader's until pages is closed
		var reading sync.WaitGroup
		defer reading.Wait()
		defer stop()
		defer close(gone)
		reading.Go(func() { s.pagesBack(ctx, from, &seen, pages, gone) })
		for p := range pages {
			for i := range p.records {
				if !yield(p.records[i], nil) {
					return
				}
			}
			if p.err != nil {
				yield(states.Record{}, p.err)
				return
			}
		}
		s.mu.RLock()
		changed, all := s.erased != erased, slices.Clone(s.index.openings)
		s.mu.RUnlock()
		if changed {
			s.missed(ctx, all, seen, yield)
		}
	}
}

// missed yields the records that were not seen. Where rows are erased in between,
// a record's may be gone before a walk comes to it, while its newest one stands
// behind where the walk began.
func (s *Store) missed(ctx context.Context, all []*opened, seen set, yield func(states.Record, error) bool) {
	for _, in := range all {
		for i := range in.Members {
			s.mu.RLock()
			there := !in.gone && in.heads[i].row != 0 && !seen.has(in, i)
			s.mu.RUnlock()
			if !there {
				continue
			}
			rec, err := s.Record(ctx, states.Key{Rollout: in.Rollout, Host: in.Members[i].Host})
			if errors.Is(err, adapters.ErrNotFound) {
				continue // forgotten meanwhile
			}
			if !yield(rec, err) || err != nil {
				return
			}
		}
	}
}

// recordPage is what one page of rows holds; the error ends it, and all.
type recordPage struct {
	records []states.Record
	err     error
}

// pagesBack reads page after page from a row on backwards, until the first row
// or an error, or until nobody takes them any more.
func (s *Store) pagesBack(ctx context.Context, from int64, seen *set, pages chan<- recordPage, gone <-chan struct{}) {
	defer close(pages)
	var skim codec.Skimmer
	for from > 0 {
		records, next, err := s.pageBack(ctx, &skim, from, seen)
		select {
		case pages <- recordPage{records, err}:
		case <-gone:
			return
		}
		if err != nil {
			return
		}
		from = next
	}
}

// pageBack reads a page of rows from one on backwards. It returns the records
// that were not seen before, and where the next page begins; 0 is the end.
func (s *Store) pageBack(ctx context.Context, skim *codec.Skimmer, from int64, seen *set) (out []states.Record, next int64, err error) {
	if err := s.settled(ctx); err != nil {
		return nil, 0, err
	}
	rows, err := s.db.QueryContext(ctx, readPageBack, from, page)
	if err != nil {
		return nil, 0, s.failed("reading records", err)
	}
	defer rows.Close()
	for rows.Next() {
		var id int64
		var data sql.RawBytes // decoding copies what it keeps
		if err := rows.Scan(&id, &data); err != nil {
			return out, 0, s.failed("reading records", err)
		}
		next = id - 1
		if len(data) == 0 {
			continue
		}
		rollout, text, _, err := skim.Key(data)
		if err != nil {
			return out, 0, s.damaged("a row of the changes", err)
		}
		host, ok := s.first(rollout, text, seen)
		if !ok {
			continue
		}
		rec, err := skim.Record(host)
		if err != nil {
			key := states.Key{Rollout: rollout, Host: host}
			return out, 0, s.damaged("the row of "+key.String(), err)
		}
		out = append(out, rec)
	}
	if err := rows.Err(); err != nil {
		return out, 0, s.failed("reading records", err)
	}
	return out, next, nil
}

// first notes a record as seen and reports whether it was not before. The host
// is given back as the opening names it.
func (s *Store) first(rollout states.Rollout, host []byte, seen *set) (states.Host, bool) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	in := s.index.byRollout[rollout]
	if in == nil {
		return "", false
	}
	i, ok := in.findText(host, maphash.Bytes(in.seed, host))
	if !ok || !seen.add(in, i) {
		return "", false
	}
	return in.Members[i].Host, true
}
