package postgres

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"slices"

	"github.com/jackc/pgx/v5"
	"github.com/rollmend/rollmend/adapters"
	"github.com/rollmend/rollmend/internal/codec"
	"github.com/rollmend/rollmend/reducer"
	"github.com/rollmend/rollmend/states"
)

// Commit implements [adapters.Store], in one transaction of two round trips:
// one locks the records and reads what the changes are compared with, the other
// stores those that hold. The result of a change whose record was never opened
// is an [adapters.ErrNotFound].
func (s *Store) Commit(ctx context.Context, changes []adapters.Change) ([]adapters.Result, error) {
	if err := s.usable(ctx); err != nil {
		return nil, err
	}
	results := make([]adapters.Result, len(changes))
	rows, err := s.prepare(ctx, changes, results)
	if err != nil || len(rows) == 0 {
		return results, err
	}
	b := &batch{store: s, rows: rows, results: results}
	if err := s.transact(ctx, b.compare, b.write); err != nil {
		return nil, err
	}
	return results, nil
}

// row is one change on its way.
type row struct {
	change  *adapters.Change
	place   int // in the batch that the caller handed over
	opening *opened
	host    []byte // as in the index
	data    []byte // the record
	entries [][]byte
}

// prepare encodes the changes and sorts them by key, the order in which every
// commit locks. Changes of records that were never opened get their result.
func (s *Store) prepare(ctx context.Context, changes []adapters.Change, results []adapters.Result) ([]row, error) {
	seen := make(map[states.Key]struct{}, len(changes))
	rows := make([]row, 0, len(changes))
	var scratch []byte
	for i := range changes {
		c := &changes[i]
		key := c.Record.Key
		if _, twice := seen[key]; twice {
			return nil, fmt.Errorf("postgres: %s stands twice in a batch", key)
		}
		seen[key] = struct{}{}
		r, err := encode(c, &scratch)
		if err != nil {
			return nil, err
		}
		if r.opening, err = s.openingOf(ctx, key); err != nil {
			return nil, err
		}
		if r.opening == nil {
			results[i].Err = notFound(key)
			continue
		}
		r.place = i
		rows = append(rows, r)
	}
	slices.SortFunc(rows, func(a, b row) int {
		return cmp.Or(cmp.Compare(a.opening.id, b.opening.id), bytes.Compare(a.host, b.host))
	})
	return rows, nil
}

// encode holds a change to the port, by encoding it whole, and then encodes its
// parts.
func encode(c *adapters.Change, scratch *[]byte) (row, error) {
	var err error
	if *scratch, err = codec.AppendChange((*scratch)[:0], c); err != nil {
		return row{}, err
	}
	r := row{change: c, host: indexed(string(c.Record.Host)), data: codec.AppendRecord(nil, &c.Record)}
	for j := range c.Effects {
		data, err := codec.AppendEntry(nil, &c.Effects[j].Entry)
		if err != nil {
			return row{}, err
		}
		r.entries = append(r.entries, data)
	}
	return r, nil
}

// openingOf returns the opening with a record, nil where there is none.
func (s *Store) openingOf(ctx context.Context, key states.Key) (o *opened, err error) {
	if o = s.known.named(key.Rollout); o == nil {
		err = s.read(ctx, "reading an opening", func(ctx context.Context, conn *pgx.Conn) (err error) {
			o, err = s.find(ctx, conn, key.Rollout)
			return err
		})
	}
	if err != nil || o == nil {
		return nil, err
	}
	if _, member := o.member(key.Host); !member {
		return nil, nil
	}
	return o, nil
}

// batch is one commit.
type batch struct {
	store   *Store
	rows    []row
	results []adapters.Result

	found map[place]states.Revision // of records that something happened to
	there map[int64]bool            // openings that the database has
}

type place struct {
	rollout int64
	host    string
}

// compare asks for what the changes are compared with.
func (b *batch) compare(q *pgx.Batch) {
	b.found, b.there = make(map[place]states.Revision, len(b.rows)), make(map[int64]bool)
	rollouts, hosts := make([]int64, len(b.rows)), make([][]byte, len(b.rows))
	for i := range b.rows {
		rollouts[i], hosts[i] = b.rows[i].opening.id, b.rows[i].host
	}
	q.Queue(b.store.in(openingsThere), slices.Compact(slices.Clone(rollouts))).Query(func(rows pgx.Rows) error {
		var id int64
		_, err := pgx.ForEachRow(rows, []any{&id}, func() error {
			b.there[id] = true
			return nil
		})
		return err
	})
	q.Queue(b.store.in(lockRecords), rollouts, hosts).Query(func(rows pgx.Rows) error {
		var id, revision int64
		var host []byte
		_, err := pgx.ForEachRow(rows, []any{&id, &host, &revision}, func() error {
			b.found[place{id, string(host)}] = states.Revision(revision)
			return nil
		})
		return err
	})
}

// write tells the conflicts and stores the other changes.
func (b *batch) write(_ context.Context, a *attempt) (*pgx.Batch, *finish, error) {
	var end finish
	var w writes
	for i := range b.rows {
		r := &b.rows[i]
		result := &b.results[r.place]
		if result.Err = b.refusal(r, a.ordering); result.Err != nil {
			continue
		}
		c := r.change
		end.raise = end.raise || c.Closes
		if c.Guard != 0 {
			end.guard = c.Guard
		}
		end.rollouts = append(end.rollouts, r.opening.id)
		end.hosts = append(end.hosts, []byte(c.Record.Host))
		end.revisions = append(end.revisions, int64(c.Record.Revision))
		if err := w.add(r); err != nil {
			return nil, nil, err
		}
	}
	if len(end.rollouts) == 0 {
		return nil, nil, nil
	}
	end.fleet = end.raise || len(w.quarantines) > 0
	return w.queue(b.store), &end, nil
}

// refusal says why a change is not stored, nil where it is.
func (b *batch) refusal(r *row, ordering adapters.Ordering) error {
	c := r.change
	found := b.found[place{r.opening.id, string(r.host)}]
	switch {
	case !b.there[r.opening.id]:
		b.store.known.forget(r.opening)
		return notFound(c.Record.Key)
	case c.Guard != 0 && c.Guard != ordering:
		return &adapters.ConflictError{Key: c.Record.Key, Expected: c.Expect, Found: found, Guard: c.Guard, Ordering: ordering}
	case c.Expect != found:
		return &adapters.ConflictError{Key: c.Record.Key, Expected: c.Expect, Found: found}
	}
	return nil
}

// columns are the values of one statement's rows.
type columns struct {
	rollouts, revisions []int64
	hosts, data         [][]byte
}

func (c *columns) add(r *row, revision states.Revision, data []byte) {
	c.rollouts = append(c.rollouts, r.opening.id)
	c.hosts = append(c.hosts, r.host)
	c.revisions = append(c.revisions, int64(revision))
	c.data = append(c.data, data)
}

// writes is what a commit stores, and a [reducer.Sink] of its effects.
type writes struct {
	fresh, moved, log columns
	was, became       []*int16
	at                []*int64
	quarantines       []reducer.Quarantine

	row *row // whose effects are being taken
}

func (w *writes) add(r *row) error {
	records := &w.moved
	if r.change.Expect == 0 {
		records = &w.fresh
	}
	records.add(r, r.change.Record.Revision, r.data)
	w.row = r
	for i := range r.change.Effects {
		if err := r.change.Effects[i].To(w); err != nil {
			return err
		}
	}
	return nil
}

// Log implements [reducer.Sink].
func (w *writes) Log(e reducer.LogEntry) error {
	w.log.add(w.row, e.Revision, w.row.entries[e.Revision-w.row.change.Expect-1])
	w.was, w.became, w.at = append(w.was, nil), append(w.became, nil), append(w.at, nil)
	return nil
}

// Quarantine implements [reducer.Sink].
func (w *writes) Quarantine(q reducer.Quarantine) error {
	w.quarantines = append(w.quarantines, q)
	return nil
}

// Transition implements [reducer.Sink]. It stands in the row of its entry,
// which came before.
func (w *writes) Transition(t reducer.Transition) error {
	last := len(w.at) - 1
	was, became, at := int16(t.From), int16(t.To), int64(t.At)
	w.was[last], w.became[last], w.at[last] = &was, &became, &at
	return nil
}

func (w *writes) queue(s *Store) *pgx.Batch {
	b := new(pgx.Batch)
	for _, part := range []struct {
		statement string
		of        *columns
	}{{updateRecords, &w.moved}, {insertRecords, &w.fresh}} {
		if c := part.of; len(c.rollouts) > 0 {
			b.Queue(s.in(part.statement), c.rollouts, c.hosts, c.revisions, c.data)
		}
	}
	b.Queue(s.in(insertLog), w.log.rollouts, w.log.hosts, w.log.revisions, w.log.data, w.was, w.became, w.at)
	slices.SortStableFunc(w.quarantines, func(a, b reducer.Quarantine) int {
		return cmp.Or(cmp.Compare(a.Channel, b.Channel), cmp.Compare(a.Closure, b.Closure))
	})
	for i := range w.quarantines {
		b.Queue(s.in(addQuarantine), quarantineRow(&w.quarantines[i])...)
	}
	return b
}
