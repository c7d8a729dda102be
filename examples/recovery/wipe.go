package main

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/rollmend/rollmend/examples/recovery/host"
	"github.com/rollmend/rollmend/states"
)

// wipe kills the control plane, deletes its database, and starts it again.
func (s *story) wipe() error {
	s.killControl()
	deleted, err := s.database.destroy(s.ctx)
	if err != nil {
		return err
	}
	s.view.say("%s, %s, and %s", s.control("is killed", "are killed"), deleted, s.again())
	committed, err := readWitness(s.witness())
	if err != nil {
		return err
	}
	s.lives.now = len(committed)
	return s.startControl()
}

// again says that what was killed is started.
func (s *story) again() string {
	if len(s.replicas) == 1 {
		return "it is started again"
	}
	return "they are started again"
}

// recovered waits until the control plane that was just started is right about
// everybody, and demands that it is by the time that every living host has
// beaten once. Some hosts may need a soak beyond that.
func (s *story) recovered(sc *scene, soaksAgain ...*member) error {
	rightBut := func(l *look, but []*member) []string {
		if s.cyclesSince(s.started) == 0 {
			return []string{"not every living host has beaten yet"}
		}
		if l.err != nil {
			return []string{l.err.Error()}
		}
		return slices.DeleteFunc(s.wrong(l), func(why string) bool {
			return slices.ContainsFunc(but, func(m *member) bool { return strings.HasPrefix(why, string(m.Host)+":") })
		})
	}
	var last []string
	var in *look
	if err := s.until(sc, "the control plane is right about everybody", func(l *look) []string {
		wrong := rightBut(l, soaksAgain)
		if s.cyclesSince(s.started) == 1 && len(wrong) > 0 {
			last, in = wrong, l
		}
		return wrong
	}); err != nil {
		return err
	}
	cycles := s.cyclesSince(s.started)
	sc.took(cycles)
	taken, err := s.checkTurns(sc, s.lives.now)
	if err != nil {
		return err
	}
	sc.saw("%d taken for converged from a heartbeat, each in its turn", taken)
	if cycles > 1 {
		sc.differ("every living host had beaten %d times before everything was right; at one: %s", cycles, strings.Join(last, "; "))
		if in != nil {
			s.explain(sc, in, last)
		}
	}
	return s.until(sc, "the control plane is right after one more soak", func(l *look) []string { return rightBut(l, nil) })
}

// untouched is what must stay as it is: where each profile points.
func (s *story) untouched() (map[*member]states.Closure, error) {
	out := map[*member]states.Closure{}
	for _, m := range s.members {
		running, err := m.folder.Profile().Current()
		if err != nil {
			return nil, err
		}
		out[m] = running
	}
	return out, nil
}

// checkUntouched checks that no profile moved, and that nothing was done to any
// host, since a moment.
func (s *story) checkUntouched(sc *scene, before map[*member]states.Closure, since states.Time) error {
	after, err := s.untouched()
	if err != nil {
		return err
	}
	for _, m := range s.members {
		if !after[m].Is(before[m]) {
			sc.differ("%s: its profile pointed at %s and points at %s", m.Host, before[m], after[m])
		}
		for _, what := range []host.What{host.SwitchedTo, host.StagedForBoot, host.RolledBackTo, host.SwitchNotWorking} {
			for _, n := range m.diary.since(since, what) {
				sc.differ("%s: %s %s at %s", m.Host, n.What, n.Closure, n.At)
			}
		}
	}
	return nil
}

// checkTrail checks that the logs say of everything that was synthesised from
// what and why, and tells how much there was of what.
func (s *story) checkTrail(sc *scene, l *look) {
	byCase := map[string]int{}
	byWord := 0
	for _, m := range s.living() {
		rec, ok := s.record(l, m)
		if !ok {
			continue // it is part of no rollout
		}
		kase, word := "", false
		for _, e := range rec.Log {
			word = word || e.Origin == "reported"
			if !e.synthesised() {
				continue
			}
			if kase == "" {
				kase = e.Case
			}
			if e.Case == states.RecordsLost.String() && !strings.HasSuffix(e.From, " running "+string(m.Target)) {
				sc.differ("%s: %s rests on what the host did not run: %s", m.Host, e.Event.Kind, e)
			}
			if e.Case == "" || !strings.HasPrefix(e.From, "heartbeat at") && !strings.HasPrefix(e.From, "report ") {
				sc.differ("%s: the log does not say what %s was synthesised from: %s", m.Host, e.Event.Kind, e)
			}
		}
		switch {
		case kase != "":
			byCase[kase]++
		case word:
			byWord++
		case rec.Record.State != states.Pending.String():
			sc.differ("%s: %s, and its log has nothing that led there", m.Host, rec.Record.State)
		}
		if s.verbose {
			s.view.say("%s", explanation(m, l.hosts[m.Host]))
		}
	}
	for _, kase := range slices.Sorted(maps.Keys(byCase)) {
		sc.saw("%d by %s", byCase[kase], kase)
	}
	if byWord > 0 {
		sc.saw("%d by their own kept reports alone", byWord)
	}
}

// dispatchableAfter is how often a host beats until a control plane that was
// started may hand something out to it: the second beat shows that the agent
// had the reply to the first.
const dispatchableAfter = 2

// staysQuiet waits until something could have been dispatched; that nothing is
// is checked in the end, by the diaries.
func (s *story) staysQuiet(sc *scene) error {
	return s.until(sc, "every host has beaten twice", func(*look) []string {
		if n := s.cyclesSince(s.started); n < dispatchableAfter {
			return []string{fmt.Sprintf("the slowest has beaten %d times", n)}
		}
		return nil
	})
}

func nowTime() states.Time { return states.TimeOf(time.Now()) }
