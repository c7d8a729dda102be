package sim

import (
	"github.com/rollmend/rollmend/agent"
	"github.com/rollmend/rollmend/engine"
)

// fate is what becomes of a request and its answer. All but the first are
// faults.
type fate int8

const (
	fine       fate = iota
	lost            // or cut short: what has lost its end is not understood
	unanswered      // it is taken, and the answer is lost
	delayed         // it arrives later, or never
	answerDelayed
	doubled // it arrives now, and perhaps once more
	answerDoubled
	killedBefore // the control plane is killed before its commit
	killedAfter  // between its commit and its reply
	killedThen   // after its reply, before it looks at who waited
	torn         // the store loses power in the midst of the commit
	heldUp       // the control plane is held up between reading and committing
	fates        // how many there are
)

var fateNames = [fates]string{
	fine: "", lost: "which is lost", unanswered: "whose answer is lost", delayed: "which is delayed",
	answerDelayed: "whose answer is delayed", doubled: "which is doubled", answerDoubled: "whose answer is doubled",
	killedBefore: "and the control plane is killed before its commit",
	killedAfter:  "and the control plane is killed between its commit and its reply",
	killedThen:   "and the control plane is killed after its reply",
	torn:         "and the store's write is torn",
	heldUp:       "and the control plane is held up before its commit",
}

// message is a request, or an answer, on its way.
type message struct {
	what   what
	answer bool
	host   int
	plane  int
	orphan bool // who asked does not wait any more
	beat   said
	send   agent.Send
	input  agent.Input // of an answer
}

type what int8

const (
	aBeat what = iota + 1
	aReport
	aPoll
)

var whatNames = [...]string{aBeat: "heartbeat", aReport: "report", aPoll: "poll"}

// flightMost bounds how many messages are under way: two can overtake each
// other.
const flightMost = 2

// ask sends a request, which meets its fate.
func (s *small) ask(m message, f fate) {
	switch {
	case s.tasks[m.host].cut || f == lost:
		return
	case f == delayed:
		s.flight = append(s.flight, m)
		return
	case f == doubled:
		s.flight = append(s.flight, m)
	}
	s.arrive(m, f)
}

// arrive hands a request to a control plane.
func (s *small) arrive(m message, f fate) {
	p, h := s.planes[m.plane], s.hosts[m.host]
	if !p.up() {
		return // the connection is refused, which says nothing
	}
	var in engine.Input
	switch m.what {
	case aBeat:
		hb := heartbeatOf(h.name, m.beat.Heartbeat)
		s.seams.heartbeat(&hb)
		beat := engine.Beat{Heartbeat: hb, Received: p.at()}
		if p.core.Ready() {
			p.hears(h, m.beat)
		}
		if r, ok := p.core.InStep(&beat, beat.Received); ok {
			s.answer(m, engine.Reply{Beat: r}, f)
			return
		}
		in = beat
	case aReport:
		report := engine.Report{Event: m.send.Report, LostFrom: m.send.LostFrom}
		s.seams.report(&report)
		in = report
	case aPoll:
		in = engine.Poll{Host: h.name}
	}
	batch := s.decide(m.plane, []engine.Input{in})
	if batch == nil {
		return
	}
	if s.seams.early {
		s.answer(m, batch.Replies[0], f)
	}
	if f == heldUp && len(batch.Changes) > 0 || !s.open(m.plane) {
		p.note(p.name, "is held up before a commit of %d changes", len(batch.Changes))
		s.rounds[m.plane] = append(s.rounds[m.plane], round{batch: batch, input: in, asked: m})
		return
	}
	s.finish(m, in, batch, f)
}

// goOn ends the rounds that a control plane was held up with, in their order.
func (s *small) goOn(plane int) {
	rounds := s.rounds[plane]
	s.rounds[plane] = nil
	for i, r := range rounds {
		if !s.commit(plane, r.batch, fine) {
			return
		}
		reply := &r.batch.Replies[0]
		if reply.Again || reply.Later {
			continue
		}
		s.answer(r.asked, s.planes[plane].complete(r.input, *reply), fine)
		rounds[i].input = nil
	}
	for _, r := range rounds {
		if r.input == nil {
			continue
		}
		if batch := s.decide(plane, []engine.Input{r.input}); batch != nil {
			s.finish(r.asked, r.input, batch, fine)
		}
	}
	s.drain(plane)
}

// finish goes on with a request whose round is decided.
func (s *small) finish(m message, in engine.Input, batch *engine.Batch, f fate) {
	for tries := 0; s.commit(m.plane, batch, f) && s.violated == nil; tries++ {
		reply := batch.Replies[0]
		if reply.Again && tries >= triesMost {
			reply = engine.Reply{Err: engine.ErrContended}
		}
		if !reply.Again && !reply.Later {
			if !s.seams.early {
				s.answer(m, s.planes[m.plane].complete(in, reply), f)
			}
			if f == killedThen {
				s.endPlane(m.plane)
				return
			}
			s.drain(m.plane)
			return
		}
		if batch = s.decide(m.plane, []engine.Input{in}); batch == nil {
			return
		}
	}
}

// answer sends an answer, which meets its fate.
func (s *small) answer(m message, r engine.Reply, f fate) {
	p, h := s.planes[m.plane], s.hosts[m.host]
	m.answer = true
	switch m.what {
	case aBeat:
		if r.Err != nil {
			return // it is not answered; the next one is
		}
		p.answers(h, r.Beat.ReceivedAt)
		m.input = answerOf(0, m.beat.Heartbeat, r.Beat)
	case aReport:
		s.checks.answered(p, m.send.Report, r)
		m.input = reportAnswer(m.send, r)
	case aPoll:
		if r.Err != nil || r.Dispatch == nil {
			return
		}
		s.checks.dispatched(p, h, r.Dispatch)
		p.note(p.name, "dispatches %s to %s", r.Dispatch.Key.Rollout, h.name)
		m.input = agent.Dispatched{Dispatch: dispatchOf(r.Dispatch)}
	}
	m.beat, m.send = said{}, agent.Send{}
	switch {
	case f == unanswered || m.orphan:
		return
	case f == answerDelayed:
		s.flight = append(s.flight, m)
		return
	case f == answerDoubled:
		s.flight = append(s.flight, m)
	}
	s.hear(m)
}

// hear hands an answer to the agent that asked, where that still runs.
func (s *small) hear(m message) {
	h := s.hosts[m.host]
	if !h.up {
		return
	}
	switch in := m.input.(type) {
	case agent.BeatAnswered:
		in.Now = h.at()
		s.stepAgent(m.host, in)
	case agent.ReportAnswered:
		in.Now = h.at()
		s.stepAgent(m.host, in)
	case agent.Dispatched:
		in.Now, in.Current = h.at(), h.sees()
		s.stepAgent(m.host, in)
	}
}

// forsake lets nobody wait any more for some answers: those that are under way
// do not arrive, nor will those to requests that are.
func (s *small) forsake(these func(*message) bool) {
	var flight []message
	for _, m := range s.flight {
		m.orphan = m.orphan || these(&m)
		if !m.orphan || !m.answer {
			flight = append(flight, m)
		}
	}
	s.flight = flight
	for _, rounds := range s.rounds {
		for i := range rounds {
			rounds[i].asked.orphan = rounds[i].asked.orphan || these(&rounds[i].asked)
		}
	}
}
