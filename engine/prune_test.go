package engine_test

import (
	"context"
	"errors"
	"slices"
	"sync"
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

const week = 7 * 24 * time.Hour

// signed is a plan by the time of its signature.
func signed(ref states.Ref, target states.Closure, at states.Time) gates.Plan {
	p := plan(ref, target)
	p.SignedAt = at
	return p
}

func reported(t *testing.T, e *engine.Engine, key states.Key, seq states.Seq, at states.Time, body reducer.Body) engine.ReportReply {
	t.Helper()
	r, err := e.Report(t.Context(), engine.Report{Event: reducer.Event{Key: key, Seq: seq, At: at, Body: body}})
	require.NoError(t, err)
	return r
}

func pruned(t *testing.T, e *engine.Engine) (all engine.Pruned) {
	t.Helper()
	for range 100 {
		done, err := e.Prune(t.Context(), engine.Retention{After: week})
		require.NoError(t, err)
		require.LessOrEqual(t, len(done.Forgotten), 1)
		all.Forgotten = append(all.Forgotten, done.Forgotten...)
		all.Kept = done.Kept
		if !done.More {
			return all
		}
	}
	require.Fail(t, "a pruning that does not end")
	return all
}

func load(t *testing.T, e *engine.Engine, p gates.Plan) {
	t.Helper()
	_, err := e.Load(t.Context(), gates.NewFleet(p))
	require.NoError(t, err)
}

func TestASupersededRolloutIsForgottenWhenItIsOldEnough(t *testing.T) {
	clk, store := newClock(), memory.New()
	e := startOn(t, clk, store, signed("r1", "one", 1_000))
	now := states.TimeOf(clk.Now())
	reported(t, e, web1, 1, now, reducer.DispatchAck{AtDispatch: "zero"})
	reported(t, e, web1, 2, now, reducer.ActivationFailed{ExitCode: 1})
	reported(t, e, web1, 3, now, reducer.RollbackComplete{RevertedTo: "zero"})
	load(t, e, signed("r2", "two", 2_000))

	clk.Add(week - time.Millisecond)
	require.Empty(t, pruned(t, e).Forgotten, "it is not old enough")
	load(t, e, signed("r3", "three", 3_000))
	clk.Add(time.Millisecond)
	r1 := []states.Rollout{{Channel: "slow", Ref: "r1"}, {Channel: "stable", Ref: "r1"}}
	require.ElementsMatch(t, r1, pruned(t, e).Forgotten, "r2 was superseded a moment ago, by r3")
	require.Empty(t, pruned(t, e).Forgotten)

	_, err := store.Record(t.Context(), web1)
	require.ErrorIs(t, err, adapters.ErrNotFound)
	for range 2 { // as it goes on, and after a restart
		_, err = e.Report(t.Context(), engine.Report{Event: reducer.Event{Key: web1, Seq: 4, At: now, Body: reducer.Converged{Current: "one"}}})
		require.ErrorIs(t, err, adapters.ErrNotFound)
		o, err := e.Fleet(t.Context())
		require.NoError(t, err)
		require.Len(t, o.Quarantines, 1, "quarantines stay")

		back := signed("r1", "one", 4_000)
		_, err = e.Load(t.Context(), gates.NewFleet(back))
		var superseded *engine.SupersededRefError
		require.ErrorAs(t, err, &superseded, "nobody goes back to it")
		_, err = e.Load(t.Context(), gates.NewFleet(signed("r0", "zero", 2_500)))
		var stale *engine.StaleManifestError
		require.ErrorAs(t, err, &stale)

		beat(t, e, synth.Heartbeat{Host: "web-1", Current: "three", At: states.TimeOf(clk.Now()), Holds: web1.Rollout})
		ex, err := e.Explain(t.Context(), "web-1")
		require.NoError(t, err)
		require.Len(t, ex.Records, 1)
		e.Close()
		e = startOn(t, clk, store, signed("r3", "three", 3_000))
	}
}

// A manifest that was forgotten goes on to refuse those that are older.
func TestAForgottenManifestRefusesAnOlderOne(t *testing.T) {
	clk, store := newClock(), memory.New()
	e := startOn(t, clk, store, signed("r1", "one", 5_000))
	unsigned := plan("r2", "two")
	require.NoError(t, store.Enact(t.Context(), []adapters.Act{
		adapters.Opening{Rollout: states.Rollout{Channel: "stable", Ref: "r2"}, At: states.TimeOf(clk.Now())},
	}))
	e.Close()
	clk.Add(2 * week)
	e, err := engine.New(t.Context(), engine.Options{Store: store, Clock: clk, Cycle: time.Minute})
	require.NoError(t, err)
	t.Cleanup(e.Close)
	require.Equal(t, []states.Rollout{web1.Rollout}, pruned(t, e).Forgotten)
	_, err = e.Load(t.Context(), gates.NewFleet(unsigned))
	var stale *engine.StaleManifestError
	require.ErrorAs(t, err, &stale)
	require.Equal(t, states.Time(5_000), stale.Newest)
}

// A host that works for a superseded rollout holds a place in a budget: were it
// forgotten, another host would be let through beside it.
func TestARolloutInWhichAHostHoldsAPlaceIsKept(t *testing.T) {
	clk := newClock()
	budgeted := func(ref states.Ref, target states.Closure) gates.Plan {
		p := plan(ref, target)
		p.Hosts = p.Hosts[1:]
		p.Hosts[1].Wave, p.ChannelEdges = 0, nil
		p.Budgets = []gates.Budget{{Name: "web", Hosts: []states.Host{"web-1", "web-2"}, MaxInFlight: 1}}
		return p
	}
	e := startOn(t, clk, memory.New(), budgeted("r1", "one"))
	now := func() states.Time { return states.TimeOf(clk.Now()) }
	reported(t, e, web1, 1, now(), reducer.DispatchAck{AtDispatch: "zero"})
	load(t, e, budgeted("r2", "two"))
	clk.Add(2 * week)
	all := pruned(t, e)
	require.Empty(t, all.Forgotten)
	require.Equal(t, []engine.KeptRollout{{Rollout: web1.Rollout, Hosts: []states.Host{"web-1"}}}, all.Kept)

	answered(t, e, synth.Heartbeat{Host: "web-2", Current: "zero", At: now()})
	_, ok, err := e.Dispatch(t.Context(), "web-2", 0)
	require.NoError(t, err)
	require.False(t, ok, "the place is held")

	// It has moved on, and so may the others.
	reported(t, e, states.Key{Rollout: states.Rollout{Channel: "stable", Ref: "r2"}, Host: "web-1"}, 1, now(), reducer.DispatchAck{AtDispatch: "one"})
	require.Equal(t, []states.Rollout{web1.Rollout}, pruned(t, e).Forgotten)
}

// A host that no newer rollout has was about to be looked at by its place in the
// forgotten one.
func TestAHostThatLeftItsChannelIsForgottenWithItsRollout(t *testing.T) {
	clk := newClock()
	e := startOn(t, clk, memory.New(), plan("r1", "one"))
	beat(t, e, synth.Heartbeat{Host: "web-2", Current: "one", At: states.TimeOf(clk.Now())})
	without := plan("r2", "two")
	without.Hosts = without.Hosts[:2]
	load(t, e, without)
	clk.Add(2 * week)
	at := states.TimeOf(clk.Now())
	beat(t, e, synth.Heartbeat{Host: "web-2", Current: "one", At: at - 1})
	require.Len(t, pruned(t, e).Forgotten, 2)
	ex, err := e.Explain(t.Context(), "web-2")
	require.NoError(t, err)
	require.Empty(t, ex.Records)
	require.Equal(t, states.Closure("one"), ex.Seen.Heartbeat.Current, "what it runs is still known")
	for n, runs := range []states.Closure{"one", "two"} {
		beat(t, e, synth.Heartbeat{Host: "web-2", Current: runs, At: at + states.Time(n)})
		ex, err := e.Explain(t.Context(), "web-2")
		require.NoError(t, err)
		require.Empty(t, ex.Records)
		require.Equal(t, runs, ex.Seen.Heartbeat.Current)
	}
	load(t, e, plan("r3", "three"))
	ex, err = e.Explain(t.Context(), "web-2")
	require.NoError(t, err)
	require.Len(t, ex.Records, 1)
}

// Two control planes share the store; one of them forgets.
func TestAnotherControlPlaneAnswersForWhatWasForgotten(t *testing.T) {
	clk, store := newClock(), memory.New()
	one := startOn(t, clk, store, plan("r1", "one"))
	load(t, one, plan("r2", "two"))
	other := startOn(t, clk, store, plan("r2", "two"))
	clk.Add(2 * week)
	now := states.TimeOf(clk.Now())
	reported(t, other, states.Key{Rollout: states.Rollout{Channel: "stable", Ref: "r2"}, Host: "web-1"}, 1, now, reducer.DispatchAck{AtDispatch: "one"})
	require.Len(t, pruned(t, one).Forgotten, 2, "the ordering revision that it knew was overtaken: it looked again")
	for _, seq := range []states.Seq{1, 7} {
		_, err := other.Report(t.Context(), engine.Report{Event: reducer.Event{Key: web1, Seq: seq, At: now, Body: reducer.DispatchAck{}}})
		require.ErrorIs(t, err, adapters.ErrNotFound)
	}
	beat(t, other, synth.Heartbeat{Host: "web-1", Current: "one", At: now, Holds: web1.Rollout})
}

// The other one has let a host go on that holds a place now. The one that forgets
// has not heard of it, and looks again.
func TestAPlaceThatAnotherControlPlaneKnowsOfIsKept(t *testing.T) {
	clk, store := newClock(), memory.New()
	one := startOn(t, clk, store, plan("r1", "one"))
	load(t, one, plan("r2", "two"))
	other := startOn(t, clk, store, plan("r2", "two"))
	clk.Add(2 * week)
	reported(t, other, web1, 1, states.TimeOf(clk.Now()), reducer.DispatchAck{AtDispatch: "zero"})
	all := pruned(t, one)
	require.Equal(t, []states.Rollout{{Channel: "slow", Ref: "r1"}}, all.Forgotten)
	require.Equal(t, []engine.KeptRollout{{Rollout: web1.Rollout, Hosts: []states.Host{"web-1"}}}, all.Kept)
}

// Reports of a superseded rollout meet its pruning: each is recorded before, or
// not found, and what was recorded is in the log until all of it is gone.
func TestReportsThatMeetAPruning(t *testing.T) {
	for range 20 {
		clk, store := newClock(), memory.New()
		e := startOn(t, clk, store, plan("r1", "one"))
		load(t, e, plan("r2", "two"))
		clk.Add(2 * week)
		at := states.TimeOf(clk.Now())
		var wg sync.WaitGroup
		var told []error
		wg.Go(func() {
			for seq := states.Seq(1); seq <= 40; seq++ {
				_, err := e.Report(context.Background(), engine.Report{Event: reducer.Event{
					Key: web1, Seq: seq, At: at, Body: reducer.ProbeObservedFirst{Probe: "http", Mode: states.Observe},
				}})
				told = append(told, err)
			}
		})
		var forgotten []states.Rollout
		for range 100 {
			done, err := e.Prune(t.Context(), engine.Retention{After: week})
			require.NoError(t, err)
			forgotten = append(forgotten, done.Forgotten...)
			if !done.More {
				break
			}
		}
		wg.Wait()
		gone := slices.IndexFunc(told, func(err error) bool { return err != nil })
		if gone < 0 {
			gone = len(told)
		}
		for i, err := range told[gone:] {
			require.ErrorIs(t, err, adapters.ErrNotFound, "report %d", gone+i+1)
		}
		if !slices.Contains(forgotten, web1.Rollout) {
			log, err := store.Log(t.Context(), web1)
			require.NoError(t, err, "a host works for it: it was kept")
			require.Greater(t, len(log), gone)
			continue
		}
		_, err := store.Record(t.Context(), web1)
		require.ErrorIs(t, err, adapters.ErrNotFound)
	}
}

func TestAPruningThatCannotBeIsRefused(t *testing.T) {
	clk := newClock()
	e := startOn(t, clk, memory.New(), plan("r1", "one"))
	for _, keep := range []engine.Retention{{}, {After: -week}, {After: week, Most: -1}} {
		_, err := e.Prune(t.Context(), keep)
		require.ErrorContains(t, err, "Retention.After must be")
	}
	plain := startOn(t, clk, struct{ adapters.Store }{memory.New()}, plan("r1", "one"))
	_, err := plain.Prune(t.Context(), engine.Retention{After: week})
	require.ErrorIs(t, err, engine.ErrCannotPrune)
}

// failsOnce forgets, and then says that it does not know.
type failsOnce struct {
	*memory.Store
	failed bool
}

func (s *failsOnce) Prune(ctx context.Context, p adapters.Pruning) (adapters.Pruned, error) {
	done, err := s.Store.Prune(ctx, p)
	if !s.failed && len(p.Rollouts) > 0 {
		s.failed = true
		return adapters.Pruned{}, errors.Join(err, adapters.ErrUnknownOutcome)
	}
	return done, err
}

func TestAPruningWhoseOutcomeIsUnknownIsLookedUp(t *testing.T) {
	clk := newClock()
	e := startOn(t, clk, &failsOnce{Store: memory.New()}, plan("r1", "one"))
	load(t, e, plan("r2", "two"))
	clk.Add(2 * week)
	_, err := e.Prune(t.Context(), engine.Retention{After: week})
	require.ErrorIs(t, err, adapters.ErrUnknownOutcome)
	require.Equal(t, []states.Rollout{{Channel: "stable", Ref: "r1"}}, pruned(t, e).Forgotten, "the other was forgotten by the first call")
}

// An agent gets the same answer from a log that was made shorter.
func TestARetransmitIsAnsweredTheSameFromACompactedLog(t *testing.T) {
	clk, store := newClock(), memory.New()
	e := startOn(t, clk, store, plan("r1", "new"))
	at := states.TimeOf(clk.Now())
	sent := []reducer.Event{
		{Key: web1, Seq: 1, At: at, Body: reducer.DispatchAck{AtDispatch: "old"}},
		{Key: web1, Seq: 2, At: at, Body: reducer.ActivationCompleted{Observed: "another"}}, // refused
		{Key: web1, Seq: 5, At: at, Body: reducer.ActivationCompleted{Observed: "new"}},     // 3 and 4 are lost
		{Key: web1, Seq: 6, At: at, Body: reducer.Converged{Current: "new"}},                // refused: too early
		{Key: web1, Seq: 7, At: at, Body: reducer.ActivationCompleted{Observed: "new"}},     // said again
	}
	for _, ev := range sent {
		_, err := e.Report(t.Context(), engine.Report{Event: ev, LostFrom: 3})
		require.NoError(t, err)
	}
	again := append(slices.Clone(sent),
		reducer.Event{Key: web1, Seq: 3, At: at, Body: reducer.ActivationStarted{}},
		reducer.Event{Key: web1, Seq: 4, At: at, Body: reducer.ActivationStarted{}})
	answers := func() (out []reducer.Disposition) {
		for _, ev := range again {
			r, err := e.Report(t.Context(), engine.Report{Event: ev})
			require.NoError(t, err)
			out = append(out, r.Disposition)
		}
		return out
	}
	const twice, no = reducer.Duplicate, reducer.Refused
	want := []reducer.Disposition{twice, no, twice, no, twice, no, no}
	require.Equal(t, want, answers())

	log, err := store.Log(t.Context(), web1)
	require.NoError(t, err)
	snapshot, err := reducer.Compact(log)
	require.NoError(t, err)
	results, err := store.Compact(t.Context(), []reducer.LogEntry{snapshot})
	require.NoError(t, err)
	require.NoError(t, results[0].Err)
	require.Equal(t, want, answers())

	clk.Add(time.Minute)
	last := reducer.Event{Key: web1, Seq: 8, At: states.TimeOf(clk.Now()), Body: reducer.Converged{Current: "new"}}
	for _, disposition := range []reducer.Disposition{reducer.Applied, reducer.Duplicate} {
		r, err := e.Report(t.Context(), engine.Report{Event: last})
		require.NoError(t, err)
		require.Equal(t, disposition, r.Disposition, r.Reason)
	}
}
