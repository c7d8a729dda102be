package etcd

import (
	"context"
	"errors"
	"fmt"

	"github.com/rollmend/rollmend/adapters"
	"github.com/rollmend/rollmend/internal/codec"
	clientv3 "go.etcd.io/etcd/client/v3"
)

var _ adapters.Pruner = (*Store)(nil)

const (
	// maxForgotten is how many rollouts go into one call, at four operations each.
	maxForgotten = maxGroups * groupSize / 4

	// eraseAtOnce is how many keys one transaction erases at most: nobody else is
	// served meanwhile, which takes some hundredths of a second.
	eraseAtOnce = 1000

	// maxLost is how many steps of an erasing may go without an answer before it
	// is left to the next call.
	maxLost = 3
)

// Prune implements [adapters.Pruner]. One transaction forgets: it takes the
// openings away, by which every commit and every reading knows that they are
// gone. Others erase what was below them, in steps of up to a thousand keys. Any
// replica may go on with what another one left to erase.
func (s *Store) Prune(ctx context.Context, p adapters.Pruning) (adapters.Pruned, error) {
	if err := s.usable(ctx); err != nil {
		return adapters.Pruned{}, err
	}
	if len(p.Rollouts) > 0 || p.Guard != 0 {
		if err := s.forget(ctx, p); err != nil {
			return adapters.Pruned{}, err
		}
	}
	done, err := s.erase(ctx, p.Most)
	if err != nil {
		return adapters.Pruned{}, fmt.Errorf("etcd: the rollouts are forgotten, and not all of them is erased: call again: %w", err)
	}
	return done, nil
}

// forgotten is what stands in the plan for an opening that was forgotten, behind
// the stamp of whoever opened it, who may still ask whether it is there, and its
// kind: the stamp of whoever forgot it, the id that it had, and the opening
// without members.
type forgotten struct {
	by      stamp
	id      string
	opening adapters.Opening
}

var errNoID = errors.New("it has no id")

func forgottenIn(data []byte) (f forgotten, err error) {
	if f.by, data, err = unstamped(data); err != nil {
		return f, err
	}
	if len(data) < idLength {
		return f, errNoID
	}
	f.id = string(data[:idLength])
	f.opening, err = codec.DecodeOpening(data[idLength:])
	return f, err
}

// forgottenName stands, behind a stamp, in the place of the id that a rollout's
// name led to. It is longer than an id, and stays for ever.
const forgottenName = "forgotten"

// forget takes the members of rollouts away, all at one moment.
func (s *Store) forget(ctx context.Context, p adapters.Pruning) error {
	for try := 1; ; try++ {
		err := s.tryForget(ctx, p)
		if !errors.Is(err, errAgain) {
			return err
		}
		if err := s.again(ctx, try); err != nil {
			return err
		}
	}
}

// tryForget does it unless somebody enacted, or forgot anything, meanwhile.
func (s *Store) tryForget(ctx context.Context, p adapters.Pruning) error {
	read, err := s.plan(ctx)
	if err != nil {
		return err
	}
	if p.Guard != 0 && p.Guard != read.fleet.Ordering {
		return &adapters.GuardError{Guard: p.Guard, Ordering: read.fleet.Ordering}
	}
	places, err := adapters.CheckPruning(read.fleet.Openings, p)
	if err != nil || len(places) == 0 {
		return err
	}
	if len(places) > maxForgotten {
		return fmt.Errorf("etcd: %d rollouts in one call: forget at most %d", len(places), maxForgotten)
	}
	w, err := s.forgetting(read, places, p.Guard)
	if err != nil {
		return err
	}
	if _, err := s.store(ctx, w); err != nil {
		return err
	}
	for _, i := range places {
		if o := s.known.withID(read.entries[i].id); o != nil {
			s.known.forget(o)
		}
	}
	return nil
}

// forgetting is the transaction. It holds as long as nobody enacted or forgot
// anything since the plan was read, and the ordering revision is the guard.
func (s *Store) forgetting(read *plan, places []int, guard adapters.Ordering) (write, error) {
	w := write{doing: "a pruning"}
	texts := make([][]byte, len(places))
	bytes := 0
	for n, i := range places {
		left := read.fleet.Openings[i].Forgotten()
		name := s.keys.named(left.Rollout)
		var err error
		if texts[n], err = codec.AppendOpening(nil, &left); err != nil {
			return w, err
		}
		w.marks = append(w.marks, name)
		bytes += len(name) + len(texts[n]) + 3*len(s.keys.forgotten(read.entries[i].id)) + 4*(perOperation+idBytes)
	}
	if bytes > s.most {
		return w, &TooLargeError{What: fmt.Sprintf("a pruning of %d rollouts", len(places)), Bytes: bytes, Most: s.most}
	}
	w.build = func(st stamp) ([]clientv3.Cmp, []clientv3.Op) {
		ifs := []clientv3.Cmp{clientv3.Compare(clientv3.ModRevision(s.keys.plans()).WithPrefix(), "<", read.revision+1)}
		if guard != 0 {
			ifs = append(ifs, clientv3.Compare(clientv3.Version(s.keys.ordering()), "=", int64(guard)))
		}
		var ops []clientv3.Op
		for n, i := range places {
			e := &read.entries[i]
			value := st.append(append(e.by.append(nil), planForgotten))
			value = append(append(value, e.id...), texts[n]...)
			ops = append(ops,
				clientv3.OpDelete(s.keys.opening(e.id)),
				clientv3.OpPut(w.marks[n], string(append(st.append(nil), forgottenName...))),
				clientv3.OpPut(e.name, string(value)),
				clientv3.OpPut(s.keys.forgotten(e.id), ""))
		}
		return ifs, grouped(ops)
	}
	return w, nil
}

const erasing = "erasing what is forgotten"

// erase gives room back, up to so many keys.
func (s *Store) erase(ctx context.Context, most int) (done adapters.Pruned, err error) {
	for lost := 0; ; {
		resp, err := s.read(ctx, erasing, clientv3.OpGet(s.keys.forgottens(), clientv3.WithPrefix(), clientv3.WithKeysOnly(), clientv3.WithLimit(1)))
		if err != nil {
			return done, err
		}
		kvs := resp.Responses[0].GetResponseRange().GetKvs()
		done.More = len(kvs) > 0
		if !done.More || done.Erased >= most {
			return done, nil
		}
		n, sure, err := s.eraseSome(ctx, idOf(kvs[0], s.keys.forgottens()), min(most-done.Erased, eraseAtOnce))
		if err != nil {
			if lost++; sure || lost == maxLost {
				return done, err
			}
			s.doubted.Store(true) // what it erased is not there any more, and not counted
		}
		done.Erased += n
	}
}

// eraseSome erases up to so many keys of an opening that is forgotten, and with
// the last of them the note that there are any. It may be stored twice, or late:
// nobody writes anything there any more. sure is that of [Store.send].
func (s *Store) eraseSome(ctx context.Context, id string, most int) (erased int, sure bool, err error) {
	ranges := []string{s.keys.recordsOf(id), s.keys.logsOf(id), s.keys.pieces(id)}
	var look []clientv3.Op
	for _, from := range ranges {
		look = append(look, clientv3.OpGet(from, clientv3.WithPrefix(), clientv3.WithKeysOnly(), clientv3.WithLimit(int64(most)+1)))
	}
	resp, err := s.read(ctx, erasing, look...)
	if err != nil {
		return 0, true, err
	}
	var then []clientv3.Op
	more := false
	for i, from := range ranges {
		kvs := resp.Responses[i].GetResponseRange().GetKvs()
		n := min(len(kvs), most)
		if n > 0 {
			then = append(then, clientv3.OpDelete(from, clientv3.WithRange(string(kvs[n-1].Key)+"\x00")))
		}
		most -= n
		more = more || n < len(kvs)
	}
	steps := len(then)
	if !more {
		then = append(then, clientv3.OpDelete(s.keys.forgotten(id)))
	}
	gone := clientv3.Compare(clientv3.CreateRevision(s.keys.opening(id)), "=", 0)
	resp, sure, err = s.send(ctx, erasing, []clientv3.Cmp{gone}, then, nil)
	if err != nil {
		return 0, sure, s.failed(ctx, erasing, err)
	}
	if !resp.Succeeded {
		return 0, true, s.damaged(fmt.Sprintf("the opening %s is there, and stands among what is forgotten", id), nil)
	}
	for _, answer := range resp.Responses[:steps] {
		erased += int(answer.GetResponseDeleteRange().GetDeleted())
	}
	return erased, true, nil
}
