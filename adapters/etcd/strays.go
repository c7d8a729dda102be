package etcd

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"math"
	"path"
	"strings"

	"github.com/rollmend/rollmend/adapters"
	"go.etcd.io/etcd/api/v3/etcdserverpb"
	"go.etcd.io/etcd/api/v3/mvccpb"
	clientv3 "go.etcd.io/etcd/client/v3"
)

var _ adapters.Auditor = (*Store)(nil)

// Strays implements [adapters.Auditor]. It walks all keys, some thousand at a
// time, each as they are at one moment.
func (s *Store) Strays(ctx context.Context) iter.Seq2[string, error] {
	return func(yield func(string, error) bool) {
		a := &audit{store: s, ctx: ctx, yield: yield}
		for _, look := range []func() error{
			a.unknown, a.openings, a.names,
			func() error { return a.walk(s.keys.bodies(), a.piece) },
			func() error { return a.walk(s.keys.records(), a.record) },
			a.logs,
		} {
			if err := look(); err != nil {
				if err != errEnough {
					yield("", err)
				}
				return
			}
		}
	}
}

// errEnough says that nobody asks for more.
var errEnough = errors.New("etcd: whoever looked has seen enough")

const auditing = "looking for what belongs to nothing"

type audit struct {
	store *Store
	ctx   context.Context
	yield func(string, error) bool
}

func (a *audit) found(kv *mvccpb.KeyValue, what string) error {
	if !a.yield(fmt.Sprintf("%s: the key %s", what, kv.Key), nil) {
		return errEnough
	}
	return nil
}

// around are the openings that are there at the moment of a reading, and those
// that are being erased.
type around struct{ there, erasing map[string]bool }

func (o around) belongs(id string) bool { return o.there[id] || o.erasing[id] }

// read reads, at one moment, what is asked for and the openings.
func (a *audit) read(ops ...clientv3.Op) ([]*etcdserverpb.ResponseOp, around, error) {
	k := a.store.keys
	ops = append(ops,
		clientv3.OpGet(k.openings(), clientv3.WithPrefix(), clientv3.WithKeysOnly()),
		clientv3.OpGet(k.forgottens(), clientv3.WithPrefix(), clientv3.WithKeysOnly()))
	resp, err := a.store.read(a.ctx, auditing, ops...)
	if err != nil {
		return nil, around{}, err
	}
	n := len(resp.Responses) - 2
	return resp.Responses[:n], around{idsIn(resp.Responses[n], k.openings()), idsIn(resp.Responses[n+1], k.forgottens())}, nil
}

// walk looks at every key that begins so, without its value.
func (a *audit) walk(begins string, look func(*mvccpb.KeyValue, around) error) error {
	return a.pages(begins, func(kvs []*mvccpb.KeyValue, of around) error {
		for _, kv := range kvs {
			if err := look(kv, of); err != nil {
				return err
			}
		}
		return nil
	})
}

func (a *audit) pages(begins string, look func([]*mvccpb.KeyValue, around) error) error {
	from, end := begins, clientv3.GetPrefixRangeEnd(begins)
	for {
		answers, of, err := a.read(clientv3.OpGet(from, clientv3.WithRange(end), clientv3.WithKeysOnly(), clientv3.WithLimit(page)))
		if err != nil {
			return err
		}
		kvs := answers[0].GetResponseRange().GetKvs()
		if err := look(kvs, of); err != nil || len(kvs) < page {
			return err
		}
		from = string(kvs[page-1].Key) + "\x00"
	}
}

// unknown looks between the kinds of keys that there are.
func (a *audit) unknown() error {
	k := a.store.keys
	from := k.prefix
	var ops []clientv3.Op
	between := func(to string) {
		ops = append(ops, clientv3.OpGet(from, clientv3.WithRange(to), clientv3.WithKeysOnly(), clientv3.WithLimit(page)))
	}
	for _, kind := range k.kinds() {
		between(kind)
		from = kind + "\x00"
		if strings.HasSuffix(kind, "/") {
			from = clientv3.GetPrefixRangeEnd(kind)
		}
	}
	between(clientv3.GetPrefixRangeEnd(k.prefix))
	answers, _, err := a.read(ops...)
	if err != nil {
		return err
	}
	for _, answer := range answers {
		for _, kv := range answer.GetResponseRange().GetKvs() {
			if err := a.found(kv, "it is of no kind that there is"); err != nil {
				return err
			}
		}
	}
	return nil
}

// openings looks whether each opening is in the plan, and each that is to be
// erased was forgotten there.
func (a *audit) openings() error {
	k := a.store.keys
	answers, _, err := a.read(
		clientv3.OpGet(k.plans(), clientv3.WithPrefix()),
		clientv3.OpGet(k.openings(), clientv3.WithPrefix(), clientv3.WithKeysOnly()),
		clientv3.OpGet(k.forgottens(), clientv3.WithPrefix(), clientv3.WithKeysOnly()))
	if err != nil {
		return err
	}
	planned, left := make(map[string]bool), make(map[string]bool)
	for _, kv := range answers[0].GetResponseRange().GetKvs() {
		_, data, err := unstamped(kv.Value)
		if err != nil || len(data) == 0 {
			continue // whoever reads the fleet hears of it
		}
		switch data[0] {
		case planOpening:
			planned[string(data[1:])] = true
		case planForgotten:
			if f, err := forgottenIn(data[1:]); err == nil {
				left[f.id] = true
			}
		}
	}
	for _, kv := range answers[1].GetResponseRange().GetKvs() {
		if !planned[idOf(kv, k.openings())] {
			if err := a.found(kv, "an opening that is not in the plan"); err != nil {
				return err
			}
		}
	}
	for _, kv := range answers[2].GetResponseRange().GetKvs() {
		if !left[idOf(kv, k.forgottens())] {
			if err := a.found(kv, "it is to be erased, and was not forgotten"); err != nil {
				return err
			}
		}
	}
	return nil
}

// names looks whether each name leads to an opening, or says that it is
// forgotten.
func (a *audit) names() error {
	k := a.store.keys
	answers, of, err := a.read(clientv3.OpGet(k.names(), clientv3.WithPrefix()))
	if err != nil {
		return err
	}
	for _, kv := range answers[0].GetResponseRange().GetKvs() {
		if len(kv.Value) == idLength && !of.there[string(kv.Value)] {
			if err := a.found(kv, "the name of an opening that is not there"); err != nil {
				return err
			}
		}
	}
	return nil
}

// piece looks at a piece of an opening. One on a lease waits for its opening, or
// goes with it.
func (a *audit) piece(kv *mvccpb.KeyValue, of around) error {
	id := idOf(kv, a.store.keys.bodies())
	if of.belongs(id) {
		return nil
	}
	answers, of, err := a.read(clientv3.OpGet(string(kv.Key))) // an answer without values has no leases
	if err != nil {
		return err
	}
	for _, kv := range answers[0].GetResponseRange().GetKvs() {
		if kv.Lease == 0 && !of.belongs(id) {
			return a.found(kv, "a piece of an opening that is not there")
		}
	}
	return nil
}

func (a *audit) record(kv *mvccpb.KeyValue, of around) error {
	if of.belongs(idOf(kv, a.store.keys.records())) {
		return nil
	}
	return a.found(kv, "a record of an opening that is not there")
}

// logs looks whether each key of a log has a record that has come so far.
func (a *audit) logs() error {
	return a.pages(a.store.keys.allLogs(), func(kvs []*mvccpb.KeyValue, of around) error {
		begins := a.store.keys.prefix + "log/"
		var rest []*mvccpb.KeyValue
		for _, kv := range kvs {
			switch id := idOf(kv, begins); {
			case of.there[id]:
				rest = append(rest, kv)
			case !of.erasing[id]:
				if err := a.found(kv, "a log of an opening that is not there"); err != nil {
					return err
				}
			}
		}
		return a.behind(rest)
	})
}

// behind compares keys of logs with their records, which are read after them:
// they have come as far, or further, unless their rollout was forgotten in
// between.
func (a *audit) behind(logs []*mvccpb.KeyValue) error {
	k := a.store.keys
	place := make(map[string]int)
	var gets []clientv3.Op
	of := make([]string, len(logs)) // the records' names
	for i, kv := range logs {
		of[i], _ = a.parts(kv)
		if _, noted := place[of[i]]; !noted {
			place[of[i]] = len(gets)
			gets = append(gets, clientv3.OpGet(of[i]))
		}
	}
	if len(gets) == 0 {
		return nil
	}
	answers, now, err := a.read(grouped(gets)...)
	if err != nil {
		return err
	}
	for i, kv := range logs {
		if !now.there[idOf(kv, k.allLogs())] {
			continue
		}
		what := ""
		_, revision := a.parts(kv)
		if kvs := inGroup(answers, place[of[i]]).GetResponseRange().GetKvs(); len(kvs) == 0 {
			what = "a log without a record"
		} else if _, rec, err := a.store.recordIn(kvs[0]); err == nil && revision > uint64(rec.Revision) {
			what = "a log behind its record"
		}
		if what == "" {
			continue
		}
		if err := a.found(kv, what); err != nil {
			return err
		}
	}
	return nil
}

// parts are the name of the record that a key of a log is of, and the revision
// that it led to; one that has none is behind every record.
func (a *audit) parts(kv *mvccpb.KeyValue) (record string, revision uint64) {
	k := a.store.keys
	of, last := path.Split(string(kv.Key[len(k.allLogs()):]))
	revision, err := number(last)
	if err != nil {
		revision = math.MaxUint64
	}
	return k.records() + strings.TrimSuffix(of, "/"), revision
}
