package postgres

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"iter"
	"math/rand/v2"
	"slices"

	"github.com/jackc/pgx/v5"
	"github.com/rollmend/rollmend/adapters"
	"github.com/rollmend/rollmend/internal/codec"
	"github.com/rollmend/rollmend/reducer"
	"github.com/rollmend/rollmend/states"
)

var (
	_ adapters.Compactor = (*Store)(nil)
	_ adapters.Pruner    = (*Store)(nil)
	_ adapters.Auditor   = (*Store)(nil)
)

// refusal ends a transaction by what the caller is told; nothing failed.
type refusal struct{ error }

func (r refusal) Unwrap() error { return r.error }

// compaction is one snapshot on its way.
type compaction struct {
	entry   *reducer.LogEntry
	place   int // in the batch that the caller handed over
	opening *opened
	host    []byte // as in the index
	data    []byte
}

// Compact implements [adapters.Compactor], in one transaction. The room is used
// again once the server has vacuumed the log, which it does by itself.
func (s *Store) Compact(ctx context.Context, snapshots []reducer.LogEntry) ([]adapters.Result, error) {
	if err := s.usable(ctx); err != nil {
		return nil, err
	}
	results := make([]adapters.Result, len(snapshots))
	rows, err := s.compactions(ctx, snapshots, results)
	if err != nil || len(rows) == 0 {
		return results, err
	}
	stored := make(map[place]*storedRecord, len(rows))
	rollouts, hosts := make([]int64, len(rows)), make([][]byte, len(rows))
	for i := range rows {
		rollouts[i], hosts[i] = rows[i].opening.id, rows[i].host
	}
	there := make(map[int64]bool)
	lock := func(q *pgx.Batch) {
		clear(stored)
		clear(there)
		q.Queue(s.in(openingsThere), slices.Compact(slices.Clone(rollouts))).Query(func(rows pgx.Rows) error {
			var id int64
			_, err := pgx.ForEachRow(rows, []any{&id}, func() error {
				there[id] = true
				return nil
			})
			return err
		})
		q.Queue(s.in(lockRecordData), rollouts, hosts).Query(func(rows pgx.Rows) error { return readStored(rows, stored) })
	}
	err = s.transact(ctx, lock, func(context.Context, *attempt) (*pgx.Batch, *finish, error) {
		var rollouts, revisions []int64
		var hosts, data [][]byte
		for i := range rows {
			r := &rows[i]
			results[r.place].Err = r.refusal(stored[place{r.opening.id, string(r.host)}])
			if !there[r.opening.id] {
				s.known.forget(r.opening)
				results[r.place].Err = notFound(r.entry.Event.Key)
			}
			if results[r.place].Err == nil {
				rollouts, hosts = append(rollouts, r.opening.id), append(hosts, r.host)
				revisions, data = append(revisions, int64(r.entry.Revision)), append(data, r.data)
			}
		}
		n := len(rollouts)
		if n == 0 {
			return nil, nil, nil
		}
		b := new(pgx.Batch)
		b.Queue(s.in(eraseLog), rollouts, hosts)
		b.Queue(s.in(insertLog), rollouts, hosts, revisions, data,
			slices.Repeat([]int16{absent}, n), slices.Repeat([]int16{absent}, n), slices.Repeat([]int64{absent}, n))
		return b, &finish{}, nil
	})
	if err != nil {
		return nil, err
	}
	return results, nil
}

// compactions encodes the snapshots and sorts them by key, the order in which
// every commit locks.
func (s *Store) compactions(ctx context.Context, snapshots []reducer.LogEntry, results []adapters.Result) ([]compaction, error) {
	var rows []compaction
	seen := make(map[states.Key]struct{}, len(snapshots))
	for i := range snapshots {
		e := &snapshots[i]
		key := e.Event.Key
		if _, twice := seen[key]; twice {
			return nil, fmt.Errorf("postgres: %s stands twice in a batch", key)
		}
		seen[key] = struct{}{}
		data, err := codec.AppendSnapshot(nil, e)
		if err != nil {
			return nil, err
		}
		o, err := s.openingOf(ctx, key.Rollout)
		if err != nil {
			return nil, err
		}
		if o == nil {
			results[i].Err = notFound(key)
			continue
		}
		if _, member := o.Place(key.Host); !member {
			results[i].Err = notFound(key)
			continue
		}
		rows = append(rows, compaction{entry: e, place: i, opening: o, host: indexed(string(key.Host)), data: data})
	}
	slices.SortFunc(rows, func(a, b compaction) int {
		return cmp.Or(cmp.Compare(a.opening.id, b.opening.id), bytes.Compare(a.host, b.host))
	})
	return rows, nil
}

// storedRecord is what the database holds of a record.
type storedRecord struct {
	revision states.Revision
	data     []byte
}

func readStored(rows pgx.Rows, into map[place]*storedRecord) error {
	for rows.Next() {
		var id, revision int64
		var host, data []byte
		if err := rows.Scan(&id, &host, &revision, &data); err != nil {
			return err
		}
		into[place{id, string(host)}] = &storedRecord{revision: states.Revision(revision), data: data}
	}
	return rows.Err()
}

// refusal says why a snapshot is not stored, nil where it is.
func (c *compaction) refusal(found *storedRecord) error {
	key := c.entry.Event.Key
	if found == nil {
		return &adapters.ConflictError{Key: key, Expected: c.entry.Revision}
	}
	if found.revision != c.entry.Revision {
		return &adapters.ConflictError{Key: key, Expected: c.entry.Revision, Found: found.revision}
	}
	rec, err := codec.DecodeRecord(found.data)
	if err != nil {
		return &adapters.SnapshotError{Key: key, Reason: "the record cannot be read: " + err.Error()}
	}
	if !rec.Equal(&c.entry.Snapshot.Record) {
		return &adapters.SnapshotError{Key: key, Reason: "its snapshot gives another record than the one that is stored"}
	}
	return nil
}

// Prune implements [adapters.Pruner], in two transactions: one forgets, the
// other erases. Any replica may go on with what another one left to erase.
func (s *Store) Prune(ctx context.Context, p adapters.Pruning) (adapters.Pruned, error) {
	if err := s.usable(ctx); err != nil {
		return adapters.Pruned{}, err
	}
	if len(p.Rollouts) > 0 || p.Guard != 0 {
		if err := s.forget(ctx, p); err != nil {
			return adapters.Pruned{}, err
		}
	}
	done, err := s.erase(ctx, max(p.Most, 0))
	if err != nil {
		return adapters.Pruned{}, fmt.Errorf("postgres: the rollouts are forgotten, and not all of them is erased: call again: %w", err)
	}
	return done, nil
}

// forget gives openings a new id and no members. What had the old id belongs to
// nothing from then on, whichever replica still knows it.
func (s *Store) forget(ctx context.Context, p adapters.Pruning) error {
	hold := func(b *pgx.Batch) { b.Queue(s.in(holdFleet)) }
	err := s.transact(ctx, hold, func(ctx context.Context, a *attempt) (*pgx.Batch, *finish, error) {
		// What was read before the fleet's row was held may be old.
		var ordering int64
		if err := a.conn.QueryRow(ctx, s.in(readNumbers)).Scan(&ordering, &a.number, &a.prunings); err != nil {
			return nil, nil, err
		}
		if p.Guard != 0 && p.Guard != adapters.Ordering(ordering) {
			return nil, nil, refusal{&adapters.GuardError{Guard: p.Guard, Ordering: adapters.Ordering(ordering)}}
		}
		_, ids, err := s.fleet(ctx, a.conn)
		if err != nil {
			return nil, nil, err
		}
		openings, err := s.opened(ctx, a.conn, ids)
		if err != nil {
			return nil, nil, err
		}
		places, err := adapters.CheckPruning(openings, p)
		if err != nil {
			return nil, nil, refusal{err}
		}
		if len(places) == 0 {
			return nil, nil, nil
		}
		b := new(pgx.Batch)
		for _, i := range places {
			left := openings[i].Forgotten()
			data, err := codec.AppendOpening(nil, &left)
			if err != nil {
				return nil, nil, err
			}
			b.Queue(s.in(noteForgotten), ids[i])
			b.Queue(s.in(forgetOpening), ids[i], rand.Int64(), data)
		}
		return b, &finish{fleet: true, prunes: true}, nil
	})
	var why refusal
	if errors.As(err, &why) {
		return why.error
	}
	for _, r := range p.Rollouts {
		if o := s.known.named(r); err == nil && o != nil {
			s.known.forget(o)
		}
	}
	return err
}

// erase gives room back, so many rows of records and as many of logs.
func (s *Store) erase(ctx context.Context, most int) (done adapters.Pruned, err error) {
	if most > 0 {
		nothing := func(*pgx.Batch) {}
		err := s.transact(ctx, nothing, func(ctx context.Context, a *attempt) (*pgx.Batch, *finish, error) {
			done.Erased = 0
			for _, statement := range []string{eraseRecords, eraseLogs} {
				tag, err := a.conn.Exec(ctx, s.in(statement), most)
				if err != nil {
					return nil, nil, err
				}
				done.Erased += int(tag.RowsAffected())
			}
			tag, err := a.conn.Exec(ctx, s.in(endForgotten))
			if err != nil || done.Erased == 0 && tag.RowsAffected() == 0 {
				return nil, nil, err
			}
			return new(pgx.Batch), &finish{}, nil
		})
		if err != nil {
			return adapters.Pruned{}, err
		}
	}
	err = s.read(ctx, "reading what is left to erase", func(ctx context.Context, conn *pgx.Conn) error {
		var n int
		err := conn.QueryRow(ctx, s.in(countForgotten)).Scan(&n)
		done.More = n > 0
		return err
	})
	return done, err
}

// Strays implements [adapters.Auditor]. It reads the tables whole, on one
// connection that it keeps meanwhile.
func (s *Store) Strays(ctx context.Context) iter.Seq2[string, error] {
	return func(yield func(string, error) bool) {
		conn, err := s.acquire(ctx)
		if err != nil {
			yield("", err)
			return
		}
		defer conn.Release()
		rows, err := conn.Query(ctx, s.in(readStrays))
		if err != nil {
			yield("", s.failed(ctx, "looking for what belongs to nothing", err))
			return
		}
		defer rows.Close()
		for rows.Next() {
			var what string
			var rollout, revision int64
			var host []byte
			if err := rows.Scan(&what, &rollout, &host, &revision); err != nil {
				yield("", s.failed(ctx, "looking for what belongs to nothing", err))
				return
			}
			if !yield(fmt.Sprintf("%s: opening %d, host %q, revision %d", what, rollout, host, revision), nil) {
				return
			}
		}
		if err := rows.Err(); err != nil {
			yield("", s.failed(ctx, "looking for what belongs to nothing", err))
		}
	}
}
