package sim

import (
	"strings"
	"time"

	"github.com/rollmend/rollmend/adapters/memory"
	"github.com/rollmend/rollmend/agent"
	"github.com/rollmend/rollmend/proptest/internal/graph"
	"github.com/rollmend/rollmend/reducer"
	"github.com/rollmend/rollmend/states"
)

// sendsMost bounds how many reports go out in one move: more than any host has.
const sendsMost = 64

// play makes a move.
func (s *small) play(m move) {
	if s.trace.wants {
		who, text := m.line(s)
		s.note(who, "%s", moveMark+strings.TrimSpace(text))
	}
	if m.isFault() {
		s.left--
	}
	i := int(m.host)
	switch m.verb {
	case allRests:
		s.rest(life{})
	case minutePasses:
		s.minutes--
		s.pass(cycle)
	case longSilence:
		s.pass(10 * time.Minute)
	case arrives:
		f := s.flight[m.nth]
		s.flight = append(s.flight[:m.nth:m.nth], s.flight[m.nth+1:]...)
		if f.answer {
			s.hear(f)
		} else {
			s.arrive(f, fine)
		}
	case beats, polls, reports, reportsAll:
		s.request(m)
	case wiped:
		s.reopenSmall(memory.New(), true)
	case keptAside:
		s.backup = s.store.Store
		s.store = &store{Store: graph.Copy(s.graph, s.store.Store), disk: s.disk}
	case goesBack:
		content := s.backup
		s.backup = nil
		s.reopenSmall(content, true)
	case published:
		s.publish()
	case cleared, resumed:
		s.operateSmall(m)
	case planeStarts, planeLoads, planeGoesOn, planeFollows, planeKilled, planeJumps:
		s.playPlane(m)
	default:
		s.playHost(i, m)
	}
}

func (s *small) playPlane(m move) {
	i := int(m.plane)
	switch m.verb {
	case planeStarts:
		s.startPlane(i)
	case planeLoads:
		s.loadManifest(i)
	case planeGoesOn:
		s.goOn(i)
	case planeFollows:
		s.follow(i)
	case planeKilled:
		s.endPlane(i)
	case planeJumps:
		s.skewed = true
		s.planes[i].clockOff += time.Duration(jumps[m.nth]) * time.Millisecond
	}
}

func (s *small) playHost(i int, m move) {
	h, t := s.hosts[i], &s.tasks[i]
	now := h.at()
	to, back, probed := t.switching, t.rolling, t.probing
	switch m.verb {
	case agentStarts:
		s.startAgent(i)
	case ticks:
		t.jumped = false
		s.stepAgent(i, agent.Ticked{Now: now, Current: h.sees()})
	case switchEnds, switchKills:
		t.switching = ""
		h.run(to)
		if m.verb == switchKills {
			s.endAgent(i)
			return
		}
		s.stepAgent(i, agent.SwitchFinished{Now: now, Current: h.sees()})
	case switchFails:
		t.switching = ""
		s.stepAgent(i, agent.SwitchFinished{Now: now, Current: h.sees(), ExitCode: 1, Stderr: "no"})
	case switchDefers:
		t.switching = ""
		h.staged = to
		s.stepAgent(i, agent.SwitchDeferred{Now: now, Current: h.sees(), Component: "kernel"})
	case rollbackEnds, rollbackKills:
		t.rolling = ""
		h.run(back)
		if m.verb == rollbackKills {
			s.endAgent(i)
			return
		}
		s.stepAgent(i, agent.RollbackFinished{Now: now, Current: h.sees()})
	case probesPass, probesFail:
		t.probing = ""
		status := states.Pass
		if m.verb == probesFail {
			status = states.Fail
		}
		s.probe(i, probed, status)
	case agentKilled:
		s.endAgent(i)
	case agentDoomed:
		t.doomed = int(m.nth)
	case reboots:
		s.rebootHost(i, h.runs)
	case rebootsOld:
		s.rebootHost(i, h.last)
	case bootsStaged:
		s.rebootHost(i, h.staged)
	case installedAnew:
		h.journal = nil
		h.lives++
		h.truth.reinstalled()
		s.rebootHost(i, h.runs)
	case clockJumps:
		by := time.Duration(jumps[m.nth]) * time.Millisecond
		h.clockOff += by
		h.jumped = true
		t.jumped = true
	case cutOff, heals:
		t.cut = m.verb == cutOff
	}
}

// probe gives the results of the probes of a closure, of which every host has
// one.
func (s *small) probe(i int, c states.Closure, status states.Status) {
	h, now := s.hosts[i], s.hosts[i].at()
	s.stepAgent(i, agent.ProbesDeclared{
		Now: now, Closure: c, Probes: []reducer.Declaration{{Name: "http", Kind: "http", Mode: states.Enforce}},
	})
	if h.up {
		s.stepAgent(i, agent.ProbeReported{Now: now, Closure: c, Name: "http", Mode: states.Enforce, Status: status})
	}
}

// request makes an agent's request.
func (s *small) request(m move) {
	i := int(m.host)
	t := &s.tasks[i]
	out := message{host: i, plane: int(m.plane)}
	switch m.verb {
	case beats:
		out.what, out.beat = aBeat, t.beat
		t.beats, t.beat = false, said{}
		s.ask(out, m.fate)
	case polls:
		s.forsake(func(o *message) bool { return o.host == i && o.what == aPoll })
		out.what = aPoll
		s.ask(out, m.fate)
	case reports:
		s.sendReport(out, int(m.nth), m.fate)
	case reportsAll:
		for n := 0; n < sendsMost && len(t.sends) > 0 && s.room(out.plane) && s.violated == nil; n++ {
			s.sendReport(out, 0, fine)
		}
	}
}

func (s *small) sendReport(out message, nth int, f fate) {
	t := &s.tasks[out.host]
	out.what, out.send = aReport, t.sends[nth]
	t.sends = append(t.sends[:nth:nth], t.sends[nth+1:]...)
	s.ask(out, f)
}

// operateSmall is an operator who clears a quarantine or resumes a rollout.
func (s *small) operateSmall(m move) {
	p := s.planes[m.plane]
	if m.verb == cleared {
		q := s.checks.fleet.Quarantines[0]
		cl, err := p.core.PlanClear(p.at(), q.Channel, q.Closure, "it is mended")
		if err != nil {
			return // this control plane has not heard of it
		}
		if s.enact(int(m.plane), cl) {
			p.core.Clear(cl)
			s.drain(int(m.plane))
		}
		return
	}
	r, err := p.core.PlanResume(p.at(), s.halted()[0], "looked at it")
	if err != nil || len(r.Hosts) == 0 {
		return
	}
	if s.enact(int(m.plane), r) {
		p.core.Resume(r)
		s.drain(int(m.plane))
	}
}
