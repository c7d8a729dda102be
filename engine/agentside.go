package engine

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"time"

	"github.com/rollmend/rollmend/adapters"
	"github.com/rollmend/rollmend/reducer"
	"github.com/rollmend/rollmend/states"
	"github.com/rollmend/rollmend/synth"
)

// Heartbeat takes one heartbeat and answers it once what it led to is
// committed. The errors are [ErrNotReady], [ErrContended], [ErrClosed] and the
// store's; after each of them the next heartbeat does the same work.
func (e *Engine) Heartbeat(ctx context.Context, hb synth.Heartbeat) (HeartbeatReply, error) {
	beat := Beat{Heartbeat: hb, Received: e.now()}
	e.mu.Lock()
	reply, ok := e.core.InStep(&beat, beat.Received)
	e.mu.Unlock()
	if ok {
		return reply, nil
	}
	r, err := e.submit(ctx, beat)
	return r.Beat, err
}

// Heartbeats takes a batch, as from a relay, and answers each of it at its
// place.
func (e *Engine) Heartbeats(ctx context.Context, batch []synth.Heartbeat) []HeartbeatResult {
	results := make([]HeartbeatResult, len(batch))
	received := e.now()
	var requests []*request
	var places []int
	for i := range batch {
		beat := Beat{Heartbeat: batch[i], Received: received}
		e.mu.Lock()
		reply, ok := e.core.InStep(&beat, received)
		e.mu.Unlock()
		if ok {
			results[i].Reply = reply
			continue
		}
		requests = append(requests, &request{input: beat, reply: make(chan Reply, 1)})
		places = append(places, i)
	}
	for len(requests) > 0 {
		n := min(len(requests), roundMost)
		err := e.send(ctx, requests[:n])
		for i, r := range requests[:n] {
			result := &results[places[i]]
			result.Err = err
			if err == nil {
				var reply Reply
				reply, result.Err = e.await(ctx, r)
				result.Reply = reply.Beat
			}
		}
		requests, places = requests[n:], places[n:]
	}
	return results
}

// Report takes an agent's report and answers it once it is committed. A
// refusal is an answer, not an error. The errors are [*GapError] (put back), adapters.ErrNotFound (there is no such record), [ErrNotReady],
// [ErrContended], [ErrClosed] and the store's: after all but ErrNotFound the
// agent keeps the report and sends it again.
func (e *Engine) Report(ctx context.Context, in Report) (ReportReply, error) {
	in.Event.Origin = reducer.Origin{}
	r, err := e.submit(ctx, in)
	if err != nil {
		return ReportReply{}, err
	}
	if r.Report.Disposition != reducer.Duplicate || r.Report.Reason != "" {
		return r.Report, nil
	}
	log, err := e.opts.Store.Log(ctx, in.Event.Key)
	if err != nil {
		return ReportReply{}, err
	}
	return Retransmit(log, in.Event), nil
}

// Retransmit answers a report whose number was heard before, from the log of
// its record. What was refused is refused again: the first answer may have been
// lost, and an agent goes by it. So is what is not in the log, because a gap was
// accepted over it: the agent must not take it for heard.
func Retransmit(log []reducer.LogEntry, ev reducer.Event) ReportReply {
	for _, entry := range log {
		was := entry.Event
		switch {
		case !was.Reported() || was.Seq != ev.Seq:
			continue
		case !reflect.DeepEqual(was.Body, ev.Body):
			return ReportReply{
				Disposition: reducer.Duplicate, Reason: "number reused: report " + was.Kind().String() + " had it before",
			}
		case entry.Disposition == reducer.Refused:
			return ReportReply{Disposition: reducer.Refused, Reason: entry.Reason}
		}
		return ReportReply{Disposition: reducer.Duplicate}
	}
	return ReportReply{
		Disposition: reducer.Refused,
		Reason:      fmt.Sprintf("report %d came after a later one was taken without it", ev.Seq),
	}
}

// Dispatch hands a host what it is to do, waiting up to wait for it to become
// possible. It reports false where there is nothing. The dispatch is marked in
// the store before it is returned, and returned again until it is
// acknowledged.
func (e *Engine) Dispatch(ctx context.Context, host states.Host, wait time.Duration) (Dispatch, bool, error) {
	woken, leave := e.pollers.join(host)
	defer leave()
	timer := time.NewTimer(wait)
	defer timer.Stop()
	for {
		r, err := e.submit(ctx, Poll{Host: host})
		if err != nil {
			return Dispatch{}, false, err
		}
		if r.Dispatch != nil {
			return *r.Dispatch, true, nil
		}
		select {
		case <-woken:
		case <-timer.C:
			return Dispatch{}, false, nil
		case <-ctx.Done():
			return Dispatch{}, false, ctx.Err()
		case <-e.done:
			return Dispatch{}, false, ErrClosed
		}
	}
}

// errIsNotFound tells a missing record from a store's trouble.
func errIsNotFound(err error) bool { return errors.Is(err, adapters.ErrNotFound) }
