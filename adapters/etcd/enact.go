package etcd

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"

	"github.com/rollmend/rollmend/adapters"
	"github.com/rollmend/rollmend/internal/codec"
	"github.com/rollmend/rollmend/reducer"
	clientv3 "go.etcd.io/etcd/client/v3"
)

// What a plan entry is, in the byte behind its stamp.
const (
	planOpening    = 'O' // then the opening's id
	planForgotten  = 'F' // an opening once: see forgotten
	planResumption = 'R' // then the resumption
	planImposition = 'I' // then the imposition, for whoever looks: the quarantine itself is a key
	planClearance  = 'C' // then the clearance
)

// maxActs is how many acts go into one call, at four operations each.
const maxActs = maxGroups * groupSize / 4

// Enact implements [adapters.Store]. A resumption that is stored already, the
// same in every field, is left as it is too. Where nothing was to be stored,
// the ordering revision stays.
//
// An opening's hosts are one text. One that does not fit into a request is put
// beforehand, in pieces that a lease takes away again should it not come to the
// opening, which then makes all of them permanent at once.
func (s *Store) Enact(ctx context.Context, acts []adapters.Act) error {
	if err := s.usable(ctx); err != nil {
		return err
	}
	if len(acts) > maxActs {
		return fmt.Errorf("etcd: %d acts in one call: enact at most %d", len(acts), maxActs)
	}
	checked, err := s.checkActs(acts)
	if err != nil {
		return err
	}
	for try := 1; ; try++ {
		e := &enactment{store: s, acts: checked}
		err := e.enact(ctx)
		if !errors.Is(err, errAgain) {
			return err
		}
		if err := s.again(ctx, try); err != nil {
			return err
		}
	}
}

// checkedAct is an act and its text.
type checkedAct struct {
	act  adapters.Act
	text []byte
}

// maxInline is how large an act may be that stands in a key of its own: an
// opening's hosts stand elsewhere, and what else there is names some few.
const maxInline = 1 << 18

// checkActs encodes the acts, or says why one of them cannot be kept.
func (s *Store) checkActs(acts []adapters.Act) ([]checkedAct, error) {
	out := make([]checkedAct, len(acts))
	for i, act := range acts {
		var text []byte
		var err error
		switch a := act.(type) {
		case adapters.Opening:
			if text, err = codec.AppendOpening(nil, &a); err != nil {
				return nil, err
			}
			for _, m := range a.Members {
				if _, _, err := a.Record(m); err != nil {
					return nil, fmt.Errorf("etcd: opening %s: %w", a.Rollout, err)
				}
			}
			if most := maxPieces * s.pieceBytes(); len(text) > most {
				return nil, &TooLargeError{What: "the opening of " + a.Rollout.String(), Bytes: len(text), Most: most}
			}
			out[i] = checkedAct{act, text}
			continue
		case adapters.Resumption:
			text = codec.AppendResumption(nil, &a)
		case adapters.Imposition:
			text = codec.AppendImposition(nil, &a)
		case adapters.Clearance:
			text = codec.AppendClearance(nil, &a)
		default:
			return nil, fmt.Errorf("etcd: act %d is a %T, which is none of the known ones", i, act)
		}
		if most := min(maxInline, s.most/2); len(text) > most {
			return nil, &TooLargeError{What: fmt.Sprintf("act %d, a %T,", i, act), Bytes: len(text), Most: most}
		}
		out[i] = checkedAct{act, text}
	}
	return out, nil
}

// enactment is one try to enact.
type enactment struct {
	store *Store
	acts  []checkedAct

	revision int64 // that everything was read at
	place    int64 // of the newest plan entry
	there    map[string]bool

	puts    []put
	pieces  []put
	after   map[string]*reducer.Quarantine // quarantines that end up other than they were: nil where lifted
	changed []string                       // their keys, in the order in which they came up
	bytes   int
}

type put struct {
	key   string
	value func(stamp) []byte
}

func fixed(value []byte) func(stamp) []byte { return func(stamp) []byte { return value } }

func (e *enactment) enact(ctx context.Context) error {
	if err := e.look(ctx); err != nil {
		return err
	}
	for _, a := range e.acts {
		e.plan(a)
	}
	if len(e.puts) == 0 {
		return nil
	}
	staged, err := e.stage(ctx)
	if err != nil {
		return err
	}
	defer staged.drop(ctx)
	_, err = e.store.store(ctx, e.write(staged))
	return err
}

// look reads at one moment what the acts depend on.
func (e *enactment) look(ctx context.Context) error {
	k := e.store.keys
	ops := []clientv3.Op{
		clientv3.OpGet(k.ordering()),
		clientv3.OpGet(k.plans(), append(clientv3.WithLastKey(), clientv3.WithKeysOnly())...),
	}
	var names []string
	for _, a := range e.acts {
		names = append(names, e.store.actKey(a))
	}
	for _, name := range names {
		ops = append(ops, clientv3.OpGet(name, clientv3.WithKeysOnly()))
	}
	resp, err := e.store.read(ctx, "an enactment", grouped(ops)...)
	if err != nil {
		return err
	}
	e.revision = resp.Header.GetRevision()
	if versionOf(inGroup(resp.Responses, 0)) == 0 {
		return e.store.damaged("its ordering key is gone", nil)
	}
	for _, kv := range inGroup(resp.Responses, 1).GetResponseRange().GetKvs() {
		n, err := number(string(kv.Key)[len(k.plans()):])
		if err != nil {
			return e.store.damaged("the key "+string(kv.Key), err)
		}
		e.place = int64(n)
	}
	e.there = make(map[string]bool)
	for i, name := range names {
		e.there[name] = len(inGroup(resp.Responses, i+2).GetResponseRange().GetKvs()) > 0
	}
	e.after = make(map[string]*reducer.Quarantine)
	return nil
}

// actKey is the key by which an act is seen to be in force; of a clearance, the
// key of what it lifts.
func (s *Store) actKey(a checkedAct) string {
	switch act := a.act.(type) {
	case adapters.Opening:
		return s.keys.named(act.Rollout)
	case adapters.Resumption:
		return s.keys.resumed(sha256.Sum256(a.text))
	case adapters.Imposition:
		return s.keys.quarantine(act.Quarantine.Channel, act.Quarantine.Closure)
	default:
		c := a.act.(adapters.Clearance)
		return s.keys.quarantine(c.Channel, c.Closure)
	}
}

// plan adds what an act stores, if it is new.
func (e *enactment) plan(a checkedAct) {
	key := e.store.actKey(a)
	_, lifts := a.act.(adapters.Clearance)
	if e.there[key] != lifts {
		return
	}
	e.there[key] = !lifts
	switch act := a.act.(type) {
	case adapters.Opening:
		id := newID()
		n := e.split(id, a.text)
		e.put(key, fixed([]byte(id)))
		e.put(e.store.keys.opening(id), fixed(fmt.Append(nil, n)))
		e.enter(planOpening, []byte(id))
	case adapters.Resumption:
		e.put(key, fixed(nil))
		e.enter(planResumption, a.text)
	case adapters.Imposition:
		e.turn(key, &act.Quarantine)
		e.enter(planImposition, a.text)
	case adapters.Clearance:
		e.turn(key, nil)
		e.enter(planClearance, a.text)
	}
}

// turn notes what becomes of a quarantine.
func (e *enactment) turn(key string, q *reducer.Quarantine) {
	if _, before := e.after[key]; !before {
		e.changed = append(e.changed, key)
	}
	e.after[key] = q
}

func (e *enactment) put(key string, value func(stamp) []byte) {
	e.puts = append(e.puts, put{key, value})
}

// enter adds an entry to the plan.
func (e *enactment) enter(kind byte, text []byte) {
	e.place++
	e.bytes += len(text)
	e.put(e.store.keys.plan(e.place), func(st stamp) []byte {
		return append(append(st.append(nil), kind), text...)
	})
}

// write is the transaction. It holds as long as nobody enacted, and nobody
// quarantined anything, since what it depends on was read.
func (e *enactment) write(staged *staged) write {
	k := e.store.keys
	w := write{doing: "an enactment", marks: []string{k.plan(e.place)}}
	w.build = func(st stamp) ([]clientv3.Cmp, []clientv3.Op) {
		ifs := []clientv3.Cmp{
			clientv3.Compare(clientv3.ModRevision(k.plans()).WithPrefix(), "<", e.revision+1),
			clientv3.Compare(clientv3.ModRevision(k.quarantines()).WithPrefix(), "<", e.revision+1),
		}
		var ops []clientv3.Op
		for _, p := range e.puts {
			ops = append(ops, clientv3.OpPut(p.key, string(p.value(st))))
		}
		for _, key := range e.changed {
			if q := e.after[key]; q != nil {
				ops = append(ops, clientv3.OpPut(key, string(codec.AppendQuarantine(st.append(nil), q))))
			} else {
				ops = append(ops, clientv3.OpDelete(key))
			}
		}
		kept, more := staged.keep()
		ifs = append(ifs, kept...)
		ops = append(ops, more...)
		return ifs, append(grouped(ops), clientv3.OpPut(k.ordering(), ""))
	}
	return w
}
