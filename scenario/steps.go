package scenario

import (
	"fmt"
	"slices"
	"time"

	"github.com/rollmend/rollmend/adapters"
	"github.com/rollmend/rollmend/engine"
	"github.com/rollmend/rollmend/gates"
	"github.com/rollmend/rollmend/reducer"
	"github.com/rollmend/rollmend/states"
	"github.com/rollmend/rollmend/synth"
)

func moveTo(p *player, s Step, _ *options) error {
	d, err := time.ParseDuration(s.Args[0])
	if err != nil || Epoch.Add(d) < p.now {
		return fmt.Errorf("at %s: want a time from %s on, such as 205s", s.Args[0], timeText(p.now))
	}
	return p.move(Epoch.Add(d))
}

// setBack sets the control plane's clock back, as an operator does who finds it
// ahead.
func setBack(p *player, s Step, _ *options) error {
	d, err := time.ParseDuration(s.Args[0])
	if err != nil || d < 0 || Epoch.Add(d) >= p.now {
		return fmt.Errorf("set-back %s: want a time before %s, such as 205s", s.Args[0], timeText(p.now))
	}
	return p.move(Epoch.Add(d))
}

func moveOn(p *player, s Step, _ *options) error {
	d, err := time.ParseDuration(s.Args[0])
	if err != nil || d < 0 {
		return fmt.Errorf("wait %s: want a duration such as 60s", s.Args[0])
	}
	return p.move(p.now.Add(d))
}

// move sets the time. What was declared before it counts from before it.
func (p *player) move(to states.Time) error {
	if p.facts.changed {
		if err := p.ready(); err != nil {
			return err
		}
	}
	p.now = to
	return nil
}

func loadSaid(p *player, _ Step, o *options) error {
	p.facts.signedAt = o.at("signed", p.facts.signedAt)
	if o.err != nil {
		return o.err
	}
	if p.plane == nil {
		if err := p.begin(); err != nil {
			return err
		}
	}
	p.facts.changed = false
	loaded, err := p.plane.load(p.ctx, p.now, gates.NewFleet(p.facts.plan()))
	if err != nil {
		p.say("not loaded: %v", err)
		return nil
	}
	for _, id := range loaded.Opened {
		p.say("%s  opened", id)
	}
	for _, id := range loaded.Already {
		p.say("%s  open already", id)
	}
	return nil
}

func restart(p *player, _ Step, _ *options) error { return p.restart() }

func wipe(p *player, _ Step, _ *options) error { return p.anew(nil) }

func save(p *player, s Step, _ *options) error {
	p.saved[s.Args[0]] = slices.Clone(p.plane.journal)
	return nil
}

func restoreCopy(p *player, s Step, _ *options) error {
	journal, ok := p.saved[s.Args[0]]
	if !ok {
		return fmt.Errorf("no copy was saved as %q", s.Args[0])
	}
	return p.anew(journal)
}

func resume(p *player, s Step, o *options) error {
	id, err := states.ParseRollout(s.Args[0])
	if err != nil {
		return err
	}
	act, err := p.plane.core.PlanResume(p.now, id, o.or("reason", ""))
	if err != nil {
		p.say("%s  not resumed: %v", id, err)
		return nil
	}
	if err := p.plane.act(p.ctx, act, func() { p.plane.core.Resume(act) }); err != nil {
		return err
	}
	return p.settle()
}

func clearQuarantine(p *player, s Step, o *options) error {
	channel, closure := states.Channel(s.Args[0]), states.Closure(s.Args[1])
	act, err := p.plane.core.PlanClear(p.now, channel, closure, o.or("reason", ""))
	if err != nil {
		p.say("%s on %s  not cleared: %v", closure, channel, err)
		return nil
	}
	if err := p.plane.act(p.ctx, act, func() { p.plane.core.Clear(act) }); err != nil {
		return err
	}
	return p.settle()
}

func impose(p *player, s Step, o *options) error {
	act := adapters.Imposition{Quarantine: reducer.Quarantine{
		Channel: states.Channel(s.Args[0]), Closure: states.Closure(s.Args[1]), Since: p.now, Why: o.or("reason", ""),
	}}
	if err := p.plane.act(p.ctx, act, func() { p.plane.core.Impose(act) }); err != nil {
		return err
	}
	return p.settle()
}

// settle looks again at the hosts that waited for what an operator did.
func (p *player) settle() error {
	_, changes, err := p.plane.rounds(p.ctx, p.now)
	p.sayChanges(changes)
	return err
}

func beat(p *player, s Step, o *options) error {
	for _, name := range s.Args {
		if err := p.known(name); err != nil {
			return err
		}
		hb := synth.Heartbeat{
			Host: states.Host(name), Current: o.closure("runs", ""),
			At: o.at("at", p.now), Order: o.order(),
			LastReply: o.at("last-reply", 0), CurrentSince: o.at("since", 0),
			Failing: o.list("failing"), Queued: int(o.number("queued", 0)),
		}
		if id, ok := o.text("holds"); ok && id != unknown {
			var err error
			if hb.Holds, err = states.ParseRollout(id); err != nil {
				return err
			}
		}
		if o.err != nil {
			return o.err
		}
		if hb.Current.Known() {
			p.runs[hb.Host] = hb.Current
		}
		if err := p.beat(engine.Beat{Heartbeat: hb, Received: p.now}); err != nil {
			return err
		}
	}
	return nil
}

func (p *player) beat(in engine.Beat) error {
	reply, changes, err := p.plane.beat(p.ctx, in)
	if err != nil {
		return err
	}
	p.reply[in.Heartbeat.Host] = reply
	p.sayChanges(changes)
	for _, f := range reply.Findings {
		if f.Reason != synth.Missed {
			p.sayFinding(f)
		}
	}
	return p.again(func() error {
		_, changes, err := p.plane.beat(p.ctx, in)
		if err == nil && len(changes) > 0 {
			err = fmt.Errorf("the heartbeat makes %d changes when it comes again: want none", len(changes))
		}
		return err
	})
}

func dispatch(p *player, s Step, _ *options) error { return p.poll(s, false) }

func poll(p *player, s Step, _ *options) error { return p.poll(s, true) }

// poll has hosts ask for their dispatch, in one pass.
func (p *player) poll(s Step, sayAll bool) error {
	inputs := make([]engine.Input, len(s.Args))
	for i, name := range s.Args {
		if err := p.known(name); err != nil {
			return err
		}
		inputs[i] = engine.Poll{Host: states.Host(name)}
	}
	replies, changes, err := p.plane.rounds(p.ctx, p.now, inputs...)
	if err != nil {
		return err
	}
	p.sayChanges(changes)
	for i, name := range s.Args {
		switch d := replies[i].Dispatch; {
		case replies[i].Err != nil:
			return replies[i].Err
		case d == nil:
			if err := p.sayWithheld(states.Host(name)); err != nil {
				return err
			}
		case sayAll && touches(changes, d.Key):
			p.say("%s  dispatched %s", name, d.Target)
		case sayAll:
			p.say("%s  dispatched %s (again)", name, d.Target)
		}
	}
	return p.again(func() error {
		once, changes, err := p.plane.rounds(p.ctx, p.now, inputs...)
		if err != nil {
			return err
		}
		for i := range once {
			if (once[i].Dispatch == nil) != (replies[i].Dispatch == nil) || len(changes) > 0 {
				return fmt.Errorf("%s asks again and is answered otherwise, with %d changes", s.Args[i], len(changes))
			}
		}
		return nil
	})
}
