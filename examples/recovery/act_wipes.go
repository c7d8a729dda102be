package main

import (
	"fmt"
	"slices"

	"github.com/rollmend/rollmend/states"
)

// playQuietWipe keeps the promise: the database is deleted while nothing is
// under way.
func playQuietWipe(s *story) error {
	sc := s.scene(s.control("is killed", "are killed")+" in a quiet moment, the database deleted, and "+s.again(),
		"all right once each host has beaten, in the order of the gates; nobody disturbed, nothing dispatched; the log says what rests on what")
	if err := s.until(sc, "a quiet moment", s.unconverged); err != nil {
		return err
	}
	before, err := s.untouched()
	if err != nil {
		return err
	}
	since := nowTime()
	s.nothingDispatched(sc, since)
	if err := s.wipe(); err != nil {
		return err
	}
	if err := s.recovered(sc); err != nil {
		return err
	}
	s.checkTrail(sc, s.last)
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

// playSwitchedOff switches a host off that others come behind, and deletes the
// database.
func playSwitchedOff(s *story) error {
	sc := s.scene("a host is switched off for good, and the database deleted again",
		"it is named as silent; those behind it are on their target, and held with that reason, unless they say themselves that they converged")
	m, ok := s.pick(nil, func(m *member) bool { return m.Wave == 0 && s.hasFollowers(m) && !s.goesFirst(m) })
	if !ok {
		m, ok = s.pick(nil, func(m *member) bool { return s.hasFollowers(m) })
	}
	if !ok {
		sc.saw("not shown: in this fleet nobody comes behind another")
		return nil
	}
	before, err := s.untouched()
	if err != nil {
		return err
	}
	m.agent.kill()
	m.off = true
	s.view.say("%s is switched off", m.Host)
	since := nowTime()
	s.nothingDispatched(sc, since)
	if err := s.wipe(); err != nil {
		return err
	}
	if err := s.recovered(sc); err != nil {
		return err
	}
	s.checkSilent(sc, m)
	return s.checkUntouched(sc, before, since)
}

// checkSilent checks what is said of a host that never beat, and of those
// behind it.
func (s *story) checkSilent(sc *scene, m *member) {
	l := s.last
	rec, _ := s.record(l, m)
	if rec.Finding.Reason != "silent" || l.hosts[m.Host].Seen != nil {
		sc.differ("%s: the finding is %s (%s), should be silent", m.Host, rec.Finding.Reason, rec.Finding.Detail)
	}
	if l.fleet.Silent != 1 {
		sc.differ("the fleet page counts %d silent hosts, should be 1", l.fleet.Silent)
	}
	held, why := 0, ""
	for _, o := range s.living() {
		if o.Channel != m.Channel || o.Wave <= m.Wave || s.state(l, o) != states.Pending {
			continue
		}
		held++
		rec, _ := s.record(l, o)
		i := slices.IndexFunc(rec.Finding.Blocks, func(b block) bool { return b.Gate == "wave-promotion" })
		if i < 0 {
			sc.differ("%s: held by %s, should be held by the wave of %s", o.Host, names(rec.Finding.Blocks), m.Host)
			continue
		}
		why = rec.Finding.Blocks[i].Why
	}
	sc.saw("%s: %s", m.Host, rec.Finding.Detail)
	if held > 0 {
		sc.saw("%d behind it held: %s", held, why)
	} else {
		sc.saw("all behind it said themselves that they converged")
	}
}

// gone is said of a scene for which the fleet has no host.
func gone(what string) string { return fmt.Sprintf("not shown: no host is left for %s", what) }
