package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"sync"

	"github.com/rollmend/rollmend/adapters"
	"github.com/rollmend/rollmend/internal/codec"
	"github.com/rollmend/rollmend/reducer"
	"github.com/rollmend/rollmend/states"
)

// Store is an [adapters.Store] in a SQLite file. It is safe for concurrent use.
type Store struct {
	db    *sql.DB
	close func() error
	where string // the file, for errors

	// turns holds one token while somebody writes, or reads what is not in the
	// index.
	turns chan struct{}
	epoch int64 // this store's own
	turn  int64 // the last that was taken; the holder's

	batches sync.Pool // of *batch

	// mu guards what follows. It is written by the holder of the turn alone,
	// after its transaction was committed.
	mu       sync.RWMutex
	index    *index
	last     int64     // the newest row
	waste    []int64   // rows of records that were forgotten, to be erased with those before them
	erased   int64     // counts the calls that erased rows
	loads    int64     // counts how often all was read anew
	outlined *outlined // nil: the records are to be read
	ordering adapters.Ordering
	doubt    bool  // the outcome of the last transaction is not known
	anew     bool  // and it may have changed more than rows behind the newest
	ended    error // why nothing is served any more
}

var _ adapters.Store = (*Store)(nil)

// Close ends the store once the commit that is under way has ended; every
// later call returns [adapters.ErrClosed].
func (s *Store) Close() error {
	s.turns <- struct{}{}
	defer s.release()
	s.mu.Lock()
	defer s.mu.Unlock()
	if errors.Is(s.ended, adapters.ErrClosed) {
		return nil
	}
	s.ended = adapters.ErrClosed
	return s.close()
}

// Fleet implements [adapters.Store]. The members of the openings are shared
// with the store and must not be written to.
func (s *Store) Fleet(ctx context.Context) (adapters.Fleet, error) {
	if err := s.acquire(ctx); err != nil {
		return adapters.Fleet{}, err
	}
	defer s.release()
	f := adapters.Fleet{Ordering: s.ordering}
	for _, in := range s.index.openings {
		f.Openings = append(f.Openings, in.Opening)
	}
	var err error
	if f.Resumptions, err = readAll(ctx, s, readResumptions, codec.DecodeResumption); err != nil {
		return adapters.Fleet{}, err
	}
	if f.Clearances, err = readAll(ctx, s, readClearances, codec.DecodeClearance); err != nil {
		return adapters.Fleet{}, err
	}
	if f.Quarantines, err = readAll(ctx, s, readQuarantines, codec.DecodeQuarantine); err != nil {
		return adapters.Fleet{}, err
	}
	return f, nil
}

// readAll decodes every row of a small table.
func readAll[V any](ctx context.Context, s *Store, query string, decode func([]byte) (V, error)) ([]V, error) {
	rows, err := s.db.QueryContext(ctx, query)
	if err != nil {
		return nil, s.failed("reading the fleet", err)
	}
	defer rows.Close()
	var out []V
	for rows.Next() {
		var data sql.RawBytes
		if err := rows.Scan(&data); err != nil {
			return nil, s.failed("reading the fleet", err)
		}
		v, err := decode(data)
		if err != nil {
			return nil, s.damaged("a row of the fleet", err)
		}
		out = append(out, v)
	}
	if err := rows.Err(); err != nil {
		return nil, s.failed("reading the fleet", err)
	}
	return out, nil
}

// Record implements [adapters.Store].
func (s *Store) Record(ctx context.Context, key states.Key) (states.Record, error) {
	in, i, newest, err := s.find(ctx, key)
	if err != nil {
		return states.Record{}, err
	}
	if newest.row == 0 {
		rec, _, err := in.Record(in.Members[i])
		return rec, err
	}
	var data []byte
	err = s.db.QueryRowContext(ctx, readChange, newest.row).Scan(&data)
	if errors.Is(err, sql.ErrNoRows) || err == nil && len(data) == 0 {
		if err := s.overtaken(key, in, i, newest); err != nil {
			return states.Record{}, err
		}
		return s.Record(ctx, key)
	}
	if err != nil {
		return states.Record{}, s.failed("reading the record "+key.String(), err)
	}
	rec, err := codec.DecodeChangedRecord(data)
	if err != nil {
		return states.Record{}, s.damaged("the row of "+key.String(), err)
	}
	return rec, nil
}

// overtaken says why a record's newest row is not there, nil where another one
// took its place since it was looked up.
func (s *Store) overtaken(key states.Key, in *opened, i int, newest head) error {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if in.gone || in.heads[i] != newest {
		return nil
	}
	return s.damaged(fmt.Sprintf("row %d of %s is gone, or another process erased it", newest.row, key), nil)
}

// Log implements [adapters.Store].
func (s *Store) Log(ctx context.Context, key states.Key) ([]reducer.LogEntry, error) {
	in, i, newest, err := s.find(ctx, key)
	if err != nil {
		return nil, err
	}
	_, first, err := in.Record(in.Members[i])
	if err != nil {
		return nil, err
	}
	log := []reducer.LogEntry{first}
	rows, err := s.db.QueryContext(ctx, readChain, newest.row)
	if err != nil {
		return nil, s.failed("reading the log of "+key.String(), err)
	}
	defer rows.Close()
	for rows.Next() {
		var data sql.RawBytes
		if err := rows.Scan(&data); err != nil {
			return nil, s.failed("reading the log of "+key.String(), err)
		}
		if len(data) == 0 {
			break
		}
		_, effects, err := codec.DecodeChange(data)
		if err != nil {
			return nil, s.damaged("a row of "+key.String(), err)
		}
		for j := range effects {
			log = append(log, effects[j].Entry)
		}
	}
	if err := rows.Err(); err != nil {
		return nil, s.failed("reading the log of "+key.String(), err)
	}
	if newest.row != 0 && len(log) == 1 {
		_ = rows.Close() // before another query, which may be left no other connection
		if err := s.overtaken(key, in, i, newest); err != nil {
			return nil, err
		}
		return s.Log(ctx, key)
	}
	if len(log) > 1 && log[1].Snapshot != nil {
		return log[1:], nil // it stands for the opening, too
	}
	return log, nil
}

// find returns a record's place and its newest row.
func (s *Store) find(ctx context.Context, key states.Key) (*opened, int, head, error) {
	if err := s.settled(ctx); err != nil {
		return nil, 0, head{}, err
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	in, i, ok := s.index.find(key)
	if !ok {
		return nil, 0, head{}, notFound(key)
	}
	return in, i, in.heads[i], nil
}

func notFound(key states.Key) error {
	return fmt.Errorf("sqlite: %s: %w", key, adapters.ErrNotFound)
}
