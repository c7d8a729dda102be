package engine_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/rollmend/rollmend/adapters/memory"
	"github.com/rollmend/rollmend/engine"
	"github.com/rollmend/rollmend/reducer"
	"github.com/rollmend/rollmend/states"
	"github.com/rollmend/rollmend/synth"
)

func TestAReportWhoseAgentKeepsWhatIsMissingIsPutBackAgain(t *testing.T) {
	clk := newClock()
	e := startOn(t, clk, memory.New(), plan("r1", "new"))
	at := states.TimeOf(clk.Now())
	third := reducer.Event{Key: web1, Seq: 3, At: at, Body: reducer.ActivationCompleted{Observed: "new"}}
	var gap *engine.GapError
	for range 3 { // the answers to the first two were lost
		_, err := e.Report(t.Context(), engine.Report{Event: third, LostFrom: 3})
		require.ErrorAs(t, err, &gap)
		require.Equal(t, states.Seq(1), gap.From)
	}
	ack := reducer.Event{Key: web1, Seq: 1, At: at, Body: reducer.DispatchAck{AtDispatch: "old"}}
	r, err := e.Report(t.Context(), engine.Report{Event: ack, LostFrom: 1})
	require.NoError(t, err)
	require.Equal(t, reducer.Applied, r.Disposition)
}

func TestAReportWhoseAgentKeepsNothingInFrontIsTakenAtOnce(t *testing.T) {
	clk := newClock()
	e := startOn(t, clk, memory.New(), plan("r1", "new"))
	third := reducer.Event{Key: web1, Seq: 3, At: states.TimeOf(clk.Now()), Body: reducer.ActivationCompleted{Observed: "new"}}
	r, err := e.Report(t.Context(), engine.Report{Event: third, LostFrom: 1})
	require.NoError(t, err)
	require.Equal(t, reducer.Applied, r.Disposition)
}

func TestAnAgentThatLostCountIsToldWhatIsKnown(t *testing.T) {
	clk := newClock()
	e := startOn(t, clk, memory.New(), plan("r1", "new"))
	hb := synth.Heartbeat{Host: "web-1", Current: "old", At: states.TimeOf(clk.Now()), Order: states.Order{Boot: 5, Beat: 7}}
	require.Zero(t, beat(t, e, hb).Newest)
	hb.Order = states.Order{Boot: 1, Beat: 1}
	require.Equal(t, states.Order{Boot: 5, Beat: 7}, beat(t, e, hb).Newest)
}
