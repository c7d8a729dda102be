package engine_test

import (
	"context"
	"errors"
	"fmt"
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

// slow is a store whose commits can be made to wait.
type slow struct {
	*memory.Store
	mu   sync.Mutex
	gate chan struct{} // commits wait until it is closed
}

func newSlow() *slow {
	s := &slow{Store: memory.New(), gate: make(chan struct{})}
	close(s.gate)
	return s
}

func (s *slow) hold() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.gate = make(chan struct{})
}

func (s *slow) goOn() {
	s.mu.Lock()
	defer s.mu.Unlock()
	select {
	case <-s.gate:
	default:
		close(s.gate)
	}
}

func (s *slow) Commit(ctx context.Context, changes []adapters.Change) ([]adapters.Result, error) {
	s.mu.Lock()
	gate := s.gate
	s.mu.Unlock()
	<-gate
	return s.Store.Commit(ctx, changes)
}

func coreOn(t *testing.T, p gates.Plan) (*engine.Core, *memory.Store, states.Time) {
	t.Helper()
	now, store := states.Time(1_700_000_000_000), memory.New()
	core, err := engine.NewCore(engine.CoreOptions{Started: now, Cycle: time.Minute, Silence: 3 * time.Minute, Skew: 5 * time.Minute})
	require.NoError(t, err)
	fleet, err := store.Fleet(t.Context())
	require.NoError(t, err)
	core.Restore(fleet)
	core.Restored()
	compiled := gates.NewFleet(p)
	acts, _, err := core.PlanLoad(now, compiled)
	require.NoError(t, err)
	require.NoError(t, store.Enact(t.Context(), acts))
	core.Load(compiled, acts)
	return core, store, now
}

func onTarget(host states.Host, now states.Time) engine.Beat {
	return engine.Beat{Received: now, Heartbeat: synth.Heartbeat{Host: host, Current: "new", At: now}}
}

// What has a change on its way to the store is not decided on: a heartbeat, a
// report and a poll of that host take part in a later round, and others do not
// wait for them.
func TestAHostWithAChangeOnItsWayWaits(t *testing.T) {
	core, store, now := coreOn(t, wide(3))
	first := core.Decide(now, []engine.Input{onTarget("host-00000", now)})
	require.Len(t, first.Changes, 1)
	require.False(t, first.Alone(), "a convergence closes no gate")

	report := reducer.Event{
		Key: states.Key{Rollout: states.Rollout{Channel: "stable", Ref: "r1"}, Host: "host-00000"}, Seq: 1, At: now,
		Body: reducer.DispatchAck{AtDispatch: "old"},
	}
	inputs := []engine.Input{
		onTarget("host-00000", now+1), onTarget("host-00001", now), engine.Report{Event: report}, engine.Poll{Host: "host-00000"},
	}
	second := core.Decide(now, inputs)
	require.Len(t, second.Changes, 1)
	require.Equal(t, states.Host("host-00001"), second.Changes[0].Record.Host)
	for i, later := range []bool{true, false, true, true} {
		require.Equal(t, later, second.Replies[i].Later, "input %d", i)
	}
	for _, b := range []*engine.Batch{first, second} {
		results, err := store.Commit(t.Context(), b.Changes)
		require.NoError(t, err)
		require.False(t, core.Settle(b, results, nil, now))
	}
	third := core.Decide(now, inputs[:1])
	require.False(t, third.Replies[0].Later)
	require.Empty(t, third.Changes, "the host converged meanwhile")
	core.Settle(third, nil, nil, now)
}

// Nothing is handed out to a host of which a heartbeat came in that waits its
// turn: what it says may forbid it. Who polls is woken once it is taken in.
func TestNothingIsHandedOutWhileAHeartbeatWaits(t *testing.T) {
	core, store, now := coreOn(t, wide(2))
	beat := func(n uint64, reply states.Time, queued int) engine.Beat {
		return engine.Beat{Received: now, Heartbeat: synth.Heartbeat{
			Host: "host-00000", Current: "old", At: now, Order: states.Order{Boot: 1, Beat: n}, LastReply: reply, Queued: queued,
		}}
	}
	settle := func(b *engine.Batch) {
		results, err := store.Commit(t.Context(), b.Changes)
		require.NoError(t, err)
		require.False(t, core.Settle(b, results, nil, now))
	}
	of := func(seq states.Seq, body reducer.Body) engine.Report {
		key := states.Key{Rollout: states.Rollout{Channel: "stable", Ref: "r1"}, Host: "host-00000"}
		return engine.Report{Event: reducer.Event{Key: key, Seq: seq, At: now, Body: body}}
	}
	settle(core.Decide(now, []engine.Input{of(1, reducer.DispatchAck{AtDispatch: "old"})}))
	newer := wide(2)
	newer.Ref = "r2"
	compiled := gates.NewFleet(newer)
	acts, _, err := core.PlanLoad(now, compiled)
	require.NoError(t, err)
	require.NoError(t, store.Enact(t.Context(), acts))
	core.Load(compiled, acts)
	settle(core.Decide(now, []engine.Input{beat(1, 0, 0)}))
	settle(core.Decide(now, []engine.Input{beat(2, now, 0)})) // it had our reply: a dispatch may go out
	first := core.Decide(now, []engine.Input{of(2, reducer.ActivationStarted{Method: "switch"})})
	require.Len(t, first.Changes, 1)
	require.False(t, first.Alone())
	second := core.Decide(now, []engine.Input{beat(3, now, 1)})
	require.True(t, second.Replies[0].Later)
	settle(first)
	poll := engine.Poll{Host: "host-00000"}
	third := core.Decide(now, []engine.Input{poll})
	require.Nil(t, third.Replies[0].Dispatch, "a heartbeat of the host waits")
	settle(second)
	settle(third)
	fourth := core.Decide(now, []engine.Input{beat(3, now, 1)})
	require.Equal(t, []states.Host{"host-00000"}, fourth.Wake)
	settle(fourth)
	fifth := core.Decide(now, []engine.Input{poll})
	require.Nil(t, fifth.Replies[0].Dispatch, "its newest heartbeat says that reports wait")
	settle(fifth)
	sixth := core.Decide(now, []engine.Input{beat(4, now, 0), poll})
	require.NotNil(t, sixth.Replies[1].Dispatch)
	settle(sixth)
}

// The view that gates look at is that of the last settled batch: what is on its
// way lets nobody go.
func TestGatesDoNotSeeWhatIsOnItsWay(t *testing.T) {
	p := wide(2)
	p.Hosts[1].Wave = 1
	core, store, now := coreOn(t, p)
	first := core.Decide(now, []engine.Input{onTarget("host-00000", now)})
	second := core.Decide(now, []engine.Input{onTarget("host-00001", now)})
	require.Empty(t, second.Changes)
	require.Equal(t, synth.Held, second.Replies[0].Beat.Findings[0].Reason)
	results, err := store.Commit(t.Context(), first.Changes)
	require.NoError(t, err)
	core.Settle(first, results, nil, now)
	core.Settle(second, nil, nil, now)
	require.True(t, core.Busy(), "the gate has opened")
	third := core.Decide(now, nil)
	require.Len(t, third.Changes, 1)
	core.Settle(third, nil, errors.New("the end of the test"), now)
}

// A batch that closes a gate, or hands a dispatch out, is to be settled before
// the next one is decided.
func TestABatchThatClosesAGateIsAlone(t *testing.T) {
	core, store, now := coreOn(t, wide(2))
	report := engine.Report{Event: reducer.Event{
		Key: states.Key{Rollout: states.Rollout{Channel: "stable", Ref: "r1"}, Host: "host-00000"}, Seq: 1, At: now,
		Body: reducer.DispatchAck{AtDispatch: "old"},
	}}
	b := core.Decide(now, []engine.Input{report})
	require.True(t, b.Changes[0].Closes, "a host is in flight that was not")
	require.True(t, b.Alone())
	results, err := store.Commit(t.Context(), b.Changes)
	require.NoError(t, err)
	core.Settle(b, results, nil, now)
	b = core.Decide(now, []engine.Input{engine.Poll{Host: "host-00001"}})
	require.True(t, b.Alone(), "a poll may hand something out")
	core.Settle(b, nil, nil, now)
}

// While one round's changes are on their way, the next round is decided; its
// answers come after its own commit, and an act of an operator after both.
func TestARoundIsDecidedWhileAnotherIsOnItsWay(t *testing.T) {
	clk, store := newClock(), newSlow()
	e, err := engine.New(t.Context(), engine.Options{Store: store, Clock: clk, Cycle: time.Minute})
	require.NoError(t, err)
	t.Cleanup(e.Close)
	t.Cleanup(store.goOn)
	_, err = e.Load(t.Context(), gates.NewFleet(wide(50)))
	require.NoError(t, err)
	store.hold()
	var all sync.WaitGroup
	answered := make(chan states.Host, 50)
	for i := range 50 {
		host := states.Host(fmt.Sprintf("host-%05d", i))
		all.Go(func() {
			for n := range 3 {
				_, err := e.Heartbeat(t.Context(), synth.Heartbeat{
					Host: host, Current: "new", At: states.TimeOf(clk.Now()), Order: states.Order{Boot: 1, Beat: uint64(n + 1)},
				})
				if err != nil {
					t.Errorf("%s: %v", host, err)
				}
			}
			answered <- host
		})
	}
	overview := make(chan engine.Overview, 1)
	go func() {
		o, err := e.Fleet(t.Context())
		if err != nil {
			t.Error(err)
		}
		overview <- o
	}()
	select {
	case host := <-answered:
		require.Fail(t, "answered before its commit", string(host))
	case <-time.After(50 * time.Millisecond): // either way of the race is right
	}
	store.goOn()
	all.Wait()
	<-overview
	o, err := e.Fleet(t.Context())
	require.NoError(t, err)
	require.Equal(t, 50, o.Rollouts[0].ByState[states.Converged])
}

// A control plane that begins answers that it is not ready while its store is
// opened and read, and is ready once that is done and a manifest is loaded.
func TestAControlPlaneThatBeginsAnswersAtOnce(t *testing.T) {
	clk, release := newClock(), make(chan struct{})
	tries := 0
	e, err := engine.Begin(engine.Options{Clock: clk, Cycle: time.Minute}, func(context.Context) (adapters.Store, error) {
		<-release
		if tries++; tries == 1 {
			return nil, errors.New("the disk is still being checked")
		}
		return memory.New(), nil
	})
	require.NoError(t, err)
	t.Cleanup(e.Close)
	hb := synth.Heartbeat{Host: "host-00000", Current: "new", At: states.TimeOf(clk.Now())}
	_, err = e.Heartbeat(t.Context(), hb)
	require.ErrorIs(t, err, engine.ErrNotReady)
	require.ErrorIs(t, e.Heartbeats(t.Context(), []synth.Heartbeat{hb})[0].Err, engine.ErrNotReady)
	_, err = e.Report(t.Context(), engine.Report{Event: reducer.Event{Key: web1, Seq: 1, At: 1, Body: reducer.DispatchAck{}}})
	require.ErrorIs(t, err, engine.ErrNotReady)
	_, _, err = e.Dispatch(t.Context(), "host-00000", 0)
	require.ErrorIs(t, err, engine.ErrNotReady)
	close(release)
	// The first try fails, and whoever needs the store next tries again.
	require.Eventually(t, func() bool {
		_, err := e.Load(t.Context(), gates.NewFleet(wide(1)))
		return err == nil
	}, time.Minute, time.Millisecond)
	require.Equal(t, 2, tries)
	_, err = e.Heartbeat(t.Context(), hb)
	require.NoError(t, err)
	_, err = engine.Begin(engine.Options{Store: memory.New(), Clock: clk, Cycle: time.Minute}, nil)
	require.ErrorContains(t, err, "leave Options.Store nil")
}

// stepwise is a store whose commits say that they begin, and wait to be let go.
type stepwise struct {
	*memory.Store
	begun, letGo chan struct{}
}

func (s *stepwise) Commit(ctx context.Context, changes []adapters.Change) ([]adapters.Result, error) {
	s.begun <- struct{}{}
	<-s.letGo
	return s.Store.Commit(ctx, changes)
}

// startStepwise starts an engine on such a store. Beat hands in the heartbeat of a
// host on its target, and says when it is answered.
func startStepwise(t *testing.T, hosts int) (e *engine.Engine, store *stepwise, beat func(states.Host), answered chan error) {
	t.Helper()
	clk := newClock()
	store = &stepwise{memory.New(), make(chan struct{}), make(chan struct{})}
	e = startOn(t, clk, store, wide(hosts))
	t.Cleanup(func() { close(store.letGo) })
	answered = make(chan error, hosts)
	return e, store, func(host states.Host) {
		_, err := e.Heartbeat(t.Context(), synth.Heartbeat{Host: host, Current: "new", At: states.TimeOf(clk.Now())})
		answered <- err
	}, answered
}

// The changes of a round are on their way beside those of the one before it. One
// that closes a gate is sent on its way when those before it have landed.
func TestWhatClosesAGateIsOnItsWayAlone(t *testing.T) {
	e, store, beat, answered := startStepwise(t, 4)
	go beat("host-00000")
	<-store.begun
	go beat("host-00001")
	<-store.begun // neither is let go yet
	store.letGo <- struct{}{}
	store.letGo <- struct{}{}
	require.NoError(t, <-answered)
	require.NoError(t, <-answered)

	go beat("host-00002")
	<-store.begun
	go func() {
		_, err := e.Report(t.Context(), engine.Report{Event: reducer.Event{
			Key: states.Key{Rollout: states.Rollout{Channel: "stable", Ref: "r1"}, Host: "host-00003"}, Seq: 1, At: states.Time(1_700_000_000_000),
			Body: reducer.DispatchAck{AtDispatch: "old"},
		}})
		answered <- err
	}()
	select {
	case <-store.begun:
		require.Fail(t, "on its way beside a change that may have passed the gate that it closes")
	case <-time.After(50 * time.Millisecond): // either way of the race is right
	}
	store.letGo <- struct{}{}
	<-store.begun
	store.letGo <- struct{}{}
	require.NoError(t, <-answered)
	require.NoError(t, <-answered)
}

// Nobody whose changes have landed waits for others that are on their way.
func TestWhoseChangesHaveLandedIsAnsweredWhileOthersAreOnTheirWay(t *testing.T) {
	_, store, beat, answered := startStepwise(t, 2)
	go beat("host-00000")
	<-store.begun
	go beat("host-00001")
	store.letGo <- struct{}{}
	<-store.begun // the second, which is not let go yet
	require.NoError(t, <-answered)
	select {
	case <-answered:
		require.Fail(t, "answered before its commit")
	default:
	}
	store.letGo <- struct{}{}
	require.NoError(t, <-answered)
}

// Hosts that a gate lets go together go in the order of the manifest, whichever
// beat first.
func TestHostsThatAGateLetsGoKeepTheirOrder(t *testing.T) {
	plan := wide(6)
	for i := range plan.Hosts {
		plan.Hosts[i].Wave = states.Wave(min(i, 1))
	}
	core, store, now := coreOn(t, plan)
	var inputs []engine.Input
	for _, i := range []int{4, 1, 5, 3, 2, 0} {
		inputs = append(inputs, onTarget(plan.Hosts[i].Host, now))
	}
	settled(t, core, store, core.Decide(now, inputs), now)
	var went []states.Host
	for _, c := range core.Decide(now, nil).Changes {
		went = append(went, c.Record.Host)
	}
	require.Equal(t, []states.Host{"host-00001", "host-00002", "host-00003", "host-00004", "host-00005"}, went)
}
