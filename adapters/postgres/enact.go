package postgres

import (
	"context"
	"crypto/sha256"
	"fmt"
	"math/rand/v2"

	"github.com/jackc/pgx/v5"
	"github.com/rollmend/rollmend/adapters"
	"github.com/rollmend/rollmend/internal/codec"
	"github.com/rollmend/rollmend/reducer"
)

// statement writes one act and reports whether that changed anything.
type statement func(ctx context.Context, conn *pgx.Conn) (bool, error)

// Enact implements [adapters.Store]. A resumption that is stored already, the
// same in every field, is left as it is too. Where nothing was to be stored,
// the ordering revision stays. From its beginning on nobody else ends a
// transaction, whichever replica it comes from: openings have one order, and a
// clearance meets every quarantine that was stored before it.
func (s *Store) Enact(ctx context.Context, acts []adapters.Act) error {
	if err := s.usable(ctx); err != nil {
		return err
	}
	writes, err := s.plan(acts)
	if err != nil {
		return err
	}
	hold := func(b *pgx.Batch) { b.Queue(s.in(holdFleet)) }
	return s.transact(ctx, hold, func(ctx context.Context, a *attempt) (*pgx.Batch, *finish, error) {
		stored := false
		for _, write := range writes {
			did, err := write(ctx, a.conn)
			if err != nil {
				return nil, nil, err
			}
			stored = stored || did
		}
		if !stored {
			return nil, nil, nil
		}
		return new(pgx.Batch), &finish{raise: true, fleet: true}, nil
	})
}

// plan turns acts into statements.
func (s *Store) plan(acts []adapters.Act) ([]statement, error) {
	var writes []statement
	for i, act := range acts {
		switch a := act.(type) {
		case adapters.Opening:
			data, err := checkOpening(&a)
			if err != nil {
				return nil, err
			}
			writes = append(writes, s.one(appendOpening, rand.Int64(),
				indexed(string(a.Rollout.Channel)), indexed(string(a.Rollout.Ref)), data))
		case adapters.Resumption:
			data := codec.AppendResumption(nil, &a)
			digest := sha256.Sum256(data)
			writes = append(writes, s.one(appendResumption, digest[:], data))
		case adapters.Imposition:
			writes = append(writes, s.one(addQuarantine, quarantineRow(&a.Quarantine)...))
		case adapters.Clearance:
			writes = append(writes, s.lift(&a))
		default:
			return nil, fmt.Errorf("postgres: act %d is a %T, which is none of the known ones", i, act)
		}
	}
	return writes, nil
}

// checkOpening makes sure that every member of an opening gets a record, and
// returns the opening encoded.
func checkOpening(o *adapters.Opening) ([]byte, error) {
	data, err := codec.AppendOpening(nil, o)
	if err != nil {
		return nil, err
	}
	for _, m := range o.Members {
		if _, _, err := o.Record(m); err != nil {
			return nil, fmt.Errorf("postgres: opening %s: %w", o.Rollout, err)
		}
	}
	return data, nil
}

// one is the act of a single statement.
func (s *Store) one(query string, args ...any) statement {
	return func(ctx context.Context, conn *pgx.Conn) (bool, error) { return s.affects(ctx, conn, query, args...) }
}

// lift ends a quarantine, and notes that only where there was one.
func (s *Store) lift(a *adapters.Clearance) statement {
	data := codec.AppendClearance(nil, a)
	channel, closure := indexed(string(a.Channel)), indexed(string(a.Closure))
	return func(ctx context.Context, conn *pgx.Conn) (bool, error) {
		if did, err := s.affects(ctx, conn, removeQuarantine, channel, closure); err != nil || !did {
			return false, err
		}
		return s.affects(ctx, conn, appendClearance, data)
	}
}

func (s *Store) affects(ctx context.Context, conn *pgx.Conn, query string, args ...any) (bool, error) {
	tag, err := conn.Exec(ctx, s.in(query), args...)
	return tag.RowsAffected() > 0, err
}

func quarantineRow(q *reducer.Quarantine) []any {
	return []any{indexed(string(q.Channel)), indexed(string(q.Closure)), codec.AppendQuarantine(nil, q)}
}
