package sim

import (
	"context"
	"slices"
	"time"

	"github.com/rollmend/rollmend/adapters"
	"github.com/rollmend/rollmend/adapters/memory"
	"github.com/rollmend/rollmend/engine"
	"github.com/rollmend/rollmend/reducer"
	"github.com/rollmend/rollmend/states"
)

// startTakes is how long a control plane takes to start: two lives of one have
// different times of their start.
const startTakes = time.Second

// startPlane starts a control plane that has not read anything yet.
func (s *small) startPlane(i int) {
	s.pass(startTakes)
	p := s.planes[i]
	core, err := engine.NewCore(engine.CoreOptions{
		Started: s.seams.started(p.at()), Cycle: cycle, Silence: silence, Skew: skew, Shared: s.kind.planes > 1,
	})
	if err != nil {
		s.violate("a control plane starts", "%v", err)
		return
	}
	p.core, p.loaded, p.started, p.stale = core, -1, p.now, true
	p.known = map[states.Host]*heard{}
	s.unseen[i] = changes{}
	p.note(p.name, "starts")
}

// endPlane kills a control plane.
func (s *small) endPlane(i int) {
	p := s.planes[i]
	p.core, p.loaded, p.known = nil, -1, nil
	s.rounds[i], s.unseen[i] = nil, changes{}
	p.note(p.name, "is killed")
}

// loadManifest makes the newest manifest count at a control plane.
func (s *small) loadManifest(i int) {
	p := s.planes[i]
	if p.stale && !s.reread(i) {
		return
	}
	newest := len(s.manifests) - 1
	m := s.manifests[newest]
	acts, loaded, err := p.core.PlanLoad(p.at(), m.fleet)
	if err != nil {
		s.violate("the newest manifest is never refused", "%s: %v", p.name, err)
		return
	}
	if !s.enact(i, acts...) {
		return
	}
	p.core.Load(m.fleet, acts)
	p.loaded = newest
	p.note(p.name, "loads %s, opens %v", m.plan.Ref, loaded.Opened)
	s.drain(i)
}

func (s *small) reread(i int) bool {
	s.unseen[i] = changes{}
	return s.planes[i].reread()
}

// enact stores acts.
func (s *small) enact(i int, acts ...adapters.Act) bool {
	if len(acts) == 0 {
		return true
	}
	ctx := context.Background()
	p := s.planes[i]
	if err := s.store.Store.Enact(ctx, acts); err != nil {
		s.violate("acts can be stored", "%v", err)
		return false
	}
	s.checks.acts(s.world)
	for j := range s.unseen {
		s.unseen[j].acts = s.unseen[j].acts || j != i
	}
	fleet, err := s.store.Fleet(ctx)
	p.stale = p.stale || err != nil || p.core.Overtaken(fleet, acts)
	return true
}

// follow takes in what others stored.
func (s *small) follow(i int) {
	p, ctx := s.planes[i], context.Background()
	u := s.unseen[i]
	if u.acts {
		p.stale = true
		s.drain(i)
		return
	}
	var changed []states.Record
	for _, key := range u.keys {
		rec, err := s.store.Record(ctx, key)
		if err != nil {
			s.violate("what was changed can be read", "%v", err)
			return
		}
		changed = append(changed, rec)
	}
	fleet, err := s.store.Fleet(ctx)
	if err != nil {
		s.violate("the store can be read", "%v", err)
		return
	}
	s.unseen[i] = changes{}
	p.core.Follow(fleet.Ordering, fleet.Quarantines, changed)
	p.note(p.name, "takes in what others stored")
	s.drain(i)
}

// told remembers for the other control planes what they have not seen.
func (s *small) told(by int, batch *engine.Batch, results []adapters.Result) {
	for j := range s.unseen {
		if j == by || !s.planes[j].up() {
			continue
		}
		for i := range batch.Changes {
			key := batch.Changes[i].Record.Key
			at, has := slices.BinarySearchFunc(s.unseen[j].keys, key, compareKeys)
			if results[i].Err == nil && !has {
				s.unseen[j].keys = slices.Insert(s.unseen[j].keys, at, key)
			}
		}
	}
}

// drain runs rounds without inputs as long as gates have opened.
func (s *small) drain(i int) {
	p := s.planes[i]
	for n := 0; n < triesMost && s.violated == nil && p.up() && (p.core.Busy() || p.stale); n++ {
		batch := s.decide(i, nil)
		if batch == nil {
			return
		}
		s.commit(i, batch, fine)
	}
}

// decide is the first half of a round; nil where it cannot be done.
func (s *small) decide(i int, inputs []engine.Input) *engine.Batch {
	p := s.planes[i]
	if p.stale && !s.reread(i) {
		return nil
	}
	for range 2 {
		if !p.provide(inputs) {
			return nil
		}
		if !p.core.Foreign() {
			break
		}
		if !s.reread(i) {
			return nil
		}
	}
	return p.core.Decide(p.at(), inputs)
}

// commit is the second half of a round. It reports whether the process lived
// to tell.
func (s *small) commit(i int, batch *engine.Batch, f fate) bool {
	p := s.planes[i]
	var results []adapters.Result
	if len(batch.Changes) > 0 {
		switch f {
		case killedBefore:
			s.endPlane(i)
			return false
		case torn:
			s.reopenSmall(s.store.Store, false)
			return false
		}
		before := s.checks.before(s.world, batch.Changes)
		var err error
		results, err = s.seams.commit(s.store.Store, batch.Changes)
		if err != nil {
			s.violate("a batch that was decided can be stored", "%v", err)
			return false
		}
		s.checks.committed(p, batch.Changes, results, before)
		s.quarantined(p, batch.Changes, results)
		s.told(i, batch, results)
		if f == killedAfter {
			s.endPlane(i)
			return false
		}
	}
	p.stale = p.core.Settle(batch, results, nil, p.at())
	return p.confirm(batch)
}

// quarantined checks that quarantines are stored with what led to them.
func (s *small) quarantined(p *plane, changes []adapters.Change, results []adapters.Result) {
	for i := range changes {
		for j := range changes[i].Effects {
			q := changes[i].Effects[j].Quarantine
			same := func(o reducer.Quarantine) bool { return o.Channel == q.Channel && o.Closure.Is(q.Closure) }
			if results[i].Err == nil && q.Closure.Known() && !slices.ContainsFunc(s.checks.fleet.Quarantines, same) {
				p.violate(nothingMissing, "%s: the quarantine of %s is not stored with its rollback", changes[i].Record.Key, q.Closure)
			}
		}
	}
}

// reopenSmall goes on with another content of the store: every control plane
// goes down with the old one.
func (s *small) reopenSmall(content *memory.Store, putBack bool) {
	s.store = &store{Store: content, disk: s.disk}
	s.checks.reopened(s.world, putBack)
	for i, p := range s.planes {
		if p.up() {
			s.endPlane(i)
		}
	}
}
