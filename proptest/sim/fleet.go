package sim

import (
	"fmt"
	"time"

	"github.com/rollmend/rollmend/gates"
	"github.com/rollmend/rollmend/states"
)

// cycle is the time between two heartbeats of a host.
const (
	cycle   = time.Minute
	silence = 3 * cycle
	skew    = 5 * time.Minute
)

// dawn is true time zero by a clock that is right, in Unix milliseconds: far
// enough from zero that a clock set back by days stays positive.
const dawn = 1_700_000_000_000

// shape is what of a fleet does not change from one manifest to the next.
type shape struct {
	hosts    []gates.PlannedHost // without target and policy
	edges    []gates.ChannelEdge
	hostEdge []gates.HostEdge
	budgets  []gates.Budget
	soak     map[states.Channel]time.Duration
}

// drawShape draws the fleet of a run.
func drawShape(d *dice) shape {
	s := shape{soak: map[states.Channel]time.Duration{}}
	channels := 1 + d.below("channels", 3)
	for c := range channels {
		channel := states.Channel([]string{"canary", "edge", "stable"}[c])
		waves := 1 + d.below("waves", 3)
		for i := range 1 + d.below("hosts", 4) {
			s.hosts = append(s.hosts, gates.PlannedHost{
				Host: states.Host(fmt.Sprintf("%s-%d", channel, i)), Channel: channel,
				Wave: states.Wave(d.below("wave", waves)),
			})
		}
		s.soak[channel] = d.between("soak", 0, 3*time.Minute).Truncate(time.Second)
		if c > 0 && d.oneIn("edge", 2) {
			s.edges = append(s.edges, gates.ChannelEdge{Gates: s.hosts[0].Channel, Gated: channel})
		}
	}
	last := s.hosts[len(s.hosts)-1]
	if first := s.hosts[len(s.hosts)-min(2, len(s.hosts))]; first.Channel == last.Channel && first.Host != last.Host &&
		first.Wave <= last.Wave && d.oneIn("host edge", 3) {
		s.hostEdge = append(s.hostEdge, gates.HostEdge{Gates: first.Host, Gated: last.Host})
	}
	if d.oneIn("budget", 2) {
		b := gates.Budget{Name: "all", MaxInFlight: 1 + d.below("in flight", 2)}
		for _, h := range s.hosts {
			b.Hosts = append(b.Hosts, h.Host)
		}
		s.budgets = append(s.budgets, b)
	}
	return s
}

// manifest is one published manifest.
type manifest struct {
	fleet *gates.Fleet
	plan  gates.Plan
}

// publish draws the next manifest. Now and then it brings a closure back under
// a new ref.
func (s *shape) publish(d *dice, nth int, signed states.Time) manifest {
	p := gates.Plan{
		Ref: states.Ref(fmt.Sprintf("m%d", nth)), SignedAt: signed,
		ChannelEdges: s.edges, HostEdges: s.hostEdge, Budgets: s.budgets,
	}
	version := nth
	if nth > 1 && d.oneIn("same closure", 4) {
		version--
	}
	for _, h := range s.hosts {
		h.Target = target(h.Channel, version)
		h.Policy = states.Policy{
			Soak: s.soak[h.Channel], OnFailure: states.RollbackAndHalt, DeferredIsDone: true,
		}
		if mix(d.seed^uint64(len(h.Channel)))%3 == 0 {
			h.Policy.OnFailure = states.Halt
		}
		p.Hosts = append(p.Hosts, h)
	}
	return manifest{fleet: gates.NewFleet(p), plan: p}
}

// target names a channel's closure of a version; version 0 is what hosts run in
// the beginning.
func target(channel states.Channel, version int) states.Closure {
	return states.Closure(fmt.Sprintf("%s-v%d", channel, version))
}
