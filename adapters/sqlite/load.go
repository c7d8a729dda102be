package sqlite

import (
	"context"
	"database/sql"
	"fmt"
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
	return s.changesFrom(ctx, conn, s.last, func(row *changeRow, data []byte) error {
		return s.take(&skim, row, data)
	})
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

// take takes a row into the index, and its record into the outlines.
func (s *Store) take(skim *codec.Skimmer, row *changeRow, data []byte) error {
	id := row.id
	if id <= s.last {
		return s.damaged(fmt.Sprintf("change %d stands behind change %d", id, s.last), nil)
	}
	if len(data) == 0 && row.previous == erasedRow {
		s.last = id
		return nil
	}
	rollout, host, revision, err := skim.Key(data)
	if err != nil {
		return s.damaged(fmt.Sprintf("change %d", id), err)
	}
	in := s.index.byRollout[rollout]
	if in != nil && len(in.Members) == 0 { // what is left of it is to be erased
		s.waste, s.last = append(s.waste, id), id
		return nil
	}
	i, ok := in.findText(host)
	if !ok {
		key := states.Key{Rollout: rollout, Host: states.Host(host)}
		return s.damaged(fmt.Sprintf("change %d is of %s, which was not opened", id, key), nil)
	}
	if newest := in.heads[i]; newest.row != row.previous || newest.revision >= revision {
		key := states.Key{Rollout: rollout, Host: states.Host(host)}
		return s.damaged(fmt.Sprintf("change %d of %s does not follow on change %d", id, key, newest.row), nil)
	}
	in.heads[i] = head{row: id, revision: revision}
	s.last = id
	if s.outlined != nil && !s.outlined.take(skim, in, i) {
		s.outlined = nil // whoever reads the record is told why
	}
	return nil
}

// changeRow is what stands beside a change's data.
type changeRow struct {
	id, previous int64
	end          int // of its data, which begins where that of the row before it ends
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

// changesFrom hands the rows behind one to take, in their order, while the next
// ones are read. An error of take ends it. The data is true until take returns.
func (s *Store) changesFrom(ctx context.Context, conn *sql.Conn, after int64, take func(*changeRow, []byte) error) error {
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
		begin := 0
		for i := range p.rows {
			row := &p.rows[i]
			if err := take(row, p.data[begin:row.end]); err != nil {
				return err
			}
			begin = row.end
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
		var row changeRow
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
