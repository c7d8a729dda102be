package proptest_test

import (
	"errors"
	"testing"
	"time"

	"github.com/benbjohnson/clock"

	"github.com/rollmend/rollmend/adapters/memory"
	"github.com/rollmend/rollmend/engine"
	"github.com/rollmend/rollmend/gates"
	"github.com/rollmend/rollmend/reducer"
	"github.com/rollmend/rollmend/states"
	"github.com/rollmend/rollmend/synth"
)

// The lives of section 10 of the specification, with its numbers: each broke a
// simpler rule.

// report hands over a report with the prefix that its record misses.
func (l *life) report(when int, seq states.Seq, b reducer.Body) reducer.Outcome {
	l.t.Helper()
	ev := reducer.Event{Key: web, Seq: seq, At: at(when), Body: b}
	for _, missing := range synth.Ahead(l.rec, ev).Events {
		l.must(missing)
	}
	return l.must(ev)
}

// beats hands over a heartbeat that was taken when it arrived, unless late.
func (l *life) beats(when int, hb synth.Heartbeat) synth.Finding {
	l.t.Helper()
	return l.beatsLate(when, when, hb)
}

func (l *life) beatsLate(taken, arrived int, hb synth.Heartbeat) synth.Finding {
	l.t.Helper()
	hb.Host, hb.At = web.Host, at(taken)
	f := synth.Chain(synth.Look{
		Record: l.rec, Seen: synth.Seen{Heartbeat: hb, Received: at(arrived)}, Now: at(arrived),
		Bounds:  synth.Bounds{Silence: 3 * time.Minute, Skew: 5 * time.Minute},
		Verdict: passedVerdict(),
	})
	for _, ev := range f.Events {
		l.must(ev)
	}
	return f
}

func (l *life) wants(s states.State) {
	l.t.Helper()
	if l.rec.State != s {
		l.t.Errorf("the record says %s, and should say %s", l.rec.State, s)
	}
}

func soaking(seconds int, p states.OnFailure) states.Policy {
	return states.Policy{Soak: time.Duration(seconds) * time.Second, OnFailure: p, DeferredIsDone: true}
}

func TestALostActivationDoesNotRefuseTheConvergenceForEver(t *testing.T) {
	l := begin(t, soaking(10, states.RollbackAndHalt))
	l.report(110, 1, reducer.DispatchAck{AtDispatch: "old"})
	// Number 2, the activation at 116, is lost.
	l.report(118, 3, reducer.ProbeResult{Probe: "http", Mode: states.Enforce, Status: states.Pass})
	l.wants(states.Soaking)
	if got := l.rec.At(states.ActivatedAt); got != at(118) {
		t.Errorf("activated at %s", got)
	}
	l.report(127, 4, reducer.Converged{Current: "new"})
	l.wants(states.Converged)
	if got := l.rec.At(states.ActivatedAt); got != at(117) {
		t.Errorf("the convergence attests an activation at %s, not at %s", at(117), got)
	}
}

func TestAHostThatFailedUnderHaltIsNoProofAfterAWipe(t *testing.T) {
	l := begin(t, soaking(10, states.Halt))
	f := l.beats(60, synth.Heartbeat{Holds: id, Current: "new"})
	if f.Case != states.HeldByAgent {
		t.Errorf("the case is %s", f.Case)
	}
	l.wants(states.Soaking)
	l.beats(3600, synth.Heartbeat{Holds: id, Current: "new"})
	l.wants(states.Soaking)
	// Its kept reports put it right.
	l.report(-50, 1, reducer.DispatchAck{AtDispatch: "old"})
	l.report(-40, 2, reducer.ActivationCompleted{Observed: "new"})
	l.report(-30, 3, reducer.Failed{PolicyApplied: states.Halt})
	l.wants(states.Failed)
	if f := l.beats(3700, synth.Heartbeat{Holds: id, Current: "new"}); f.Reason != synth.Halted {
		t.Errorf("the finding is %s", f)
	}
	l.wants(states.Failed)
}

func TestARelayWithOldBeatsFakesNoRollback(t *testing.T) {
	l := begin(t, soaking(10, states.RollbackAndHalt))
	l.report(10, 1, reducer.DispatchAck{AtDispatch: "old"})
	l.report(580, 2, reducer.ActivationCompleted{Observed: "new"})
	l.report(600, 3, reducer.Failed{})
	for _, taken := range []int{60, 120, 180} {
		if f := l.beatsLate(taken, 610, synth.Heartbeat{Current: "old"}); f.Reason != synth.Stale {
			t.Errorf("the finding is %s", f)
		}
		l.wants(states.Failed)
	}
}

func TestNoRollbackToWhatRuns(t *testing.T) {
	l := begin(t, soaking(10, states.RollbackAndHalt))
	l.report(10, 1, reducer.DispatchAck{AtDispatch: "new"})
	l.report(20, 2, reducer.ActivationFailed{ExitCode: 1})
	if f := l.beats(60, synth.Heartbeat{Holds: id, Current: "new"}); len(f.Events) > 0 {
		t.Errorf("the finding is %s", f)
	}
	l.wants(states.Failed)
}

func TestLateTruthTakesBackAConvergenceOnSevenSecondsOfSoak(t *testing.T) {
	l := &life{t: t}
	l.must(reducer.Event{
		Key: web, At: at(200), Origin: reducer.Origin{By: reducer.ByControlPlane},
		Body: reducer.Opened{Target: "new", Policy: soaking(40, states.RollbackAndHalt)},
	})
	l.beats(205, synth.Heartbeat{Current: "new"})
	l.wants(states.Converged)
	l.report(190, 1, reducer.DispatchAck{AtDispatch: "old"})
	l.report(198, 2, reducer.ActivationCompleted{Observed: "new"})
	l.wants(states.Soaking)
	if due := l.rec.SoakDue(); due != at(238) {
		t.Errorf("the soak ends at %s", due)
	}
	l.beats(205, synth.Heartbeat{Current: "new"})
	l.wants(states.Soaking)
	l.report(238, 3, reducer.Converged{Current: "new"})
	l.wants(states.Converged)
}

// plane starts a control plane on an empty store with one host, web-1.
func plane(t *testing.T) (*engine.Engine, *clock.Mock) {
	t.Helper()
	clk := clock.NewMock()
	clk.Set(time.UnixMilli(int64(at(1000))))
	e, err := engine.New(t.Context(), engine.Options{Store: memory.New(), Clock: clk, Cycle: time.Minute})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(e.Close)
	if _, err := e.Load(t.Context(), gates.NewFleet(gates.Plan{Ref: id.Ref, Hosts: []gates.PlannedHost{
		{Host: web.Host, Channel: id.Channel, Target: "new", Policy: soaking(10, states.RollbackAndHalt)},
	}})); err != nil {
		t.Fatal(err)
	}
	return e, clk
}

func explained(t *testing.T, e *engine.Engine) states.Record {
	t.Helper()
	ex, err := e.Explain(t.Context(), web.Host)
	if err != nil {
		t.Fatal(err)
	}
	return ex.Records[0].Record
}

func TestAReportThatOvertookIsPutBackSoThatTheRollbackIsSeen(t *testing.T) {
	e, _ := plane(t)
	ack := reducer.Event{Key: web, Seq: 1, At: at(100), Body: reducer.DispatchAck{AtDispatch: "old"}}
	broke := reducer.Event{Key: web, Seq: 2, At: at(120), Body: reducer.ActivationFailed{ExitCode: 1}}
	var gap *engine.GapError
	if _, err := e.Report(t.Context(), engine.Report{Event: broke}); !errors.As(err, &gap) || gap.From != 1 {
		t.Fatalf("the report was not put back: %v", err)
	}
	for _, ev := range []reducer.Event{ack, broke} {
		if r, err := e.Report(t.Context(), engine.Report{Event: ev}); err != nil || r.Disposition != reducer.Applied {
			t.Fatalf("%s was %s: %v", ev.Kind(), r.Disposition, err)
		}
	}
	hb := synth.Heartbeat{Host: web.Host, Holds: id, Current: "old", At: at(1001)}
	if _, err := e.Heartbeat(t.Context(), hb); err != nil {
		t.Fatal(err)
	}
	if rec := explained(t, e); rec.State != states.Reverted || !rec.RevertedTo.Is("old") {
		t.Errorf("the record says %s to %s", rec.State, rec.RevertedTo)
	}
}

func TestABadClosureIsNotSentAgainAfterAWipe(t *testing.T) {
	e, clk := plane(t)
	sent := func() bool {
		_, ok, err := e.Dispatch(t.Context(), web.Host, 0)
		if err != nil {
			t.Fatal(err)
		}
		return ok
	}
	// The newest reply that the agent has is from before the wipe.
	hb := synth.Heartbeat{Host: web.Host, Current: "old", LastReply: at(900), Order: states.Order{Boot: 1, Beat: 10}}
	for range 2 {
		clk.Add(time.Second)
		hb.At, hb.Order.Beat = states.TimeOf(clk.Now()), hb.Order.Beat+1
		reply, err := e.Heartbeat(t.Context(), hb)
		if err != nil {
			t.Fatal(err)
		}
		if len(reply.Replay) != 1 || reply.Replay[0].From != 1 {
			t.Errorf("the reply asks for %v", reply.Replay)
		}
		if sent() {
			t.Fatal("it was dispatched before the agent had our reply")
		}
	}
	kept := []reducer.Body{
		reducer.DispatchAck{AtDispatch: "old"},
		reducer.ActivationCompleted{Observed: "new"},
		reducer.Failed{},
		reducer.RollbackComplete{RevertedTo: "old"},
	}
	for i, b := range kept {
		ev := reducer.Event{Key: web, Seq: states.Seq(i + 1), At: at(100 + i), Order: states.Order{Boot: 1, Beat: 2}, Body: b}
		if _, err := e.Report(t.Context(), engine.Report{Event: ev}); err != nil {
			t.Fatal(err)
		}
	}
	clk.Add(time.Second)
	hb.At, hb.Order.Beat, hb.LastReply = states.TimeOf(clk.Now()), hb.Order.Beat+1, states.TimeOf(clk.Now())
	if _, err := e.Heartbeat(t.Context(), hb); err != nil {
		t.Fatal(err)
	}
	if rec := explained(t, e); rec.State != states.Reverted || sent() {
		t.Errorf("the record says %s", rec.State)
	}
	overview, err := e.Fleet(t.Context())
	if err != nil || len(overview.Quarantines) != 1 || !overview.Quarantines[0].Closure.Is("new") {
		t.Errorf("the quarantines are %v: %v", overview.Quarantines, err)
	}
}
