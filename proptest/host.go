package proptest

import (
	"slices"
	"time"

	"github.com/rollmend/rollmend/reducer"
	"github.com/rollmend/rollmend/states"
	"github.com/rollmend/rollmend/synth"
)

const (
	second = time.Second
	cycle  = 60 * second

	// skewBound and silence are the bounds of the specification.
	skewBound = 5 * time.Minute
	silence   = 3 * cycle

	target    = states.Closure("new")
	old       = states.Closure("old")
	elsewhere = states.Closure("elsewhere")
)

var (
	rollout = states.Rollout{Channel: "stable", Ref: "a1b2"}
	other   = states.Rollout{Channel: "stable", Ref: "0ther"}
	key     = states.Key{Rollout: rollout, Host: "web-1"}
)

// host is one machine with its agent, which is honest: what it reports and
// says in its heartbeats is what happened.
type host struct {
	// What it is.
	key        states.Key // of its record
	target     states.Closure
	first      bool          // of the first generation
	offset     time.Duration // of its clock
	givesSince bool
	soak       time.Duration
	onFailure  states.OnFailure

	// The truth.
	current  states.Closure
	since    states.Time
	state    states.State // of the rollout; 0 while the agent knows of none
	switched bool         // the closure changed, the agent has not noticed yet
	orphan   bool         // a restarted agent of the first generation knows nothing
	due      states.Time
	probes   states.Probes
	visited  map[states.State]bool
	failedAt states.Kind // what its failure was: ActivationFailed or Failed

	// What the agent keeps.
	order     states.Order
	kept      []reducer.Event // every report that it still has, in order
	answered  map[states.Seq]bool
	seq       states.Seq
	lastReply states.Time
}

func newHost(d *dice, f faults) *host {
	h := &host{
		key: key, target: target,
		first:      f.first && pick(d, "generation", 2) == 1,
		givesSince: pick(d, "gives current_since", 2) == 1,
		soak:       [...]time.Duration{10 * second, 0, 60 * second}[pick(d, "soak", 3)],
		onFailure:  [...]states.OnFailure{states.RollbackAndHalt, states.Halt}[pick(d, "policy", 2)],
		current:    old,
		visited:    map[states.State]bool{states.Pending: true},
		answered:   map[states.Seq]bool{},
	}
	if !h.first {
		h.order.Boot = 1
	}
	if f.skew {
		h.offset = [...]time.Duration{0, -90 * second, 60 * second}[pick(d, "clock", 3)]
	}
	if f.wild && pick(d, "wild clock", 2) == 1 {
		h.offset = 20 * time.Minute
	}
	return h
}

// clock returns the host's own time.
func (h *host) clock(now states.Time) states.Time { return now.Add(h.offset) }

// say keeps a report under the next number.
func (h *host) say(now states.Time, body reducer.Body) {
	h.seq++
	h.kept = append(h.kept, reducer.Event{Key: h.key, Seq: h.seq, At: h.clock(now), Order: h.order, Body: body})
}

// become is the agent going on to a state.
func (h *host) become(s states.State) { h.state, h.visited[s] = s, true }

// waiting returns the reports that were not answered, in order.
func (h *host) waiting() (out []reducer.Event) {
	for _, ev := range h.kept {
		if !h.answered[ev.Seq] {
			out = append(out, ev)
		}
	}
	return out
}

// told is the answer to a report. The first generation deletes it then.
func (h *host) told(seq states.Seq) {
	h.answered[seq] = true
	if h.first {
		h.forget(seq)
	}
}

func (h *host) forget(seq states.Seq) {
	h.kept = slices.DeleteFunc(slices.Clone(h.kept), func(ev reducer.Event) bool { return ev.Seq == seq })
}

// again sends what it still has from a number on.
func (h *host) again(from states.Seq) {
	for _, ev := range h.kept {
		if ev.Seq >= from {
			delete(h.answered, ev.Seq)
		}
	}
}

// lose forgets its oldest unanswered report for good.
func (h *host) lose() {
	if w := h.waiting(); len(w) > 0 {
		seq := w[0].Seq
		h.answered[seq] = true
		h.forget(seq)
	}
}

// restart is a new process of the agent. The present generation reads all that
// it knew from what it kept.
func (h *host) restart() {
	if h.first && h.state != 0 {
		h.orphan = true
	}
}

// holds returns the rollout that the agent names: from its acknowledgement to
// its own end of it.
func (h *host) holds() states.Rollout {
	if h.state == 0 || h.state.Terminal() || h.orphan {
		return states.Rollout{}
	}
	return h.key.Rollout
}

// beat takes a heartbeat.
func (h *host) beat(now states.Time) synth.Heartbeat {
	hb := synth.Heartbeat{Host: h.key.Host, Holds: h.holds(), Current: h.current, At: h.clock(now)}
	if h.first {
		return hb
	}
	h.order.Beat++
	hb.Order, hb.LastReply, hb.Queued = h.order, h.lastReply, len(h.waiting())
	if h.givesSince && h.since.IsSet() {
		hb.CurrentSince = h.since
	}
	for _, p := range h.probes {
		if p.Mode == states.Enforce && p.Status == states.Fail {
			hb.Failing = append(hb.Failing, p.Name)
		}
	}
	return hb
}

// run is a switch under the agent: what it left is what the host runs.
func (h *host) run(now states.Time, c states.Closure) {
	h.switched = true
	if !h.current.Is(c) {
		h.current, h.since, h.probes = c, h.clock(now), nil
	}
}
