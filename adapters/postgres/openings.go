package postgres

import (
	"context"
	"crypto/sha256"
	"sync"

	"github.com/jackc/pgx/v5"
	"github.com/rollmend/rollmend/adapters"
	"github.com/rollmend/rollmend/internal/codec"
	"github.com/rollmend/rollmend/states"
)

// openings remembers what was opened. An opening never changes, so one that
// was read once is right for ever; whether it still is there, the database
// says.
type openings struct {
	mu        sync.RWMutex
	byID      map[int64]*opened
	byRollout map[states.Rollout]*opened
}

type opened struct {
	adapters.Opening
	id int64
}

func newOpenings() *openings {
	return &openings{byID: make(map[int64]*opened), byRollout: make(map[states.Rollout]*opened)}
}

func (k *openings) add(o *opened) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.byID[o.id] = o
	k.byRollout[o.Rollout] = o
}

func (k *openings) forget(o *opened) {
	k.mu.Lock()
	defer k.mu.Unlock()
	delete(k.byID, o.id)
	if k.byRollout[o.Rollout] == o {
		delete(k.byRollout, o.Rollout)
	}
}

// keep forgets all openings but these: another replica may have forgotten
// rollouts, whose members would be remembered for ever.
func (k *openings) keep(ids []int64) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if len(k.byID) == len(ids) {
		return
	}
	there := make(map[int64]bool, len(ids))
	for _, id := range ids {
		there[id] = true
	}
	for id, o := range k.byID {
		if there[id] {
			continue
		}
		delete(k.byID, id)
		if k.byRollout[o.Rollout] == o {
			delete(k.byRollout, o.Rollout)
		}
	}
}

func (k *openings) named(r states.Rollout) *opened {
	k.mu.RLock()
	defer k.mu.RUnlock()
	return k.byRollout[r]
}

func (k *openings) numbered(id int64) *opened {
	k.mu.RLock()
	defer k.mu.RUnlock()
	return k.byID[id]
}

// querier is a connection or a transaction.
type querier interface {
	Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error)
}

// find returns the opening of a rollout, nil where there is none.
func (s *Store) find(ctx context.Context, q querier, r states.Rollout) (*opened, error) {
	if o := s.known.named(r); o != nil {
		return o, nil
	}
	if err := s.learn(ctx, q, readOpeningNamed, indexed(string(r.Channel)), indexed(string(r.Ref))); err != nil {
		return nil, err
	}
	return s.known.named(r), nil
}

// learn reads openings that are not known yet.
func (s *Store) learn(ctx context.Context, q querier, query string, args ...any) error {
	rows, err := q.Query(ctx, s.in(query), args...)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var id int64
		var data []byte
		if err := rows.Scan(&id, &data); err != nil {
			return err
		}
		o, err := codec.DecodeOpening(data)
		if err != nil {
			return s.damaged("an opening", err)
		}
		s.known.add(&opened{Opening: o, id: id})
	}
	return rows.Err()
}

const (
	longestIndexed = 255 // bytes of a name that stands in an index as it is
	keptOfLonger   = 224 // of a longer one, so that it has 256 bytes with its digest
)

// indexed is a name as it stands in an index: see the migrations. It is never
// nil, which would be NULL.
func indexed(name string) []byte { return appendIndexed([]byte{}, name) }

func appendIndexed(dst []byte, name string) []byte {
	if len(name) <= longestIndexed {
		return append(dst, name...)
	}
	digest := sha256.Sum256([]byte(name))
	return append(append(dst, name[:keptOfLonger]...), digest[:]...)
}
