package bench_test

import (
	"context"
	"testing"

	"github.com/looplab/fsm"
	"github.com/qmuntal/stateless"
	"github.com/stretchr/testify/require"

	"github.com/rollmend/rollmend/reducer"
	"github.com/rollmend/rollmend/states"
)

// traces is how often a round of a benchmark goes through the trace: long enough
// to read a clock around it, short enough to be done before another process
// gets the processor.
const traces = 100

// TestAllDoTheSameTransitions makes sure that what is compared is the same: the
// switch gives the outcomes that Step gives, and the peers the states.
func TestAllDoTheSameTransitions(t *testing.T) {
	seen := map[states.State]bool{}
	count := 0
	for _, l := range trace(t) {
		rec := l.opened
		var state states.State
		shared, named := newStateless(&state), newLooplab()
		state = states.Pending
		for i, ev := range l.events {
			ours, err := reducer.Step(rec, ev)
			require.NoError(t, err)
			theirs, err := byHand(rec, ev)
			require.NoError(t, err)
			require.Equal(t, ours, theirs)
			require.NoError(t, shared.Fire(ev.Kind()))
			require.Equal(t, l.through[i], state)
			require.NoError(t, named.Event(t.Context(), ev.Kind().String()))
			require.Equal(t, l.through[i].String(), named.Current())
			seen[rec.State], seen[l.through[i]] = true, true
			rec = ours.Record
			count++
		}
	}
	require.Equal(t, transitions, count)
	require.Len(t, seen, 7)
}

// TestAStepAllocatesAtMostOnce looks at every transition by itself.
func TestAStepAllocatesAtMostOnce(t *testing.T) {
	for _, l := range trace(t) {
		rec := l.opened
		for _, ev := range l.events {
			var out reducer.Outcome
			allocs := testing.AllocsPerRun(100, func() { out, _ = reducer.Step(rec, ev) })
			require.LessOrEqual(t, allocs, 1.0, ev.Kind().String())
			rec = out.Record
		}
	}
}

// BenchmarkStep takes records through the trace: by Step, by the switch, and by
// the peers, which keep a state and nothing else, with one machine for all
// records.
func BenchmarkStep(b *testing.B) {
	lives := trace(b)
	ours := steps(b, lives, reducer.Step)
	beside(b, traces*transitions,
		contender{name: "Step", run: ours},
		contender{name: "by-hand", run: steps(b, lives, byHand)},
		contender{name: "stateless", run: fireShared(b, lives)},
		contender{name: "looplab", run: eventShared(b, lives)},
	)
	b.ReportMetric(testing.AllocsPerRun(10, ours)/(traces*transitions), "allocs/Step")
}

// BenchmarkStepEach does the same with a machine of the peers for each record,
// for those who use them so.
func BenchmarkStepEach(b *testing.B) {
	lives := trace(b)
	beside(b, traces*transitions,
		contender{name: "Step", run: steps(b, lives, reducer.Step)},
		contender{name: "stateless-each", run: fireEach(b, lives)},
		contender{name: "looplab-each", run: eventEach(b, lives)},
	)
}

// steps returns a round of the trace.
func steps(b *testing.B, lives []life, step func(states.Record, reducer.Event) (reducer.Outcome, error)) func() {
	return func() {
		for range traces {
			for i := range lives {
				rec := lives[i].opened
				for j := range lives[i].events {
					out, err := step(rec, lives[i].events[j])
					if err != nil {
						b.Fatal(err)
					}
					rec = out.Record
				}
			}
		}
	}
}

func fireShared(b *testing.B, lives []life) func() {
	var state states.State
	m := newStateless(&state)
	return func() {
		for range traces {
			for i := range lives {
				state = lives[i].opened.State
				fire(b, m, lives[i])
			}
		}
	}
}

func fireEach(b *testing.B, lives []life) func() {
	return func() {
		for range traces {
			for i := range lives {
				state := lives[i].opened.State
				fire(b, newStateless(&state), lives[i])
			}
		}
	}
}

func fire(b *testing.B, m *stateless.StateMachine, l life) {
	for j := range l.events {
		if err := m.FireCtx(context.Background(), l.events[j].Kind()); err != nil {
			b.Fatal(err)
		}
	}
}

func eventShared(b *testing.B, lives []life) func() {
	m := newLooplab()
	return func() {
		for range traces {
			for i := range lives {
				m.SetState(lives[i].opened.State.String())
				event(b, m, lives[i])
			}
		}
	}
}

func eventEach(b *testing.B, lives []life) func() {
	return func() {
		for range traces {
			for i := range lives {
				event(b, newLooplab(), lives[i])
			}
		}
	}
}

func event(b *testing.B, m *fsm.FSM, l life) {
	for j := range l.events {
		if err := m.Event(context.Background(), l.events[j].Kind().String()); err != nil {
			b.Fatal(err)
		}
	}
}
