package etcd

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/rollmend/rollmend/adapters"
	"github.com/rollmend/rollmend/internal/codec"
	"github.com/rollmend/rollmend/reducer"
	"go.etcd.io/etcd/api/v3/etcdserverpb"
	"go.etcd.io/etcd/api/v3/mvccpb"
	clientv3 "go.etcd.io/etcd/client/v3"
)

// maxChain is how long a chain of alternatives may become, at three compares
// each, within what a server takes.
const maxChain = 24

// openingsMost is how many openings a transaction compares for all its changes.
const openingsMost = 16

// part is a batch, or so much of it as goes into one transaction.
type part struct {
	store   *Store
	rows    []*row
	results []adapters.Result
	raised  adapters.Ordering // by earlier parts of the batch, and by this one
	stored  bool              // whether any change is

	// A try in short has one compare for each opening, not one a change, and its
	// changes do not look at what refuses them: that would be a quarter of a
	// request, and half of what it has to do. It is read as of the try's revision
	// where one was refused.
	short bool

	absent  []string             // keys of rollouts that are not opened
	fresh   []reducer.Quarantine // what the changes bring and is not in force
	inForce []clientv3.Cmp       // that what they bring and is in force still is the same
}

// commit stores the part. A change that was compared with the wrong revision of
// its record's key goes round again, alone with its like.
func (p *part) commit(ctx context.Context) error {
	p.short = len(p.absent) == 0 && len(p.openings()) <= openingsMost
	for try := 1; len(p.rows) > 0 || len(p.absent) > 0; try++ {
		if try > 1 {
			if err := p.store.again(ctx, try-1); err != nil {
				return err
			}
		}
		if err := p.prepare(ctx); err != nil {
			return err
		}
		out, err := p.store.store(ctx, p.write())
		if errors.Is(err, errAgain) && len(p.absent) == 0 {
			p.short = false // an opening may be gone
			continue
		}
		if err != nil {
			return err
		}
		p.absent = nil
		if p.short && out.resp != nil {
			if err := p.look(ctx, &out); err != nil {
				return p.lost(err)
			}
		}
		if p.sentTwice(&out) {
			out.resp = nil
		}
		if out.resp != nil {
			err = p.answered(out.resp)
		} else {
			err = p.recovered(ctx, out)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// prepare reads what the transaction is made with.
func (p *part) prepare(ctx context.Context) error {
	if err := p.store.aim(ctx, p.rows); err != nil {
		return err
	}
	brought := make(map[string]reducer.Quarantine)
	var names []string
	for _, r := range p.rows {
		for _, q := range r.quarantines {
			name := p.store.keys.quarantine(q.Channel, q.Closure)
			if _, twice := brought[name]; !twice {
				brought[name] = q
				names = append(names, name)
			}
		}
	}
	p.fresh, p.inForce = nil, nil
	if len(names) == 0 {
		return nil
	}
	return p.store.each(ctx, "reading quarantines", names, func(name string, kv *mvccpb.KeyValue) error {
		if kv != nil {
			p.inForce = append(p.inForce, clientv3.Compare(clientv3.ModRevision(name), "=", kv.ModRevision))
		} else {
			p.fresh = append(p.fresh, brought[name])
		}
		return nil
	})
}

// write is the transaction: a read of the ordering revision as it was, the
// groups of changes, and what they bring together.
func (p *part) write() write {
	w := write{doing: "a commit", behind: p.behind}
	for _, r := range p.rows {
		w.marks = append(w.marks, r.logKey)
	}
	w.build = func(st stamp) ([]clientv3.Cmp, []clientv3.Op) {
		ifs := slices.Clone(p.inForce)
		for _, name := range p.absent {
			ifs = append(ifs, clientv3.Compare(clientv3.CreateRevision(name), "=", 0))
		}
		if p.short {
			for _, id := range p.openings() {
				ifs = append(ifs, p.store.opened(id))
			}
		}
		changes := make([]clientv3.Op, len(p.rows))
		var closing []*row
		for i, r := range p.rows {
			changes[i] = p.change(r, st)
			if r.change.Closes {
				closing = append(closing, r)
			}
		}
		ops := append([]clientv3.Op{clientv3.OpGet(p.store.keys.ordering())}, grouped(changes)...)
		for i := range p.fresh {
			ops = append(ops, p.impose(&p.fresh[i], st))
		}
		if len(closing) > 0 {
			ops = append(ops, p.raise(closing))
		}
		return ifs, ops
	}
	return w
}

// openings names the openings of the part's records, each once. One that is gone
// does not come back.
func (p *part) openings() (ids []string) {
	for _, r := range p.rows {
		if !slices.Contains(ids, r.opening.id) {
			ids = append(ids, r.opening.id)
		}
	}
	return ids
}

// opened holds while an opening is there.
func (s *Store) opened(id string) clientv3.Cmp {
	return clientv3.Compare(clientv3.CreateRevision(s.keys.opening(id)), ">", 0)
}

// conditions are what a change compares.
func (p *part) conditions(r *row) []clientv3.Cmp {
	var ifs []clientv3.Cmp
	if !p.short {
		ifs = append(ifs, p.store.opened(r.opening.id))
	}
	ifs = append(ifs, clientv3.Compare(clientv3.ModRevision(r.recordKey), "=", r.mod))
	if r.change.Guard != 0 {
		ifs = append(ifs, clientv3.Compare(clientv3.Version(p.store.keys.ordering()), "=", int64(p.guard(r))))
	}
	return ifs
}

// guard is a change's guard, where the earlier parts of its own batch count as
// seen.
func (p *part) guard(r *row) adapters.Ordering { return r.change.Guard + p.raised }

func (p *part) change(r *row, st stamp) clientv3.Op {
	store := []clientv3.Op{
		clientv3.OpPut(r.recordKey, string(append(st.append(nil), r.record...))),
		clientv3.OpPut(r.logKey, string(append(st.append(nil), r.log...))),
	}
	if p.short {
		return clientv3.OpTxn(p.conditions(r), store, nil)
	}
	return clientv3.OpTxn(p.conditions(r), store, p.looks(r, newest))
}

// looks are what tells why a change was refused at a revision: whether its opening
// is there, the record, and its place in the log.
func (p *part) looks(r *row, at int64) []clientv3.Op {
	return []clientv3.Op{
		clientv3.OpGet(p.store.keys.opening(r.opening.id), clientv3.WithCountOnly(), clientv3.WithRev(at)),
		clientv3.OpGet(r.recordKey, clientv3.WithRev(at)),
		clientv3.OpGet(r.logKey, clientv3.WithRev(at)),
	}
}

// look reads what the refused changes of a try in short did not look at, and puts
// it into the answer, where a try at length has it.
func (p *part) look(ctx context.Context, out *outcome) error {
	var refused []*etcdserverpb.TxnResponse
	var ops []clientv3.Op
	for i, r := range p.rows {
		if answer := inGroup(out.resp.Responses[1:], i).GetResponseTxn(); !answer.Succeeded {
			refused = append(refused, answer)
			ops = append(ops, p.looks(r, out.revision)...)
		}
	}
	if len(refused) == 0 {
		return nil
	}
	bounded, cancel := context.WithTimeout(context.WithoutCancel(ctx), p.store.timeout)
	defer cancel()
	seen, err := p.store.read(bounded, "looking at what refused a change", grouped(ops)...)
	if err != nil {
		return err
	}
	each := len(ops) / len(refused)
	for i, answer := range refused {
		for j := range each {
			answer.Responses = append(answer.Responses, inGroup(seen.Responses, i*each+j))
		}
	}
	return nil
}

// raise raises the ordering revision, which is the version of its key, if one
// of the changes is stored. Of more than a chain holds, the first are asked,
// and if all of them are refused it is raised for the others' sake: whoever was
// not overtaken then looks again for nothing.
func (p *part) raise(closing []*row) clientv3.Op {
	raise := clientv3.OpPut(p.store.keys.ordering(), "")
	last := []clientv3.Op(nil)
	if len(closing) > maxChain {
		closing, last = closing[:maxChain], []clientv3.Op{raise}
	}
	for i := len(closing) - 1; i >= 0; i-- {
		last = []clientv3.Op{clientv3.OpTxn(p.conditions(closing[i]), []clientv3.Op{raise}, last)}
	}
	return last[0]
}

// impose puts a quarantine, unless it is in force, with the first of the
// changes that bring it and are stored.
func (p *part) impose(fresh *reducer.Quarantine, st stamp) clientv3.Op {
	name := p.store.keys.quarantine(fresh.Channel, fresh.Closure)
	absent := []clientv3.Cmp{clientv3.Compare(clientv3.CreateRevision(name), "=", 0)}
	var last []clientv3.Op
	for i := len(p.rows) - 1; i >= 0; i-- {
		r := p.rows[i]
		for j := range r.quarantines {
			q := &r.quarantines[j]
			if q.Channel != fresh.Channel || !q.Closure.Is(fresh.Closure) {
				continue
			}
			put := clientv3.OpPut(name, string(codec.AppendQuarantine(st.append(nil), q)))
			with := clientv3.OpTxn(absent, []clientv3.Op{put}, nil)
			last = []clientv3.Op{clientv3.OpTxn(p.conditions(r), []clientv3.Op{with}, last)}
			break
		}
	}
	return last[0]
}

// sentTwice reports whether the answer is to a request that had been stored
// when it came: see [Store.before]. Then it notes what the first one stored.
func (p *part) sentTwice(out *outcome) bool {
	if out.resp == nil {
		return false
	}
	stored := make(map[string]bool)
	for i, r := range p.rows {
		answer := inGroup(out.resp.Responses[1:], i).GetResponseTxn()
		if answer.Succeeded {
			continue
		}
		for _, seen := range answer.Responses[1:] { // the record; and its log, whose place a snapshot may have taken
			for _, kv := range seen.GetResponseRange().GetKvs() {
				if by, _, err := unstamped(kv.Value); err == nil && by == out.stamp {
					stored[r.logKey], out.revision = true, kv.ModRevision
				}
			}
		}
	}
	if len(stored) > 0 {
		out.stored = stored
	}
	return len(stored) > 0
}

// answered reads what became of each change from the transaction's answer.
func (p *part) answered(resp *clientv3.TxnResponse) error {
	before := versionOf(resp.Responses[0])
	var rest []*row
	closing := 0
	raised := false
	for i, r := range p.rows {
		answer := inGroup(resp.Responses[1:], i).GetResponseTxn()
		if r.change.Closes {
			closing++
			raised = raised || answer.Succeeded && closing <= maxChain
		}
		if answer.Succeeded {
			p.stored = true
			p.store.heads.set(r.recordKey, head{r.change.Record.Revision, resp.Header.GetRevision()})
			continue
		}
		there, now := recordOf(answer.Responses)
		known, err := p.refuse(r, there, now, before)
		if err != nil {
			return err
		}
		if !known {
			rest = append(rest, r)
		}
	}
	if raised || closing > maxChain {
		p.raised++
	}
	p.rows = rest
	return nil
}

// recordOf reads the answer to what a refused change looks at.
func recordOf(answers []*etcdserverpb.ResponseOp) (there bool, now *mvccpb.KeyValue) {
	if kvs := answers[1].GetResponseRange().GetKvs(); len(kvs) > 0 {
		now = kvs[0]
	}
	return answers[0].GetResponseRange().GetCount() > 0, now
}

func versionOf(answer *etcdserverpb.ResponseOp) adapters.Ordering {
	if kvs := answer.GetResponseRange().GetKvs(); len(kvs) > 0 {
		return adapters.Ordering(kvs[0].Version)
	}
	return 0
}

// refuse tells a change that was not stored why. It reports false where the
// change only was compared with the wrong revision of the record's key.
func (p *part) refuse(r *row, there bool, now *mvccpb.KeyValue, ordering adapters.Ordering) (known bool, err error) {
	c := r.change
	if !there {
		p.store.known.forget(r.opening)
		p.results[r.place].Err = notFound(c.Record.Key)
		return true, nil
	}
	found, err := p.store.headOf(r.recordKey, now)
	if err != nil {
		return false, err
	}
	conflict := &adapters.ConflictError{Key: c.Record.Key, Expected: c.Expect, Found: found.revision}
	switch {
	case c.Guard != 0 && p.guard(r) != ordering:
		conflict.Guard, conflict.Ordering = c.Guard, ordering
	case c.Expect == found.revision:
		return false, nil
	}
	p.results[r.place].Err = conflict
	return true, nil
}

// lost says that some changes may be stored, and that it is not known why others
// are not.
func (p *part) lost(err error) error {
	return fmt.Errorf("etcd: %s: %w: some changes may be stored, and why others are not can no longer be read: %w", p.store.where, adapters.ErrUnknownOutcome, err)
}

// recovered does the same where the answer was lost: what was stored was found,
// and why the rest was refused is read as it was at that moment.
func (p *part) recovered(ctx context.Context, out outcome) error {
	p.stored = true
	p.raised = 0 // no longer known, so that guarded changes of later parts look again
	before, err := p.at(ctx, p.store.keys.ordering(), out.revision-1)
	if err != nil {
		return p.lost(err)
	}
	ordering := adapters.Ordering(0)
	if before != nil {
		ordering = adapters.Ordering(before.Version)
	}
	for _, r := range p.rows {
		stored, err := p.wrote(ctx, r, out)
		if err != nil {
			return p.lost(err)
		}
		if stored {
			p.store.heads.set(r.recordKey, head{r.change.Record.Revision, out.revision})
			continue
		}
		there, err := p.at(ctx, p.store.keys.opening(r.opening.id), out.revision)
		if err != nil {
			return p.lost(err)
		}
		now, err := p.at(ctx, r.recordKey, out.revision)
		if err != nil {
			return p.lost(err)
		}
		known, err := p.refuse(r, there != nil, now, ordering)
		if err == nil && !known {
			err = errors.New("the record is as it was expected")
		}
		if err != nil {
			return p.lost(err)
		}
	}
	p.rows = nil
	return nil
}
