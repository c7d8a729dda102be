package scenario

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/rollmend/rollmend/engine"
	"github.com/rollmend/rollmend/gates"
	"github.com/rollmend/rollmend/states"
	"github.com/rollmend/rollmend/synth"
)

// player does a file's steps.
type player struct {
	ctx     context.Context
	control *Control
	facts   facts
	plane   *plane // nil until the first step that is no declaration
	now     states.Time
	runs    map[states.Host]states.Closure // what each host runs, as far as the file says
	saved   map[string][]stored
	reply   map[states.Host]engine.HeartbeatReply
	twice   bool // every beat, report and poll is handed in again, and must change nothing
	said    []string
}

func newPlayer(ctx context.Context, c *Control, twice bool) *player {
	return &player{
		ctx: ctx, control: c, now: Epoch, twice: twice,
		facts: facts{channels: map[states.Channel]channelFacts{}},
		runs:  map[states.Host]states.Closure{}, saved: map[string][]stored{},
		reply: map[states.Host]engine.HeartbeatReply{},
	}
}

// play does the steps of a file and returns what came of each block.
func (c *Control) play(ctx context.Context, f File, twice bool) ([][]string, error) {
	p := newPlayer(ctx, c, twice)
	out := make([][]string, len(f.Blocks))
	for i, b := range f.Blocks {
		p.said = nil
		for _, s := range b.Steps {
			if err := p.do(s); err != nil {
				return nil, &Error{File: f.Name, Line: s.Line, Text: InSeconds(err.Error())}
			}
		}
		out[i] = p.said
		if len(p.said) == 0 {
			out[i] = []string{nothing}
		}
	}
	return out, nil
}

func (p *player) do(s Step) error {
	v := verbs[s.Verb]
	if !v.declares {
		if err := p.ready(); err != nil {
			return err
		}
	}
	o := &options{step: s}
	if err := v.run(p, s, o); err != nil {
		return err
	}
	return o.err
}

// ready sees to it that a control plane runs, and that what was declared counts.
func (p *player) ready() error {
	if p.plane == nil {
		if err := p.begin(); err != nil {
			return err
		}
	}
	if !p.facts.changed {
		return nil
	}
	p.facts.changed = false
	_, err := p.plane.load(p.ctx, p.now, gates.NewFleet(p.facts.plan()))
	return err
}

// begin starts the control plane of a file, which has been running for a while:
// the hosts are known, and those that are declared with what they run have
// beaten, were answered, and have beaten again.
func (p *player) begin() (err error) {
	first, second := p.now.Add(-2*time.Second), p.now.Add(-time.Second)
	if p.plane, err = p.control.start(p.ctx, first, nil); err != nil {
		return err
	}
	plan := p.facts.plan()
	plan.Ref, plan.SignedAt = "", 0
	if _, err := p.plane.load(p.ctx, first, gates.NewFleet(plan)); err != nil {
		return err
	}
	for _, at := range []states.Time{first, second} {
		for _, h := range p.facts.hosts {
			if !h.beat {
				continue
			}
			hb := synth.Heartbeat{Host: h.name, Current: h.runs, At: at}
			if _, _, err := p.plane.beat(p.ctx, engine.Beat{Heartbeat: hb, Received: at}); err != nil {
				return err
			}
		}
	}
	return nil
}

// anew starts the control plane again, on what a journal says.
func (p *player) anew(journal []stored) (err error) {
	if p.plane, err = p.control.start(p.ctx, p.now, journal); err != nil {
		return err
	}
	p.facts.changed = true
	return p.ready()
}

// restart starts the control plane again, on the store that it has.
func (p *player) restart() (err error) {
	if p.plane, err = p.control.restart(p.ctx, p.now, p.plane); err != nil {
		return err
	}
	p.facts.changed = true
	return p.ready()
}

// hand puts one input into the control plane.
func (p *player) hand(in engine.Input) (engine.Reply, []told, error) {
	replies, changes, err := p.plane.rounds(p.ctx, p.now, in)
	if err != nil {
		return engine.Reply{}, nil, err
	}
	return replies[0], changes, nil
}

// again does a step a second time where the file is played so.
func (p *player) again(step func() error) error {
	if !p.twice {
		return nil
	}
	if err := step(); err != nil {
		return fmt.Errorf("said twice: %w", err)
	}
	return nil
}

func (p *player) say(format string, args ...any) {
	p.said = append(p.said, strings.TrimRight(InSeconds(fmt.Sprintf(format, args...)), " "))
}

// known reports whether a host was declared.
func (p *player) known(name string) error {
	if _, ok := p.facts.host(name); !ok {
		return fmt.Errorf("there is no host %q: declare it first", name)
	}
	return nil
}

func (p *player) target(host states.Host) states.Closure {
	for _, h := range p.facts.plan().Hosts {
		if h.Host == host {
			return h.Target
		}
	}
	return ""
}

// key returns the record that a step is about: that of the rollout it names,
// else of its channel's newest.
func (p *player) key(host states.Host, o *options) (states.Key, error) {
	if id, ok := o.text("rollout"); ok {
		r, err := states.ParseRollout(id)
		return states.Key{Rollout: r, Host: host}, err
	}
	return states.Key{Rollout: p.current(host), Host: host}, nil
}

func (p *player) current(host states.Host) states.Rollout {
	h, _ := p.facts.host(string(host))
	return states.Rollout{Channel: h.channel, Ref: p.facts.ref}
}

// label names a record: by its host, and by its rollout where that is not the
// channel's newest.
func (p *player) label(key states.Key) string {
	if _, ok := p.facts.host(string(key.Host)); ok && p.current(key.Host) == key.Rollout {
		return string(key.Host)
	}
	return string(key.Host) + " " + key.Rollout.String()
}
