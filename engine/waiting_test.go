package engine_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/rollmend/rollmend/engine"
	"github.com/rollmend/rollmend/gates"
	"github.com/rollmend/rollmend/reducer"
	"github.com/rollmend/rollmend/states"
	"github.com/rollmend/rollmend/synth"
)

// In one wave some hosts wait for their dispatch and some to be taken as
// converged, both for the wave in front. Each finds what it waits for, wave after
// wave, in whatever order they came.
func TestHostsOfOneWaveWaitForTheSameInTheirOwnWays(t *testing.T) {
	for _, order := range [][]int{{0, 1, 2, 3}, {3, 2, 1, 0}, {0, 2, 1, 3}, {2, 0, 3, 1}} {
		p := wide(9)
		for i := range p.Hosts {
			p.Hosts[i].Wave = states.Wave((i + 3) / 4) // one, then four and four
		}
		core, store, now := coreOn(t, p)
		round := func(inputs ...engine.Input) *engine.Batch {
			b := core.Decide(now, inputs)
			settled(t, core, store, b, now)
			return b
		}
		oldOn := func(host states.Host) engine.Beat {
			return engine.Beat{Received: now, Heartbeat: synth.Heartbeat{Host: host, Current: "old", At: now}}
		}
		name := func(i int) states.Host { return p.Hosts[i].Host }
		for _, first := range []int{1, 5} { // of waves one and two
			for _, i := range order {
				host := name(first + i)
				if i < 2 {
					require.Empty(t, round(onTarget(host, now)).Changes)
					continue
				}
				round(oldOn(host))
				now++
				round(oldOn(host))
				require.Nil(t, round(engine.Poll{Host: host}).Replies[0].Dispatch, "a wave is in front")
			}
		}
		require.Len(t, round(onTarget(name(0), now)).Changes, 1)
		for _, first := range []int{1, 5} {
			require.True(t, core.Busy())
			b := round()
			require.Len(t, b.Changes, 2, "two of the wave converge without another word")
			for _, i := range []int{2, 3} {
				require.Contains(t, b.Wake, name(first+i))
				require.NotNil(t, round(engine.Poll{Host: name(first + i)}).Replies[0].Dispatch)
			}
			for _, i := range []int{2, 3} {
				host := name(first + i)
				key := states.Key{Rollout: states.Rollout{Channel: "stable", Ref: "r1"}, Host: host}
				round(arrived(key, now)...)
				rec, err := store.Record(t.Context(), key)
				require.NoError(t, err)
				require.Equal(t, states.Converged, rec.State)
			}
		}
		require.False(t, core.Busy())
	}
}

// arrived is what the agent of a host reports that took its dispatch and, its
// soak being none, has converged at once.
func arrived(key states.Key, now states.Time) (reports []engine.Input) {
	for i, body := range []reducer.Body{
		reducer.DispatchAck{AtDispatch: "old"}, reducer.ActivationCompleted{Observed: "new"}, reducer.Converged{Current: "new"},
	} {
		reports = append(reports, engine.Report{Event: reducer.Event{Key: key, Seq: states.Seq(i + 1), At: now, Body: body}})
	}
	return reports
}

// A host that waited for its dispatch beside others that wait to be taken as
// converged is found again when it has to wait once more, for something else.
func TestAHostWaitsForOneThingAfterTheOther(t *testing.T) {
	p := wide(3)
	first, taken, polls := p.Hosts[0].Host, p.Hosts[1].Host, p.Hosts[2].Host
	p.Hosts[1].Wave, p.Hosts[2].Wave = 1, 1
	p.Hosts[2].Target = "other"
	core, store, now := coreOn(t, p)
	round := func(inputs ...engine.Input) *engine.Batch {
		b := core.Decide(now, inputs)
		settled(t, core, store, b, now)
		return b
	}
	round(onTarget(taken, now))
	for range 2 {
		now++
		round(engine.Beat{Received: now, Heartbeat: synth.Heartbeat{Host: polls, Current: "old", At: now}})
	}
	require.Nil(t, round(engine.Poll{Host: polls}).Replies[0].Dispatch, "a wave is in front")
	round(onTarget(first, now))
	require.Contains(t, round().Wake, polls)

	imposed, err := core.PlanImpose(now, "stable", "other", "looked at first")
	require.NoError(t, err)
	core.Impose(imposed)
	require.Nil(t, round(engine.Poll{Host: polls}).Replies[0].Dispatch, "it is quarantined")
	cleared, err := core.PlanClear(now, "stable", "other", "looked at")
	require.NoError(t, err)
	core.Clear(cleared)
	require.Contains(t, round().Wake, polls)
	b := core.Decide(now, []engine.Input{engine.Poll{Host: polls}})
	require.NoError(t, b.Replies[0].Err)
	require.NotNil(t, b.Replies[0].Dispatch)
}

// A fleet behind a channel waits for its waves alone: that the channel in front is
// done makes nobody look at hosts that their waves hold all the same.
func TestHostsOfLaterWavesAreNotLookedAtForNothing(t *testing.T) {
	p := wide(5)
	p.Hosts[0].Channel = "front"
	for i := range p.Hosts[1:] {
		p.Hosts[i+1].Wave = states.Wave(i)
	}
	p.ChannelEdges = []gates.ChannelEdge{{Gates: "front", Gated: "stable"}}
	core, store, now := coreOn(t, p)
	for i := len(p.Hosts) - 1; i >= 0; i-- {
		b := core.Decide(now, []engine.Input{onTarget(p.Hosts[i].Host, now)})
		settled(t, core, store, b, now)
	}
	for _, h := range p.Hosts[1:] {
		b := core.Decide(now, nil)
		require.Equal(t, []states.Host{h.Host}, b.Wake)
		require.Len(t, b.Changes, 1)
		settled(t, core, store, b, now)
	}
	require.False(t, core.Busy())
}
