package agent

import (
	"slices"

	"github.com/rollmend/rollmend/reducer"
	"github.com/rollmend/rollmend/states"
)

// Machine is an agent between two inputs. It is a value: a step gives a new one
// and leaves the old one as it was. The zero Machine is of no use; see [New].
type Machine struct {
	cfg     Config
	started bool
	now     states.Time // of the last input

	standing Standing
	kept     Standing       // as the journal has it
	replied  states.Time    // received_at of the last reply; goes into standing with the next beat
	current  states.Closure // as last seen; unknown where it could not be read
	works    []work         // in the order of their taking
	probes   states.Probes  // as last seen on current; At is since when the result has been so
	doing    doing          // what the caller is at with the host

	nextBeat   states.Time
	nextProbes states.Time
}

// doing is what is being done to the host in this process.
type doing uint8

const (
	idle doing = iota
	switching
	rollingBack
)

// Step takes one input and returns what has to be done because of it, in that
// order. Before [Started] it does nothing.
func (m Machine) Step(in Input) (Machine, []Action) {
	if _, ok := in.(Started); !ok && !m.started {
		return m, nil
	}
	m.works = slices.Clone(m.works)
	t := turn{m: m, now: in.when()}
	t.setClock()
	in.enter(&t)
	t.advance()
	t.prune()
	t.beat()
	t.send()
	t.look()
	return t.m, slices.Concat(t.durable, t.outward, t.host)
}

// Held returns the rollout that the agent names in its heartbeats: from its
// acknowledgement to its own end of it. It is zero where it holds none.
func (m Machine) Held() states.Rollout {
	if w := m.held(); w != nil {
		return w.Rollout
	}
	return states.Rollout{}
}

// State returns how far the agent is with the rollout that it holds, the zero
// State where it holds none.
func (m Machine) State() states.State {
	if w := m.held(); w != nil {
		return w.state
	}
	return 0
}

// SoakDue returns when the soak that runs ends, by the agent's clock; zero
// where none does.
func (m Machine) SoakDue() states.Time {
	if w := m.held(); w != nil && w.state == states.Soaking {
		return w.due
	}
	return 0
}

// Current returns the closure that the host was last seen to run.
func (m Machine) Current() states.Closure { return m.current }

// Order returns the number of the host's boot and of the newest beat in it. The
// first generation gives none.
func (m Machine) Order() states.Order { return m.standing.Order }

// Queued returns how many reports wait for an answer.
func (m Machine) Queued() int {
	n := 0
	for i := range m.works {
		n += len(m.works[i].waiting())
	}
	return n
}

// Busy reports whether a switch or a rollback runs. A dispatch that comes
// meanwhile is not heard, so there is no use in asking for one.
func (m Machine) Busy() bool { return m.doing != idle }

// Wake returns when a [Ticked] next has something to do, by the agent's clock,
// as long as nothing else comes and the host runs what it runs. It is zero
// before [Started].
func (m Machine) Wake() states.Time {
	if !m.started {
		return 0
	}
	wake := m.nextBeat
	if m.looks() {
		wake = min(wake, m.nextProbes)
	}
	for i := range m.works {
		if w := &m.works[i]; len(w.waiting()) > 0 {
			wake = min(wake, w.retryAt)
		}
	}
	if w := m.held(); w != nil && w.state == states.Soaking && m.doing == idle {
		wake = min(wake, m.soakWake(w))
	}
	return wake
}

// held returns the work that the agent holds, nil where it holds none.
func (m *Machine) held() *work {
	w := m.newest()
	if w == nil || w.orphan || w.released() || w.state.Terminal() {
		return nil
	}
	return w
}

func (m *Machine) newest() *work {
	if len(m.works) == 0 {
		return nil
	}
	return &m.works[len(m.works)-1]
}

// find returns the work of a rollout, nil where it is not known.
func (m *Machine) find(r states.Rollout) *work {
	i := slices.IndexFunc(m.works, func(w work) bool { return w.Rollout == r })
	if i < 0 {
		return nil
	}
	return &m.works[i]
}

// turn is one step under way: the machine as it becomes, and the actions by
// the place where they take effect.
type turn struct {
	m       Machine
	now     states.Time
	durable []Action
	outward []Action
	host    []Action
}

// setClock moves the timers along when the clock was set back, so that the
// agent does not fall silent until it has caught up. The soak stays where the
// reports have it, as long as that is not too far away: see [work.restart].
func (t *turn) setClock() {
	if back := t.now - t.m.now; back < 0 {
		t.m.nextBeat += back
		t.m.nextProbes += back
		for i := range t.m.works {
			t.m.works[i].retryAt += back
		}
		t.m.probes = notAfter(t.m.probes, t.now)
	}
	t.m.now = t.now
}

// keep stores an entry. The first generation stores nothing but reports.
func (t *turn) keep(e Entry) {
	if _, ok := e.(Report); ok || t.m.cfg.Generation != First {
		t.durable = append(t.durable, Keep{Entry: e})
	}
}

// report numbers a report, keeps it, and lets the work follow it.
func (t *turn) report(w *work, b reducer.Body) {
	ev := reducer.Event{
		Key:   states.Key{Rollout: w.Rollout, Host: t.m.cfg.Host},
		Seq:   w.highest + 1,
		At:    t.now,
		Order: t.m.standing.Order,
		Body:  b,
	}
	t.keep(Report{Event: ev})
	w.hear(ev)
}

// observe takes note of what the host runs. Results of probes belong to the
// closure that they looked at.
func (t *turn) observe(c states.Closure) {
	t.m.current = c
	if !c.Known() || c.Is(t.m.standing.Current) {
		return
	}
	t.m.standing.Current, t.m.standing.Since = c, t.now
	t.m.probes, t.m.nextProbes = nil, t.now
	t.stand()
}

// stand keeps the standing where it changed.
func (t *turn) stand() {
	if t.m.standing != t.m.kept {
		t.m.kept = t.m.standing
		t.keep(t.m.standing)
	}
}

// take makes a rollout the newest, behind the numbers that it ever had.
func (t *turn) take(terms Taken) *work {
	if t.m.cfg.Generation == First {
		terms.Soak, terms.OnFailure = 0, 0
	}
	if terms.OnFailure == 0 {
		terms.OnFailure = t.m.cfg.OnFailure
	}
	terms.Nth = 1
	if newest := t.m.newest(); newest != nil {
		terms.Nth = newest.Nth + 1
	}
	var q queue
	if known := t.m.find(terms.Rollout); known != nil {
		q = known.queue
		t.m.works = slices.DeleteFunc(t.m.works, func(w work) bool { return w.Rollout == terms.Rollout })
	}
	terms.Base = max(terms.Base, q.highest)
	t.m.works = append(t.m.works, newWork(terms, q))
	t.keep(terms)
	return t.m.newest()
}

// keptWorks is how many rollouts' reports stay in the journal after they were
// answered: those of the newest, and of the last one before it.
const keptWorks = 2

// prune forgets the rollouts before the last one, once all that they had to
// say was answered.
func (t *turn) prune() {
	old := len(t.m.works) - keptWorks
	if old <= 0 {
		return
	}
	kept := make([]work, 0, keptWorks)
	for i := range t.m.works {
		w := &t.m.works[i]
		if i >= old || len(w.waiting()) > 0 {
			kept = append(kept, *w)
			continue
		}
		t.forget(w.slots()...)
	}
	t.m.works = kept
}

func (t *turn) forget(slots ...Slot) {
	for _, s := range slots {
		if s.Kind == KindReport || t.m.cfg.Generation != First {
			t.durable = append(t.durable, Forget{Slot: s})
		}
	}
}
