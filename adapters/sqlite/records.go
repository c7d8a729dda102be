package sqlite

import (
	"context"
	"database/sql"
	"iter"
	"sync"

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
		from := s.last
		s.mu.RUnlock()
		ctx, stop := context.WithCancel(ctx)
		pages, gone := make(chan recordPage, ahead), make(chan struct{})
		var reading sync.WaitGroup
		defer reading.Wait()
		defer stop()
		defer close(gone)
		reading.Go(func() { s.pagesBack(ctx, from, pages, gone) })
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
	}
}

// recordPage is what one page of rows holds; the error ends it, and all.
type recordPage struct {
	records []states.Record
	err     error
}

// pagesBack reads page after page from a row on backwards, until the first row
// or an error, or until nobody takes them any more.
func (s *Store) pagesBack(ctx context.Context, from int64, pages chan<- recordPage, gone <-chan struct{}) {
	defer close(pages)
	seen := make(set)
	for from > 0 {
		records, next, err := s.pageBack(ctx, from, seen)
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
func (s *Store) pageBack(ctx context.Context, from int64, seen set) (out []states.Record, next int64, err error) {
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
		key, _, err := codec.DecodeChangedKey(data)
		if err != nil {
			return out, 0, s.damaged("a row of the changes", err)
		}
		if !s.first(key, seen) {
			continue
		}
		rec, err := codec.DecodeChangedRecord(data)
		if err != nil {
			return out, 0, s.damaged("the row of "+key.String(), err)
		}
		out = append(out, rec)
	}
	if err := rows.Err(); err != nil {
		return out, 0, s.failed("reading records", err)
	}
	return out, next, nil
}

// first notes a record as seen and reports whether it was not before.
func (s *Store) first(key states.Key, seen set) bool {
	s.mu.RLock()
	defer s.mu.RUnlock()
	in, i, ok := s.index.find(key)
	return ok && seen.add(in, i)
}
