package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/rollmend/rollmend/adapters"
	"github.com/rollmend/rollmend/internal/codec"
	"github.com/rollmend/rollmend/reducer"
	"github.com/rollmend/rollmend/states"
)

var (
	_ adapters.Compactor = (*Store)(nil)
	_ adapters.Pruner    = (*Store)(nil)
)

// compaction is a snapshot on its way.
type compaction struct {
	row  int64 // the record's newest
	data []byte
}

// Compact implements [adapters.Compactor], in one transaction. A snapshot takes
// the place of the record's newest row, and the rows before it are erased. The
// file keeps its size: what follows is stored in the room that is free.
func (s *Store) Compact(ctx context.Context, snapshots []reducer.LogEntry) ([]adapters.Result, error) {
	encoded := make([][]byte, len(snapshots))
	seen := make(map[states.Key]struct{}, len(snapshots))
	for i := range snapshots {
		key := snapshots[i].Event.Key
		if _, twice := seen[key]; twice {
			return nil, fmt.Errorf("sqlite: %s stands twice in a batch", key)
		}
		seen[key] = struct{}{}
		var err error
		if encoded[i], err = codec.AppendSnapshot(nil, &snapshots[i]); err != nil {
			return nil, err
		}
	}
	if err := s.acquire(ctx); err != nil {
		return nil, err
	}
	defer s.release()
	results := make([]adapters.Result, len(snapshots))
	var places []compaction
	for i := range snapshots {
		row, err := s.compactable(ctx, &snapshots[i])
		if why := new(refusal); errors.As(err, why) {
			results[i].Err = why.error
			continue
		}
		if err != nil {
			return nil, err
		}
		places = append(places, compaction{row: row, data: encoded[i]})
	}
	if len(places) == 0 {
		return results, nil
	}
	err := s.rewrite(ctx, func(conn *sql.Conn) error {
		for _, p := range places {
			if err := erase(ctx, conn, p.row, true); err != nil {
				return err
			}
			if _, err := conn.ExecContext(ctx, takePlace, p.data, p.row); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.erased++
	return results, nil
}

// erasedRow stands in a row in the place of the previous one: the row was erased,
// and keeps its id from being given again.
const erasedRow = -1

// refusal is an error of one snapshot alone.
type refusal struct{ error }

// compactable returns the newest row of a snapshot's record, or a [refusal]. The
// caller holds the turn.
func (s *Store) compactable(ctx context.Context, e *reducer.LogEntry) (int64, error) {
	key := e.Event.Key
	in, i, ok := s.index.find(key)
	if !ok {
		return 0, refusal{notFound(key)}
	}
	newest := in.heads[i]
	if newest.revision != e.Revision {
		return 0, refusal{&adapters.ConflictError{Key: key, Expected: e.Revision, Found: newest.revision}}
	}
	var data []byte
	if err := s.db.QueryRowContext(ctx, readChange, newest.row).Scan(&data); err != nil {
		return 0, s.failed("reading the record "+key.String(), err)
	}
	rec, err := codec.DecodeChangedRecord(data)
	if err != nil {
		return 0, s.damaged("the row of "+key.String(), err)
	}
	if !rec.Equal(&e.Snapshot.Record) {
		return 0, refusal{&adapters.SnapshotError{Key: key, Reason: "its snapshot gives another record than the one that is stored"}}
	}
	return newest.row, nil
}

// erase removes a record's rows from one on backwards, or those before it.
func erase(ctx context.Context, conn *sql.Conn, row int64, keepFirst bool) error {
	for keep := keepFirst; row > 0; keep = false {
		var previous int64
		err := conn.QueryRowContext(ctx, readPrevious, row).Scan(&previous)
		if errors.Is(err, sql.ErrNoRows) {
			return nil // erased with a later one
		}
		if err != nil {
			return err
		}
		if !keep {
			if _, err := conn.ExecContext(ctx, eraseChange, row); err != nil {
				return err
			}
		}
		row = previous
	}
	return nil
}

// rewrite is write for what changes rows. Should the outcome stay unknown, all
// is read anew.
func (s *Store) rewrite(ctx context.Context, do func(*sql.Conn) error) error {
	s.mu.Lock()
	s.anew = true
	s.mu.Unlock()
	err := s.write(ctx, s.ordering, do)
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.doubt {
		s.anew = false
	}
	return err
}

// Prune implements [adapters.Pruner], in two transactions: one forgets, the
// other erases. What is left to erase when the store is closed is found when it
// is opened.
func (s *Store) Prune(ctx context.Context, p adapters.Pruning) (adapters.Pruned, error) {
	if err := s.acquire(ctx); err != nil {
		return adapters.Pruned{}, err
	}
	defer s.release()
	if err := s.forget(ctx, p); err != nil {
		return adapters.Pruned{}, err
	}
	rows := s.waste[:min(len(s.waste), max(p.Most, 0))]
	if len(rows) == 0 {
		return adapters.Pruned{More: len(s.waste) > 0}, nil
	}
	loads := s.loads
	if err := s.rewrite(ctx, func(conn *sql.Conn) error { return s.eraseAll(ctx, conn, rows) }); err != nil {
		return adapters.Pruned{}, fmt.Errorf("sqlite: the rollouts are forgotten, and not all of them is erased: call again: %w", err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.erased++
	if loads == s.loads { // else what is left was read anew
		s.waste = s.waste[len(rows):]
	}
	return adapters.Pruned{Erased: len(rows), More: len(s.waste) > 0}, nil
}

// forget takes the members of rollouts away, all at one moment.
func (s *Store) forget(ctx context.Context, p adapters.Pruning) error {
	if p.Guard != 0 && p.Guard != s.ordering {
		return &adapters.GuardError{Guard: p.Guard, Ordering: s.ordering}
	}
	openings := make([]adapters.Opening, len(s.index.openings))
	for i, in := range s.index.openings {
		openings[i] = in.Opening
	}
	places, err := adapters.CheckPruning(openings, p)
	if err != nil || len(places) == 0 {
		return err
	}
	err = s.rewrite(ctx, func(conn *sql.Conn) error {
		for _, i := range places {
			left := openings[i].Forgotten()
			data, err := codec.AppendOpening(nil, &left)
			if err != nil {
				return err
			}
			if did, err := affects(ctx, conn, forgetMembers, data, i); err != nil || !did {
				return errors.Join(err, fmt.Errorf("the opening of %s is not there", left.Rollout))
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.erased++
	for _, i := range places {
		s.waste = append(s.waste, s.index.forget(s.index.openings[i])...)
	}
	return nil
}

// eraseAll erases rows and those before them. The newest row of all stays,
// without data, so that no later one gets its id: whoever still looks for it
// must not find another record's.
func (s *Store) eraseAll(ctx context.Context, conn *sql.Conn, rows []int64) error {
	for _, row := range rows {
		if err := erase(ctx, conn, row, row == s.last); err != nil {
			return err
		}
		if row != s.last {
			continue
		}
		if _, err := conn.ExecContext(ctx, blankChange, row); err != nil {
			return err
		}
	}
	return nil
}
