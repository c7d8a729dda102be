package proptest

import (
	"strings"
	"time"

	"github.com/rollmend/rollmend/gates"
	"github.com/rollmend/rollmend/reducer"
	"github.com/rollmend/rollmend/scenario"
	"github.com/rollmend/rollmend/states"
	"github.com/rollmend/rollmend/synth"
)

// faults says what may happen to a world beyond drops, duplicates, delays and
// restarts, which always may.
type faults struct {
	first     bool // the agent may be of the first generation
	skew      bool // the host's clock may be off, by less than the bound
	wild      bool // it may be off by more
	wipes     bool // the store is wiped, or an older copy is put back
	loses     bool // reports are lost for good
	overtakes bool // reports are handed over again before those in front of them
}

// world is a host, a control plane, and the network between them. Beside the
// control plane stands one that never hears a heartbeat.
type world struct {
	faults
	dice   *dice
	now    states.Time
	host   *host
	plane  *plane
	silent *plane // hears the reports alone
	policy states.Policy
	gates  *gates.View
	open   bool // the gates
	inbox  bool // a dispatch waits for the agent
	flying []synth.Heartbeat
	backup []copied
	ahead  map[states.Seq]bool // reports that overtook others once
	onTold func(reducer.Event, answer)
	noted  states.Time // the time of the last line
}

// copied is a copy of the stores.
type copied struct {
	plane, silent       states.Record
	planeLog, silentLog []reducer.LogEntry
}

func newWorld(d *dice, sys System, f faults) *world {
	w := &world{
		faults: f, dice: d, now: scenario.Epoch, noted: scenario.Epoch, open: true,
		host: newHost(d, f), plane: &plane{sys: sys}, silent: &plane{sys: sys},
		ahead: map[states.Seq]bool{},
	}
	w.policy = states.Policy{Soak: w.host.soak, OnFailure: w.host.onFailure, DeferredIsDone: true}
	w.gates = openGates()
	w.plane.open(w.now, w.policy)
	w.silent.open(w.now, w.policy)
	w.say("%s", scenario.RolloutLine(rollout, target, w.policy))
	w.say("host %s runs=%s", key.Host, old)
	if w.host.first {
		w.say("# the agent is of the first generation")
	}
	if pick(d, "begins dispatched", 3) < 2 {
		w.plane.mark(w.now)
		w.silent.mark(w.now)
		w.say("dispatch %s", key.Host)
		w.host.take(d, w.now)
	}
	return w
}

// openGates lets the host go.
func openGates() *gates.View {
	v := gates.NewView(gates.NewFleet(gates.Plan{
		Ref: rollout.Ref, Hosts: []gates.PlannedHost{{Host: key.Host, Channel: rollout.Channel, Target: target}},
	}), []reducer.Quarantine{})
	v.Open(rollout)
	return v
}

// verdict is what the gates say of the host now.
func (w *world) verdict() gates.Verdict {
	if !w.open {
		return gates.Verdict{}
	}
	return passed(w.gates)
}

// passed is a verdict that lets the host go.
func passed(v *gates.View) gates.Verdict {
	return gates.Evaluate(v, gates.Ask{Purpose: gates.Synthesis, Key: key, Target: target})[0]
}

// act is one random thing that happens. Its likelihoods are those that make
// lives long and faults many.
func (w *world) act() {
	w.now = w.now.Add(time.Duration(1+pick(w.dice, "seconds", 40)) * second)
	switch n := pick(w.dice, "action", 34); {
	case n < 8:
		if what := w.host.live(w.dice, w.now); what != nothing {
			w.say("# %s %s", key.Host, what)
		}
	case n < 14:
		w.send(0)
	case n < 19:
		w.deliver(w.host.beat(w.now))
	case n < 21:
		w.flying = append(w.flying, w.host.beat(w.now))
		w.say("# %s is on its way", beatNote{w.flying[len(w.flying)-1], w.now})
	case n < 23:
		w.arrive()
	case n < 27:
		w.dispatch()
	case n == 27:
		w.host.restart()
		w.say("# the agent restarts")
	case n == 28:
		w.overtake()
	case n == 29:
		w.repeat()
	case n == 30:
		w.open = !w.open
		w.say("# the gates are open: %t", w.open)
	case n == 31:
		w.wipe()
	case n == 32:
		w.copy()
	case w.loses:
		w.host.lose()
		w.say("# the agent loses its next report")
	}
}

// say notes a step, and before it the time where that moved.
func (w *world) say(format string, args ...any) {
	if w.now != w.noted {
		w.noted = w.now
		w.dice.told.add("%s", timeNote(w.now))
	}
	w.dice.told.add(format, args...)
}

// put makes a second pass and puts an event to the record, whatever it is.
func (w *world) put(ev reducer.Event) {
	w.now = w.now.Add(second)
	switch cut := ev.Clamped; {
	case ev.Reported() && cut:
		w.say("# the time of the next report is cut")
		fallthrough
	case ev.Reported():
		w.say("%s", reportNote{ev, w.now})
	case ev.Synthesised():
		w.say("# synthesised %s at %s", ev.Kind(), ev.At)
	default:
		w.say("# the control plane says %s", ev.Kind())
	}
	before := w.plane.rec.State
	w.plane.step(ev)
	w.became(before)
}

// became notes where a step took the record.
func (w *world) became(before states.State) {
	if now := w.plane.rec.State; now != before {
		w.dice.told.add("#   %s -> %s", before, now)
	}
}

// timeNote, beatNote and reportNote are lines that are written when they are
// read.
type timeNote states.Time

func (n timeNote) String() string { return scenario.TimeLine(states.Time(n)) }

// recordNote shows a record in comments.
type recordNote struct{ rec states.Record }

func (n recordNote) String() string { return "#   " + strings.Join(showOf(&n.rec), "\n#   ") }

// showOf shows a record.
func showOf(rec *states.Record) []string { return scenario.RecordLines(string(rec.Host), rec) }

type beatNote struct {
	hb  synth.Heartbeat
	now states.Time
}

func (n beatNote) String() string { return scenario.BeatLine(&n.hb, n.now) }

type reportNote struct {
	ev  reducer.Event
	now states.Time
}

func (n reportNote) String() string { return scenario.ReportLine(n.ev, n.now) }

// dispatch hands the dispatch out, and lets the agent take it, or take it
// later.
func (w *world) dispatch() {
	if w.inbox || w.plane.dispatch(w.now) {
		w.silent.mark(w.now)
		w.inbox = true
		w.say("dispatch %s", key.Host)
		if pick(w.dice, "dispatch delivered", 3) < 2 {
			w.inbox = false
			w.host.take(w.dice, w.now)
		}
	}
}

// deliver is a heartbeat that arrives, and its reply.
func (w *world) deliver(hb synth.Heartbeat) {
	before := w.plane.rec.State
	w.say("%s", beatNote{hb, w.now})
	from := w.plane.hear(w.now, hb, w.verdict())
	w.became(before)
	if seldom(w.dice, "reply lost", 4) {
		return
	}
	w.host.lastReply = w.now
	if from != 0 && !w.host.first {
		w.host.again(from)
	}
}

// arrive is an older heartbeat that arrives, perhaps to arrive again.
func (w *world) arrive() {
	if len(w.flying) == 0 {
		return
	}
	i := pick(w.dice, "which heartbeat", len(w.flying))
	hb := w.flying[i]
	if pick(w.dice, "again later", 2) == 0 {
		w.flying = append(w.flying[:i:i], w.flying[i+1:]...)
	}
	w.deliver(hb)
}

// send hands the waiting report at a place over.
func (w *world) send(place int) {
	waiting := w.host.waiting()
	if place >= len(waiting) {
		return
	}
	w.hand(waiting[place])
}

// hand hands a report over. Where it is answered, the control plane that hears
// no heartbeats is told too.
func (w *world) hand(ev reducer.Event) {
	before := w.plane.rec.State
	w.say("%s", reportNote{ev, w.now})
	got := w.plane.report(w.now, ev, w.verdict())
	w.became(before)
	if got.from != 0 {
		// A second arrival would say that what is missing is lost.
		w.ahead[ev.Seq] = true
		w.dice.told.add("#   put back: reports wanted from %d", got.from)
		w.host.again(got.from)
		return
	}
	w.silent.putBack, w.silent.putLast = []states.Seq{ev.Seq}, w.silent.rec.LastSeq
	w.silent.report(w.now, ev, gates.Verdict{})
	if w.onTold != nil {
		w.onTold(ev, got)
	}
	if seldom(w.dice, "answer lost", 5) {
		return
	}
	w.host.told(ev.Seq)
}

// overtake is a report that arrives before those in front of it. Once it is
// put back; a second time its gap counts.
func (w *world) overtake() {
	waiting := w.host.waiting()
	if len(waiting) < 2 {
		return
	}
	i := 1 + pick(w.dice, "which report", len(waiting)-1)
	if seq := waiting[i].Seq; w.overtakes || !w.ahead[seq] {
		w.ahead[seq] = true
		w.send(i)
	}
}

// repeat is a report that arrives once more though it was answered.
func (w *world) repeat() {
	if n := len(w.host.kept); n > 0 {
		if ev := w.host.kept[pick(w.dice, "which report", n)]; ev.Seq <= w.plane.rec.LastSeq {
			w.hand(ev)
		}
	}
}

// wipe loses the store. The planner opens the rollout again.
func (w *world) wipe() {
	if !w.wipes {
		return
	}
	w.say("wipe")
	w.plane.open(w.now, w.policy)
	w.silent.open(w.now, w.policy)
	w.ahead = map[states.Seq]bool{}
}

// copy copies the store, or puts an earlier copy back.
func (w *world) copy() {
	if !w.wipes {
		return
	}
	if len(w.backup) == 0 || pick(w.dice, "put back", 2) == 0 {
		w.backup = append(w.backup, copied{w.plane.rec, w.silent.rec, w.plane.log, w.silent.log})
		w.say("save copy-%d", len(w.backup))
		return
	}
	which := pick(w.dice, "which copy", len(w.backup))
	c := w.backup[which]
	w.plane.rec, w.plane.log = c.plane, c.planeLog[:len(c.planeLog):len(c.planeLog)]
	w.silent.rec, w.silent.log = c.silent, c.silentLog[:len(c.silentLog):len(c.silentLog)]
	w.plane.forget(w.now)
	w.silent.forget(w.now)
	w.ahead = map[states.Seq]bool{}
	w.say("restore copy-%d", which+1)
}

// settle is one heartbeat after the last fault, and the reports that its reply
// asks for.
func (w *world) settle() {
	w.open = true
	w.now = w.now.Add(second)
	hb, before := w.host.beat(w.now), w.plane.rec.State
	w.say("%s", beatNote{hb, w.now})
	from := w.plane.hear(w.now, hb, w.verdict())
	w.became(before)
	if from != 0 && !w.host.first {
		w.host.again(from)
	}
	// Each report is put back once at most, so twice their number is enough.
	for range 2 * len(w.host.kept) {
		w.now = w.now.Add(second)
		w.sendSurely()
	}
}

// sendSurely hands the first waiting report over and does not lose the answer.
func (w *world) sendSurely() {
	waiting := w.host.waiting()
	if len(waiting) == 0 {
		return
	}
	ev := waiting[0]
	w.hand(ev)
	if ev.Seq <= w.plane.rec.LastSeq {
		w.host.told(ev.Seq)
	}
}
