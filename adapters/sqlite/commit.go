package sqlite

import (
	"context"
	"database/sql"
	"fmt"
	"slices"

	"github.com/rollmend/rollmend/adapters"
	"github.com/rollmend/rollmend/internal/codec"
	"github.com/rollmend/rollmend/reducer"
)

// Commit implements [adapters.Store], in one transaction. The result of a
// change whose record was never opened is an [adapters.ErrNotFound].
//
// Changes are encoded before the turn to write is taken: of two callers, one
// encodes while the other's transaction is on its way to the disk.
func (s *Store) Commit(ctx context.Context, changes []adapters.Change) ([]adapters.Result, error) {
	if err := s.settled(ctx); err != nil {
		return nil, err
	}
	b, _ := s.batches.Get().(*batch)
	if b == nil {
		b = &batch{seen: make(map[*head]struct{})}
	}
	defer s.giveBack(b)
	if err := s.prepare(b, changes); err != nil {
		return nil, err
	}
	if err := s.acquire(ctx); err != nil {
		return nil, err
	}
	defer s.release()
	results, err := s.admit(b)
	if err != nil {
		return nil, err
	}
	if len(b.rows) == 0 {
		return results, nil
	}
	if err := s.write(ctx, b.ordering, func(conn *sql.Conn) error { return b.store(ctx, conn) }); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for i := range b.rows {
		*b.rows[i].head = head{row: b.first + int64(i), revision: b.rows[i].change.Record.Revision}
	}
	s.last = b.first + int64(len(b.rows)) - 1
	s.ordering = b.ordering
	return results, nil
}

// batch is what one commit stores. Its memory is used again by later ones.
type batch struct {
	first       int64             // the id of the first row; the others follow
	ordering    adapters.Ordering // after the commit
	rows        []row             // at first one a change, then those that are stored
	data        []byte            // of all rows
	quarantines []reducer.Quarantine
	seen        map[*head]struct{}
	args        []any
}

type row struct {
	change     *adapters.Change
	in         *opened
	head       *head // of the record; what it holds now is the row before. nil: never opened
	begin, end int   // where the row's data is in the batch's
}

// keepData bounds the memory that a batch keeps for the next one, in bytes: four
// thousand changes take a quarter of it.
const keepData = 4 << 20

func (s *Store) giveBack(b *batch) {
	if cap(b.data) > keepData {
		return
	}
	clear(b.rows)
	clear(b.seen)
	clear(b.args)
	b.rows, b.data, b.quarantines, b.args = b.rows[:0], b.data[:0], b.quarantines[:0], b.args[:0]
	s.batches.Put(b)
}

// prepare encodes the changes and finds their records.
func (s *Store) prepare(b *batch, changes []adapters.Change) (err error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	for i := range changes {
		c := &changes[i]
		r := row{change: c, begin: len(b.data)}
		if err := s.locate(b, &r); err != nil {
			return err
		}
		if b.data, err = codec.AppendChange(b.data, c); err != nil {
			return err
		}
		r.end = len(b.data)
		b.rows = append(b.rows, r)
	}
	return nil
}

// locate finds a row's record, if its rollout was opened.
func (s *Store) locate(b *batch, r *row) error {
	key := r.change.Record.Key
	in, at, ok := s.index.findAt(key, r.change.Member)
	if !ok {
		return nil
	}
	r.in, r.head = in, &in.heads[at]
	if _, twice := b.seen[r.head]; twice {
		return fmt.Errorf("sqlite: %s stands twice in a batch", key)
	}
	b.seen[r.head] = struct{}{}
	return nil
}

// admit compares the changes with what is stored, tells the conflicts, and
// leaves the others in the batch. The caller holds the turn: nobody else moves
// a head.
func (s *Store) admit(b *batch) ([]adapters.Result, error) {
	results := make([]adapters.Result, len(b.rows))
	b.first, b.ordering = s.last+1, s.ordering
	admitted := b.rows[:0]
	for i, r := range b.rows {
		if r.head != nil && r.in.gone {
			r.in, r.head = nil, nil // it was forgotten since
		}
		// A rollout that was opened since is open for the whole batch: its other
		// changes are compared with what is stored now.
		if r.head == nil {
			if err := s.locate(b, &r); err != nil {
				return nil, err
			}
		}
		if results[i].Err = s.refusal(&r); results[i].Err != nil {
			continue
		}
		admitted = append(admitted, r)
		if r.change.Closes {
			b.ordering = s.ordering + 1
		}
		for j := range r.change.Effects {
			if err := r.change.Effects[j].To(sink{b}); err != nil {
				return nil, err
			}
		}
	}
	b.rows = admitted
	return results, nil
}

// refusal says why a change is not stored, nil where it is.
func (s *Store) refusal(r *row) error {
	c := r.change
	switch {
	case r.head == nil:
		return notFound(c.Record.Key)
	case c.Guard != 0 && c.Guard != s.ordering:
		return &adapters.ConflictError{
			Key: c.Record.Key, Expected: c.Expect, Found: r.head.revision, Guard: c.Guard, Ordering: s.ordering,
		}
	case c.Expect != r.head.revision:
		return &adapters.ConflictError{Key: c.Record.Key, Expected: c.Expect, Found: r.head.revision}
	}
	return nil
}

// sink takes of a change's effects what is not stored in the change's own row.
// It never fails.
type sink struct{ batch *batch }

func (sink) Log(reducer.LogEntry) error { return nil }

func (k sink) Quarantine(q reducer.Quarantine) error {
	k.batch.quarantines = append(k.batch.quarantines, q)
	return nil
}

func (sink) Transition(reducer.Transition) error { return nil }

// store appends the batch's rows, many a statement.
func (b *batch) store(ctx context.Context, conn *sql.Conn) error {
	in := inserter{conn: conn}
	defer in.close()
	for at := 0; at < len(b.rows); at += rowsPerInsert {
		if err := in.insert(ctx, b, at, min(at+rowsPerInsert, len(b.rows))); err != nil {
			return err
		}
	}
	for i := range b.quarantines {
		if _, err := conn.ExecContext(ctx, addQuarantine, quarantineRow(&b.quarantines[i])...); err != nil {
			return err
		}
	}
	return nil
}

// inserter appends rows. It keeps the last statement for as long as the next
// rows need the same.
type inserter struct {
	conn   *sql.Conn
	n      int // rows that stmt appends
	firsts bool
	stmt   *sql.Stmt
}

// insert appends the rows from one place in the batch up to another.
func (in *inserter) insert(ctx context.Context, b *batch, from, to int) error {
	rows := b.rows[from:to]
	firsts := !slices.ContainsFunc(rows, func(r row) bool { return r.head.row != 0 })
	b.args = b.args[:0]
	for i := range rows {
		if !firsts {
			b.args = append(b.args, rows[i].head.row)
		}
		b.args = append(b.args, b.data[rows[i].begin:rows[i].end])
	}
	if err := in.prepare(ctx, len(rows), firsts); err != nil {
		return err
	}
	res, err := in.stmt.ExecContext(ctx, b.args...)
	if err != nil {
		return err
	}
	last, err := res.LastInsertId()
	if want := b.first + int64(to) - 1; err == nil && last != want {
		err = fmt.Errorf("row %d was to be %d: somebody else writes to the changes", last, want)
	}
	return err
}

func (in *inserter) prepare(ctx context.Context, n int, firsts bool) (err error) {
	if in.n == n && in.firsts == firsts {
		return nil
	}
	in.close()
	in.stmt, err = in.conn.PrepareContext(ctx, appendChanges(n, firsts))
	in.n, in.firsts = n, firsts
	return err
}

func (in *inserter) close() {
	if in.stmt != nil {
		_ = in.stmt.Close()
	}
}
