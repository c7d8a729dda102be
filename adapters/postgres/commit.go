package postgres

import (
	"bytes"
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
// stores those that hold. A third one is needed where nothing holds. The result
// of a change whose record was never opened is an [adapters.ErrNotFound].
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
	host    []byte // as in the index
	data    []byte // the record
	log     []byte // the effects
}

// name is the host's name as it is.
func (r *row) name() []byte {
	if len(r.change.Record.Host) <= longestIndexed {
		return r.host
	}
	return []byte(r.change.Record.Host)
}

// prepare encodes the changes and sorts them by key, the order in which every
// commit locks. Changes of records that were never opened get their result.
func (s *Store) prepare(ctx context.Context, changes []adapters.Change) (*batch, error) {
	b := &batch{store: s, rows: make([]row, 0, len(changes)), results: make([]adapters.Result, len(changes))}
	seen := make(map[states.Key]struct{}, len(changes))
	text := encoded{buf: []byte{}} // not nil: a name may be empty, and is not NULL
	for i := range changes {
		c := &changes[i]
		key := c.Record.Key
		if _, twice := seen[key]; twice {
			return &batch{}, fmt.Errorf("postgres: %s stands twice in a batch", key)
		}
		seen[key] = struct{}{}
		r, err := text.row(c)
		if err != nil {
			return &batch{}, err
		}
		if i == 0 {
			text.buf = slices.Grow(text.buf, (len(changes)-1)*min(len(text.buf)*9/8, roomPerChange))
		}
		if r.opening, err = s.openingOf(ctx, key.Rollout); err != nil {
			return &batch{}, err
		}
		if r.opening == nil {
			b.absent = append(b.absent, key.Rollout)
			b.results[i].Err = notFound(key)
			continue
		}
		if _, member := r.opening.Place(key.Host); !member {
			b.results[i].Err = notFound(key)
			continue
		}
		r.place = i
		b.rows = append(b.rows, r)
	}
	slices.SortFunc(b.rows, func(a, b row) int {
		return cmp.Or(cmp.Compare(a.opening.id, b.opening.id), bytes.Compare(a.host, b.host))
	})
	return b, nil
}

// encoded holds what a batch's changes are encoded as, one behind the other, so
// that they cost an allocation together and not some each.
type encoded struct{ buf []byte }

// roomPerChange bounds the room that is made for each change ahead, going by the
// first: most are alike and shorter, and a long one does not make all long.
const roomPerChange = 1024

// row holds a change to the port and encodes its parts.
func (t *encoded) row(c *adapters.Change) (r row, err error) {
	if err := codec.CheckChange(c); err != nil {
		return row{}, err
	}
	r.change = c
	from := len(t.buf)
	t.buf = appendIndexed(t.buf, string(c.Record.Host))
	r.host = t.since(from)
	from = len(t.buf)
	t.buf = codec.AppendRecord(t.buf, &c.Record)
	r.data = t.since(from)
	from = len(t.buf)
	if t.buf, err = codec.AppendEffects(t.buf, c.Record.Key, c.Effects); err != nil {
		return row{}, err
	}
	r.log = t.since(from)
	return r, nil
}

func (t *encoded) since(from int) []byte { return t.buf[from:len(t.buf):len(t.buf)] }

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

	found map[place]states.Revision // of records that something happened to
	there map[int64]bool            // openings that the database has
}

type place struct {
	rollout int64
	host    string
}

// compare asks for what the changes are compared with. The records that are
// found are locked: they stay as they are.
func (b *batch) compare(q *pgx.Batch) { b.ask(q, lockRecords) }

func (b *batch) ask(q *pgx.Batch, revisions string) {
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
	if unsettled && (stored == 0 || a.try >= holdFleetFrom) {
		if err := b.compareHeld(ctx, a); err != nil {
			return nil, nil, err
		}
		stored, unsettled = b.judge(a.ordering)
	}
	if stored == 0 {
		return nil, nil, nil
	}
	end := finish{
		rollouts:  make([]int64, 0, stored),
		hosts:     make([][]byte, 0, stored),
		revisions: make([]int64, 0, stored),
	}
	var w writes
	if unsettled {
		end.guard = a.ordering
	}
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
		end.rollouts = append(end.rollouts, r.opening.id)
		end.hosts = append(end.hosts, r.name())
		end.revisions = append(end.revisions, int64(c.Record.Revision))
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
	found := b.found[place{r.opening.id, string(r.host)}]
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
	fresh, moved, log columns
	was, became       []int16 // of each row of the log; absent where nothing in it is a transition
	at                []int64 // likewise
	quarantines       []imposed

	row *row // whose effects are being taken
}

func (w *writes) add(r *row) error {
	records := &w.moved
	if r.change.Expect == 0 {
		records = &w.fresh
	}
	records.add(r, r.change.Record.Revision, r.data)
	w.log.add(r, r.change.Record.Revision, r.log)
	w.was, w.became, w.at = append(w.was, absent), append(w.became, absent), append(w.at, absent)
	w.row = r
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
	last := len(w.at) - 1
	if w.was[last] == absent {
		w.was[last] = int16(t.From)
	}
	w.became[last], w.at[last] = int16(t.To), int64(t.At)
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
	slices.SortStableFunc(w.quarantines, func(a, b imposed) int { return cmp.Compare(a.place, b.place) })
	if len(w.quarantines) > 0 {
		b.Queue(s.in(holdFleet))
	}
	for i := range w.quarantines {
		b.Queue(s.in(addQuarantine), quarantineRow(&w.quarantines[i].Quarantine)...)
	}
	return b
}
