package engine

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"time"

	"github.com/rollmend/rollmend/adapters"
	"github.com/rollmend/rollmend/reducer"
	"github.com/rollmend/rollmend/states"
	"github.com/rollmend/rollmend/synth"
)

// Heartbeat takes one heartbeat and answers it once what it led to is
// committed. The errors are [ErrNotReady], a [*BusyError], [ErrContended],
// [ErrClosed] and the store's; after each of them the next heartbeat does the
// same work.
func (e *Engine) Heartbeat(ctx context.Context, hb synth.Heartbeat) (HeartbeatReply, error) {
	if e.starting.Load() {
		return HeartbeatReply{}, ErrNotReady
	}
	beat := Beat{Heartbeat: hb, Received: e.now()}
	e.mu.Lock()
	reply, ok := e.core.InStep(&beat, beat.Received)
	e.mu.Unlock()
	if ok {
		return reply, nil
	}
	r, err := e.submit(ctx, beat, stayAway(hb.Host, e.opts.Cycle))
	return r.Beat, err
}

// Heartbeats takes a batch, as from a relay, and answers each of it at its
// place.
func (e *Engine) Heartbeats(ctx context.Context, batch []synth.Heartbeat) []HeartbeatResult {
	results := make([]HeartbeatResult, len(batch))
	if e.starting.Load() {
		for i := range results {
			results[i].Err = ErrNotReady
		}
		return results
	}
	s, _ := e.scratches.Get().(*scratch)
	if s == nil {
		s = &scratch{}
	}
	e.inStep(batch, results, s)
	left := false
	for from := 0; from < len(s.beats); from += roundMost {
		beats, places := s.beats[from:], s.places[from:]
		beats = beats[:min(len(beats), roundMost)]
		s.requests = slices.Grow(s.requests[:0], len(beats))[:len(beats)]
		requests := s.requests
		for i := range requests {
			requests[i] = request{input: &beats[i]}
		}
		party := newParty(requests)
		err := e.send(ctx, requests, 0)
		if err == nil {
			err = e.await(ctx, party)
		}
		left = left || err != nil
		for i := range requests {
			r, result := &requests[i], &results[places[i]]
			reply := r.reply.Load()
			var busy *BusyError
			switch {
			case reply != nil:
				result.Reply, result.Err = reply.Beat, reply.Err
			case errors.As(err, &busy):
				result.Err = &BusyError{After: stayAway(batch[places[i]].Host, e.opts.Cycle)}
			default:
				result.Err = err
			}
		}
		if err != nil {
			s.requests = nil // they may still be answered
		}
	}
	// Where one was left, the loop may still read it.
	if !left && cap(s.beats) <= roundMost {
		e.scratches.Put(s)
	}
	return results
}

// scratch is memory that the heartbeats of a batch need on their way, once they
// are answered for those of another one.
type scratch struct {
	beats    []Beat // of hosts that are not in step
	places   []int  // of each, in its batch
	requests []request
}

// together is how many heartbeats are looked at without letting others in
// between.
const together = 64

// inStep answers the heartbeats of hosts about which there is nothing to decide,
// and notes the others, and where they were.
func (e *Engine) inStep(batch []synth.Heartbeat, results []HeartbeatResult, rest *scratch) {
	rest.beats, rest.places = rest.beats[:0], rest.places[:0]
	received := e.now()
	var beats [together]Beat
	var others [together]int // places of those that are not in step
	for from := 0; from < len(batch); from += together {
		some := beats[:min(together, len(batch)-from)]
		for i := range some {
			some[i] = Beat{Heartbeat: batch[from+i], Received: received}
		}
		n := 0
		e.mu.Lock()
		e.core.expect(some)
		for i := range some {
			reply, ok := e.core.InStep(&some[i], received)
			if ok {
				results[from+i].Reply = reply
				continue
			}
			others[n] = i
			n++
		}
		e.mu.Unlock()
		if n > 0 {
			rest.beats = slices.Grow(rest.beats, len(batch)-from)
			rest.places = slices.Grow(rest.places, len(batch)-from)
		}
		for _, i := range others[:n] {
			rest.beats, rest.places = append(rest.beats, some[i]), append(rest.places, from+i)
		}
		if n == together {
			// Of a fleet that comes back, hardly one is: the loop is not kept from it.
			for i := from + together; i < len(batch); i++ {
				rest.beats = append(rest.beats, Beat{Heartbeat: batch[i], Received: received})
				rest.places = append(rest.places, i)
			}
			return
		}
	}
}

// Report takes an agent's report and answers it once it is committed. A
// refusal is an answer, not an error. The errors are [*GapError] (put back), adapters.ErrNotFound (there is no such record), [ErrNotReady],
// a [*BusyError], [ErrContended], [ErrClosed] and the store's: after all but ErrNotFound the
// agent keeps the report and sends it again.
func (e *Engine) Report(ctx context.Context, in Report) (ReportReply, error) {
	in.Event.Origin = reducer.Origin{}
	r, err := e.submit(ctx, in, briefly)
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
// accepted over it, or because another report had its number: the agent must not
// take it for heard. Of what a snapshot stands for, only whether it was taken is
// known any more.
func Retransmit(log []reducer.LogEntry, ev reducer.Event) ReportReply {
	if len(log) > 0 && log[0].Snapshot != nil && ev.Seq <= log[0].Snapshot.Record.LastSeq {
		if log[0].Snapshot.Takes(ev.Seq) {
			return ReportReply{Disposition: reducer.Duplicate}
		}
		return ReportReply{
			Disposition: reducer.Refused,
			Reason:      fmt.Sprintf("report %d was refused, or came after a later one was taken without it; the log of that time is compacted", ev.Seq),
		}
	}
	for _, entry := range log {
		was := entry.Event
		switch {
		case !was.Reported() || was.Seq != ev.Seq:
			continue
		case !reflect.DeepEqual(was.Body, ev.Body):
			return ReportReply{
				Disposition: reducer.Refused, Reason: "number reused: report " + was.Kind().String() + " had it before",
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
		r, err := e.submit(ctx, Poll{Host: host}, briefly)
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
