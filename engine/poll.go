package engine

import (
	"errors"
	"fmt"

	"github.com/rollmend/rollmend/gates"
	"github.com/rollmend/rollmend/reducer"
	"github.com/rollmend/rollmend/states"
)

// errOnItsWay says that a host has a change in a batch that is not settled yet.
var errOnItsWay = errors.New("engine: a change of the host is on its way to the store")

// decidePolls hands out dispatches. All of a round are asked for in one pass.
// In a round that may close a gate they wait for the next one, which sees it.
func (c *Core) decidePolls(b *Batch, polls []int) {
	var asks []gates.Ask
	var asking []int
	asked := map[states.Host]bool{}
	closes := len(polls) > 0 && b.closes()
	for _, i := range polls {
		host := b.inputs[i].(Poll).Host
		switch rec, again, err := c.pollable(b, host); {
		case errors.Is(err, errOnItsWay):
			b.Replies[i].Later = true
		case err != nil:
			b.Replies[i].Err = err
		case again:
			b.Replies[i].Again = true
		case closes || asked[host]:
			b.Replies[i].Later = true
		case rec != nil && c.withheld(rec) == "":
			asked[host] = true
			asks = append(asks, gates.AskOf(gates.Dispatch, rec))
			asking = append(asking, i)
		}
	}
	for n, verdict := range c.opts.Rules.Evaluate(c.view, asks...) {
		c.hand(b, asking[n], verdict)
	}
}

// pollable returns the record that a host could be sent, nil where it has
// none; again where that is not in memory.
func (c *Core) pollable(b *Batch, host states.Host) (rec *states.Record, again bool, err error) {
	if !c.Ready() {
		return nil, false, ErrNotReady
	}
	id, ok := c.find(host)
	if !ok {
		return nil, false, ErrUnknownHost
	}
	if c.onItsWay(b, id) {
		return nil, false, errOnItsWay
	}
	e := &c.slots[id].now
	if !e.live() || e.state != states.Pending {
		return nil, false, nil
	}
	rec = &states.Record{}
	if ok := b.of(c, id, e, rec); !ok || rec.State != states.Pending {
		return nil, !ok, nil
	}
	return rec, false, nil
}

// withheld says why no dispatch goes to a host whatever the gates say; it is
// empty where one may. An ignorant control plane must not disturb anybody.
func (c *Core) withheld(rec *states.Record) string {
	id, _ := c.find(rec.Host)
	s := &c.slots[id]
	switch {
	case !s.received.IsSet():
		return "the host has not beaten since this control plane started"
	case s.later:
		return "a heartbeat of the host came in, and waits for a change of the host to be stored"
	case !s.current().Known():
		return "the host's heartbeats do not say what it runs"
	case s.current().Is(rec.Target) || s.told().Is(rec.Target):
		return "the host runs the target"
	case s.beat.holds != nil && *s.beat.holds == rec.Rollout:
		return "the agent holds the rollout already"
	case s.waits() > 0:
		return fmt.Sprintf("the agent says that %d of its reports wait to be heard first", s.waits())
	case !s.ready:
		return "the agent has not beaten since it had our first reply, which asks for the reports that it kept"
	}
	return ""
}

// hand hands a dispatch out, or remembers why it is held.
func (c *Core) hand(b *Batch, i int, verdict gates.Verdict) {
	key := verdict.Ask.Key
	id, _ := c.find(key.Host)
	rec, _ := b.at(c, id, key)
	if !verdict.Passed() {
		c.wait(id, &verdict)
		if rec.Dispatched.IsSet() {
			c.refused[key] = verdict.String()
		}
		return
	}
	delete(c.refused, key)
	if !rec.Dispatched.IsSet() {
		out, err := reducer.Step(rec, reducer.Event{
			Key: key, Origin: reducer.Origin{By: reducer.ByControlPlane}, At: b.now, Body: reducer.Dispatched{},
		})
		if err != nil {
			b.Replies[i].Err = err
			return
		}
		b.stage(c, i, id, baseOf(&rec), &out.Record, []reducer.Effects{out.Effects}, true)
		rec = out.Record
	} else {
		b.repeats = append(b.repeats, i)
	}
	b.Replies[i].Dispatch = &Dispatch{
		Key: key, Target: rec.Target, Policy: rec.Policy, EnqueuedAt: rec.Dispatched, SentAt: b.now,
	}
}
