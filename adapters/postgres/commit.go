package postgres

import (
	"cmp"
	"context"
	"errors"
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
// stores those that hold. A third one is needed where nothing holds, or where a
// first record is refused. The result of a change whose record was never opened
// is an [adapters.ErrNotFound].
func (s *Store) Commit(ctx context.Context, changes []adapters.Change) ([]adapters.Result, error) {
	if err := s.usable(ctx); err != nil {
		return nil, err
	}
	for try := 1; ; try++ {
		b, err := s.prepare(ctx, changes)
		if err != nil || len(b.rows) == 0 {
			return b.results, err
		}
		err = s.transact(ctx, b.compare, b.write)
		switch {
		case err == nil:
			return b.results, nil
		case !errors.Is(err, errOpened):
			return nil, err
		case try == maxTries:
			return nil, &ContentionError{Where: s.where, Tries: try, Err: err}
		}
	}
}

// errOpened says that a rollout was opened while changes of it were being told
// that it is not: the batch is compared anew, all of it with one moment.
var errOpened = errors.New("a rollout of the batch was opened meanwhile")

// row is one change on its way.
type row struct {
	change  *adapters.Change
	place   int // in the batch that the caller handed over
	opening *opened
	host    string // as in the index

	was, became int16 // of its transition; absent where there is none
	at          int64 // likewise
}

// prepare sorts the changes by key, the order in which every commit locks.
// Changes of records that were never opened get their result.
func (s *Store) prepare(ctx context.Context, changes []adapters.Change) (*batch, error) {
	b := &batch{store: s, rows: make([]row, 0, len(changes)), results: make([]adapters.Result, len(changes))}
	missing := make(map[states.Key]struct{})
	for i := range changes {
		c := &changes[i]
		key := c.Record.Key
		if err := codec.CheckChange(c); err != nil {
			return &batch{}, err
		}
		o, err := s.openingOf(ctx, key.Rollout)
		if err != nil {
			return &batch{}, err
		}
		if o != nil && member(o, c) {
			b.rows = append(b.rows, row{change: c, place: i, opening: o, host: inIndex(key.Host)})
			continue
		}
		if _, twice := missing[key]; twice {
			return &batch{}, standsTwice(key)
		}
		missing[key] = struct{}{}
		if o == nil {
			b.absent = append(b.absent, key.Rollout)
		}
		b.results[i].Err = notFound(key)
	}
	slices.SortFunc(b.rows, func(a, b row) int {
		return cmp.Or(cmp.Compare(a.opening.id, b.opening.id), cmp.Compare(a.host, b.host))
	})
	for i := 1; i < len(b.rows); i++ {
		if r := &b.rows[i]; r.opening.id == b.rows[i-1].opening.id && r.host == b.rows[i-1].host {
			return &batch{}, standsTwice(r.change.Record.Key)
		}
	}
	return b, nil
}

func standsTwice(key states.Key) error {
	return fmt.Errorf("postgres: %s stands twice in a batch", key)
}

// member reports whether an opening lists a change's host.
func member(o *opened, c *adapters.Change) bool {
	if at := int(c.Member) - 1; at >= 0 && at < len(o.Members) && o.Members[at].Host == c.Record.Host {
		return true
	}
	_, listed := o.Place(c.Record.Host)
	return listed
}

// inIndex is a host's name as it stands in an index.
func inIndex(host states.Host) string {
	if len(host) <= longestIndexed {
		return string(host)
	}
	return string(indexed(string(host)))
}

// openingOf returns the opening of a rollout, nil where there is none.
func (s *Store) openingOf(ctx context.Context, r states.Rollout) (o *opened, err error) {
	if o = s.known.named(r); o == nil {
		err = s.read(ctx, "reading an opening", func(ctx context.Context, conn *pgx.Conn) (err error) {
			o, err = s.find(ctx, conn, r)
			return err
		})
	}
	return o, err
}

// batch is one commit.
type batch struct {
	store   *Store
	rows    []row
	absent  []states.Rollout // of changes that are told that they are not there
	results []adapters.Result

	tried bool                      // what was compared was not stored
	whole bool                      // first records are looked for, too
	found map[place]states.Revision // of records that something happened to
	there map[int64]bool            // openings that the database has
}

type place struct {
	rollout int64
	host    string
}

// waryFor is how many commits look for first records before they store them,
// after one met another. Where many meet, few are run twice for it; where none
// does, nobody looks.
const waryFor = 32

// compare asks for what the changes are compared with. The records that are
// found are locked: they stay as they are. First records are not looked for,
// unless others were met of late: the key of one that is there refuses it, and
// the batch with it, which then is compared whole.
func (b *batch) compare(q *pgx.Batch) {
	if b.tried {
		b.store.wary.Store(waryFor)
	}
	b.whole = b.tried || b.store.wary.Load() > 0 && b.store.wary.Add(-1) >= 0
	b.tried = true
	b.ask(q, lockRecords)
}

// looked reports whether a change's record was looked for.
func (b *batch) looked(r *row) bool { return b.whole || r.change.Expect != 0 }

func (b *batch) ask(q *pgx.Batch, revisions string) {
	b.found, b.there = make(map[place]states.Revision), make(map[int64]bool)
	var ids, rollouts []int64
	var hosts [][]byte
	for i := range b.rows {
		r := &b.rows[i]
		if i == 0 || r.opening.id != b.rows[i-1].opening.id {
			ids = append(ids, r.opening.id)
		}
		if b.looked(r) {
			rollouts, hosts = append(rollouts, r.opening.id), append(hosts, []byte(r.host))
		}
	}
	q.Queue(b.store.in(openingsThere), ids).Query(func(rows pgx.Rows) error {
		var id int64
		_, err := pgx.ForEachRow(rows, []any{&id}, func() error {
			b.there[id] = true
			return nil
		})
		return err
	})
	if len(rollouts) == 0 {
		return
	}
	q.Queue(b.store.in(revisions), rollouts, hosts).Query(func(rows pgx.Rows) error {
		var id, revision int64
		var host []byte
		_, err := pgx.ForEachRow(rows, []any{&id, &host, &revision}, func() error {
			b.found[place{id, string(host)}] = states.Revision(revision)
			return nil
		})
		return err
	})
}

// holdFleetFrom is the try from which on a batch whose answers depend on more
// than its records holds the fleet's row while it stores. It may then wait for
// one that waits for it, until the server ends one of them: not at once.
const holdFleetFrom = 4

// write tells the conflicts and stores the other changes.
//
// What was read of a record holds until the end, but not the ordering revision,
// nor that a rollout is not opened. Where a change was refused for one of these,
// the ordering revision must be the same at the end, since openings raise it;
// or, where nothing is stored, all is compared again while nobody can commit.
// So every change of a batch is compared with one moment.
func (b *batch) write(ctx context.Context, a *attempt) (*pgx.Batch, *finish, error) {
	for _, r := range b.absent {
		if o, err := b.store.find(ctx, a.conn, r); err != nil || o != nil {
			return nil, nil, cmp.Or(err, errOpened)
		}
	}
	stored, unsettled := b.judge(a.ordering)
	if slices.ContainsFunc(b.rows, func(r row) bool { return !b.looked(&r) && b.results[r.place].Err != nil }) {
		// Who is refused is told what is there.
		var q pgx.Batch
		b.whole = true
		b.ask(&q, lockRecords)
		if err := a.conn.SendBatch(ctx, &q).Close(); err != nil {
			return nil, nil, err
		}
		stored, unsettled = b.judge(a.ordering)
	}
	if unsettled && (stored == 0 || a.try >= holdFleetFrom) {
		if err := b.compareHeld(ctx, a); err != nil {
			return nil, nil, err
		}
		stored, unsettled = b.judge(a.ordering)
	}
	if stored == 0 {
		return nil, nil, nil
	}
	end := finish{rows: make([]*row, 0, stored)}
	if unsettled {
		end.guard = a.ordering
	}
	w := writes{log: make([]*row, 0, stored)}
	for i := range b.rows {
		r := &b.rows[i]
		if b.results[r.place].Err != nil {
			continue
		}
		c := r.change
		end.raise = end.raise || c.Closes
		if c.Guard != 0 {
			end.guard = c.Guard
		}
		end.rows = append(end.rows, r)
		if err := w.add(r); err != nil {
			return nil, nil, err
		}
	}
	end.fleet = end.raise || len(w.quarantines) > 0
	return w.queue(b.store), &end, nil
}

// judge gives every change its result. It reports how many are to be stored,
// and whether another answer depends on what is not locked.
func (b *batch) judge(ordering adapters.Ordering) (stored int, unsettled bool) {
	alone := len(b.rows)+len(b.absent) == 1
	unsettled = len(b.absent) > 0
	for i := range b.rows {
		r := &b.rows[i]
		err, locked := b.refusal(r, ordering)
		b.results[r.place].Err = err
		if err == nil {
			stored++
		} else if !locked {
			unsettled = true
		}
	}
	return stored, unsettled && !alone
}

// compareHeld compares again while the fleet's row is held, without which
// nobody ends a transaction.
func (b *batch) compareHeld(ctx context.Context, a *attempt) error {
	var q pgx.Batch
	q.Queue(b.store.in(holdFleet)).QueryRow(func(row pgx.Row) error {
		var ordering int64
		err := row.Scan(&ordering)
		a.ordering = adapters.Ordering(ordering)
		return err
	})
	b.whole = true
	b.ask(&q, readRevisions)
	if err := a.conn.SendBatch(ctx, &q).Close(); err != nil {
		return err
	}
	for _, r := range b.absent {
		if o, err := b.store.find(ctx, a.conn, r); err != nil || o != nil {
			return cmp.Or(err, errOpened)
		}
	}
	return nil
}

// refusal says why a change is not stored, nil where it is, and whether that
// follows from a record that is locked.
func (b *batch) refusal(r *row, ordering adapters.Ordering) (why error, locked bool) {
	c := r.change
	var found states.Revision
	if len(b.found) > 0 {
		found = b.found[place{r.opening.id, r.host}]
	}
	switch {
	case !b.there[r.opening.id]:
		b.store.known.forget(r.opening)
		return notFound(c.Record.Key), false
	case c.Guard != 0 && c.Guard != ordering:
		return &adapters.ConflictError{Key: c.Record.Key, Expected: c.Expect, Found: found, Guard: c.Guard, Ordering: ordering}, false
	case c.Expect != found:
		return &adapters.ConflictError{Key: c.Record.Key, Expected: c.Expect, Found: found}, found != 0
	}
	return nil, false
}

// absent stands for a column that is to be empty: no state has this number, and
// no transition was in the last millisecond before 1970.
const absent = -1

// imposed is a quarantine that a change brings. Of several for the same closure
// the first of the batch has it.
type imposed struct {
	reducer.Quarantine
	place int // of the change, in the batch that the caller handed over
}

// writes is what a commit stores, and a [reducer.Sink] of its effects.
type writes struct {
	fresh, moved, log []*row
	quarantines       []imposed

	row *row // whose effects are being taken
}

func (w *writes) add(r *row) error {
	if r.change.Expect == 0 {
		w.fresh = append(w.fresh, r)
	} else {
		w.moved = append(w.moved, r)
	}
	w.log = append(w.log, r)
	w.row = r
	r.was, r.became, r.at = absent, absent, absent
	for i := range r.change.Effects {
		if err := r.change.Effects[i].To(w); err != nil {
			return err
		}
	}
	return nil
}

// Log implements [reducer.Sink]. The entries of a change stand in one row, with
// all its effects.
func (w *writes) Log(reducer.LogEntry) error { return nil }

// Quarantine implements [reducer.Sink].
func (w *writes) Quarantine(q reducer.Quarantine) error {
	w.quarantines = append(w.quarantines, imposed{q, w.row.place})
	return nil
}

// Transition implements [reducer.Sink]. Of several in a change, its row says
// where they began and where they ended.
func (w *writes) Transition(t reducer.Transition) error {
	r := w.row
	if r.was == absent {
		r.was = int16(t.From)
	}
	r.became, r.at = int16(t.To), int64(t.At)
	return nil
}

// perStatement is how many rows a statement stores. With fewer, each costs the
// server more; with more, it waits longer for the first and the client for the
// last.
const perStatement = 512

func (w *writes) queue(s *Store) *pgx.Batch {
	b := new(pgx.Batch)
	for _, part := range []struct {
		statement string
		of        []*row
	}{{updateRecords, w.moved}, {insertRecords, w.fresh}} {
		for rows := range slices.Chunk(part.of, perStatement) {
			b.Queue(s.in(part.statement), rolloutsOf(rows), hostsOf(rows), revisionsOf(rows), recordsOf(rows))
		}
	}
	for rows := range slices.Chunk(w.log, perStatement) {
		n := len(rows)
		b.Queue(s.in(insertLog), rolloutsOf(rows), hostsOf(rows), revisionsOf(rows), effectsOf(rows),
			int16s(n, func(i int) int16 { return rows[i].was }),
			int16s(n, func(i int) int16 { return rows[i].became }),
			int64s(n, func(i int) int64 { return rows[i].at }))
	}
	slices.SortStableFunc(w.quarantines, func(a, b imposed) int { return cmp.Compare(a.place, b.place) })
	if len(w.quarantines) > 0 {
		b.Queue(s.in(holdFleet))
	}
	for i := range w.quarantines {
		b.Queue(s.in(addQuarantine), quarantineRow(&w.quarantines[i].Quarantine)...)
	}
	return b
}

// The columns of rows.

func rolloutsOf(rows []*row) *list {
	return int64s(len(rows), func(i int) int64 { return rows[i].opening.id })
}

func hostsOf(rows []*row) *list {
	return byteas(len(rows), func(dst []byte, i int) ([]byte, error) { return append(dst, rows[i].host...), nil })
}

func namesOf(rows []*row) *list {
	return byteas(len(rows), func(dst []byte, i int) ([]byte, error) { return append(dst, rows[i].change.Record.Host...), nil })
}

func revisionsOf(rows []*row) *list {
	return int64s(len(rows), func(i int) int64 { return int64(rows[i].change.Record.Revision) })
}

func recordsOf(rows []*row) *list {
	return byteas(len(rows), func(dst []byte, i int) ([]byte, error) {
		return codec.AppendRecord(dst, &rows[i].change.Record), nil
	})
}

func effectsOf(rows []*row) *list {
	return byteas(len(rows), func(dst []byte, i int) ([]byte, error) {
		c := rows[i].change
		return codec.AppendEffects(dst, c.Record.Key, c.Effects)
	})
}
