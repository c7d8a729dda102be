package sim

import "time"

// carry takes something from one machine to another, or does not. A request
// and its reply are carried one by one, so that either can be lost.
func (w *world) carry(h *host, p *plane, what string, arrive func()) {
	latency := w.dice.between("latency", 5*time.Millisecond, 80*time.Millisecond)
	if !w.faulty {
		w.after(latency, arrive)
		return
	}
	if w.now < h.cutUntil || w.now < p.cutUntil {
		if w.fault("partition", "") {
			return
		}
	}
	r := &w.rates
	switch {
	case w.dice.oneIn("drop", r.drop) && w.fault("drop", what):
		return
	case w.dice.oneIn("truncate", r.truncate) && w.fault("truncate", what):
		return // what has lost its end is not understood, and the connection is gone
	case w.dice.oneIn("duplicate", r.duplicate) && w.fault("duplicate", what):
		w.after(latency+w.dice.between("duplicate later", 0, 20*time.Second), arrive)
	case w.dice.oneIn("delay", r.delay) && w.fault("delay", what):
		latency = w.dice.between("minutes", 10*time.Second, 6*time.Minute)
	case w.dice.oneIn("reorder", r.reorder) && w.fault("reorder", what):
		latency = w.dice.between("overtaken", 200*time.Millisecond, 5*time.Second)
	}
	w.after(latency, arrive)
}
