package main

import (
	"github.com/rollmend/rollmend/examples/recovery/host"
	"github.com/rollmend/rollmend/states"
)

// kills is how often a control plane is killed during one rollout: where there
// are several, each in its turn, and at least twice.
func (s *story) kills() int { return max(2, len(s.replicas)) }

// playKills publishes a fixed ref, and kills the control plane while the
// reports about it come in.
func playKills(s *story) error {
	sc := s.scene("a fixed ref is published; "+s.control("is killed (-9) twice", "are killed (-9) in turn")+" while reports stream in",
		"nothing that was acknowledged is missing; the fleet goes on, in order, and converges")
	if err := s.release("f1xed003", healthy("v3", s.members)); err != nil {
		return err
	}
	done, counted := 0, 0
	next := 4 + s.rng.IntN(12) // acknowledged reports until the next kill
	s.as(func() bool { return s.acknowledged()-counted >= next }, s.killNext(&done, &counted, &next))
	if err := s.until(sc, "everybody converged", s.unconverged); err != nil {
		return err
	}
	sc.took(s.cyclesSince(s.released))
	checked := s.checkAcknowledged(sc, s.last)
	s.checkOrder(sc)
	s.checkBudgets(sc)
	sc.saw("killed %d times; all of %d acknowledged reports are in the log; every host converged", done, checked)
	return nil
}

// killNext kills a control plane, starts it again, and does the same to the
// next one after some further reports.
func (s *story) killNext(done, counted, next *int) func() error {
	return func() error {
		r := s.replicas[*done%len(s.replicas)]
		r.process.kill()
		*done++
		s.view.say("the %s is killed, after %d acknowledged reports", s.nameOf(r), s.acknowledged())
		if err := s.startReplica(r); err != nil {
			return err
		}
		*counted, *next = s.acknowledged(), 1+s.rng.IntN(6)
		if *done < s.kills() {
			s.as(func() bool { return s.acknowledged()-*counted >= *next }, s.killNext(done, counted, next))
		}
		return nil
	}
}

// playKillsInRecovery destroys the database, and kills the control planes in
// turn while they learn what the fleet runs.
func playKillsInRecovery(s *story) error {
	sc := s.scene("the database is destroyed again; each control plane is killed (-9) in turn while the fleet recovers",
		"all right once each host has beaten after the last start, in the order of the gates; nobody disturbed, nothing dispatched")
	before, err := s.untouched()
	if err != nil {
		return err
	}
	since := nowTime()
	s.nothingDispatched(sc, since)
	if err := s.wipe(); err != nil {
		return err
	}
	done := 0
	s.killAmongBeats(&done, s.started)
	if err := s.recovered(sc); err != nil {
		return err
	}
	sc.saw("killed %d times", done)
	for _, m := range s.living() {
		if state := s.state(s.last, m); m.Target.Known() && state != states.Converged {
			sc.differ("%s: %s, should be Converged", m.Host, state)
		}
	}
	if err := s.staysQuiet(sc); err != nil {
		return err
	}
	return s.checkUntouched(sc, before, since)
}

// killAmongBeats kills the next control plane once some heartbeats were
// answered since a moment, starts it again, and so on with those behind it.
func (s *story) killAmongBeats(done *int, since states.Time) {
	after := 2 + s.rng.IntN(len(s.members)/2)
	s.as(func() bool { return s.beats(since) >= after }, func() error {
		r := s.replicas[*done]
		r.process.kill()
		*done++
		s.view.say("the %s is killed, after %d more heartbeats", s.nameOf(r), after)
		if err := s.startReplica(r); err != nil {
			return err
		}
		if *done < len(s.replicas) {
			s.killAmongBeats(done, s.started)
		}
		return nil
	})
}

// beats counts the heartbeats of all hosts that were answered since a moment.
func (s *story) beats(since states.Time) (n int) {
	for _, m := range s.members {
		if err := m.diary.read(); err != nil {
			continue // the next look tells it
		}
		n += m.diary.beats(since)
	}
	return n
}

// acknowledged counts the reports about what is published that were answered.
func (s *story) acknowledged() (n int) {
	for _, m := range s.members {
		if err := m.diary.read(); err != nil {
			continue // the next look tells it
		}
		n += m.diary.acknowledged(s.rollout(m.Channel))
	}
	return n
}

// checkAcknowledged checks that every report about what is published that a
// host was told is kept is in the log, and returns how many there are.
func (s *story) checkAcknowledged(sc *scene, l *look) (checked int) {
	for _, m := range s.members {
		rec, _ := s.record(l, m)
		logged := map[states.Seq]string{}
		for _, e := range rec.Log {
			if e.Origin == "reported" {
				logged[e.Event.Seq] = e.Event.Kind
			}
		}
		for _, n := range m.diary.notes {
			if n.What != host.ReportAnswered || n.Rollout != s.rollout(m.Channel).String() {
				continue
			}
			checked++
			if kind := logged[n.Seq]; kind != n.Kind {
				sc.differ("%s: report %d, %s, was answered %q and the log has %q under its number", m.Host, n.Seq, n.Kind, n.Disposition, kind)
				sc.tell("%s", explanation(m, l.hosts[m.Host]))
			}
			if n.Disposition == "no-record" || n.Disposition == "refused" && !soaksTooShort(m, n) {
				sc.differ("%s: report %d, %s, was answered %q: %s", m.Host, n.Seq, n.Kind, n.Disposition, n.Detail)
			}
		}
	}
	if checked == 0 {
		sc.differ("no report was acknowledged at all")
	}
	return checked
}

// soaksTooShort reports whether an answer is the refusal that the first
// generation has to expect: it does not know the length of its soak, ends it by
// the clock of its dispatch, and finishes it from the snapshot.
func soaksTooShort(m *member, n host.Note) bool {
	return m.first && n.Kind == states.KindConverged.String()
}
