package sim

import (
	"fmt"
	"time"

	"github.com/rollmend/rollmend/adapters"
	"github.com/rollmend/rollmend/states"
)

// rates says how often faults happen: one in so many. They are drawn for each
// run, so that there are quiet ones, in which a rare fault meets a healthy
// fleet, and wild ones.
type rates struct {
	drop, duplicate, delay, reorder, truncate int // per message
	killAgent                                 int // per action of an agent
	killPlane, torn, outcome                  int // per commit
	every                                     time.Duration
}

func drawRates(d *dice) rates {
	wild := func(name string) int { return []int{0, 8, 15, 30, 60, 120}[d.below(name, 6)] }
	return rates{
		drop: wild("drop"), duplicate: wild("duplicate"), delay: wild("delay"),
		reorder: wild("reorder"), truncate: wild("truncate"),
		killAgent: 6 * wild("kill agent"), killPlane: 4 * wild("kill plane"),
		torn: 6 * wild("torn"), outcome: 2 * wild("outcome"),
		every: d.between("every", 3*time.Second, 40*time.Second),
	}
}

// trouble is who is hit by what is planned for machines.
const trouble = "trouble"

// trouble plans what happens to machines, again and again while faults may
// happen.
func (w *world) trouble() {
	if !w.faulty {
		return
	}
	w.ticks++
	w.faults[trouble] = w.ticks - 1 // its name is the tick, whatever could happen before
	h := w.hosts[w.dice.below("whose trouble", len(w.hosts))]
	p := w.planes[w.dice.below("whose trouble too", len(w.planes))]
	switch w.dice.below("trouble", 18) {
	case 0, 1:
		if h.up && w.fault(trouble, "agent restarted", string(h.name)) {
			h.kill(h.dice.between("agent back", time.Second, 30*time.Second))
		}
	case 2:
		if w.fault(trouble, "reboot into the same", string(h.name)) {
			h.reboot(h.runs)
		}
	case 3:
		if h.staged.Known() && w.fault(trouble, "reboot into the new closure", string(h.name)) {
			h.reboot(h.staged)
		}
	case 4:
		if h.last.Known() && w.fault(trouble, "reboot into the old closure", string(h.name)) {
			h.reboot(h.last)
		}
	case 5:
		if w.fault(trouble, "wiped", "") {
			w.wipe()
		}
	case 6, 7:
		if w.fault(trouble, "restored", "") {
			w.restore(w.dice.below("restored to", len(w.disk.ends)+1))
		}
	case 8:
		if p.up() && w.fault(trouble, "control plane killed", "at rest") {
			p.end(p.dice.between("plane back", time.Second, 90*time.Second))
		}
	case 9:
		w.jump(h)
	case 10:
		if w.fault(trouble, "clock of a control plane", p.name) {
			p.clockOff += p.dice.jump()
			w.skewed = true
		}
	case 11:
		if w.fault(trouble, "partition begins", string(h.name)) {
			h.cutUntil = w.now + h.dice.between("cut", 20*time.Second, 8*time.Minute).Milliseconds()
		}
	case 12:
		if len(w.planes) > 1 && w.fault(trouble, "partition begins", p.name) {
			p.cutUntil = w.now + p.dice.between("cut", 20*time.Second, 5*time.Minute).Milliseconds()
		}
	case 13:
		if len(w.manifests) < manifestsMost && w.fault(trouble, "manifest replaced", "") {
			w.publish()
		}
	case 14, 15:
		w.operate(p)
	case 16:
		if w.dice.oneIn("reinstall", 4) && w.fault(trouble, "host installed anew", string(h.name)) {
			w.reinstall(h)
		}
	case 17:
		w.retain(p)
	}
	w.after(w.dice.between("next trouble", w.rates.every/4, w.rates.every), w.trouble)
}

// manifestsMost bounds the manifests of a run.
const manifestsMost = 4

// jump sets a host's clock, up to a day either way.
func (w *world) jump(h *host) {
	if !w.fault(trouble, "clock of a host", string(h.name)) {
		return
	}
	h.clockOff += h.dice.jump()
	h.jumped, h.jumpedAt = true, w.now
}

// reinstall loses all that a host's agent kept.
func (w *world) reinstall(h *host) {
	h.journal = nil
	h.lives++
	h.truth.reinstalled()
	h.reboot(h.runs)
}

// publish brings the next manifest out.
func (w *world) publish() {
	m := w.shape.publish(w.dice, len(w.manifests)+1, w.clock(0))
	w.manifests = append(w.manifests, m)
	w.note("world", "publishes %s", m.plan.Ref)
	for _, p := range w.planes {
		life := p.life
		p.after(p.dice.between("manifest seen", 0, 20*time.Second), func() { p.load(life) })
	}
}

// operate is an operator who lets a halted rollout go on, or clears a
// quarantine.
func (w *world) operate(p *plane) {
	if !p.up() || p.busy || p.stale || p.loaded < 0 {
		return
	}
	if n := len(w.checks.fleet.Quarantines); n > 0 && w.dice.oneIn("clear", 2) {
		q := w.checks.fleet.Quarantines[w.dice.below("which", n)]
		cl, err := p.core.PlanClear(p.at(), q.Channel, q.Closure, "it is mended")
		if err != nil || !w.fault(trouble, "operator clears a quarantine", string(q.Closure)) {
			return // this control plane has not heard of it
		}
		if p.enact(cl) {
			p.core.Clear(cl)
			p.work()
		}
		return
	}
	plan := p.plan()
	id := states.Rollout{Channel: plan.Hosts[w.dice.below("which", len(plan.Hosts))].Channel, Ref: plan.Ref}
	r, err := p.core.PlanResume(p.at(), id, "looked at it")
	if err != nil || len(r.Hosts) == 0 || !w.fault(trouble, "operator resumes", id.String()) {
		return
	}
	if p.enact(adapters.Act(r)) {
		p.core.Resume(r)
		p.work()
	}
}

// retain has a control plane forget a rollout that a newer one took the place
// of, however little time ago: a fleet whose settings are too short must lose
// nothing but that rollout.
func (w *world) retain(p *plane) {
	if !p.up() || p.busy || p.stale || p.loaded < 0 {
		return
	}
	old, _ := p.core.PlanPrune(p.at(), w.dice.between("kept for", 0, 10*cycle))
	if len(old.Rollouts) == 0 || !w.fault(trouble, "rollout forgotten", old.Rollouts[0].String()) {
		return
	}
	old.Rollouts = old.Rollouts[:1]
	p.prune(old)
}

// calm ends the faults: every machine comes back, every partition heals. What
// is under way still arrives.
func (w *world) calm() {
	w.faulty = false
	w.note("world", "no fault from here on")
	for _, h := range w.hosts {
		h.cutUntil = 0
		if !h.up {
			h.start()
		}
	}
	// A clock that stays wrong goes on being a fault, so those of the control
	// planes are set: by the true time, or by the first one's.
	off := w.planes[0].clockOff
	if w.dice.oneIn("clocks set right", 2) {
		off = 0
	}
	for _, p := range w.planes {
		p.cutUntil, p.clockOff = 0, off
		if !p.up() {
			p.begin()
		}
	}
}

func hostLine(h *host, rec states.Record, s states.State, known bool) string {
	line := fmt.Sprintf("%s runs %s; its agent is %s (%t) with %d reports waiting; the record is %s",
		h.name, h.runs, s, known, h.machine.Queued(), rec.State)
	for _, p := range h.planes {
		if ex, err := p.core.Explain(p.at(), h.name); err == nil {
			for _, e := range ex.Records {
				line += fmt.Sprintf("; %s: %s, %s, withheld %q", p.name, e.Finding, e.Verdict, e.Withheld)
			}
		}
	}
	return line
}
