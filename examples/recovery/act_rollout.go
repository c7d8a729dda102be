package main

import (
	"fmt"

	"github.com/rollmend/rollmend/states"
)

// kernel names a kernel. To another one than runs a host cannot switch without
// a boot.
func kernel(n int) string { return fmt.Sprintf("6.12.%d", n) }

// healthy returns a build of a version for each of some hosts, with the kernel
// that the host has.
func healthy(version string, members []*member) map[states.Host]build {
	out := map[states.Host]build{}
	for _, m := range members {
		out[m.Host] = build{version: string(m.Channel) + "-" + version, kernel: kernel(m.kernel), health: "ok"}
	}
	return out
}

// withNewKernel gives a host's build another kernel.
func withNewKernel(targets map[states.Host]build, m *member) {
	m.kernel++
	b := targets[m.Host]
	b.kernel = kernel(m.kernel)
	targets[m.Host] = b
}

// release publishes builds under a ref.
func (s *story) release(ref states.Ref, targets map[states.Host]build) error {
	s.released = nowTime()
	s.endWindows(s.released)
	s.view.say("%s is published, with new closures for %d hosts", ref, len(targets))
	return s.publish(ref, targets)
}

// playRollout starts everything and lets one rollout go through.
func playRollout(s *story) error {
	sc := s.scene("a ref is published for a fleet that runs another one",
		"every host on its target, wave by wave, the edges kept, within the budgets")
	for _, m := range s.members {
		if err := s.install(m, build{version: "base", kernel: kernel(m.kernel), health: "ok"}); err != nil {
			return err
		}
	}
	if err := s.release("c0ffee01", healthy("v1", s.members)); err != nil {
		return err
	}
	if err := s.startControl(); err != nil {
		return err
	}
	for _, m := range s.members {
		if err := s.start(m); err != nil {
			return err
		}
	}
	if err := s.until(sc, "everybody converged", s.unconverged); err != nil {
		return err
	}
	sc.took(s.cyclesSince(s.released))
	pairs := s.checkOrder(sc)
	most, limit := s.checkBudgets(sc)
	sc.saw("%d hosts converged; %d pairs of hosts that had to go one after the other did", len(s.spans()), pairs)
	if limit > 0 {
		sc.saw("at most %d of %d at work under a budget", most, limit)
	}
	return nil
}

// unconverged tells who has not converged on what was published, by its own
// word and by the control plane's.
func (s *story) unconverged(l *look) []string {
	out := s.wrong(l)
	for _, m := range s.members {
		if state := s.state(l, m); m.Target.Known() && state != states.Converged {
			out = append(out, fmt.Sprintf("%s: %s", m.Host, state))
		}
	}
	return append(out, s.quiet()...)
}
