package sim

import (
	"fmt"
	"slices"

	"github.com/rollmend/rollmend/agent"
	"github.com/rollmend/rollmend/states"
)

// startAgent starts a host's agent.
func (s *small) startAgent(i int) {
	h := s.hosts[i]
	machine, err := agent.New(h.config)
	if err != nil {
		s.violate("the simulator configures its agents rightly", "%v", err)
		return
	}
	h.up, h.machine = true, machine
	h.note(string(h.name), "agent starts in boot %d on %s", h.boot, h.runs)
	s.stepAgent(i, agent.Started{Now: h.at(), Current: h.sees(), BootID: fmt.Sprintf("%d.%d", h.lives, h.boot), Journal: h.journal})
}

// endAgent kills a host's agent. What it had asked for comes to nothing: answers
// that are under way to it do not arrive, nor do those to requests that are.
func (s *small) endAgent(i int) {
	h := s.hosts[i]
	h.up = false
	s.forsake(func(m *message) bool { return m.host == i })
	s.tasks[i] = task{cut: s.tasks[i].cut}
	h.note(string(h.name), "agent ends")
}

// rebootHost ends everything on a host and makes it run a closure.
func (s *small) rebootHost(i int, into states.Closure) {
	h := s.hosts[i]
	h.note(string(h.name), "reboots into %s", into)
	h.boot++
	h.run(into)
	h.staged = ""
	s.endAgent(i)
}

// stepAgent hands an agent something and takes up what it asks for.
func (s *small) stepAgent(i int, in agent.Input) {
	h, t := s.hosts[i], &s.tasks[i]
	machine, actions := h.machine.Step(in)
	h.machine = machine
	for n, a := range actions {
		if t.doomed == n+1 {
			h.note(string(h.name), "is killed before action %d of %d", n+1, len(actions))
			s.endAgent(i)
			return
		}
		s.take(i, a)
	}
}

// take takes up one thing that an agent asks for.
func (s *small) take(i int, a agent.Action) {
	h, t := s.hosts[i], &s.tasks[i]
	switch a := a.(type) {
	case agent.Keep:
		h.journal = h.journal.Keep(a.Entry)
		h.truth.keep(h, a.Entry)
	case agent.Forget:
		h.journal = h.journal.Forget(a.Slot)
	case agent.Beat: // it gives up an earlier one
		s.forsake(func(m *message) bool { return m.host == i && m.what == aBeat })
		t.beats, t.beat = true, h.truth.atBeat(h, a.Heartbeat)
	case agent.Send:
		other := func(o agent.Send) bool { return o.Report.Key == a.Report.Key }
		t.sends = append(slices.DeleteFunc(slices.Clone(t.sends), other), a)
	case agent.RunProbes:
		t.probing = a.Closure
	case agent.Activate:
		h.checkDisturbance(a.Target)
		h.note(string(h.name), "is to switch to %s", a.Target)
		t.switching = a.Target
	case agent.RollBack:
		t.rolling = a.To
	}
}
