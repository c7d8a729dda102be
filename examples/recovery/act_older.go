package main

import (
	"fmt"

	"github.com/rollmend/rollmend/examples/recovery/host"
	"github.com/rollmend/rollmend/states"
)

// playOlderCopy lets the rollout go on, and then puts the copy back that was
// made in its middle.
func playOlderCopy(s *story) error {
	sc := s.scene("the rollout goes on; then the database is replaced by the copy from its middle",
		"right again once each host has beaten, and after one soak where an agent has nothing left to say; nobody disturbed")
	mid := s.midway
	s.endWindows(nowTime())
	if err := s.finishMidway(sc, mid); err != nil {
		return err
	}
	before, err := s.untouched()
	if err != nil {
		return err
	}
	since := nowTime()
	s.nothingDispatched(sc, since)
	if err := s.putBack(); err != nil {
		return err
	}
	var again []*member
	if mid.first != nil {
		// It is handed the snapshot, and ends the soak that it had forgotten.
		again = append(again, mid.first)
	}
	if err := s.recovered(sc, again...); err != nil {
		return err
	}
	for _, m := range []*member{mid.soaking, mid.deferred, mid.first} {
		if m == nil {
			continue
		}
		state := s.state(s.last, m)
		sc.saw("%s %s", m.Host, state)
		if state != states.Converged {
			sc.differ("%s: %s, should be Converged", m.Host, state)
		}
	}
	if err := s.staysQuiet(sc); err != nil {
		return err
	}
	return s.checkUntouched(sc, before, since)
}

// finishMidway lets those that soak and the one that is deferred come to their
// end.
func (s *story) finishMidway(sc *scene, mid *midway) error {
	var ends []*member
	for _, m := range []*member{mid.soaking, mid.first} {
		if m != nil {
			ends = append(ends, m)
			if err := m.folder.Set(host.BeforeProbes, false); err != nil {
				return err
			}
		}
	}
	if mid.deferred != nil {
		ends = append(ends, mid.deferred)
		s.view.say("%s is rebooted", mid.deferred.Host)
		if err := s.reboot(mid.deferred); err != nil {
			return err
		}
	}
	return s.until(sc, "the rollout goes on", func(l *look) []string {
		out := append(s.wrong(l), s.quiet()...)
		for _, m := range ends {
			// One that was restarted has forgotten that it soaks.
			if said := m.diary.state(s.rollout(m.Channel)); said != states.Converged && m != mid.first {
				out = append(out, fmt.Sprintf("%s: by its own word %s, should come to Converged", m.Host, said))
			}
			if state := s.state(l, m); state != states.Converged {
				out = append(out, fmt.Sprintf("%s: %s, should come to Converged", m.Host, state))
			}
		}
		return out
	})
}

// putBack kills the control plane, replaces its database by the older copy,
// and starts it again.
func (s *story) putBack() error {
	s.killControl()
	if err := s.database.putBack(s.ctx); err != nil {
		return err
	}
	s.view.say("%s, the older copy put back, and %s", s.control("is killed", "are killed"), s.again())
	s.lives.now = s.lives.backup
	return s.startControl()
}
