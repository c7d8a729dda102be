package proptest

import (
	"slices"

	"github.com/rollmend/rollmend/gates"
	"github.com/rollmend/rollmend/reducer"
	"github.com/rollmend/rollmend/states"
	"github.com/rollmend/rollmend/synth"
)

// plane is a control plane with one record, driven as the engine drives its
// own: the gap rule, the missing prefix, the newest heartbeat put again.
type plane struct {
	sys   System
	watch func(before states.Record, ev reducer.Event, out reducer.Outcome, err error)

	guessed bool // something was synthesised
	cut     bool // a time was beyond the bound

	// What the store holds.
	rec states.Record
	log []reducer.LogEntry

	// What a restart forgets.
	seen     synth.Seen
	started  states.Time
	answered states.Time
	ready    bool // the agent had our reply
	putBack  []states.Seq
	putLast  states.Seq
}

// open opens the rollout, with nothing known of the host.
func (p *plane) open(now states.Time, policy states.Policy) {
	p.rec, p.log = states.Record{}, nil
	p.forget(now)
	p.step(reducer.Event{
		Key: key, At: now, Origin: reducer.Origin{By: reducer.ByControlPlane},
		Body: reducer.Opened{Target: target, Policy: policy},
	})
}

// forget is a restart.
func (p *plane) forget(now states.Time) {
	p.seen, p.answered, p.ready, p.putBack, p.putLast = synth.Seen{}, 0, false, nil, 0
	p.started = now
}

// step applies one event and keeps what the store would.
func (p *plane) step(ev reducer.Event) (reducer.Outcome, error) {
	before := p.rec
	p.guessed = p.guessed || ev.Synthesised()
	out, err := p.sys.Step(p.rec, ev)
	p.rec = out.Record
	if out.Effects.Entry.Event.Body != nil {
		p.log = append(p.log, out.Effects.Entry)
	}
	if p.watch != nil {
		p.watch(before, ev, out, err)
	}
	return out, err
}

// dispatch hands the dispatch out, unless an ignorant control plane would
// disturb somebody by it.
func (p *plane) dispatch(now states.Time) bool {
	hb := &p.seen.Heartbeat
	if p.rec.State != states.Pending || !p.seen.Received.IsSet() || !hb.Current.Known() ||
		hb.Current.Is(p.rec.Target) || hb.Holds == p.rec.Rollout || hb.Queued > 0 || !p.ready {
		return false
	}
	p.mark(now)
	return true
}

// mark stamps that the dispatch was handed out.
func (p *plane) mark(now states.Time) {
	if p.rec.State == states.Pending && !p.rec.Dispatched.IsSet() {
		p.step(reducer.Event{
			Key: key, At: now, Origin: reducer.Origin{By: reducer.ByControlPlane}, Body: reducer.Dispatched{},
		})
	}
}

// look asks what the newest heartbeat means for the record.
func (p *plane) look(now states.Time, verdict gates.Verdict) (synth.Look, synth.Finding) {
	l := synth.Look{
		Record: p.rec, Seen: p.seen, Now: now, Verdict: verdict,
		Bounds: synth.Bounds{Silence: silence, Skew: skewBound},
	}
	return l, p.sys.Chain(l)
}

// hear takes a heartbeat. It returns the number from which the reply asks for
// kept reports again; 0: it does not.
func (p *plane) hear(now states.Time, hb synth.Heartbeat, verdict gates.Verdict) (from states.Seq) {
	latest := now.Add(skewBound)
	hb.At, hb.CurrentSince = min(hb.At, latest), min(hb.CurrentSince, latest)
	kept := p.seen
	p.seen.Newer = kept.Heartbeat.Current.Known() && kept.Heartbeat.After(&hb)
	p.seen.Heartbeat, p.seen.Received = hb, now
	if !p.seen.Newer && hb.Current.Known() {
		p.ready = p.ready || hb.LastReply >= p.started || !hb.LastReply.IsSet() && p.answered.IsSet() && now > p.answered
		if !hb.Current.Is(p.rec.Target) {
			p.seen.OffTarget = max(p.seen.OffTarget, hb.At)
		}
		kept = p.seen
	}
	_, finding := p.look(now, verdict)
	p.apply(finding)
	p.seen, p.seen.Received = kept, now
	if !p.answered.IsSet() {
		p.answered = now
	}
	if hb.Holds.IsZero() && p.rec.State.Terminal() && !p.rec.Synthesised() {
		return 0
	}
	return p.rec.LastSeq + 1
}

func (p *plane) apply(f synth.Finding) {
	for _, ev := range f.Events {
		if _, err := p.step(ev); err != nil {
			return
		}
	}
}

// answer is what an agent is told of a report.
type answer struct {
	disposition reducer.Disposition
	from        states.Seq // put back: the first number that is missing; 0: it was not
	err         error
}

// report takes a report, and puts the newest heartbeat to the record again.
func (p *plane) report(now states.Time, ev reducer.Event, verdict gates.Verdict) answer {
	if latest := now.Add(skewBound); ev.At > latest {
		ev.At, ev.Clamped, p.cut = latest, true, true
	}
	if from := p.gap(ev.Seq); from != 0 {
		return answer{from: from}
	}
	p.apply(p.sys.Ahead(p.rec, ev))
	out, err := p.step(ev)
	if p.seen.Received.IsSet() {
		_, finding := p.look(now, verdict)
		p.apply(finding)
	}
	return answer{disposition: out.Disposition, err: err}
}

// gap returns the first missing number where a report leaves a gap that was
// not put back before.
func (p *plane) gap(seq states.Seq) states.Seq {
	if p.putLast != p.rec.LastSeq {
		p.putBack, p.putLast = nil, p.rec.LastSeq
	}
	if seq <= p.rec.LastSeq+1 || slices.Contains(p.putBack, seq) {
		return 0
	}
	p.putBack = append(p.putBack, seq)
	return p.rec.LastSeq + 1
}
