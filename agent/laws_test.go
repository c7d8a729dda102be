package agent_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/rollmend/rollmend/agent"
	"github.com/rollmend/rollmend/reducer"
	"github.com/rollmend/rollmend/states"
)

// world is an agent that random things happen to. A step's actions may be cut
// off anywhere, which is a kill: the next machine knows the journal alone.
type world struct {
	t       *rapid.T
	m       agent.Machine
	journal agent.Journal
	now     states.Time
	runs    states.Closure
	boots   int
	opened  int // rollouts that were ever dispatched or given
	highest map[states.Rollout]states.Seq
}

func newWorld(t *rapid.T) *world {
	w := &world{t: t, now: 1_000_000, runs: "c0", highest: map[states.Rollout]states.Seq{}}
	w.start()
	return w
}

// rollout names the nth rollout; its target is the closure of that number.
func rollout(n int) states.Rollout {
	return states.Rollout{Channel: "stable", Ref: states.Ref(fmt.Sprintf("r%d", n))}
}

func closure(n int) states.Closure { return states.Closure(fmt.Sprintf("c%d", n)) }

func (w *world) start() {
	m, err := agent.New(config())
	if err != nil {
		w.t.Fatal(err)
	}
	w.m = m
	w.step(agent.Started{Now: w.now, Current: w.runs, BootID: fmt.Sprint("boot-", w.boots), Journal: w.journal})
}

// step takes an input, and dies in the middle of its actions now and then.
func (w *world) step(in agent.Input) {
	next, actions := w.m.Step(in)
	w.pure(in, actions)
	done := len(actions)
	killed := rapid.IntRange(0, 9).Draw(w.t, "fate") == 0
	if killed {
		done = rapid.IntRange(0, len(actions)).Draw(w.t, "actions done before the kill")
	}
	for _, a := range actions[:done] {
		w.act(next, a)
	}
	w.m = next
	if killed {
		w.start()
	}
}

// pure checks that a step depends on nothing but the machine and the input,
// and leaves the machine as it was.
func (w *world) pure(in agent.Input, actions []agent.Action) {
	w.m.Step(agent.Dispatched{Now: w.now, Current: w.runs, Dispatch: agent.Dispatch{Rollout: rollout(99), Target: "c99"}})
	w.m.Step(agent.Dispatched{Now: w.now, Current: w.runs, Dispatch: agent.Dispatch{Rollout: w.m.Held(), Target: "c99"}})
	w.m.Step(agent.Started{Now: w.now, Current: "c98", BootID: "other", Journal: w.journal})
	if _, again := w.m.Step(in); !cmp.Equal(actions, again) {
		w.t.Fatalf("the same input gave other actions:\n%s", cmp.Diff(actions, again))
	}
}

// act does one action and holds it to the laws.
func (w *world) act(m agent.Machine, a agent.Action) {
	switch a := a.(type) {
	case agent.Keep:
		if r, ok := a.Entry.(agent.Report); ok {
			w.numbered(r.Event)
		}
		if taken, ok := a.Entry.(agent.Taken); ok {
			w.highest[taken.Rollout] = max(w.highest[taken.Rollout], taken.Base)
		}
		w.journal = w.journal.Keep(a.Entry)
	case agent.Forget:
		w.journal = w.journal.Forget(a.Slot)
	case agent.Send:
		if !kept(w.journal, a.Report) {
			w.t.Fatalf("%s %s was sent before it was kept", a.Report.Key, say(a.Report))
		}
	case agent.Activate:
		if a.Target.Is(w.runs) {
			w.t.Fatalf("%s was activated while it ran", a.Target)
		}
		if w.finished(m.Held()) {
			w.t.Fatalf("%s was activated after its end", m.Held())
		}
	case agent.RollBack:
		if a.To.Is(w.runs) {
			w.t.Fatalf("rolled back to %s while it ran", a.To)
		}
	}
}

func (w *world) numbered(ev reducer.Event) {
	if want := w.highest[ev.Key.Rollout] + 1; ev.Seq != want {
		w.t.Fatalf("%s: %s has number %d, want %d", ev.Key, ev.Kind(), ev.Seq, want)
	}
	w.highest[ev.Key.Rollout] = ev.Seq
}

func kept(j agent.Journal, ev reducer.Event) bool {
	return slices.ContainsFunc(j, func(e agent.Entry) bool {
		r, ok := e.(agent.Report)
		return ok && cmp.Equal(r.Event, ev)
	})
}

// finished reports whether the journal holds the agent's own end of a rollout,
// one that was not refused.
func (w *world) finished(r states.Rollout) bool {
	var end, refused states.Seq
	for _, e := range of(w.journal, r) {
		switch e := e.(type) {
		case agent.Answered:
			refused = e.Refused
		case agent.Report:
			if k := e.Event.Kind(); k == states.KindConverged || k == states.KindRollbackComplete {
				end = e.Event.Seq
			}
		}
	}
	return end > refused
}

// known draws a rollout that the agent still knows, or a new one. A control
// plane does not go back to one that is older.
func (w *world) known(label string) int {
	choices := []int{w.opened + 1}
	for n := 1; n <= w.opened; n++ {
		if len(of(w.journal, rollout(n))) > 0 {
			choices = append(choices, n)
		}
	}
	n := rapid.SampledFrom(choices).Draw(w.t, label)
	w.opened = max(w.opened, n)
	return n
}

func (w *world) somewhere(label string) states.Closure {
	return rapid.OneOf(
		rapid.Just(w.runs),
		rapid.Map(rapid.IntRange(0, w.opened), closure),
		rapid.Just(states.Closure("")),
	).Draw(w.t, label)
}

func (w *world) pass() {
	w.now += states.Time(rapid.SampledFrom([]int{-90_000, 0, 1, 5_000, 20_000, 60_000, 300_000}).Draw(w.t, "time passes"))
}

// happenings are what can happen to an agent.
func (w *world) happenings() map[string]func(*rapid.T) {
	policy := rapid.SampledFrom([]states.OnFailure{0, states.Halt, states.RollbackAndHalt})
	status := rapid.SampledFrom([]states.Status{states.Pass, states.Fail})
	return map[string]func(*rapid.T){
		"restart": func(t *rapid.T) { w.start() },
		"reboot":  func(t *rapid.T) { w.boots++; w.runs = w.somewhere("boots into"); w.start() },
		"tick":    func(t *rapid.T) { w.pass(); w.step(agent.Ticked{Now: w.now, Current: w.runs}) },
		"drift": func(t *rapid.T) {
			w.runs = w.somewhere("drifts to")
			w.step(agent.Ticked{Now: w.now, Current: w.runs})
		},
		"dispatch": func(t *rapid.T) {
			n := w.known("dispatched")
			w.step(agent.Dispatched{Now: w.now, Current: w.runs, Dispatch: agent.Dispatch{
				Rollout: rollout(n), Target: closure(n), Soak: minute, OnFailure: policy.Draw(t, "policy"),
			}})
		},
		"switch": func(t *rapid.T) {
			w.runs = w.somewhere("switches to")
			w.step(agent.SwitchFinished{Now: w.now, Current: w.runs, ExitCode: 1})
		},
		"defer": func(t *rapid.T) {
			w.step(agent.SwitchDeferred{Now: w.now, Current: w.runs, Component: "kernel"})
		},
		"rollback": func(t *rapid.T) {
			w.runs = w.somewhere("rolls back to")
			w.step(agent.RollbackFinished{Now: w.now, Current: w.runs})
		},
		"declare": func(t *rapid.T) {
			w.step(agent.ProbesDeclared{Now: w.now, Closure: w.runs, Probes: []reducer.Declaration{{Name: "http", Mode: states.Enforce}}})
		},
		"probe": func(t *rapid.T) {
			w.step(agent.ProbeReported{Now: w.now, Closure: w.runs, Name: "http", Mode: states.Enforce, Status: status.Draw(t, "status")})
		},
		"reply": func(t *rapid.T) {
			n := w.known("snapshot")
			w.step(agent.BeatAnswered{
				Now: w.now, ReceivedAt: w.now,
				Snapshots: []agent.Snapshot{{
					Rollout: rollout(n), Target: closure(n), AtDispatch: closure(n - 1),
					State:     rapid.SampledFrom([]states.State{states.Activating, states.Deferred, states.Soaking, states.Failed}).Draw(t, "state"),
					LastSeq:   w.highest[rollout(n)] + states.Seq(rapid.IntRange(0, 1).Draw(t, "ahead")),
					Soak:      minute,
					OnFailure: policy.Draw(t, "policy"),
					LastBoot:  uint64(rapid.IntRange(0, 3).Draw(t, "last boot")),
				}},
				Replay: []agent.Replay{{Rollout: rollout(n), From: states.Seq(rapid.IntRange(0, 9).Draw(t, "from"))}},
			})
		},
		"answer": func(t *rapid.T) {
			n := w.known("answered")
			w.step(agent.ReportAnswered{
				Now: w.now, Rollout: rollout(n),
				Seq:         states.Seq(rapid.IntRange(1, int(w.highest[rollout(n)])+1).Draw(t, "number")),
				Answer:      rapid.SampledFrom([]agent.Answer{agent.Told, agent.NoRecord, agent.PutBack, agent.NotNow}).Draw(t, "answer"),
				Disposition: rapid.SampledFrom([]reducer.Disposition{reducer.Applied, reducer.Refused}).Draw(t, "disposition"),
				From:        states.Seq(rapid.IntRange(0, 9).Draw(t, "from")),
			})
		},
		"answer all": func(t *rapid.T) { w.answerAll() },
	}
}

// answerAll tells the agent that every report it has sent was applied.
func (w *world) answerAll() {
	for _, e := range w.journal {
		if r, ok := e.(agent.Report); ok {
			w.step(agent.ReportAnswered{
				Now: w.now, Rollout: r.Event.Key.Rollout, Seq: r.Event.Seq,
				Answer: agent.Told, Disposition: reducer.Applied,
			})
		}
	}
}

// restartable checks that a restart forgets nothing that was kept.
func (w *world) restartable() {
	m, err := agent.New(config())
	if err != nil {
		w.t.Fatal(err)
	}
	m, actions := m.Step(agent.Started{Now: w.now, Current: w.runs, BootID: fmt.Sprint("boot-", w.boots), Journal: w.journal})
	added := 0
	for _, a := range actions {
		if k, ok := a.(agent.Keep); ok && k.Entry.Slot().Kind == agent.KindReport {
			added++
		}
	}
	if want := w.m.Queued() + added; m.Queued() != want {
		w.t.Fatalf("after a restart %d reports wait, want %d", m.Queued(), want)
	}
	if added == 0 && (m.Held() != w.m.Held() || m.State() != w.m.State()) {
		w.t.Fatalf("after a restart %s %s is held, want %s %s", m.Held(), m.State(), w.m.Held(), w.m.State())
	}
}

// woken checks that nothing is to do before the machine wants to be woken, and
// that something is to do then.
func (w *world) woken() {
	wake := w.m.Wake()
	tick := func(at states.Time) []agent.Action {
		_, actions := w.m.Step(agent.Ticked{Now: at, Current: w.m.Current()})
		return actions
	}
	if wake <= w.now {
		w.t.Fatalf("to be woken at %s, which is not after %s", wake, w.now)
	}
	if got := tick(wake - 1); len(got) > 0 {
		w.t.Fatalf("before the time to wake: %v", got)
	}
	if got := tick(wake); len(got) == 0 {
		w.t.Fatal("nothing to do at the time to wake")
	}
}

func TestLawsOfARandomLife(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := newWorld(t)
		happenings := w.happenings()
		happenings[""] = func(*rapid.T) {
			w.restartable()
			w.woken()
		}
		t.Repeat(happenings)
	})
}

func TestTwoFuturesOfOneMachineDoNotTouchEachOther(t *testing.T) {
	h := newHost(t)
	h.soaking()
	for range 20 {
		before := h.m
		h.probe("http", states.Pass)
		before.Step(agent.ProbeReported{Now: h.now, Closure: "new", Name: "disk", Mode: states.Enforce, Status: states.Pass})
		h.probe("http", states.Fail)
	}
	h.settle()
	for _, ev := range h.sent {
		if !kept(h.journal, ev) {
			t.Errorf("%s was sent and never kept", say(ev))
		}
	}
}

func TestAHostThatIsLeftInPeaceConvergesWhateverCameBefore(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := newWorld(t)
		t.Repeat(w.happenings())
		w.peace()
	})
}

// peace ends what runs, dispatches a rollout, and serves the agent well.
func (w *world) peace() {
	w.runs = "c0"
	m, err := agent.New(config())
	if err != nil {
		w.t.Fatal(err)
	}
	p := &peace{w: w, m: m, runs: "c0"}
	p.step(agent.Started{Now: w.now, Current: p.runs, BootID: "peace", Journal: w.journal})
	n := w.opened + 1
	p.step(agent.Dispatched{Now: w.now, Current: p.runs, Dispatch: agent.Dispatch{Rollout: rollout(n), Target: closure(n), Soak: minute}})
	for range 100 {
		if p.converged == rollout(n) && p.m.Queued() == 0 {
			return
		}
		w.now = p.m.Wake()
		p.step(agent.Ticked{Now: w.now, Current: p.runs})
	}
	w.t.Fatalf("%s is %s with %d reports waiting, want it converged", p.m.Held(), p.m.State(), p.m.Queued())
}

// peace is a surrounding in which everything works.
type peace struct {
	w         *world
	m         agent.Machine
	runs      states.Closure
	converged states.Rollout
}

func (p *peace) step(in agent.Input) {
	var actions []agent.Action
	p.m, actions = p.m.Step(in)
	for _, a := range actions {
		switch a := a.(type) {
		case agent.Keep:
			if r, ok := a.Entry.(agent.Report); ok && r.Event.Kind() == states.KindConverged {
				p.converged = r.Event.Key.Rollout
			}
		case agent.Send:
			p.step(agent.ReportAnswered{
				Now: p.w.now, Rollout: a.Report.Key.Rollout, Seq: a.Report.Seq,
				Answer: agent.Told, Disposition: reducer.Applied,
			})
		case agent.RunProbes:
			p.step(agent.ProbesDeclared{Now: p.w.now, Closure: a.Closure})
		case agent.Activate:
			p.runs = a.Target
			p.step(agent.SwitchFinished{Now: p.w.now, Current: p.runs})
		case agent.RollBack:
			p.runs = a.To
			p.step(agent.RollbackFinished{Now: p.w.now, Current: p.runs})
		}
	}
}
