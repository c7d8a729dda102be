package etcd

import (
	"context"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"
)

// maxPieces bounds what an opening is parted into. At the default size of a
// request that is room for more than a million hosts.
const maxPieces = 64

// stageLife is how long pieces may wait for their opening, in seconds. To lose
// them is harmless: the opening compares that they are there, and else nothing
// of it is stored.
const stageLife = 300

// pieceBytes is the most that one piece holds.
func (s *Store) pieceBytes() int { return s.most / 2 }

// split adds an opening's text in pieces, and returns how many.
func (e *enactment) split(id string, text []byte) int {
	n, most := 0, e.store.pieceBytes()
	for ; n == 0 || len(text) > 0; n++ {
		size := min(most, len(text))
		e.pieces = append(e.pieces, put{e.store.keys.piece(id, n), fixed(text[:size])})
		e.bytes += size
		text = text[size:]
	}
	return n
}

// staged are pieces that are in the cluster before their opening is, held by a
// lease.
type staged struct {
	store *Store
	lease clientv3.LeaseID
	keys  []string
}

// stage puts the pieces beforehand, unless all fits into one request.
func (e *enactment) stage(ctx context.Context) (*staged, error) {
	s := &staged{store: e.store}
	if e.bytes <= e.store.most/2 {
		e.puts = append(e.puts, e.pieces...)
		return s, nil
	}
	const doing = "putting the hosts of an opening"
	if err := e.store.trust(ctx, doing); err != nil {
		return nil, err
	}
	bounded, cancel := context.WithTimeout(ctx, e.store.timeout)
	defer cancel()
	bounded = clientv3.WithRequireLeader(bounded)
	lease, err := e.store.client.Grant(bounded, stageLife)
	if err != nil {
		return nil, e.store.failed(ctx, doing, err)
	}
	s.lease = lease.ID
	for _, p := range e.pieces {
		bounded, cancel := context.WithTimeout(ctx, e.store.timeout)
		_, err := e.store.client.Put(clientv3.WithRequireLeader(bounded), p.key, string(p.value(stamp{})), clientv3.WithLease(lease.ID))
		cancel()
		if err != nil {
			s.drop(ctx)
			return nil, e.store.failed(ctx, doing, err)
		}
		s.keys = append(s.keys, p.key)
	}
	return s, nil
}

// keep makes the pieces permanent: they must be there, and leave their lease.
// The end of a lease takes all that hangs on it at once, so that one of them
// stands for all.
func (s *staged) keep() (ifs []clientv3.Cmp, then []clientv3.Op) {
	if len(s.keys) > 0 {
		ifs = []clientv3.Cmp{clientv3.Compare(clientv3.CreateRevision(s.keys[0]), ">", 0)}
	}
	for _, key := range s.keys {
		then = append(then, clientv3.OpPut(key, "", clientv3.WithIgnoreValue()))
	}
	return ifs, then
}

// dropWithin bounds how long is waited for the end of a lease, which ends by
// itself a little later.
const dropWithin = time.Second

// drop ends the lease, and with it what was not kept.
func (s *staged) drop(ctx context.Context) {
	if s.lease == 0 {
		return
	}
	bounded, cancel := context.WithTimeout(context.WithoutCancel(ctx), dropWithin)
	defer cancel()
	_, _ = s.store.client.Revoke(bounded, s.lease)
}
