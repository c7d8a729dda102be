package scenario

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"github.com/rollmend/rollmend/gates"
	"github.com/rollmend/rollmend/states"
)

// What a rollout is opened with unless its line says otherwise.
const defaultSoak = time.Minute

// facts is the fleet as a file has declared it so far.
type facts struct {
	ref      states.Ref
	signedAt states.Time
	channels map[states.Channel]channelFacts
	last     states.Channel // of the newest line that names one
	hosts    []hostFacts    // sorted by name
	edges    []gates.HostEdge
	behind   []gates.ChannelEdge
	budgets  []gates.Budget
	changed  bool // since it was loaded
}

type channelFacts struct {
	target states.Closure
	policy states.Policy
}

type hostFacts struct {
	name    states.Host
	channel states.Channel
	wave    states.Wave
	target  states.Closure
	own     bool           // target is the host's own, not its channel's
	beat    bool           // it had beaten, and was answered, when the file began
	runs    states.Closure // what it said then
}

// plan returns the manifest that the facts come to.
func (f *facts) plan() gates.Plan {
	p := gates.Plan{
		Ref: f.ref, SignedAt: f.signedAt,
		ChannelEdges: slices.Clone(f.behind), HostEdges: slices.Clone(f.edges), Budgets: slices.Clone(f.budgets),
	}
	for _, h := range f.hosts {
		c := f.channels[h.channel]
		target := c.target
		if h.own {
			target = h.target
		}
		p.Hosts = append(p.Hosts, gates.PlannedHost{
			Host: h.name, Channel: h.channel, Wave: h.wave, Target: target, Policy: c.policy,
		})
	}
	return p
}

func (f *facts) host(name string) (*hostFacts, bool) {
	i, ok := slices.BinarySearchFunc(f.hosts, states.Host(name), func(h hostFacts, n states.Host) int { return cmp.Compare(h.name, n) })
	if !ok {
		return nil, false
	}
	return &f.hosts[i], true
}

func declareRollout(p *player, s Step, o *options) error {
	id, err := states.ParseRollout(s.Args[0])
	if err != nil {
		return err
	}
	f := &p.facts
	if f.changed && f.ref != "" && f.ref != id.Ref {
		return fmt.Errorf("rollout %s: a manifest has one ref for every channel, and %s was named before", id, f.ref)
	}
	c := f.channels[id.Channel]
	c.target = o.closure("target", c.target)
	c.policy = states.Policy{
		Soak:           defaultSoak,
		OnFailure:      states.RollbackAndHalt,
		DeferredIsDone: o.yes("deferred-is-done", "yes"),
	}
	if _, ok := o.text("soak"); ok {
		c.policy.Soak = o.duration("soak")
	}
	if policy := named(o, "on-failure", states.ParseOnFailure); policy != 0 {
		c.policy.OnFailure = policy
	}
	f.channels[id.Channel] = c
	f.ref, f.last, f.changed = id.Ref, id.Channel, true
	return nil
}

func declareHost(p *player, s Step, o *options) error {
	f := &p.facts
	for _, name := range s.Args {
		h := hostFacts{name: states.Host(name), channel: f.last}
		known, old := f.host(name)
		if old {
			h = *known
		}
		h.channel = states.Channel(o.or("channel", string(h.channel)))
		if h.channel == "" {
			return fmt.Errorf("host %s: no rollout is declared before it: say channel=", name)
		}
		switch wave := o.or("wave", ""); wave {
		case "":
		case states.Unstaged.String():
			h.wave = states.Unstaged
		default:
			h.wave = states.Wave(o.number("wave", 0))
		}
		if _, ok := o.text("target"); ok {
			h.own, h.target = true, o.closure("target", "")
		}
		if _, ok := o.text("runs"); ok {
			if p.plane != nil {
				return fmt.Errorf("host %s: runs= says what it ran when the file began: use beat now", name)
			}
			h.beat, h.runs = true, o.closure("runs", "")
			p.runs[h.name] = h.runs
		}
		if old {
			*known = h
		} else {
			f.hosts = append(f.hosts, h)
			slices.SortFunc(f.hosts, func(a, b hostFacts) int { return cmp.Compare(a.name, b.name) })
		}
	}
	f.changed = true
	return nil
}

func declareEdge(p *player, s Step, o *options) error {
	if s.Args[1] != "before" {
		return fmt.Errorf("%s: want %s", s.Verb, verbs[s.Verb].usage)
	}
	front, gated, reason := s.Args[0], s.Args[2], o.or("reason", "")
	if s.Verb == "edge" {
		p.facts.edges = append(p.facts.edges, gates.HostEdge{Gates: states.Host(front), Gated: states.Host(gated), Reason: reason})
	} else {
		p.facts.behind = append(p.facts.behind, gates.ChannelEdge{Gates: states.Channel(front), Gated: states.Channel(gated), Reason: reason})
	}
	p.facts.changed = true
	return nil
}

func declareBudget(p *player, s Step, o *options) error {
	b := gates.Budget{
		Name:        s.Args[0],
		MaxInFlight: int(o.number("max", 0)),
		MaxPercent:  int(o.number("percent", 0)),
	}
	for _, name := range o.list("hosts") {
		b.Hosts = append(b.Hosts, states.Host(name))
	}
	p.facts.budgets = append(p.facts.budgets, b)
	p.facts.changed = true
	return nil
}
