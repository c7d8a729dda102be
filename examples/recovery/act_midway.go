package main

import (
	"fmt"

	"github.com/rollmend/rollmend/examples/recovery/host"
	"github.com/rollmend/rollmend/states"
)

// midway is a rollout in the middle, with a host in each state that a wiped
// control plane could take for another. A nil host is of a sort that the fleet
// does not have.
type midway struct {
	soaking  *member
	deferred *member
	failed   *member // under halt: it stays where it is
	reverted *member
	first    *member // soaking, of the first generation, which cannot tell

	early []*member // all that go first, these included
}

// playMidway deletes the database in the middle of a rollout.
func playMidway(s *story) error {
	sc := s.scene("the database is deleted in the middle of a rollout: one host soaking, one deferred, one failed under halt, one reverted",
		"each is what it is again once all have beaten; nobody disturbed, nothing dispatched")
	mid, err := s.prepareMidway(sc)
	if err != nil {
		return err
	}
	s.midway = mid
	before, err := s.untouched()
	if err != nil {
		return err
	}
	since := nowTime()
	s.nothingDispatched(sc, since)
	s.killControl()
	s.lives.backup = s.lives.now
	if err := s.database.keep(s.ctx); err != nil {
		return err
	}
	if mid.first != nil {
		s.view.say("%s: its agent is restarted meanwhile", mid.first.Host)
		mid.first.agent.kill()
		if err := s.start(mid.first); err != nil {
			return err
		}
	}
	if err := s.wipe(); err != nil {
		return err
	}
	if err := s.recovered(sc); err != nil {
		return err
	}
	for _, m := range []*member{mid.soaking, mid.deferred, mid.failed, mid.reverted} {
		if m != nil {
			sc.saw("%s %s", m.Host, s.state(s.last, m))
		}
	}
	s.checkTrail(sc, s.last)
	s.tellLimit(mid)
	if err := s.staysQuiet(sc); err != nil {
		return err
	}
	return s.checkUntouched(sc, before, since)
}

// tellLimit tells what became of the host of the first generation.
func (s *story) tellLimit(mid *midway) {
	if mid.first == nil {
		return
	}
	sc := s.scene("meanwhile the agent of a soaking host of the first generation was restarted",
		"a named limit: it remembers nothing, so the host is taken for what it runs")
	rec, _ := s.record(s.last, mid.first)
	sc.saw("%s was soaking, and is taken for %s: %s", mid.first.Host, rec.Record.State, lastCase(rec))
}

// prepareMidway leads a rollout to its middle.
func (s *story) prepareMidway(sc *scene) (*midway, error) {
	mid := s.chooseMidway(sc)
	var front []*member
	for _, m := range s.members {
		if s.isFront(m.Channel) {
			front = append(front, m)
		}
	}
	targets := healthy("v4", front)
	if mid.deferred != nil {
		withNewKernel(targets, mid.deferred)
	}
	for _, m := range []*member{mid.failed, mid.reverted} {
		if m != nil {
			b := targets[m.Host]
			b.version, b.health = b.version+"-bad", "the port is closed"
			targets[m.Host] = b
		}
	}
	// Nobody may fail, and so halt the rollout, before all of them are on their way.
	for _, m := range mid.early {
		if err := m.folder.Set(host.BeforeProbes, true); err != nil {
			return nil, err
		}
	}
	if err := s.release("dead0004", targets); err != nil {
		return nil, err
	}
	if err := s.until(sc, "all that go first are on their way", func(l *look) []string {
		var out []string
		for _, m := range mid.early {
			want := states.Soaking
			if m == mid.deferred {
				want = states.Deferred
			}
			if state := s.state(l, m); state != want {
				out = append(out, fmt.Sprintf("%s: %s, should come to %s", m.Host, state, want))
			}
		}
		return out
	}); err != nil {
		return nil, err
	}
	return mid, s.reachMidway(sc, mid)
}

// reachMidway lets everybody go on but those that are to soak.
func (s *story) reachMidway(sc *scene, mid *midway) error {
	for _, m := range mid.early {
		if m == mid.soaking || m == mid.first {
			continue
		}
		if err := m.folder.Set(host.BeforeProbes, false); err != nil {
			return err
		}
	}
	return s.until(sc, "everybody is where it should be in the middle", func(l *look) []string {
		out := append(s.wrong(l), s.quiet()...)
		for _, m := range mid.early {
			if state, want := s.state(l, m), mid.wants(m); state != want {
				out = append(out, fmt.Sprintf("%s: %s, should come to %s", m.Host, state, want))
			}
		}
		return out
	})
}

func (mid *midway) wants(m *member) states.State {
	switch m {
	case mid.soaking, mid.first:
		return states.Soaking
	case mid.deferred:
		return states.Deferred
	case mid.failed:
		return states.Failed
	case mid.reverted:
		return states.Reverted
	}
	return states.Converged
}

// chooseMidway chooses among hosts that go first, in channels that wait for
// none.
func (s *story) chooseMidway(sc *scene) *midway {
	mid := &midway{}
	var taken []*member
	for _, m := range s.living() {
		if s.goesFirst(m) && m.Target.Known() {
			mid.early = append(mid.early, m)
		}
	}
	choose := func(what string, fits func(*member) bool) *member {
		m, ok := s.pick(taken, func(m *member) bool { return s.goesFirst(m) && fits(m) })
		if !ok {
			sc.saw("%s", gone(what))
			return nil
		}
		taken = append(taken, m)
		return m
	}
	mid.failed = choose("one that fails under halt", func(m *member) bool { return !m.first && m.Policy.OnFailure == states.Halt })
	mid.reverted = choose("one that goes back", func(m *member) bool { return !m.first && m.Policy.OnFailure == states.RollbackAndHalt })
	mid.deferred = choose("one that is deferred", func(m *member) bool { return !m.first })
	mid.soaking = choose("one that soaks", func(m *member) bool { return !m.first })
	mid.first = choose("one of the first generation", func(m *member) bool { return m.first })
	return mid
}

// isFront reports whether a channel waits for no other.
func (s *story) isFront(channel states.Channel) bool {
	for _, other := range s.channels() {
		if s.behind(channel, other) {
			return false
		}
	}
	return true
}
