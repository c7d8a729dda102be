package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"

	"github.com/rollmend/rollmend/adapters"
	"github.com/rollmend/rollmend/internal/codec"
	"github.com/rollmend/rollmend/reducer"
	"github.com/rollmend/rollmend/states"
)

// errNothing ends the transaction of acts that were all in force already.
var errNothing = errors.New("nothing to store")

// Enact implements [adapters.Store]. A resumption that is stored already, the
// same in every field, is left as it is too. Where nothing was to be stored,
// the ordering revision stays.
func (s *Store) Enact(ctx context.Context, acts []adapters.Act) error {
	if err := s.acquire(ctx); err != nil {
		return err
	}
	defer s.release()
	writes, openings, err := s.plan(acts)
	if err != nil {
		return err
	}
	ordering := s.ordering + 1
	err = s.write(ctx, ordering, func(conn *sql.Conn) error {
		stored := false
		for _, write := range writes {
			did, err := write(ctx, conn)
			if err != nil {
				return err
			}
			stored = stored || did
		}
		if !stored {
			return errNothing
		}
		return nil
	})
	if errors.Is(err, errNothing) {
		return nil
	}
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, o := range openings {
		s.index.open(o)
	}
	s.ordering = ordering
	return nil
}

// statement writes one act and reports whether that changed anything.
type statement func(context.Context, *sql.Conn) (bool, error)

// plan turns acts into statements. It returns the openings among them that are
// new, as the index will keep them.
func (s *Store) plan(acts []adapters.Act) ([]statement, []adapters.Opening, error) {
	var writes []statement
	var openings []adapters.Opening
	known := func(r states.Rollout) bool {
		for i := range openings {
			if openings[i].Rollout == r {
				return true
			}
		}
		return s.index.byRollout[r] != nil
	}
	for i, act := range acts {
		switch a := act.(type) {
		case adapters.Opening:
			if known(a.Rollout) {
				continue
			}
			data, own, err := checkOpening(&a)
			if err != nil {
				return nil, nil, err
			}
			openings = append(openings, own)
			writes = append(writes, one(appendOpening, data))
		case adapters.Resumption:
			writes = append(writes, one(appendResumption, codec.AppendResumption(nil, &a)))
		case adapters.Imposition:
			writes = append(writes, one(addQuarantine, quarantineRow(&a.Quarantine)...))
		case adapters.Clearance:
			writes = append(writes, lift(&a))
		default:
			return nil, nil, fmt.Errorf("sqlite: act %d is a %T, which is none of the known ones", i, act)
		}
	}
	return writes, openings, nil
}

// checkOpening makes sure that every member of an opening gets a record. It
// returns the opening encoded, and as a copy that the caller does not share.
func checkOpening(o *adapters.Opening) ([]byte, adapters.Opening, error) {
	data, err := codec.AppendOpening(nil, o)
	if err != nil {
		return nil, adapters.Opening{}, err
	}
	own := *o
	own.Members = slices.Clone(o.Members) // whose names are shared: of a million there is one copy
	for _, m := range own.Members {
		if _, _, err := own.Record(m); err != nil {
			return nil, adapters.Opening{}, fmt.Errorf("sqlite: opening %s: %w", own.Rollout, err)
		}
	}
	return data, own, nil
}

// one is the act of a single statement.
func one(query string, args ...any) statement {
	return func(ctx context.Context, conn *sql.Conn) (bool, error) { return affects(ctx, conn, query, args...) }
}

// lift ends a quarantine, and notes that only where there was one.
func lift(a *adapters.Clearance) statement {
	data := codec.AppendClearance(nil, a)
	at := []any{[]byte(a.Channel), []byte(a.Closure)}
	return func(ctx context.Context, conn *sql.Conn) (bool, error) {
		if did, err := affects(ctx, conn, removeQuarantine, at...); err != nil || !did {
			return false, err
		}
		return affects(ctx, conn, appendClearance, data)
	}
}

func affects(ctx context.Context, conn *sql.Conn, query string, args ...any) (bool, error) {
	res, err := conn.ExecContext(ctx, query, args...)
	if err != nil {
		return false, err
	}
	n, err := res.RowsAffected()
	return n > 0, err
}

func quarantineRow(q *reducer.Quarantine) []any {
	return []any{[]byte(q.Channel), []byte(q.Closure), codec.AppendQuarantine(nil, q)}
}
