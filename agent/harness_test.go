package agent_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/rollmend/rollmend/agent"
	"github.com/rollmend/rollmend/reducer"
	"github.com/rollmend/rollmend/states"
)

const (
	second = time.Second
	minute = time.Minute
)

var (
	first = states.Rollout{Channel: "stable", Ref: "a1"}
	newer = states.Rollout{Channel: "stable", Ref: "b2"}
	third = states.Rollout{Channel: "stable", Ref: "c3"}
)

func config() agent.Config {
	return agent.Config{
		Host:       "web-1",
		Generation: agent.Present,
		BeatEvery:  minute,
		RetryEvery: 10 * second,
		ProbeEvery: 30 * second,
		FailAfter:  20 * second,
		OnFailure:  states.RollbackAndHalt,
	}
}

// host is an agent with what surrounds it: a journal that does what it is
// told, a clock, and a closure that the test sets.
type host struct {
	t       *testing.T
	cfg     agent.Config
	m       agent.Machine
	journal agent.Journal
	now     states.Time
	runs    states.Closure
	boot    string

	reports []string // kept since they were last looked at
	acts    []string // done to the host, likewise
	sent    []reducer.Event
	newest  reducer.Event // sending
	beats   []agent.Heartbeat
}

func newHost(t *testing.T) *host {
	return &host{t: t, cfg: config(), now: 1_000_000, runs: "old", boot: "boot-a"}
}

// start begins the agent's process with what the journal has; a machine that
// there was is lost, as after a kill.
func (h *host) start() *host {
	h.t.Helper()
	m, err := agent.New(h.cfg)
	if err != nil {
		h.t.Fatal(err)
	}
	h.m = m
	h.do(agent.Started{Now: h.now, Current: h.runs, BootID: h.boot, Journal: h.journal})
	return h
}

func (h *host) reboot(into states.Closure) {
	h.boot += "'"
	h.runs = into
	h.now = h.now.Add(second)
	h.start()
}

func (h *host) do(in agent.Input) {
	var actions []agent.Action
	h.m, actions = h.m.Step(in)
	for _, a := range actions {
		switch a := a.(type) {
		case agent.Keep:
			h.journal = h.journal.Keep(a.Entry)
			if r, ok := a.Entry.(agent.Report); ok {
				h.reports = append(h.reports, say(r.Event))
			}
		case agent.Forget:
			h.journal = h.journal.Forget(a.Slot)
		case agent.Send:
			h.sent, h.newest = append(h.sent, a.Report), a.Report
		case agent.Beat:
			h.beats = append(h.beats, a.Heartbeat)
		case agent.RunProbes:
			h.acts = append(h.acts, "probe "+string(a.Closure))
		case agent.Activate:
			h.acts = append(h.acts, "activate "+string(a.Target))
		case agent.RollBack:
			h.acts = append(h.acts, "roll back to "+string(a.To))
		}
	}
}

// say writes a report as its number, kind, and what matters of its body.
func say(ev reducer.Event) string {
	s := fmt.Sprintf("%d %s", ev.Seq, ev.Kind())
	switch b := ev.Body.(type) {
	case reducer.DispatchAck:
		s += " at " + b.AtDispatch.String()
	case reducer.ActivationCompleted:
		s += " on " + b.Observed.String()
	case reducer.ProbeResult:
		s += " " + b.Probe + " " + b.Status.String()
	case reducer.Failed:
		s += fmt.Sprintf(" %s after %s, %s", strings.Join(b.Failing, ","), b.Duration, b.PolicyApplied)
	case reducer.RollbackComplete:
		s += " to " + b.RevertedTo.String()
	}
	return s
}

func (h *host) tick(d time.Duration) {
	h.now = h.now.Add(d)
	h.do(agent.Ticked{Now: h.now, Current: h.runs})
}

func (h *host) dispatch(r states.Rollout, target states.Closure) {
	h.do(agent.Dispatched{Now: h.now, Current: h.runs, Dispatch: agent.Dispatch{
		Rollout: r, Target: target, Soak: 5 * minute, SoakDueAt: h.now.Add(5 * minute),
	}})
}

func (h *host) switched(to states.Closure) {
	h.runs = to
	h.do(agent.SwitchFinished{Now: h.now, Current: to})
}

func (h *host) declare(names ...string) {
	var ds []reducer.Declaration
	for _, n := range names {
		ds = append(ds, reducer.Declaration{Name: n, Kind: "http", Mode: states.Enforce})
	}
	h.do(agent.ProbesDeclared{Now: h.now, Closure: h.runs, Probes: ds})
}

func (h *host) probe(name string, s states.Status) {
	h.do(agent.ProbeReported{Now: h.now, Closure: h.runs, Name: name, Mode: states.Enforce, Status: s})
}

// answer answers the newest sending.
func (h *host) answer(in agent.ReportAnswered) {
	h.t.Helper()
	if h.newest.Body == nil {
		h.t.Fatal("nothing was sent")
	}
	in.Now, in.Rollout, in.Seq = h.now, h.newest.Key.Rollout, h.newest.Seq
	h.do(in)
}

// settle answers every report as applied.
func (h *host) settle() {
	h.t.Helper()
	for h.m.Queued() > 0 {
		h.answer(agent.ReportAnswered{Answer: agent.Told, Disposition: reducer.Applied})
	}
}

// soaking brings the host into the soak of the first rollout.
func (h *host) soaking() {
	h.start()
	h.dispatch(first, "new")
	h.switched("new")
	h.declare("http")
}

// converge ends the soak.
func (h *host) converge() {
	h.probe("http", states.Pass)
	h.tick(5 * minute)
}

// replied answers the newest heartbeat with snapshots.
func (h *host) replied(snapshots ...agent.Snapshot) {
	h.do(agent.BeatAnswered{Now: h.now, ReceivedAt: h.now, Snapshots: snapshots})
}

func (h *host) wantReports(want ...string) {
	h.t.Helper()
	diff(h.t, "reports", want, h.reports)
	h.reports = nil
}

func (h *host) wantActs(want ...string) {
	h.t.Helper()
	diff(h.t, "done to the host", want, h.acts)
	h.acts = nil
}

func (h *host) wantSent(want ...string) {
	h.t.Helper()
	var got []string
	for _, ev := range h.sent {
		got = append(got, ev.Key.Rollout.String()+" "+say(ev))
	}
	diff(h.t, "sent", want, got)
	h.sent = nil
}

func (h *host) wantHeld(r states.Rollout, s states.State) {
	h.t.Helper()
	diff(h.t, "held", r.String()+" "+s.String(), h.m.Held().String()+" "+h.m.State().String())
}

func (h *host) lastBeat() agent.Heartbeat {
	h.t.Helper()
	if len(h.beats) == 0 {
		h.t.Fatal("no heartbeat")
	}
	return h.beats[len(h.beats)-1]
}

func diff(t *testing.T, what string, want, got any) {
	t.Helper()
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("%s (-want +got):\n%s", what, d)
	}
}

// life is a test with a sentence for a name.
type life struct {
	name string
	live func(*host)
}

func run(t *testing.T, lives []life) {
	t.Helper()
	for _, l := range lives {
		t.Run(l.name, func(t *testing.T) { l.live(newHost(t)) })
	}
}
