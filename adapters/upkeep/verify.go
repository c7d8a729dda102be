package upkeep

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"reflect"
	"slices"
	"strings"

	"github.com/rollmend/rollmend/adapters"
	"github.com/rollmend/rollmend/reducer"
	"github.com/rollmend/rollmend/states"
)

// Progress is told how far a call has come: how many records it has looked at,
// of how many, about.
type Progress func(done, of int)

// tell is how often progress is told, in records.
const tell = 1000

// triesMost bounds how often a record and its log are read until they are of
// one moment. Each time somebody has stored something in between.
const triesMost = 100

// Verify yields what is wrong in a store: every record equals its log, every log
// is without gaps and begins with what the rollout was opened with, every host of
// an opening has a record, and nothing belongs to no opening. Where the store is
// an [adapters.Auditor], it looks for its strays as well. No finding means that
// all of it is well.
//
// It stops at the first error that is about the call and not about what is
// stored: a context that ended, a store that is closed or cannot be reached.
// Progress may be nil. It takes the memory of the openings, and a bit or two a
// host.
func Verify(ctx context.Context, store adapters.Store, progress Progress) iter.Seq2[Finding, error] {
	return func(yield func(Finding, error) bool) {
		v := &verification{ctx: ctx, store: store, progress: progress, yield: yield}
		err := v.run()
		if err != nil && !errors.Is(err, errLeft) {
			yield(Finding{}, err)
		}
	}
}

// errLeft says that nobody asks for more.
var errLeft = errors.New("left")

type verification struct {
	ctx      context.Context
	store    adapters.Store
	progress Progress
	yield    func(Finding, error) bool

	fleet    adapters.Fleet
	places   map[states.Rollout]int // in fleet.Openings
	done, of int
	moved    []bits // by opening, a bit a member: something happened to it
	listed   []bits // likewise: the store listed it
}

// bits is a set of members of an opening.
type bits []uint64

func (b bits) has(i int) bool { return b[i/64]&(1<<(i%64)) != 0 }
func (b bits) add(i int)      { b[i/64] |= 1 << (i % 64) }

func (v *verification) run() error {
	if err := v.look(); err != nil {
		return err
	}
	for i := range v.fleet.Openings {
		o := &v.fleet.Openings[i]
		for j := range o.Members {
			if err := v.member(i, j); err != nil {
				return err
			}
			v.step()
		}
	}
	if err := v.list(); err != nil {
		return err
	}
	if err := v.strays(); err != nil {
		return err
	}
	if v.progress != nil {
		v.progress(v.done, v.of)
	}
	return nil
}

func (v *verification) step() {
	if v.done++; v.progress != nil && v.done%tell == 0 {
		v.progress(v.done, v.of)
	}
}

// look reads the openings.
func (v *verification) look() (err error) {
	if v.fleet, err = v.store.Fleet(v.ctx); err != nil {
		return v.judge(Finding{}, err)
	}
	v.places = make(map[states.Rollout]int, len(v.fleet.Openings))
	v.moved, v.listed = make([]bits, len(v.fleet.Openings)), make([]bits, len(v.fleet.Openings))
	for i := range v.fleet.Openings {
		o := &v.fleet.Openings[i]
		v.places[o.Rollout] = i
		v.of += len(o.Members)
		v.moved[i], v.listed[i] = make(bits, len(o.Members)/64+1), make(bits, len(o.Members)/64+1)
	}
	return nil
}

// find tells whether something is wrong, and ends the run where nobody asks for
// more.
func (v *verification) find(problem Problem, key states.Key, format string, args ...any) error {
	if !v.yield(Finding{Problem: problem, Key: key, Detail: fmt.Sprintf(format, args...)}, nil) {
		return errLeft
	}
	return nil
}

// judge makes a finding of an error that is about what is stored, and returns
// any other.
func (v *verification) judge(of Finding, err error) error {
	var damaged *adapters.NotAStoreError
	if errors.As(err, &damaged) {
		return v.find(Unreadable, of.Key, "%s", damaged.Reason+cause(damaged.Err))
	}
	return fmt.Errorf("upkeep: verify: %w", err)
}

func cause(err error) string {
	if err == nil {
		return ""
	}
	return ": " + err.Error()
}

// member compares one member's record with its log and its opening.
func (v *verification) member(opening, member int) error {
	o := &v.fleet.Openings[opening]
	key := states.Key{Rollout: o.Rollout, Host: o.Members[member].Host}
	want, first, err := o.Record(o.Members[member])
	if err != nil {
		return v.find(OtherOrigin, key, "its opening gives no record: %v", err)
	}
	rec, log, err := v.read(key)
	switch {
	case errors.Is(err, adapters.ErrNotFound):
		return v.missing(key)
	case err != nil:
		return v.judge(Finding{Key: key}, err)
	}
	if rec.Revision != 0 {
		v.moved[opening].add(member)
	}
	folded, err := reducer.Rederive(log)
	var broken *reducer.LogError
	switch {
	case errors.As(err, &broken):
		return v.find(LogBroken, key, "entry %d: %s", broken.Entry, broken.Reason)
	case err != nil:
		return v.find(LogBroken, key, "%v", err)
	case log[0].Event.Key != key:
		return v.find(OtherOrigin, key, "its log is of %s", log[0].Event.Key)
	case log[0].Snapshot == nil && !reflect.DeepEqual(log[0], first):
		return v.find(OtherOrigin, key, "its log begins with another opening than the one that is stored")
	case !sameOrigin(&folded, &want):
		return v.find(OtherOrigin, key, "its log has another wave, target, policy or opening than it was opened with")
	case folded.Revision != rec.Revision:
		return v.find(Differs, key, "the record is at revision %d, and its log leads to %d", rec.Revision, folded.Revision)
	case !folded.Equal(&rec):
		return v.find(Differs, key, "%s", difference(&rec, &folded))
	}
	return nil
}

// sameOrigin compares what a record has for life with what it was opened with.
func sameOrigin(rec, want *states.Record) bool {
	return rec.Key == want.Key && rec.Wave == want.Wave && rec.Target.Is(want.Target) &&
		rec.Policy == want.Policy && rec.Opened == want.Opened
}

// difference says in what a record and its log differ, by the name of the field.
func difference(rec, folded *states.Record) string {
	var names []string
	a, b := reflect.ValueOf(*rec), reflect.ValueOf(*folded)
	for i := range a.NumField() {
		if name := a.Type().Field(i).Name; !reflect.DeepEqual(a.Field(i).Interface(), b.Field(i).Interface()) {
			names = append(names, name)
		}
	}
	return "the record differs from what its log gives in " + strings.Join(names, ", ")
}

// read reads a record and its log as they were at one moment, or, where they
// never fit, as they are.
func (v *verification) read(key states.Key) (rec states.Record, log []reducer.LogEntry, err error) {
	var before states.Revision
	for try := range triesMost {
		if rec, err = v.store.Record(v.ctx, key); err != nil {
			return rec, nil, err
		}
		if log, err = v.store.Log(v.ctx, key); err != nil {
			return rec, nil, err
		}
		fits := len(log) > 0 && log[len(log)-1].Revision == rec.Revision
		if fits || try > 0 && rec.Revision == before {
			break // nobody has stored anything in between
		}
		before = rec.Revision
	}
	return rec, log, nil
}

// missing tells of a member without a record, unless its rollout was forgotten
// since.
func (v *verification) missing(key states.Key) error {
	now, err := v.store.Fleet(v.ctx)
	if err != nil {
		return v.judge(Finding{Key: key}, err)
	}
	if _, ok := memberOf(now.Openings, key); !ok {
		return nil
	}
	return v.find(Missing, key, "its rollout was opened with it, and it has no record")
}

// memberOf finds a record's place in an opening.
func memberOf(openings []adapters.Opening, key states.Key) (place int, ok bool) {
	i := slices.IndexFunc(openings, func(o adapters.Opening) bool { return o.Rollout == key.Rollout })
	if i < 0 {
		return 0, false
	}
	return openings[i].Place(key.Host)
}

// list compares what the store lists with what it has.
func (v *verification) list() error {
	for rec, err := range v.store.Records(v.ctx) {
		if err != nil {
			return v.judge(Finding{}, err) // what it did not come to is not known to be unlisted
		}
		if err := v.listing(&rec); err != nil {
			return err
		}
	}
	for i := range v.fleet.Openings {
		o := &v.fleet.Openings[i]
		for j := range o.Members {
			if !v.moved[i].has(j) || v.listed[i].has(j) {
				continue
			}
			key := states.Key{Rollout: o.Rollout, Host: o.Members[j].Host}
			if _, err := v.store.Record(v.ctx, key); errors.Is(err, adapters.ErrNotFound) {
				continue // forgotten meanwhile
			}
			if err := v.find(Unlisted, key, "the record is there, and the store does not list it"); err != nil {
				return err
			}
		}
	}
	return nil
}

func (v *verification) listing(rec *states.Record) error {
	i, ok := v.places[rec.Rollout]
	if ok {
		if j, ok := memberOf(v.fleet.Openings[i:i+1], rec.Key); ok {
			if v.listed[i].has(j) {
				return v.find(Twice, rec.Key, "the store lists the record twice")
			}
			v.listed[i].add(j)
			return nil
		}
	} else if opened, err := v.openedSince(rec.Key); opened || err != nil {
		return err
	}
	return v.find(Orphan, rec.Key, "no rollout was opened with it")
}

// openedSince reports whether a record's rollout was opened while the store was
// read, perhaps to be forgotten again.
func (v *verification) openedSince(key states.Key) (bool, error) {
	now, err := v.store.Fleet(v.ctx)
	if err != nil {
		return false, v.judge(Finding{Key: key}, err)
	}
	i := slices.IndexFunc(now.Openings, func(o adapters.Opening) bool { return o.Rollout == key.Rollout })
	_, member := memberOf(now.Openings, key)
	return member || i >= 0 && len(now.Openings[i].Members) == 0, nil
}

func (v *verification) strays() error {
	auditor, ok := v.store.(adapters.Auditor)
	if !ok {
		return nil
	}
	for stray, err := range auditor.Strays(v.ctx) {
		if err != nil {
			return v.judge(Finding{}, err)
		}
		if err := v.find(Stray, states.Key{}, "%s", stray); err != nil {
			return err
		}
	}
	return nil
}
