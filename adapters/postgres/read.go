package postgres

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"iter"
	"slices"

	"github.com/jackc/pgx/v5"
	"github.com/rollmend/rollmend/adapters"
	"github.com/rollmend/rollmend/internal/codec"
	"github.com/rollmend/rollmend/reducer"
	"github.com/rollmend/rollmend/states"
)

// Fleet implements [adapters.Store]. The members of the openings are shared
// with the store and must not be written to.
func (s *Store) Fleet(ctx context.Context) (f adapters.Fleet, err error) {
	err = s.read(ctx, "reading the fleet", func(ctx context.Context, conn *pgx.Conn) error {
		var ids []int64
		if f, ids, err = s.fleet(ctx, conn); err != nil {
			return err
		}
		if f.Openings, err = s.opened(ctx, conn, ids); err != nil {
			return err
		}
		s.known.keep(ids)
		return nil
	})
	if err != nil {
		return adapters.Fleet{}, err
	}
	sortQuarantines(f.Quarantines)
	return f, nil
}

func sortQuarantines(list []reducer.Quarantine) {
	slices.SortFunc(list, func(a, b reducer.Quarantine) int {
		return cmp.Or(cmp.Compare(a.Channel, b.Channel), cmp.Compare(a.Closure, b.Closure))
	})
}

// fleet reads all but the openings, of which it returns the ids in their order.
func (s *Store) fleet(ctx context.Context, conn *pgx.Conn) (f adapters.Fleet, ids []int64, err error) {
	rows, err := conn.Query(ctx, s.in(readFleet))
	if err != nil {
		return f, nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var kind int
		var place, n int64
		var data []byte
		if err := rows.Scan(&kind, &place, &n, &data); err != nil {
			return f, nil, err
		}
		var bad error
		switch kind {
		case 0:
			f.Ordering = adapters.Ordering(n)
		case 1:
			ids = append(ids, n)
		case 2:
			f.Resumptions, bad = appended(f.Resumptions, data, codec.DecodeResumption)
		case 3:
			f.Clearances, bad = appended(f.Clearances, data, codec.DecodeClearance)
		default:
			f.Quarantines, bad = appended(f.Quarantines, data, codec.DecodeQuarantine)
		}
		if bad != nil {
			return f, nil, s.damaged("a row of the fleet", bad)
		}
	}
	return f, ids, rows.Err()
}

func appended[V any](to []V, data []byte, decode func([]byte) (V, error)) ([]V, error) {
	v, err := decode(data)
	return append(to, v), err
}

// opened returns openings by their ids, and reads those that are not known.
func (s *Store) opened(ctx context.Context, conn *pgx.Conn, ids []int64) ([]adapters.Opening, error) {
	var missing []int64
	for _, id := range ids {
		if s.known.numbered(id) == nil {
			missing = append(missing, id)
		}
	}
	if len(missing) > 0 {
		if err := s.learn(ctx, conn, readOpenings, missing); err != nil {
			return nil, err
		}
	}
	var out []adapters.Opening
	for _, id := range ids {
		o := s.known.numbered(id)
		if o == nil {
			return nil, s.damaged(fmt.Sprintf("opening %d is gone", id), nil)
		}
		out = append(out, o.Opening)
	}
	return out, nil
}

// Record implements [adapters.Store].
func (s *Store) Record(ctx context.Context, key states.Key) (rec states.Record, err error) {
	err = s.read(ctx, "reading the record "+key.String(), func(ctx context.Context, conn *pgx.Conn) error {
		o, m, err := s.member(ctx, conn, key)
		if err != nil {
			return err
		}
		var data []byte
		if err := conn.QueryRow(ctx, s.in(readRecord), o.id, indexed(string(key.Host))).Scan(&data); err != nil {
			return s.gone(o, key, err)
		}
		if data == nil {
			rec, _, err = o.Record(m)
			return err
		}
		if rec, err = codec.DecodeRecord(data); err != nil {
			return s.damaged("the row of "+key.String(), err)
		}
		return nil
	})
	if err != nil {
		return states.Record{}, err
	}
	return rec, nil
}

// member returns what a record was opened with.
func (s *Store) member(ctx context.Context, conn *pgx.Conn, key states.Key) (*opened, adapters.Member, error) {
	o, err := s.find(ctx, conn, key.Rollout)
	if err != nil {
		return nil, adapters.Member{}, err
	}
	if o == nil {
		return nil, adapters.Member{}, notFound(key)
	}
	i, ok := o.Place(key.Host)
	if !ok {
		return nil, adapters.Member{}, notFound(key)
	}
	return o, o.Members[i], nil
}

// gone forgets an opening that the database no longer has.
func (s *Store) gone(o *opened, key states.Key, err error) error {
	if err != pgx.ErrNoRows {
		return err
	}
	s.known.forget(o)
	return notFound(key)
}

// Log implements [adapters.Store].
func (s *Store) Log(ctx context.Context, key states.Key) (log []reducer.LogEntry, err error) {
	err = s.read(ctx, "reading the log of "+key.String(), func(ctx context.Context, conn *pgx.Conn) error {
		o, m, err := s.member(ctx, conn, key)
		if err != nil {
			return err
		}
		_, first, err := o.Record(m)
		if err != nil {
			return err
		}
		log = append(log[:0], first)
		rows, err := conn.Query(ctx, s.in(readLog), o.id, indexed(string(key.Host)))
		if err != nil {
			return err
		}
		defer rows.Close()
		there := false
		for rows.Next() {
			there = true
			var revision *int64
			var data []byte
			if err := rows.Scan(&revision, &data); err != nil {
				return err
			}
			if revision == nil {
				continue // nothing but the opening
			}
			entries, err := codec.DecodeLogged(data)
			if err != nil {
				return s.damaged("the log of "+key.String(), err)
			}
			if log, err = s.extended(log, key, entries, states.Revision(*revision)); err != nil {
				return err
			}
		}
		if err := rows.Err(); err != nil || there {
			return err
		}
		return s.gone(o, key, pgx.ErrNoRows)
	})
	if err != nil {
		return nil, err
	}
	return log, nil
}

// extended returns a log with a row's entries behind it, which lead to a
// revision.
func (s *Store) extended(log []reducer.LogEntry, key states.Key, entries []reducer.LogEntry, to states.Revision) ([]reducer.LogEntry, error) {
	for i := range entries {
		e := &entries[i]
		if e.Snapshot != nil && len(log) == 1 {
			log = log[:0] // it stands for the opening, too
		} else if want := log[0].Revision + states.Revision(len(log)); e.Revision != want {
			return nil, s.damaged(fmt.Sprintf("the log of %s has entry %d where %d was to be", key, e.Revision, want), nil)
		}
		if e.Event.Key != key {
			return nil, s.damaged(fmt.Sprintf("the log of %s has an entry of %s", key, e.Event.Key), nil)
		}
		log = append(log, *e)
	}
	if last := log[len(log)-1].Revision; last != to {
		return nil, s.damaged(fmt.Sprintf("a row of the log of %s ends at %d, and stands at %d", key, last, to), nil)
	}
	return log, nil
}

// page is how many records are read at a time: enough to make a round trip's
// cost small, few enough to hold in memory.
const page = 2000

// Records implements [adapters.Store]. It walks the records in the order of
// their keys, and holds no connection while the caller works on one.
func (s *Store) Records(ctx context.Context) iter.Seq2[states.Record, error] {
	return func(yield func(states.Record, error) bool) {
		var rollout int64 = -1 << 63
		var host []byte
		for {
			records, last, end, err := s.pageAfter(ctx, rollout, host)
			if err != nil {
				yield(states.Record{}, err)
				return
			}
			for i := range records {
				if !yield(records[i], nil) {
					return
				}
			}
			if len(records) < page {
				return
			}
			rollout, host = last, end
		}
	}
}

// pageAfter reads the records behind a key, and the key of the last one.
func (s *Store) pageAfter(ctx context.Context, rollout int64, host []byte) (out []states.Record, last int64, end []byte, err error) {
	if host == nil {
		host = []byte{}
	}
	err = s.read(ctx, "reading records", func(ctx context.Context, conn *pgx.Conn) error {
		out = out[:0]
		rows, err := conn.Query(ctx, s.in(readPage), rollout, host, page)
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			var data []byte
			if err := rows.Scan(&last, &end, &data); err != nil {
				return err
			}
			rec, err := codec.DecodeRecord(data)
			if err != nil {
				return s.damaged("a row of the records", err)
			}
			if !bytes.Equal(indexed(string(rec.Host)), end) {
				return s.damaged("the row of "+rec.Key.String()+" has another host's key", nil)
			}
			out = append(out, rec)
		}
		return rows.Err()
	})
	return out, last, end, err
}
