package sqlite

import (
	"context"
	"database/sql"
	"fmt"
	"hash/maphash"
	"sync"

	"github.com/rollmend/rollmend/internal/codec"
	"github.com/rollmend/rollmend/states"
)

// load reads into the index what the file holds beyond it.
func (s *Store) load(ctx context.Context, conn *sql.Conn) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.loadOpenings(ctx, conn); err != nil {
		return err
	}
	var skim codec.Skimmer
	return s.changesFrom(ctx, conn, s.last, func(p *changePage) error { return s.take(&skim, p) })
}

func (s *Store) loadOpenings(ctx context.Context, conn *sql.Conn) error {
	rows, err := conn.QueryContext(ctx, readOpenings, len(s.index.openings))
	if err != nil {
		return s.unopenable(ctx, "reading openings", err)
	}
	defer rows.Close()
	for rows.Next() {
		var data sql.RawBytes
		if err := rows.Scan(&data); err != nil {
			return s.unopenable(ctx, "reading openings", err)
		}
		o, err := codec.DecodeOpening(data)
		if err != nil {
			return s.damaged("an opening", err)
		}
		s.index.open(o)
	}
	if err := rows.Err(); err != nil {
		return s.unopenable(ctx, "reading openings", err)
	}
	return nil
}

// changeRow is a row, and what it says by itself.
type changeRow struct {
	id, previous int64
	begin, end   int // of its data in the page's

	err      error   // why it cannot be read; what follows is then not set
	in       *opened // nil: none that is known
	rollout  states.Rollout
	host     []byte // in the data
	revision states.Revision
	brief    brief // the zero one: the record cannot be read

	// Where its host is among the members, if it is there at all.
	hash   uint64
	place  slot        // where its search begins
	name   states.Host // of the member there
	member int
	ok     bool
}

// take takes a page of rows into the index, and their records into the outlines.
func (s *Store) take(skim *codec.Skimmer, p *changePage) error {
	for i := range p.rows {
		s.read(skim, p, &p.rows[i])
	}
	findMembers(p.rows)
	for i := range p.rows {
		if err := s.follow(skim, p, &p.rows[i]); err != nil {
			return err
		}
	}
	return nil
}

// read reads what a row says by itself.
func (s *Store) read(skim *codec.Skimmer, p *changePage, row *changeRow) {
	if row.rollout, row.host, row.revision, row.err = skim.Key(p.data[row.begin:row.end]); row.err != nil {
		return
	}
	if row.in = s.index.byRollout[row.rollout]; row.in != nil {
		row.hash = maphash.Bytes(row.in.seed, row.host)
	}
	if s.outlined == nil {
		return
	}
	if rec, err := skim.Borrow(""); err == nil {
		row.brief = briefOf(rec)
	}
}

// findMembers finds the members that rows are of. Each step of a search waits for
// memory: taken for many rows at once, the waits overlap.
func findMembers(rows []changeRow) {
	for i := range rows {
		if r := &rows[i]; r.in != nil {
			r.place = r.in.slots[int(r.hash)&(len(r.in.slots)-1)]
		}
	}
	for i := range rows {
		if r := &rows[i]; r.place.member != 0 && r.place.tag == uint32(r.hash>>32) {
			r.name = r.in.Members[r.place.member-1].Host
		}
	}
	for i := range rows {
		r := &rows[i]
		switch {
		case r.in == nil:
		case r.name != "" && string(r.name) == string(r.host):
			r.member, r.ok = int(r.place.member)-1, true
		default:
			r.member, r.ok = r.in.findText(r.host, r.hash)
		}
	}
}

// follow takes a row into the index. All before it are.
func (s *Store) follow(skim *codec.Skimmer, p *changePage, row *changeRow) error {
	id, in, i := row.id, row.in, row.member
	key := func() states.Key { return states.Key{Rollout: row.rollout, Host: states.Host(row.host)} }
	switch {
	case id <= s.last:
		return s.damaged(fmt.Sprintf("change %d stands behind change %d", id, s.last), nil)
	case row.begin == row.end && row.previous == erasedRow:
		s.last = id
		return nil
	case row.err != nil:
		return s.damaged(fmt.Sprintf("change %d", id), row.err)
	case in != nil && len(in.Members) == 0: // what is left of it is to be erased
		s.waste, s.last = append(s.waste, id), id
		return nil
	case !row.ok:
		return s.damaged(fmt.Sprintf("change %d is of %s, which was not opened", id, key()), nil)
	}
	if newest := in.heads[i]; newest.row != row.previous || newest.revision >= row.revision {
		return s.damaged(fmt.Sprintf("change %d of %s does not follow on change %d", id, key(), newest.row), nil)
	}
	in.heads[i] = head{row: id, revision: row.revision}
	s.last = id
	if s.outlined != nil && !s.outlined.take(skim, row, p.data[row.begin:row.end]) {
		s.outlined = nil // whoever reads the record is told why
	}
	return nil
}

// changePage is rows that were read together. Its memory is used again.
type changePage struct {
	rows []changeRow
	data []byte
	err  error // behind the rows
}

// pagesMost is how many pages there are: one is read, one is worked on, one may
// be on its way.
const pagesMost = 3

// changesFrom hands the rows behind one to take, page by page, in their order,
// while the next ones are read. An error of take ends it. A page is true until
// take returns.
func (s *Store) changesFrom(ctx context.Context, conn *sql.Conn, after int64, take func(*changePage) error) error {
	rows, err := conn.QueryContext(ctx, readChangesFrom, after)
	if err != nil {
		return s.unopenable(ctx, "reading changes", err)
	}
	full, free := make(chan *changePage, pagesMost), make(chan *changePage, pagesMost)
	for range pagesMost {
		free <- new(changePage)
	}
	var reading sync.WaitGroup
	defer reading.Wait()
	defer close(free)
	reading.Go(func() {
		defer close(full)
		defer rows.Close()
		for p := range free {
			more := p.fill(rows)
			full <- p // there is room for all of them
			if !more {
				return
			}
		}
	})
	for p := range full {
		if err := take(p); err != nil {
			return err
		}
		if p.err != nil {
			return s.unopenable(ctx, "reading changes", p.err)
		}
		free <- p
	}
	return nil
}

// fill reads the next rows, and reports whether there may be more.
func (p *changePage) fill(rows *sql.Rows) (more bool) {
	p.rows, p.data = p.rows[:0], p.data[:0]
	for range page {
		if !rows.Next() {
			p.err = rows.Err()
			return false
		}
		row := changeRow{begin: len(p.data)}
		var data sql.RawBytes
		if p.err = rows.Scan(&row.id, &row.previous, &data); p.err != nil {
			return false
		}
		p.data = append(p.data, data...)
		row.end = len(p.data)
		p.rows = append(p.rows, row)
	}
	return true
}
