package agent

import (
	"cmp"
	"slices"

	"github.com/rollmend/rollmend/reducer"
	"github.com/rollmend/rollmend/states"
)

func (in Started) enter(t *turn) {
	t.m = Machine{cfg: t.m.cfg, started: true, now: in.Now, nextBeat: in.Now, nextProbes: in.Now}
	known := t.m.load(in.Journal)
	t.dropUntold()
	if t.m.cfg.Generation != First {
		t.m.standing.boot(in.BootID, known)
	}
	if !known {
		t.m.standing.Current = in.Current // and it may have run for long
	}
	t.m.replied = t.m.standing.LastReply
	t.observe(in.Current)
	t.stand()
	if w := t.m.held(); w != nil && w.state == states.Soaking && w.Target.Is(in.Current) {
		t.m.probes = notAfter(w.told.live(), in.Now)
	}
}

// boot counts a boot, where it is another one than the journal was kept in. A
// boot that is not named is not taken for a new one.
func (s *Standing) boot(id string, known bool) {
	switch {
	case !known:
		s.Order, s.Unproven = states.Order{Boot: 1}, true
	case id != "" && s.BootID != "" && id != s.BootID:
		s.Order = states.Order{Boot: s.Order.Boot + 1}
	}
	if id != "" {
		s.BootID = id
	}
}

// load rebuilds what the journal tells; known is whether it tells of the host.
func (m *Machine) load(journal []Entry) (known bool) {
	entries := slices.Clone(journal)
	slices.SortFunc(entries, func(a, b Entry) int { return a.Slot().compare(b.Slot()) })
	for _, e := range entries {
		switch e := e.(type) {
		case Standing:
			m.standing, m.kept, known = e, e, true
		case Taken:
			m.works = append(m.works, newWork(e, queue{}))
		case Answered:
			if w := m.find(e.Rollout); w != nil {
				w.answered, w.refused = e.Through, e.Refused
				w.highest = max(w.highest, e.Refused) // its report is not kept
			}
		case Report:
			m.adopt(e.Event)
		}
	}
	for i := range m.works {
		if w := &m.works[i]; w.state == states.Pending {
			w.orphan, w.Nth = true, 0 // its acknowledgement was not kept
		}
	}
	slices.SortStableFunc(m.works, func(a, b work) int { return cmp.Compare(a.Nth, b.Nth) })
	return known
}

// adopt gives a kept report back to its work. One whose Taken is not in the
// journal, as always in the first generation, is still sent; it does not tell
// whether its rollout is held.
func (m *Machine) adopt(ev reducer.Event) {
	w := m.find(ev.Key.Rollout)
	if w == nil {
		m.works = append(m.works, work{Taken: Taken{Rollout: ev.Key.Rollout}, orphan: true})
		w = m.newest()
	}
	if ev.Kind() == states.KindConverged && ev.Seq == w.refused {
		return // it was being dropped
	}
	w.hear(ev)
}

// dropUntold forgets the rollouts that were begun without a report: their
// dispatch comes again, if the gates still let it.
func (t *turn) dropUntold() {
	t.m.works = slices.DeleteFunc(t.m.works, func(w work) bool {
		drop := w.orphan && len(w.reports) == 0
		if drop {
			t.forget(w.slots()...)
		}
		return drop
	})
}

// live returns the probes as a new process may believe them. A failure goes on
// from when it was reported; a pass has to be seen again.
func (s *told) live() states.Probes {
	results := s.results.Map(func(p states.Probe) states.Probe {
		if p.Status == states.Pass {
			p.Status, p.At = 0, 0
		}
		return p
	})
	return declare(results, s.topology)
}
