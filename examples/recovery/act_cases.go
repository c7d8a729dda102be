package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/rollmend/rollmend/examples/recovery/host"
	"github.com/rollmend/rollmend/states"
)

// victims are the hosts that lose their word in one rollout. A nil one is of a
// sort that the fleet does not have.
type victims struct {
	cutOff   *member // killed in the middle of its activation
	cutFirst *member // likewise, of the first generation
	deferred *member // cannot switch without a boot
	reverted *member // its probes fail, and it is killed when it has rolled back
	bad      build   // what was rolled out to it
}

// playCases lets a rollout meet the cases agent-restarted, reboot-finished and
// rollback-unreported, all at once.
func playCases(s *story) error {
	v := s.chooseVictims()
	targets := healthy("v2", s.members)
	if v.deferred != nil {
		withNewKernel(targets, v.deferred)
	}
	if v.reverted != nil {
		v.bad = build{version: string(v.reverted.Channel) + "-v2-bad", kernel: kernel(0), health: "the port is closed"}
		for _, m := range s.members {
			// Those that follow would be sent the same.
			if m == v.reverted || m.Channel == v.reverted.Channel && m.Wave > v.reverted.Wave {
				targets[m.Host] = v.bad
			}
		}
	}
	plays := []func(*story, *victims) (*lost, error){playCutOff, playCutFirst, playDeferred, playRolledBack}
	var all []*lost
	for _, play := range plays {
		one, err := play(s, v)
		if err != nil {
			return err
		}
		if one != nil {
			all = append(all, one)
		}
	}
	if err := s.release("badbad02", targets); err != nil {
		return err
	}
	for _, one := range all {
		if err := s.until(one.scene, one.what, func(l *look) []string { return one.unseen(s, l) }); err != nil {
			return err
		}
	}
	for _, one := range all {
		// Now its own reports may come, late.
		if err := one.member.folder.Set(host.BeforeReports, false); err != nil {
			return err
		}
	}
	for _, one := range all {
		if err := s.until(one.scene, one.what+", with its own reports", func(l *look) []string { return one.unfinished(s, l) }); err != nil {
			return err
		}
	}
	return s.checkHalted(v)
}

// chooseVictims chooses among hosts that go first: nothing but themselves
// decides when they do.
func (s *story) chooseVictims() *victims {
	v := &victims{}
	taken := []*member{}
	choose := func(fits func(*member) bool) *member {
		m, ok := s.pick(taken, func(m *member) bool { return s.goesFirst(m) && fits(m) })
		if !ok {
			return nil
		}
		taken = append(taken, m)
		return m
	}
	present := func(m *member) bool { return !m.first }
	v.reverted = choose(func(m *member) bool {
		return present(m) && m.Policy.OnFailure == states.RollbackAndHalt && s.hasFollowers(m)
	})
	v.deferred = choose(present)
	v.cutOff = choose(present)
	v.cutFirst = choose(func(m *member) bool { return m.first })
	return v
}

// goesFirst reports whether a host waits for nobody.
func (s *story) goesFirst(m *member) bool {
	for _, other := range s.members {
		if s.behind(m.Channel, other.Channel) || s.gatedBy(m.Host, other.Host) {
			return false
		}
	}
	return m.Wave == 0
}

// hasFollowers reports whether a later wave waits for a host.
func (s *story) hasFollowers(m *member) bool {
	return slices.ContainsFunc(s.members, func(o *member) bool {
		return o.Channel == m.Channel && o.Wave > m.Wave
	})
}

func playCutOff(s *story, v *victims) (*lost, error) {
	return s.cutOff(v.cutOff, "an agent is killed (-9) in the middle of its activation")
}

func playCutFirst(s *story, v *victims) (*lost, error) {
	return s.cutOff(v.cutFirst, "the same to an agent of the first generation, which then remembers nothing")
}

func (s *story) cutOff(m *member, done string) (*lost, error) {
	sc := s.scene(done, "Soaking within one heartbeat of its restart, by case agent-restarted; converged in the end")
	if m == nil {
		sc.saw("not shown: this fleet has no such host to spare")
		return nil, nil
	}
	o := &lost{
		member: m, scene: sc, what: "after its switch, before it could say so",
		kase: states.AgentRestarted, kind: states.KindActivationCompleted, leads: states.Soaking, ends: states.Converged,
	}
	s.as(func() bool { return m.folder.At(host.AfterSwitch) && s.answered(m, states.KindActivationStarted) },
		func() error { return s.killSilently(o, host.AfterSwitch, s.start) })
	return o, m.folder.Set(host.AfterSwitch, true)
}

func playDeferred(s *story, v *victims) (*lost, error) {
	sc := s.scene("a host gets another kernel, and is rebooted by its operator",
		"Deferred first; Soaking within one heartbeat of the new boot, by case reboot-finished")
	m := v.deferred
	if m == nil {
		sc.saw("not shown: this fleet has no such host to spare")
		return nil, nil
	}
	o := &lost{
		member: m, scene: sc, what: "by a reboot",
		kase: states.RebootFinished, kind: states.KindActivationCompleted, leads: states.Soaking, ends: states.Converged,
	}
	s.as(func() bool { return s.answered(m, states.KindActivationDeferred) },
		func() error {
			sc.saw("%s: Deferred in boot %d", m.Host, m.boots)
			return s.killSilently(o, "", s.reboot)
		})
	return o, nil
}

func playRolledBack(s *story, v *victims) (*lost, error) {
	sc := s.scene("probes fail after an activation; the agent rolls back and is killed (-9) before it can say so",
		"Reverted within one heartbeat of its restart, by case rollback-unreported, with the quarantine")
	m := v.reverted
	if m == nil {
		sc.saw("not shown: this fleet has no such host to spare")
		return nil, nil
	}
	o := &lost{
		member: m, scene: sc, what: "after its rollback, before it could say so",
		kase: states.RollbackUnreported, kind: states.KindRollbackComplete, leads: states.Reverted, ends: states.Reverted,
	}
	s.as(func() bool { return m.folder.At(host.AfterRollback) && s.answered(m, states.KindFailed) },
		func() error { return s.killSilently(o, host.AfterRollback, s.start) })
	return o, m.folder.Set(host.AfterRollback, true)
}

// checkHalted checks what a rollback has to lead to: the closure is
// quarantined, the rollout halted with its reason, and nobody is sent the
// closure any more.
func (s *story) checkHalted(v *victims) error {
	m := v.reverted
	if m == nil {
		return nil
	}
	sc := s.scene("the operator looks at the rollout that it halted",
		"halted, with its reason; the bad closure quarantined, and never dispatched again")
	s.neverDispatched(sc, m.diary.when(s.rollout(m.Channel), states.KindFailed), v.bad.closure())
	return s.until(sc, "halted", func(l *look) []string {
		var out []string
		for _, r := range l.fleet.Rollouts {
			if r.RolloutID == s.rollout(m.Channel).String() && !slices.Contains(r.Halting, m.Host) {
				out = append(out, fmt.Sprintf("%s: not among what halts %s", m.Host, r.RolloutID))
			}
		}
		why := ""
		for _, q := range l.fleet.Quarantines {
			if q.Closure.Is(v.bad.closure()) && q.Channel == m.Channel {
				why = q.Why
			}
		}
		if why == "" {
			out = append(out, fmt.Sprintf("%s: %s is not quarantined on %s", m.Host, v.bad.closure(), m.Channel))
		}
		for _, o := range s.members {
			if o.Channel == m.Channel && o.Wave > m.Wave && o.Target.Is(v.bad.closure()) {
				out = append(out, s.notBlocked(l, o, "quarantine", "halted")...)
			}
		}
		if len(out) == 0 && len(sc.seen) == 0 {
			sc.saw("%s halted by %s: %s; its followers Pending, held by quarantine and halted", s.rollout(m.Channel), m.Host, why)
		}
		return out
	})
}

// notBlocked tells which of some gates do not hold a host.
func (s *story) notBlocked(l *look, m *member, gates ...string) []string {
	rec, ok := s.record(l, m)
	if !ok || rec.Gates == nil {
		return []string{fmt.Sprintf("%s: %s, should be Pending and held", m.Host, s.state(l, m))}
	}
	var out []string
	for _, gate := range gates {
		if !slices.ContainsFunc(rec.Gates.Blocks, func(b block) bool { return b.Gate == gate }) {
			out = append(out, fmt.Sprintf("%s: not held by the gate %s, but by %s", m.Host, gate, names(rec.Gates.Blocks)))
		}
	}
	return out
}

func names(blocks []block) string {
	var out []string
	for _, b := range blocks {
		out = append(out, b.Gate)
	}
	if len(out) == 0 {
		return "none"
	}
	return strings.Join(out, ", ")
}
