package engine_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/rollmend/rollmend/adapters"
	"github.com/rollmend/rollmend/adapters/memory"
	"github.com/rollmend/rollmend/engine"
	"github.com/rollmend/rollmend/gates"
	"github.com/rollmend/rollmend/reducer"
	"github.com/rollmend/rollmend/states"
	"github.com/rollmend/rollmend/synth"
)

var web1 = states.Key{Rollout: states.Rollout{Channel: "stable", Ref: "r1"}, Host: "web-1"}

func TestNothingIsConsumedBeforeAManifestIsLoaded(t *testing.T) {
	clk := newClock()
	e, err := engine.New(t.Context(), engine.Options{Store: memory.New(), Clock: clk, Cycle: time.Minute})
	require.NoError(t, err)
	t.Cleanup(e.Close)
	_, err = e.Heartbeat(t.Context(), synth.Heartbeat{Host: "web-1", Current: "new", At: 1})
	require.ErrorIs(t, err, engine.ErrNotReady)
	_, err = e.Report(t.Context(), engine.Report{Event: reducer.Event{Key: web1, Seq: 1, At: 1, Body: reducer.DispatchAck{}}})
	require.ErrorIs(t, err, engine.ErrNotReady)
	_, _, err = e.Dispatch(t.Context(), "web-1", 0)
	require.ErrorIs(t, err, engine.ErrNotReady)
}

func TestOptionsThatWouldBeDangerousAreRefused(t *testing.T) {
	for name, opts := range map[string]engine.Options{
		"no store":         {Clock: newClock(), Cycle: time.Minute},
		"no clock":         {Store: memory.New(), Cycle: time.Minute},
		"no cycle":         {Store: memory.New(), Clock: newClock()},
		"negative silence": {Store: memory.New(), Clock: newClock(), Cycle: time.Minute, Silence: -1},
	} {
		_, err := engine.New(t.Context(), opts)
		require.Error(t, err, name)
	}
}

func TestAReportOfAnUnknownRolloutIsNotFound(t *testing.T) {
	e := startOn(t, newClock(), memory.New(), plan("r1", "new"))
	for _, key := range []states.Key{
		{Rollout: states.Rollout{Channel: "stable", Ref: "r0"}, Host: "web-1"},
		{Rollout: states.Rollout{Channel: "slow", Ref: "r1"}, Host: "web-1"},
	} {
		_, err := e.Report(t.Context(), engine.Report{Event: reducer.Event{Key: key, Seq: 1, At: 1, Body: reducer.DispatchAck{}}})
		require.ErrorIs(t, err, adapters.ErrNotFound, key.String())
	}
}

func TestAReportWithAGapIsPutBackOnce(t *testing.T) {
	clk := newClock()
	e := startOn(t, clk, memory.New(), plan("r1", "new"))
	ev := reducer.Event{Key: web1, Seq: 3, At: states.TimeOf(clk.Now()), Body: reducer.ActivationCompleted{Observed: "new"}}
	_, err := e.Report(t.Context(), engine.Report{Event: ev})
	var gap *engine.GapError
	require.ErrorAs(t, err, &gap)
	require.Equal(t, states.Seq(1), gap.From)
	require.ErrorContains(t, err, "send from there, or this one again")

	r, err := e.Report(t.Context(), engine.Report{Event: ev})
	require.NoError(t, err)
	require.Equal(t, reducer.Applied, r.Disposition)
	require.Equal(t, "taken without reports 1 to 2, which the agent no longer has", r.Reason)
}

func TestANumberWithAnotherBodyIsSaidToBeReused(t *testing.T) {
	clk := newClock()
	e := startOn(t, clk, memory.New(), plan("r1", "new"))
	ev := reducer.Event{Key: web1, Seq: 1, At: states.TimeOf(clk.Now()), Body: reducer.DispatchAck{AtDispatch: "old"}}
	for i, want := range []engine.ReportReply{
		{Disposition: reducer.Applied},
		{Disposition: reducer.Duplicate},
	} {
		r, err := e.Report(t.Context(), engine.Report{Event: ev})
		require.NoError(t, err)
		require.Equal(t, want, r, "sending %d", i+1)
	}
	ev.Body = reducer.DispatchAck{AtDispatch: "another"}
	r, err := e.Report(t.Context(), engine.Report{Event: ev})
	require.NoError(t, err)
	require.Equal(t, reducer.Refused, r.Disposition)
	require.Equal(t, "number reused: report DispatchAck had it before", r.Reason)
}

// The first answer may have been lost, and an agent goes by what it is told: one
// that hears "duplicate" of a convergence that was refused is done with it.
func TestWhatWasRefusedIsRefusedAgain(t *testing.T) {
	clk := newClock()
	e := startOn(t, clk, memory.New(), plan("r1", "new"))
	ev := reducer.Event{Key: web1, Seq: 1, At: states.TimeOf(clk.Now()), Body: reducer.RollbackComplete{}}
	first, err := e.Report(t.Context(), engine.Report{Event: ev})
	require.NoError(t, err)
	require.Equal(t, reducer.Refused, first.Disposition)
	again, err := e.Report(t.Context(), engine.Report{Event: ev})
	require.NoError(t, err)
	require.Equal(t, first, again)
}

func TestARefusedReportIsAnAnswerAndBlocksNothing(t *testing.T) {
	clk := newClock()
	e := startOn(t, clk, memory.New(), plan("r1", "new"))
	now := states.TimeOf(clk.Now())
	for seq, step := range []struct {
		body   reducer.Body
		want   reducer.Disposition
		reason string
	}{
		{reducer.DispatchAck{AtDispatch: "old"}, reducer.Applied, ""},
		{reducer.ActivationCompleted{Observed: "another"}, reducer.Refused, "not-on-target"},
		{reducer.ActivationCompleted{Observed: "new"}, reducer.Applied, ""},
		{reducer.Converged{Current: "new"}, reducer.Refused, "soak-not-over"},
		{reducer.ActivationFailed{}, reducer.Refused, "ActivationFailed is not legal in Soaking"},
		{reducer.Failed{}, reducer.Applied, ""},
	} {
		r, err := e.Report(t.Context(), engine.Report{Event: reducer.Event{Key: web1, Seq: states.Seq(seq + 1), At: now, Body: step.body}})
		require.NoError(t, err)
		require.Equal(t, step.want, r.Disposition, r.Reason)
		require.Contains(t, r.Reason, step.reason)
	}
	require.Equal(t, states.Failed, stateOf(t, e, "web-1"))
}

func TestManifestsThatWouldStepBackAreRefused(t *testing.T) {
	clk := newClock()
	first := plan("r1", "new")
	first.SignedAt = 2_000
	e := startOn(t, clk, memory.New(), first)

	older := plan("r0", "old")
	older.SignedAt = 1_000
	_, err := e.Load(t.Context(), gates.NewFleet(older))
	var stale *engine.StaleManifestError
	require.ErrorAs(t, err, &stale)

	other := plan("r1", "newer")
	other.SignedAt = 3_000
	_, err = e.Load(t.Context(), gates.NewFleet(other))
	var changed *engine.TargetsChangedError
	require.ErrorAs(t, err, &changed)
	require.ErrorContains(t, err, "a change of targets needs a new ref")

	next := plan("r2", "newer")
	next.SignedAt = 3_000
	loaded, err := e.Load(t.Context(), gates.NewFleet(next))
	require.NoError(t, err)
	require.Len(t, loaded.Opened, 2)
	loaded, err = e.Load(t.Context(), gates.NewFleet(next))
	require.NoError(t, err)
	require.Len(t, loaded.Already, 2, "opening is idempotent by id")

	back := plan("r1", "new")
	back.SignedAt = 4_000
	_, err = e.Load(t.Context(), gates.NewFleet(back))
	var superseded *engine.SupersededRefError
	require.ErrorAs(t, err, &superseded)
}

func TestAnOperatorsActsNeedAReasonAndAThing(t *testing.T) {
	e := startOn(t, newClock(), memory.New(), plan("r1", "new"))
	require.ErrorIs(t, e.Resume(t.Context(), web1.Rollout, ""), engine.ErrReasonNeeded)
	require.ErrorIs(t, e.Resume(t.Context(), states.Rollout{Channel: "a", Ref: "b"}, "why"), adapters.ErrNotFound)
	require.ErrorIs(t, e.Clear(t.Context(), "stable", "new", "why"), engine.ErrNotQuarantined)
	require.ErrorIs(t, e.Impose(t.Context(), "stable", "new", ""), engine.ErrReasonNeeded)
	_, err := e.Explain(t.Context(), "nobody")
	require.ErrorIs(t, err, engine.ErrUnknownHost)
}

// An imposed quarantine holds the dispatch; clearing it wakes who waits.
func TestAQuarantineHoldsUntilItIsCleared(t *testing.T) {
	clk := newClock()
	e := startOn(t, clk, memory.New(), plan("r1", "new"))
	require.NoError(t, e.Impose(t.Context(), "stable", "new", "seen to fail elsewhere"))
	now := states.TimeOf(clk.Now())
	answered(t, e, synth.Heartbeat{Host: "web-1", Current: "old", At: now})
	_, ok, err := e.Dispatch(t.Context(), "web-1", 0)
	require.NoError(t, err)
	require.False(t, ok)
	ex, err := e.Explain(t.Context(), "web-1")
	require.NoError(t, err)
	require.Equal(t, "quarantine", ex.Records[0].Verdict.Blocks[0].Gate)

	polled := make(chan bool, 1)
	go func() {
		_, ok, _ := e.Dispatch(t.Context(), "web-1", time.Minute)
		polled <- ok
	}()
	require.NoError(t, e.Clear(t.Context(), "stable", "new", "it was the other machine"))
	require.True(t, <-polled)
}

// Nothing is dispatched before the agent had a reply of this start, which asks
// for the reports that it kept.
func TestNothingIsDispatchedToAHostThatHasNotHadOurReply(t *testing.T) {
	for name, generation := range map[string]func(received states.Time) states.Time{
		"an agent that says which reply it had": func(received states.Time) states.Time { return received },
		"an agent that does not say":            func(states.Time) states.Time { return 0 },
	} {
		t.Run(name, func(t *testing.T) {
			clk := newClock()
			e := startOn(t, clk, memory.New(), plan("r1", "new"))
			before := states.TimeOf(clk.Now()).Add(-time.Hour)
			first := synth.Heartbeat{Host: "web-1", Current: "old", At: states.TimeOf(clk.Now())}
			if generation(1) != 0 {
				first.LastReply = before
			}
			reply := beat(t, e, first)
			_, ok, err := e.Dispatch(t.Context(), "web-1", 0)
			require.NoError(t, err)
			require.False(t, ok)
			require.Equal(t, []engine.Replay{{Rollout: web1.Rollout, From: 1}}, reply.Replay)

			clk.Add(time.Minute)
			beat(t, e, synth.Heartbeat{
				Host: "web-1", Current: "old", At: states.TimeOf(clk.Now()), LastReply: generation(reply.ReceivedAt),
			})
			_, ok, err = e.Dispatch(t.Context(), "web-1", 0)
			require.NoError(t, err)
			require.True(t, ok)
		})
	}
}

// A guessed activation bears a time of the agent's clock, unless that was cut:
// then the soak's end by it lies long before the agent's time, and an agent that
// went by it would not soak at all.
func TestAnAgentWhoseTimeWasCutSoaksByItsOwnClock(t *testing.T) {
	const off = 20 * time.Minute
	for name, activate := range map[string]func(*testing.T, *engine.Engine, states.Time){
		"a heartbeat says that it runs the target": func(*testing.T, *engine.Engine, states.Time) {},
		"a report says so": func(t *testing.T, e *engine.Engine, agent states.Time) {
			for i, body := range []reducer.Body{reducer.DispatchAck{AtDispatch: "old"}, reducer.ActivationCompleted{Observed: "new"}} {
				ev := reducer.Event{Key: web1, Seq: states.Seq(i + 1), At: agent, Body: body}
				_, err := e.Report(t.Context(), engine.Report{Event: ev})
				require.NoError(t, err)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			clk := newClock()
			e := startOn(t, clk, memory.New(), plan("r1", "new"))
			agent := func() states.Time { return states.TimeOf(clk.Now()) }
			beat := func(current states.Closure) engine.HeartbeatReply {
				r, err := e.Heartbeat(t.Context(), synth.Heartbeat{Host: "web-1", Current: current, At: agent()})
				require.NoError(t, err)
				clk.Add(time.Second)
				return r
			}
			soaks := func(why string) {
				t.Helper()
				now := agent()
				snapshots := beat("new").Snapshots
				require.Len(t, snapshots, 1)
				require.Equal(t, states.Soaking, snapshots[0].Record.State)
				require.Equal(t, now.Add(10*time.Second), snapshots[0].SoakDueAt, why)
			}
			beat("old")
			beat("old")
			_, sent, err := e.Dispatch(t.Context(), "web-1", 0)
			require.NoError(t, err)
			require.True(t, sent)

			clk.Set(clk.Now().Add(-off)) // the control plane's
			right := agent
			agent = func() states.Time { return right().Add(off) }
			activate(t, e, agent())
			soaks("while the control plane's clock is slow")
			soaks("the reply to the first one may have been lost")
			clk.Set(clk.Now().Add(off))
			agent = right
			soaks("once it is set right")
		})
	}
}

func TestAnAgentWhoseTimeWasCutAfterAWipeSoaksByItsOwnClock(t *testing.T) {
	clk := newClock()
	e := startOn(t, clk, memory.New(), plan("r1", "new"))
	agent := states.TimeOf(clk.Now()).Add(20 * time.Minute)
	r, err := e.Heartbeat(t.Context(), synth.Heartbeat{Host: "web-1", Current: "new", At: agent, CurrentSince: agent.Add(-time.Second)})
	require.NoError(t, err)
	require.Len(t, r.Snapshots, 1)
	require.Equal(t, states.Soaking, r.Snapshots[0].Record.State)
	require.Equal(t, agent.Add(10*time.Second), r.Snapshots[0].SoakDueAt)
}

func TestAnActivationBeforeItsAcknowledgementWasCut(t *testing.T) {
	clk := newClock()
	e := startOn(t, clk, memory.New(), plan("r1", "new"))
	agent := states.TimeOf(clk.Now())
	report := func(seq states.Seq, body reducer.Body) {
		_, err := e.Report(t.Context(), engine.Report{Event: reducer.Event{Key: web1, Seq: seq, At: agent, Body: body}})
		require.NoError(t, err)
	}
	report(1, reducer.DispatchAck{AtDispatch: "old"}) // of a dispatch from before a wipe
	clk.Set(clk.Now().Add(-20 * time.Minute))
	report(2, reducer.ActivationCompleted{Observed: "new"})
	clk.Set(clk.Now().Add(20 * time.Minute))
	r, err := e.Heartbeat(t.Context(), synth.Heartbeat{Host: "web-1", Current: "new", At: agent})
	require.NoError(t, err)
	require.Len(t, r.Snapshots, 1)
	require.Equal(t, agent.Add(10*time.Second), r.Snapshots[0].SoakDueAt)
}

// An agent whose clock was set back by more than the soak since it activated does
// not wait until that has caught up, whoever ends the soak.
func TestAnActivationThatIsStillToComeIsNotWaitedFor(t *testing.T) {
	clk := newClock()
	e := startOn(t, clk, memory.New(), plan("r1", "new"))
	at := states.TimeOf(clk.Now())
	for i, body := range []reducer.Body{reducer.DispatchAck{AtDispatch: "old"}, reducer.ActivationCompleted{Observed: "new"}} {
		ev := reducer.Event{Key: web1, Seq: states.Seq(i + 1), At: at, Order: states.Order{Boot: 1, Beat: 1}, Body: body}
		_, err := e.Report(t.Context(), engine.Report{Event: ev})
		require.NoError(t, err)
	}
	for i, c := range []struct{ back, due time.Duration }{
		{time.Hour, -time.Hour + 10*time.Second},
		{5 * time.Second, 10 * time.Second}, // a convergence in between would be refused
	} {
		r, err := e.Heartbeat(t.Context(), synth.Heartbeat{
			Host: "web-1", Current: "new", At: at.Add(-c.back), Order: states.Order{Boot: 2, Beat: uint64(i + 1)},
		})
		require.NoError(t, err)
		require.Len(t, r.Snapshots, 1)
		require.Equal(t, at.Add(c.due), r.Snapshots[0].SoakDueAt, "set back by %s", c.back)
	}
}
