package agent

import (
	"cmp"
	"slices"

	"github.com/rollmend/rollmend/reducer"
	"github.com/rollmend/rollmend/states"
)

// queue is what a rollout's reports are kept in, and how far they were
// answered.
type queue struct {
	reports  []reducer.Event // kept, by number; shared between machines, so never written in place
	highest  states.Seq
	acks     int         // acknowledgements among them
	acked    states.Seq  // the newest acknowledgement
	answered states.Seq  // consumed up to here
	refused  states.Seq  // the newest Converged that was refused
	sent     states.Seq  // on its way; 0: none
	retryAt  states.Time // when it is sent again
	putBack  states.Seq  // the last one that was put back
}

// add puts a report behind the others.
func (q *queue) add(ev reducer.Event) {
	q.reports = append(slices.Clip(q.reports), ev)
	q.highest = max(q.highest, ev.Seq)
	if ev.Kind() == states.KindDispatchAck {
		q.acks, q.acked = q.acks+1, ev.Seq
	}
}

// waiting returns the reports that were not answered, oldest first.
func (q *queue) waiting() []reducer.Event {
	i, _ := slices.BinarySearchFunc(q.reports, q.answered+1, func(ev reducer.Event, seq states.Seq) int {
		return cmp.Compare(ev.Seq, seq)
	})
	return q.reports[i:]
}

// lostFrom returns the first number in front of the i-th kept report that is not
// kept, the report's own number where all are.
func (q *queue) lostFrom(i int) states.Seq {
	if i == 0 {
		return 1
	}
	return q.reports[i-1].Seq + 1
}

// send sends each rollout's oldest waiting report: one at a time and in order
// within a rollout, so that none of them waits for another rollout's.
func (t *turn) send() {
	for i := range t.m.works {
		w := &t.m.works[i]
		waiting := w.waiting()
		if len(waiting) == 0 || w.sent == waiting[0].Seq && t.now < w.retryAt {
			continue
		}
		w.sent, w.retryAt = waiting[0].Seq, t.now.Add(t.m.cfg.RetryEvery)
		out := Send{Report: waiting[0]}
		if t.m.cfg.Generation != First {
			out.LostFrom = w.lostFrom(len(w.reports) - len(waiting))
		}
		t.outward = append(t.outward, out)
	}
}

// enter takes the answer to the report that is on its way. An answer to
// another is of an earlier sending, and that report's turn comes again.
func (in ReportAnswered) enter(t *turn) {
	w := t.m.find(in.Rollout)
	if w == nil || in.Seq == 0 || in.Seq != w.sent {
		return
	}
	switch in.Answer {
	case Told, NoRecord:
		t.consumed(w, in.Disposition)
	case PutBack:
		t.putBack(w, in.From)
	case NotNow:
		wait := t.m.cfg.RetryEvery
		if in.After > 0 {
			wait = min(in.After, maxPacing*t.m.cfg.RetryEvery)
		}
		w.retryAt = t.now.Add(wait)
	}
}

// consumed moves the queue on, whatever became of the report.
func (t *turn) consumed(w *work, became reducer.Disposition) {
	ev := w.waiting()[0]
	w.sent, w.putBack = 0, 0
	w.answered = ev.Seq
	over := became == reducer.Refused && ev.Kind() == states.KindConverged
	if over {
		w.refused = ev.Seq
		w.state = states.Soaking
	}
	t.keep(Answered{Rollout: w.Rollout, Through: w.answered, Refused: w.refused})
	switch {
	case t.m.cfg.Generation == First:
		t.drop(w, ev)
		w.acks = 0 // none is kept
	case over:
		// Another control plane, or this one put back to an earlier moment, could
		// take it, and then refuse what the host did instead.
		t.drop(w, ev)
	}
}

// drop keeps a report no longer.
func (t *turn) drop(w *work, ev reducer.Event) {
	t.forget(Report{Event: ev}.Slot())
	w.reports = slices.DeleteFunc(slices.Clone(w.reports), func(o reducer.Event) bool { return o.Seq == ev.Seq })
}

// putBack goes back to the first missing number, or, where it is kept no more,
// sends the same report again. One that is put back twice in a row waits
// before it is sent for the third time.
func (t *turn) putBack(w *work, from states.Seq) {
	again := w.putBack == w.sent
	w.putBack = w.sent
	t.rewind(w, from)
	if again {
		w.sent = w.waiting()[0].Seq
		w.retryAt = t.now.Add(t.m.cfg.RetryEvery)
		return
	}
	w.sent = 0
}

// rewind makes what is kept from a number on wait again.
func (t *turn) rewind(w *work, from states.Seq) {
	if from == 0 || from > w.answered {
		return
	}
	w.answered = from - 1
	t.keep(Answered{Rollout: w.Rollout, Through: w.answered, Refused: w.refused})
}
