package sim

import "time"

// carry takes something from one machine to another, or does not. A request
// and its reply are carried one by one, so that either can be lost.
func (w *world) carry(h *host, p *plane, what string, arrive func()) {
	latency := h.dice.between("latency", 5*time.Millisecond, 80*time.Millisecond)
	if !w.faulty {
		w.after(latency, arrive)
		return
	}
	if w.now < h.cutUntil || w.now < p.cutUntil {
		return // the partition is the fault, and is counted once
	}
	r := &w.rates
	switch {
	case h.dice.oneIn("drop", r.drop) && w.fault(string(h.name), "drop", what):
		return
	case h.dice.oneIn("truncate", r.truncate) && w.fault(string(h.name), "truncate", what):
		return // what has lost its end is not understood, and the connection is gone
	case h.dice.oneIn("duplicate", r.duplicate) && w.fault(string(h.name), "duplicate", what):
		w.after(latency+h.dice.between("duplicate later", 0, 20*time.Second), arrive)
	case h.dice.oneIn("delay", r.delay) && w.fault(string(h.name), "delay", what):
		latency = h.dice.between("minutes", 10*time.Second, 6*time.Minute)
	case h.dice.oneIn("reorder", r.reorder) && w.fault(string(h.name), "reorder", what):
		latency = h.dice.between("overtaken", 200*time.Millisecond, 5*time.Second)
	}
	w.after(latency, arrive)
}
