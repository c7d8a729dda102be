package sim

import (
	"fmt"
	"time"

	"github.com/rollmend/rollmend/agent"
	"github.com/rollmend/rollmend/reducer"
	"github.com/rollmend/rollmend/states"
)

// host is a machine with a real agent on it. What it runs is true.
type host struct {
	*world
	dice    *dice // its own
	name    states.Host
	channel states.Channel
	config  agent.Config

	runs, staged, last states.Closure // now, after the next boot, before the last switch
	boot               int
	clockOff           time.Duration
	jumped             bool  // its clock was ever wrong
	jumpedAt           int64 // when it last was set
	cutUntil           int64

	machine  agent.Machine
	journal  agent.Journal
	up       bool
	life     int // of the agent's process; what an earlier one began comes to nothing
	wake     int // of the planned ticks, the newest counts
	polls    int // of the polls, the newest counts
	truth    truth
	lives    int  // how often the host was installed
	holdsOut bool // it was switched off for good
}

func (h *host) at() states.Time { return h.clock(h.clockOff) }

// sees returns what the agent sees that the host runs; seldom it cannot tell.
func (h *host) sees() states.Closure {
	if h.faulty && h.dice.oneIn("unreadable", 400) && h.fault(string(h.name), "unreadable closure", string(h.name)) {
		return ""
	}
	return h.runs
}

// start starts the agent's process.
func (h *host) start() {
	h.life++
	h.up = true
	machine, err := agent.New(h.config)
	if err != nil {
		h.violate("the simulator configures its agents rightly", "%v", err)
		return
	}
	h.machine = machine
	h.note(string(h.name), "agent starts in boot %d on %s", h.boot, h.runs)
	h.step(agent.Started{Now: h.at(), Current: h.sees(), BootID: fmt.Sprintf("%d.%d", h.lives, h.boot), Journal: h.journal})
	h.pollLater(h.dice.between("first poll", 0, 20*time.Second))
}

// kill ends the agent's process; it is started again after a while.
func (h *host) kill(restartIn time.Duration) {
	h.life++
	h.up = false
	h.after(restartIn, func() {
		if !h.up && !h.holdsOut {
			h.start()
		}
	})
}

// reboot ends everything on the host, and brings it up with a closure.
func (h *host) reboot(into states.Closure) {
	h.note(string(h.name), "reboots into %s", into)
	h.boot++
	h.run(into)
	h.staged = ""
	h.kill(h.dice.between("boot", 2*time.Second, 40*time.Second))
}

// run makes the host run a closure.
func (h *host) run(c states.Closure) {
	if !c.Is(h.runs) {
		h.last = h.runs
		h.runs = c
		h.truth.ran(c, h.now)
		h.note(string(h.name), "runs %s", c)
	}
}

// later plans something that the present process of the agent waits for.
func (h *host) later(d time.Duration, what func()) {
	life := h.life
	h.after(d, func() {
		if h.life == life && h.up {
			what()
		}
	})
}

// step hands the agent something and does what it asks for. The agent can be
// killed between any two of its actions.
func (h *host) step(in agent.Input) {
	var actions []agent.Action
	h.machine, actions = h.machine.Step(in)
	for i, a := range actions {
		if h.faulty && h.dice.oneIn("kill agent", h.rates.killAgent) &&
			h.fault(string(h.name), "agent killed", fmt.Sprintf("%s before action %d of %d", h.name, i+1, len(actions))) {
			h.kill(h.dice.between("agent back", time.Second, 30*time.Second))
			return
		}
		h.do(a)
		if !h.up {
			return
		}
	}
	h.tick()
}

// tick plans the next time that the agent has something to do by itself.
func (h *host) tick() {
	h.wake++
	wake := h.wake
	h.later(h.machine.Wake().Sub(h.at()), func() {
		if h.wake == wake {
			h.step(agent.Ticked{Now: h.at(), Current: h.sees()})
		}
	})
}

func (h *host) do(a agent.Action) {
	switch a := a.(type) {
	case agent.Keep:
		h.journal = h.journal.Keep(a.Entry)
		h.truth.keep(h, a.Entry)
	case agent.Forget:
		h.journal = h.journal.Forget(a.Slot)
	case agent.Beat:
		h.beat(a.Heartbeat)
	case agent.Send:
		h.send(a)
	case agent.RunProbes:
		h.probe(a.Closure)
	case agent.Activate:
		h.activate(a.Target)
	case agent.RollBack:
		h.note(string(h.name), "rolls back to %s", a.To)
		h.later(h.dice.between("roll back", time.Second, 20*time.Second), func() { h.rollBack(a.To) })
	}
}

// fate is what happens to a host that is switched to a closure; it is the
// same whenever it is tried.
func (h *host) fate(c states.Closure) int {
	return int(mix(h.dice.seed^digestText(string(h.name))^digestText(string(c))) % 100)
}

// Fates, by their place among a hundred.
const (
	fateDefers     = 55 // below it, the switch goes well
	fateFails      = 65
	fateProbeFails = 72
	fateProbeFlaps = 80
	fateCutOff     = 90 // from here on the switch ends the agent that began it
)

func (h *host) activate(to states.Closure) {
	h.checkDisturbance(to)
	h.note(string(h.name), "switches to %s", to)
	h.later(h.dice.between("switch", time.Second, 30*time.Second), func() {
		f := h.fate(to)
		switch {
		case f >= fateDefers && f < fateFails:
			h.staged = to
			h.step(agent.SwitchDeferred{Now: h.at(), Current: h.sees(), Component: "kernel"})
			h.after(h.dice.between("operator reboots", cycle, 6*cycle), func() {
				if h.staged.Is(to) {
					h.reboot(to)
				}
			})
		case f >= fateFails && f < fateProbeFails:
			h.step(agent.SwitchFinished{Now: h.at(), Current: h.sees(), ExitCode: 1, Stderr: "no"})
		case f >= fateCutOff:
			h.run(to)
			h.kill(h.dice.between("agent back", time.Second, 30*time.Second))
		default:
			h.run(to)
			h.step(agent.SwitchFinished{Now: h.at(), Current: h.sees()})
		}
	})
}

// rollBack ends a rollback; now and then it restarts the agent.
func (h *host) rollBack(to states.Closure) {
	h.run(to)
	if h.faulty && h.dice.oneIn("rollback ends agent", 3) && h.fault(string(h.name), "rollback restarts the agent", string(h.name)) {
		h.kill(h.dice.between("agent back", time.Second, 30*time.Second))
		return
	}
	h.step(agent.RollbackFinished{Now: h.at(), Current: h.sees()})
}

// probe looks at what runs.
func (h *host) probe(c states.Closure) {
	h.later(h.dice.between("probes", 200*time.Millisecond, 4*time.Second), func() {
		declared := []reducer.Declaration{{Name: "http", Kind: "http", Mode: states.Enforce}}
		if mix(digestText(string(c)))%4 == 0 {
			declared = nil
		}
		h.step(agent.ProbesDeclared{Now: h.at(), Closure: c, Probes: declared})
		if len(declared) == 0 || !h.up {
			return
		}
		status, f := states.Pass, h.fate(c)
		if f >= fateProbeFails && f < fateProbeFlaps || f >= fateProbeFlaps && f < fateCutOff && h.dice.oneIn("flaps", 3) {
			status = states.Fail
		}
		h.step(agent.ProbeReported{
			Now: h.at(), Closure: c, Name: "http", Mode: states.Enforce, Status: status,
		})
	})
}
