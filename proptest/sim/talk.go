package sim

import (
	"errors"
	"time"

	"github.com/rollmend/rollmend/adapters"
	"github.com/rollmend/rollmend/agent"
	"github.com/rollmend/rollmend/engine"
	"github.com/rollmend/rollmend/states"
	"github.com/rollmend/rollmend/synth"
)

// heartbeatOf is what arrives of an agent's heartbeat.
func heartbeatOf(host states.Host, hb agent.Heartbeat) synth.Heartbeat {
	return synth.Heartbeat{
		Host: host, Holds: hb.Rollout, Current: hb.Current, At: hb.At, Order: hb.Order,
		LastReply: hb.LastReply, CurrentSince: hb.CurrentSince, Failing: hb.FailingProbes, Queued: hb.Queued,
	}
}

// anyPlane is the control plane that the host's next request reaches.
func (h *host) anyPlane() *plane {
	return h.planes[h.dice.below("which plane", len(h.planes))]
}

// beat sends a heartbeat, and brings back its reply. It gives up an earlier one:
// the reply to that finds nobody who waits for it.
func (h *host) beat(hb agent.Heartbeat) {
	p := h.anyPlane()
	life := h.life
	sent := h.truth.atBeat(h, hb)
	h.note(string(h.name), "beats %s on %s holding %s to %s", hb.Order, hb.Current, hb.Rollout, p.name)
	h.carry(h, p, "heartbeat", func() {
		if !p.up() {
			return
		}
		in := engine.Beat{Heartbeat: heartbeatOf(h.name, hb), Received: p.at()}
		if p.core.Ready() {
			p.hears(h, sent)
		}
		p.take(in, func(r engine.Reply) {
			if r.Err != nil {
				return // it is not answered; the next one is
			}
			p.answers(h, r.Beat.ReceivedAt)
			h.carry(h, p, "reply to a heartbeat", func() {
				if h.life == life && h.up && h.truth.said == sent.nth {
					h.step(answerOf(h.at(), hb, r.Beat))
				}
			})
		})
	})
}

func answerOf(now states.Time, hb agent.Heartbeat, r engine.HeartbeatReply) agent.BeatAnswered {
	in := agent.BeatAnswered{Now: now, ReceivedAt: r.ReceivedAt, NextBeat: r.NextBeat, Newest: r.Newest}
	for _, s := range r.Snapshots {
		rec := &s.Record
		in.Snapshots = append(in.Snapshots, agent.Snapshot{
			Rollout: rec.Rollout, State: rec.State, Target: rec.Target, AtDispatch: rec.AtDispatch,
			SoakDueAt: s.SoakDueAt, LastSeq: rec.LastSeq, Soak: rec.Policy.Soak,
			OnFailure: rec.Policy.OnFailure, LastBoot: s.LastBoot,
		})
	}
	for _, replay := range r.Replay {
		in.Replay = append(in.Replay, agent.Replay{Rollout: replay.Rollout, From: replay.From})
	}
	if r.ReplayFrom != 0 {
		in.Replay = append(in.Replay, agent.Replay{Rollout: hb.Rollout, From: r.ReplayFrom})
	}
	return in
}

// send sends a report, and brings back its answer.
func (h *host) send(send agent.Send) {
	ev := send.Report
	p := h.anyPlane()
	life := h.life
	h.note(string(h.name), "reports %s %d of %s to %s", ev.Kind(), int(ev.Seq), ev.Key.Rollout, p.name)
	h.carry(h, p, "report", func() {
		p.take(engine.Report{Event: ev, LostFrom: send.LostFrom}, func(r engine.Reply) {
			p.checks.answered(p, ev, r)
			in := reportAnswer(send, r)
			h.carry(h, p, "answer to a report", func() {
				if h.life == life && h.up {
					in.Now = h.at()
					h.step(in)
				}
			})
		})
	})
}

// dispatchOf is what arrives of a dispatch.
func dispatchOf(d *engine.Dispatch) agent.Dispatch {
	out := agent.Dispatch{Rollout: d.Key.Rollout, Target: d.Target, Soak: d.Policy.Soak, OnFailure: d.Policy.OnFailure}
	if out.Soak != 0 {
		out.SoakDueAt = d.SentAt.Add(out.Soak)
	}
	return out
}

// pollLater asks for a dispatch after a while, and goes on doing so.
func (h *host) pollLater(d time.Duration) {
	h.later(d, func() {
		h.ask()
		h.pollLater(h.dice.between("poll", 10*time.Second, 25*time.Second))
	})
}

// ask asks for a dispatch. It gives up an earlier poll: an answer to that one
// finds nobody who waits for it.
func (h *host) ask() {
	if h.machine.Busy() {
		return
	}
	p := h.anyPlane()
	life := h.life
	h.polls++
	poll := h.polls
	h.carry(h, p, "poll", func() {
		p.take(engine.Poll{Host: h.name}, func(r engine.Reply) {
			if r.Err != nil || r.Dispatch == nil {
				return
			}
			d := r.Dispatch
			p.checks.dispatched(p, h, d)
			p.note(p.name, "dispatches %s to %s", d.Key.Rollout, h.name)
			h.carry(h, p, "dispatch", func() {
				if h.life == life && h.up && h.polls == poll {
					h.polls++ // it is answered
					h.step(agent.Dispatched{Now: h.at(), Current: h.sees(), Dispatch: dispatchOf(d)})
				}
			})
		})
	})
}

// reportAnswer is what arrives of an answer to a report.
func reportAnswer(sent agent.Send, r engine.Reply) agent.ReportAnswered {
	in := agent.ReportAnswered{
		Rollout: sent.Report.Key.Rollout, Seq: sent.Report.Seq, Answer: agent.Told, Disposition: r.Report.Disposition,
	}
	var gap *engine.GapError
	switch {
	case errors.As(r.Err, &gap):
		in.Answer, in.From = agent.PutBack, gap.From
	case errors.Is(r.Err, adapters.ErrNotFound):
		in.Answer = agent.NoRecord
	case r.Err != nil:
		in.Answer, in.After = agent.NotNow, 5*time.Second
	}
	return in
}
