package httpapi_test

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/rollmend/rollmend/adapters/httpapi"
	"github.com/rollmend/rollmend/engine"
	"github.com/rollmend/rollmend/gates"
	"github.com/rollmend/rollmend/reducer"
	"github.com/rollmend/rollmend/states"
	"github.com/rollmend/rollmend/synth"
)

var waits = gates.Block{
	Gate: "wave-promotion", Scope: "wave 1 of stable@a1b2c3d4", Why: "wave 0 is not done: web-0 is Pending",
	Release: "web-0 converging", Waits: gates.Wait{On: gates.OnWave, Rollout: release, Wave: 1},
}

var overview = engine.Overview{
	Now: noon, Ref: "a1b2c3d4", Hosts: 3, Silent: 1,
	Rollouts: []engine.RolloutView{{
		Rollout: release, State: engine.Halted, Hosts: 3, CurrentWave: 1,
		ByState: map[states.State]int{states.Converged: 1, states.Reverted: 1, states.Pending: 1},
		Halting: []states.Host{"<b>web/2</b>"}, Blocked: []gates.Block{waits},
	}},
	Quarantines: []reducer.Quarantine{
		{Channel: "stable", Closure: "sha256:bad", Since: noon, Why: "probes failed", Rollout: release, Host: "web-2"},
		{Channel: "stable", Closure: "sha256:worse", Since: noon, Why: "by hand"},
	},
}

// explained is a host with a record that was guessed and one that is held.
func explained() engine.Explanation {
	from := states.Observation{At: noon, Order: states.Order{Boot: 3, Beat: 17}, Current: "sha256:new"}
	rec := soaking()
	rec.Doubt = &states.Doubt{Before: rec.Belief}
	rec.Doubt.Before.State = states.Activating
	rec.Doubt.Guesses = append(rec.Doubt.Guesses, states.Guess{Kind: states.KindActivationCompleted, Case: states.AgentRestarted, At: noon, From: from})
	held := states.Record{Key: states.Key{Rollout: states.Rollout{Channel: "stable", Ref: "next"}, Host: "web-1"}, Wave: states.Unstaged, Target: "sha256:next", Policy: policy, Opened: noon}
	held.State = states.Pending
	return engine.Explanation{
		Host: "web-1", Silent: []states.Host{"web-9"},
		Seen: synth.Seen{Received: noon + 5, Heartbeat: heartbeats[0].got},
		Records: []engine.Explained{
			{
				Record: rec, Superseded: true, Finding: synth.Finding{Key: rec.Key, Reason: synth.InStep, Detail: "soaking"},
				Log: []reducer.LogEntry{
					{Revision: 0, Disposition: reducer.Applied, Event: reducer.Event{Key: rec.Key, At: noon, Origin: reducer.Origin{By: reducer.ByControlPlane}, Body: reducer.Opened{Wave: 1, Target: "sha256:new", Policy: policy}}},
					{Revision: 1, Disposition: reducer.Applied, Event: reducer.Event{Key: rec.Key, At: noon, Origin: reducer.Origin{By: reducer.ByControlPlane}, Body: reducer.Dispatched{}}},
					{Revision: 2, Disposition: reducer.Applied, Event: eventOf(reducer.DispatchAck{AtDispatch: "sha256:old"}, 1)},
					{Revision: 3, Disposition: reducer.Refused, Reason: "<i>too early</i>", Event: eventOf(reducer.Converged{Current: "sha256:new"}, 2)},
					{Revision: 4, Disposition: reducer.Applied, Event: reducer.Event{
						Key: rec.Key, At: noon, Clamped: true,
						Origin: reducer.Origin{By: reducer.BySynthesis, Case: states.AgentRestarted, From: from},
						Body:   reducer.ActivationCompleted{Observed: "sha256:new"},
					}},
				},
			},
			{
				Record: held, Withheld: "it has not beaten twice since the start",
				Finding: synth.Finding{Key: held.Key, Reason: synth.Held, Case: states.RecordsLost, Blocks: []gates.Block{waits}},
				Verdict: gates.Verdict{Blocks: []gates.Block{waits}},
			},
		},
	}
}

func operator() http.Handler {
	return httpapi.Operator(&stub{
		fleet: func() (engine.Overview, error) { return overview, nil },
		explain: func(h states.Host) (engine.Explanation, error) {
			switch h {
			case "web-1":
				return explained(), nil
			case "new/host":
				return engine.Explanation{Host: h}, nil
			}
			return engine.Explanation{}, engine.ErrUnknownHost
		},
	})
}

func get(h http.Handler, path string) *httptest.ResponseRecorder {
	return serve(h, httptest.NewRequest(http.MethodGet, path, nil))
}

func TestTheFleetIsShown(t *testing.T) {
	w := get(operator(), "/v1/fleet")
	require.Equal(t, http.StatusOK, w.Code, w.Body)
	matches(t, "fleet", w.Body.Bytes())
}

func TestAHostIsExplained(t *testing.T) {
	w := get(operator(), "/v1/hosts/web-1")
	require.Equal(t, http.StatusOK, w.Code, w.Body)
	matches(t, "host", w.Body.Bytes())
	w = get(operator(), "/v1/hosts/new%2Fhost")
	require.Equal(t, http.StatusOK, w.Code, w.Body)
	require.JSONEq(t, `{"hostname":"new/host","seen":null,"records":[]}`, w.Body.String())
}

func TestWhatCannotBeShownIsSaid(t *testing.T) {
	w := get(operator(), "/v1/hosts/nobody")
	require.Equal(t, http.StatusNotFound, w.Code)
	require.Equal(t, said{Error: engine.ErrUnknownHost.Error()}, problemOf(t, w.Body.Bytes()))
	w = get(operator(), "/hosts/nobody")
	require.Equal(t, http.StatusNotFound, w.Code)
	require.Contains(t, w.Body.String(), engine.ErrUnknownHost.Error())
	closed := httpapi.Operator(&stub{fleet: func() (engine.Overview, error) { return engine.Overview{}, engine.ErrClosed }})
	for _, path := range []string{"/", "/v1/fleet"} {
		w = get(closed, path)
		require.Equal(t, http.StatusServiceUnavailable, w.Code)
		require.Contains(t, w.Body.String(), engine.ErrClosed.Error())
	}
}

// What agents write is shown, and not run.
func TestThePagesShowFindingsToPeople(t *testing.T) {
	w := get(operator(), "/")
	require.Equal(t, http.StatusOK, w.Code)
	require.Contains(t, w.Header().Get("Content-Security-Policy"), "default-src 'none'")
	for _, text := range []string{
		"3 hosts, 1 of them silent", "stable@a1b2c3d4", "Halted", "Converged 1", "wave 0 is not done: web-0 is Pending",
		`<a href="hosts/%3Cb%3Eweb%2F2%3C%2Fb%3E">&lt;b&gt;web/2&lt;/b&gt;</a>`, "probes failed", "an operator",
	} {
		require.Contains(t, w.Body.String(), text)
	}
	w = get(operator(), "/hosts/web-1")
	require.Equal(t, http.StatusOK, w.Code)
	for _, text := range []string{
		"stable@a1b2c3d4/web-1: in-step: soaking", "Soaking, synthesised, superseded", "held (records-lost)",
		"withheld: it has not beaten twice since the start", "agent-restarted, from heartbeat at 2026-03-01T12:00:00.000Z",
		"refused: &lt;i&gt;too early&lt;/i&gt;", `<a href="web-9">`,
	} {
		require.Contains(t, w.Body.String(), text)
	}
	require.Contains(t, get(operator(), "/hosts/new%2Fhost").Body.String(), "It never beat.")
	require.Equal(t, "./a%2Fb", get(operator(), "/hosts/?name=a%2Fb").Header().Get("Location"))
	require.Equal(t, http.StatusSeeOther, get(operator(), "/hosts/").Code)
}

// The operator's routes are no way in for agents, nor the other way round.
func TestTheRoutesAreApart(t *testing.T) {
	require.Equal(t, http.StatusNotFound, get(operator(), httpapi.PathDispatch).Code)
	require.Equal(t, http.StatusNotFound, serve(httpapi.Agent(&stub{}, httpapi.Options{}), request(http.MethodGet, "/v1/fleet", nil, named("web-1"))).Code)
	require.Equal(t, http.StatusMethodNotAllowed, get(httpapi.Agent(&stub{}, httpapi.Options{}), httpapi.PathEvents).Code)
	require.Equal(t, http.StatusMethodNotAllowed, serve(operator(), httptest.NewRequest(http.MethodPost, "/v1/fleet", nil)).Code)
}
