package httpapi_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/benbjohnson/clock"
	"github.com/stretchr/testify/require"

	"github.com/rollmend/rollmend/adapters/httpapi"
	"github.com/rollmend/rollmend/adapters/memory"
	"github.com/rollmend/rollmend/agent"
	"github.com/rollmend/rollmend/engine"
	"github.com/rollmend/rollmend/gates"
	"github.com/rollmend/rollmend/reducer"
	"github.com/rollmend/rollmend/states"
)

// start returns an engine on a store, with web-1 to be brought to sha256:new.
func start(t *testing.T, clk clock.Clock, store *memory.Store) *engine.Engine {
	t.Helper()
	e, err := engine.New(t.Context(), engine.Options{Store: store, Clock: clk, Cycle: time.Minute})
	require.NoError(t, err)
	t.Cleanup(e.Close)
	_, err = e.Load(t.Context(), gates.NewFleet(gates.Plan{
		Ref:   release.Ref,
		Hosts: []gates.PlannedHost{{Host: "web-1", Channel: release.Channel, Target: "sha256:new", Policy: policy}},
	}))
	require.NoError(t, err)
	return e
}

// host is web-1, over real mutual TLS.
type host struct {
	t   *testing.T
	clk *clock.Mock
	c   *httpapi.Client

	beats     uint64
	lastReply states.Time
	seq       states.Seq
}

func (h *host) beat(holds states.Rollout, runs states.Closure) agent.BeatAnswered {
	h.t.Helper()
	h.clk.Add(time.Second)
	h.beats++
	reply, err := h.c.Heartbeat(h.t.Context(), agent.Heartbeat{
		Rollout: holds, Current: runs, At: h.now(), Order: states.Order{Boot: 1, Beat: h.beats}, LastReply: h.lastReply,
	})
	require.NoError(h.t, err)
	h.lastReply = reply.ReceivedAt
	return reply
}

// report sends a body under the next number.
func (h *host) report(b reducer.Body) httpapi.ReportAnswer {
	h.t.Helper()
	h.seq++
	answer, err := h.c.Report(h.t.Context(), agent.Send{Report: h.event(b, h.seq)})
	require.NoError(h.t, err)
	return answer
}

func (h *host) event(b reducer.Body, seq states.Seq) reducer.Event {
	h.clk.Add(time.Second)
	ev := eventOf(b, seq)
	ev.At, ev.Order = h.now(), states.Order{Boot: 1, Beat: h.beats}
	return ev
}

func (h *host) now() states.Time { return states.TimeOf(h.clk.Now()) }

// A host goes the whole road with the real engine, and everything that it does
// wrong on the way is answered so that it knows what to do.
func TestAHostOnTheWholeRoad(t *testing.T) {
	clk := clock.NewMock()
	clk.Set(noon.UTC())
	cp := listen(t, httpapi.Agent(start(t, clk, memory.New()), httpapi.Options{}), nil)
	h := &host{t: t, clk: clk, c: cp.client(t, true, "web-1", cp.issue(t, "web-1"))}

	h.beat(states.Rollout{}, "sha256:old")
	reply := h.beat(states.Rollout{}, "sha256:old")
	require.GreaterOrEqual(t, reply.NextBeat, 30*time.Second, "a host has its place in the cycle, and is moved there")
	require.LessOrEqual(t, reply.NextBeat, time.Minute)
	require.Empty(t, reply.Snapshots, "a Pending record reaches a host by a dispatch alone")
	d, ok, err := h.c.Dispatch(t.Context(), 0)
	require.NoError(t, err)
	require.True(t, ok)
	require.Equal(t, agent.Dispatch{
		Rollout: release, Target: "sha256:new", Soak: policy.Soak, SoakDueAt: h.now().Add(policy.Soak), OnFailure: policy.OnFailure,
	}, d)

	require.Equal(t, reducer.Applied, h.report(reducer.DispatchAck{AtDispatch: "sha256:old"}).Disposition)
	_, ok, err = h.c.Dispatch(t.Context(), 0)
	require.NoError(t, err)
	require.False(t, ok, "what is acknowledged is not sent again")
	require.Equal(t, reducer.Applied, h.report(reducer.ActivationCompleted{Observed: "sha256:new"}).Disposition)
	activated := h.now()

	early := h.report(reducer.Converged{Current: "sha256:new"})
	require.Equal(t, reducer.Refused, early.Disposition)
	require.Contains(t, early.Reason, "soak-not-over")
	illegal := h.report(reducer.ActivationDeferred{Component: "kernel"})
	require.Equal(t, reducer.Refused, illegal.Disposition)
	require.Contains(t, illegal.Reason, "ActivationDeferred is not legal in Soaking")

	again, err := h.c.Report(t.Context(), agent.Send{Report: h.event(reducer.ActivationStarted{Method: "switch"}, 2)})
	require.NoError(t, err)
	require.Equal(t, reducer.Refused, again.Disposition)
	require.Contains(t, again.Reason, "number reused")

	h.seq = 7
	gap := h.event(reducer.ProbeObservedFirst{Probe: "http", Mode: states.Observe}, h.seq)
	back, err := h.c.Report(t.Context(), agent.Send{Report: gap})
	var status *httpapi.StatusError
	require.ErrorAs(t, err, &status)
	require.Equal(t, "engine: stable@a1b2c3d4/web-1: report 7 came before 5: send from there, or this one again", status.Message)
	require.Equal(t, agent.PutBack, back.Answer)
	require.Equal(t, states.Seq(5), back.From)
	accepted, err := h.c.Report(t.Context(), agent.Send{Report: gap})
	require.NoError(t, err)
	require.Equal(t, reducer.Applied, accepted.Disposition)

	elsewhere := h.event(reducer.Converged{Current: "sha256:new"}, 1)
	elsewhere.Key.Rollout.Ref = "never"
	unknown, err := h.c.Report(t.Context(), agent.Send{Report: elsewhere})
	require.ErrorAs(t, err, &status)
	require.Equal(t, http.StatusNotFound, status.Status)
	require.Contains(t, status.Message, "no such record")
	require.Equal(t, agent.NoRecord, unknown.Answer)

	snapshots := h.beat(states.Rollout{}, "sha256:new").Snapshots
	require.Equal(t, []agent.Snapshot{{
		Rollout: release, State: states.Soaking, Target: "sha256:new", AtDispatch: "sha256:old",
		SoakDueAt: activated.Add(policy.Soak), LastSeq: 7, Soak: policy.Soak, OnFailure: policy.OnFailure, LastBoot: 1,
	}}, snapshots, "an agent that lost its state gets it back")
	clk.Add(policy.Soak)
	require.Equal(t, reducer.Applied, h.report(reducer.Converged{Current: "sha256:new"}).Disposition)
}

// The database is gone, and one heartbeat brings the host back; the operator is
// told how.
func TestAWipedControlPlaneIsWholeAfterABeat(t *testing.T) {
	clk := clock.NewMock()
	clk.Set(noon.UTC())
	e := start(t, clk, memory.New())
	cp := listen(t, httpapi.Agent(e, httpapi.Options{}), nil)
	h := &host{t: t, clk: clk, c: cp.client(t, false, "web-1", cp.issue(t, "web-1"))}
	h.beat(states.Rollout{}, "sha256:new")

	w := get(httpapi.Operator(e), "/v1/hosts/web-1")
	require.Equal(t, http.StatusOK, w.Code, w.Body)
	require.Contains(t, w.Body.String(), `"state":"Converged","evidence":"synthesised"`)
	require.Contains(t, w.Body.String(), `"origin":"synthesised","case":"records-lost","from":"heartbeat at 2026-03-01T12:00:01.000Z (boot.beat 1.1) running sha256:new"`)
	w = get(httpapi.Operator(e), "/v1/fleet")
	require.Equal(t, http.StatusOK, w.Code, w.Body)
	require.Contains(t, w.Body.String(), `"state":"Terminal","hosts":1,"byState":{"Converged":1}`)
	for _, path := range []string{"/", "/hosts/web-1"} {
		require.Equal(t, http.StatusOK, get(httpapi.Operator(e), path).Code)
	}
}

// Closing the engine ends the polls, so that a server can shut down.
func TestClosingTheEngineEndsThePolls(t *testing.T) {
	clk := clock.NewMock()
	clk.Set(noon.UTC())
	e := start(t, clk, memory.New())
	cp := listen(t, httpapi.Agent(e, httpapi.Options{}), nil)
	c := cp.client(t, false, "web-1", cp.issue(t, "web-1"))
	ended := make(chan error, 1)
	go func() {
		_, _, err := c.Dispatch(t.Context(), time.Minute)
		ended <- err
	}()
	time.Sleep(50 * time.Millisecond) // either way of the race is right
	e.Close()
	select {
	case err := <-ended:
		var status *httpapi.StatusError
		require.ErrorAs(t, err, &status)
		require.Equal(t, engine.ErrClosed.Error(), status.Message)
		require.Equal(t, 5*time.Second, status.RetryAfter)
	case <-time.After(10 * time.Second):
		require.Fail(t, "the poll goes on")
	}
}
