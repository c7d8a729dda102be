package sim

import (
	"context"
	"errors"
	"time"

	"github.com/rollmend/rollmend/adapters"
	"github.com/rollmend/rollmend/engine"
	"github.com/rollmend/rollmend/reducer"
	"github.com/rollmend/rollmend/states"
)

// This file is a control plane's rounds: what the loop of an engine does, cut
// into steps between which anything can happen.

// flight is a round that was decided and is not settled.
type flight struct {
	batch *engine.Batch
	calls []*call

	sent    bool // its commit is under way, or landed
	landed  bool
	results []adapters.Result
	err     error
}

// call is an input and who waits for the reply.
type call struct {
	input engine.Input
	reply func(engine.Reply)
	tries int
}

// take takes a request.
func (p *plane) take(in engine.Input, reply func(engine.Reply)) {
	if !p.up() {
		return // the connection is refused, which says nothing
	}
	if beat, ok := in.(engine.Beat); ok {
		if r, ok := p.core.InStep(&beat, beat.Received); ok {
			reply(engine.Reply{Beat: r})
			return
		}
	}
	if len(p.inbox) >= inboxMost {
		reply(engine.Reply{Err: engine.ErrNotReady})
		return
	}
	p.inbox = append(p.inbox, &call{input: in, reply: reply})
	p.work()
}

// work begins a round where there is something to do and none is under way.
func (p *plane) work() {
	if p.busy && !p.mayOverlap() || len(p.inbox) == 0 && !p.core.Busy() && !p.stale {
		return
	}
	p.busy, p.deciding = true, true
	p.in(time.Millisecond, p.decide)
}

// mayOverlap reports whether a round may be decided beside the one that is
// under way.
func (p *plane) mayOverlap() bool {
	n, most := len(p.flights), 1
	if p.sideBySide {
		most = 2
	}
	return p.overlaps && !p.stale && !p.deciding && n > 0 && n <= most && !p.flights[n-1].batch.Alone()
}

// decide is the first half of a round.
func (p *plane) decide() {
	if p.stale && len(p.flights) > 0 {
		// It was overtaken: what is under way comes to its end first.
		p.deciding = false
		return
	}
	if p.stale && !p.reread() {
		return
	}
	n := min(len(p.inbox), roundMost)
	calls := p.inbox[:n:n]
	p.inbox = p.inbox[n:]
	inputs := make([]engine.Input, n)
	for i, c := range calls {
		inputs[i] = c.input
	}
	for range 2 {
		if !p.provide(inputs) {
			return
		}
		if !p.core.Foreign() {
			break
		}
		if len(p.flights) > 0 {
			p.deciding, p.stale = false, true
			p.inbox = append(calls, p.inbox...)
			return
		}
		if !p.reread() {
			return
		}
	}
	for _, in := range inputs {
		if poll, ok := in.(engine.Poll); ok {
			p.knew[poll.Host] = heard{}
			if k := p.known[poll.Host]; k != nil {
				p.knew[poll.Host] = *k
			}
		}
	}
	f := &flight{batch: p.core.Decide(p.at(), inputs), calls: calls}
	p.flights = append(p.flights, f)
	p.deciding = false
	if len(p.flights) == 1 || p.sideBySide && !f.batch.Alone() {
		p.send(f)
	}
}

// send sends a round's changes on their way; meanwhile another may be decided.
func (p *plane) send(f *flight) {
	f.sent = true
	p.in(p.dice.between("commit takes", time.Millisecond, 15*time.Millisecond), func() { p.commit(f) })
	p.work()
}

func (p *plane) provide(inputs []engine.Input) bool {
	for _, key := range p.core.Missing(inputs) {
		rec, err := p.store.Record(context.Background(), key)
		switch {
		case errors.Is(err, adapters.ErrNotFound):
			p.core.ProvideAbsent(key)
		case err != nil:
			p.violate("the store can be read", "%v", err)
			return false
		default:
			p.core.Provide(rec)
		}
	}
	return true
}

// commit is the second half of a round. The process, or the store, can be
// killed before, in the midst of, and after it.
func (p *plane) commit(f *flight) {
	batch := f.batch
	if len(batch.Changes) > 0 {
		if p.crashes("before a commit") {
			return
		}
		before := p.checks.before(p.world, batch.Changes)
		f.results, f.err = p.store.Commit(context.Background(), batch.Changes)
		if f.err != nil {
			p.violate("a batch that was decided can be stored", "%v", f.err)
			return
		}
		if p.faulty && p.dice.oneIn("torn", p.rates.torn) && p.fault(p.name, "torn write", p.name) {
			p.tearStore()
			return
		}
		p.disk.sync()
		p.checks.committed(p, batch.Changes, f.results, before)
		p.told(p)
		if p.crashes("between a commit and its reply") {
			return
		}
		if p.faulty && len(p.planes) > 1 && p.dice.oneIn("outcome", p.rates.outcome) && p.fault(p.name, "outcome of a commit unknown", p.name) {
			f.results, f.err = nil, adapters.ErrUnknownOutcome
		}
	}
	f.landed = true
	for len(p.flights) > 0 && p.flights[0].landed {
		if !p.settle() {
			return
		}
	}
	if len(p.flights) > 0 && !p.flights[0].sent {
		p.send(p.flights[0])
		return
	}
	p.work()
}

// settle lets the oldest round count, and answers its callers. It reports false
// where the run is over.
func (p *plane) settle() bool {
	f := p.flights[0]
	batch := f.batch
	p.flights = p.flights[1:]
	p.stale = p.core.Settle(batch, f.results, f.err, p.at()) || p.stale
	if !p.confirm(batch) {
		return false
	}
	p.busy = p.deciding || len(p.flights) > 0
	for i, c := range f.calls {
		reply := batch.Replies[i]
		if reply.Again {
			c.tries++
		}
		switch {
		case reply.Later || reply.Again && c.tries < triesMost:
			p.inbox = append(p.inbox, c)
		case reply.Again:
			c.reply(engine.Reply{Err: engine.ErrContended})
		default:
			if poll, ok := c.input.(engine.Poll); ok && reply.Err == nil && reply.Dispatch == nil {
				p.parked[poll.Host] = c
				continue
			}
			c.reply(p.complete(c.input, reply))
		}
	}
	for _, host := range batch.Wake {
		if c := p.parked[host]; c != nil {
			delete(p.parked, host)
			p.inbox = append(p.inbox, c)
		}
	}
	return true
}

// confirm lets dispatches out again, as an engine does.
func (p *plane) confirm(batch *engine.Batch) bool {
	keys := batch.Repeats()
	if len(keys) == 0 {
		return true
	}
	records := make([]states.Record, len(keys))
	for i, key := range keys {
		rec, err := p.store.Record(context.Background(), key)
		if err != nil && !p.checks.forgot(key.Rollout) {
			p.violate("the store can be read", "%v", err)
			return false
		}
		records[i] = rec
	}
	fleet, err := p.store.Fleet(context.Background())
	if err != nil {
		p.violate("the store can be read", "%v", err)
		return false
	}
	p.stale = p.core.Confirm(batch, fleet.Ordering, records) || p.stale
	return true
}

// complete answers a retransmit from the log, as an engine does.
func (p *plane) complete(in engine.Input, reply engine.Reply) engine.Reply {
	report, ok := in.(engine.Report)
	if !ok || reply.Err != nil || reply.Report.Disposition != reducer.Duplicate || reply.Report.Reason != "" {
		return reply
	}
	log, err := p.store.Log(context.Background(), report.Event.Key)
	if p.checks.forgot(report.Event.Key.Rollout) {
		return engine.Reply{Err: err}
	}
	if err != nil {
		p.violate("the store can be read", "%v", err)
		return reply
	}
	reply.Report = engine.Retransmit(log, report.Event)
	return reply
}
