package httpapi_test

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/rollmend/rollmend/adapters"
	"github.com/rollmend/rollmend/adapters/httpapi"
	"github.com/rollmend/rollmend/engine"
	"github.com/rollmend/rollmend/reducer"
	"github.com/rollmend/rollmend/states"
	"github.com/rollmend/rollmend/synth"
)

// report wraps an event into the envelope that an agent sends.
func report(event string) string {
	return `{"hostname":"web-1","rolloutId":"stable@a1b2c3d4","event":` + event + `}`
}

// A message that is not understood is refused with the name of the field and
// what would be right, and the engine never hears of it.
func TestBadMessagesAreRefusedWithTheFieldAndTheRemedy(t *testing.T) {
	const (
		beats  = httpapi.PathHeartbeat
		events = httpapi.PathEvents
		at     = `"at":"2026-03-01T12:00:00Z"`
	)
	for _, c := range []struct {
		name, path, body, field, reason string
	}{
		{"an empty body", beats, ``, "", "malformed JSON at byte 0: unexpected EOF"},
		{"a body that is cut off", beats, `{"hostname":"web-1",`, "", "malformed JSON at byte 20: unexpected EOF"},
		{"two messages in one body", beats, `{"hostname":"web-1",` + at + `}{}`, "", "malformed JSON at byte 48: "},
		{"no JSON", beats, `hostname=web-1`, "", "malformed JSON at byte 0: invalid character 'h'"},
		{"a list instead of an object", beats, `[]`, "", "a list stands there, want an object"},
		{"a name twice", beats, `{"hostname":"web-1","hostname":"web-2",` + at + `}`, "hostname", "the name stands twice in its object, and only one of them can be meant"},
		{"an unknown name twice", beats, `{"hostname":"web-1","x":1,"x":2,` + at + `}`, "x", "the name stands twice in its object, and only one of them can be meant"},
		{"a name in the other style", beats, `{"hostname":"web-1","rolloutId":"stable@r1",` + at + `}`, "rolloutId", `names are compared as they are: write "rollout_id"`},
		{"a text that is no UTF-8", beats, "{\"hostname\":\"web-1\xff\"," + at + `}`, "hostname", "malformed JSON at byte 18: invalid UTF-8"},
		{"a number as a text", beats, `{"hostname":"web-1","boot":"3",` + at + `}`, "boot", "a text stands there, want a whole number of 64 bits that is not negative"},
		{"a number below zero", beats, `{"hostname":"web-1","queued":-1,` + at + `}`, "queued", "-1 stands there, want a whole number of 32 bits that is not negative"},
		{"a number that is not whole", beats, `{"hostname":"web-1","beat":1.5,` + at + `}`, "beat", "1.5 stands there, want a whole number"},
		{"a text as a number", beats, `{"hostname":7,` + at + `}`, "hostname", "a number stands there, want a text"},
		{"an item of the wrong type", beats, `{"hostname":"web-1","failing_probes":["a",{}],` + at + `}`, "failing_probes.1", "an object stands there, want a text"},
		{"no host and no time", beats, `{}`, "hostname", "missing: hostname, at"},
		{"a null where something must be", beats, `{"hostname":null,` + at + `}`, "hostname", "missing: hostname"},
		{"a host without a name", beats, `{"hostname":"",` + at + `}`, "hostname", "empty"},
		{"a time without a zone", beats, `{"hostname":"web-1","at":"2026-03-01T12:00:00"}`, "at", `"2026-03-01T12:00:00" is no RFC 3339 time`},
		{"a time as a number", beats, `{"hostname":"web-1","at":1772366400}`, "at", "a number stands there, want a text"},
		{"a time past the last year", beats, `{"hostname":"web-1","at":"9999-12-31T23:59:59-12:00"}`, "at", "is not within the years that RFC 3339 has in UTC"},
		{"half a rollout", beats, `{"hostname":"web-1","rollout_id":"stable",` + at + `}`, "rollout_id", `"stable" is no rollout: want "channel@ref", with one @ and both halves given`},

		{"an empty report", events, `{}`, "hostname", "missing: hostname, rolloutId, event"},
		{"an event without anything", events, report(`{}`), "event.kind", "missing: event.kind, event.seq"},
		{"an event that is a text", events, report(`"Converged"`), "event", "a text stands there, want an object"},
		{"an event without its fields", events, report(`{"kind":"Failed","seq":1}`), "event.failedAt", "missing: event.failedAt, event.sustainedDurationSecs, event.failingProbes, event.policyApplied"},
		{"the number zero", events, report(`{"kind":"Converged","seq":0,"convergedAt":"2026-03-01T12:00:00Z","currentClosure":"x"}`), "event.seq", "0 is no number of an event: they start at 1"},
		{"an unknown kind", events, report(`{"kind":"Exploded","seq":1}`), "event.kind", `"Exploded" is no event kind: want one of DispatchAck, ActivationStarted, ActivationCompleted, ActivationDeferred, ActivationFailed, ProbeTopologyDeclared, ProbeObservedFirst, ProbeResult, ProbeFailureFirst, Failed, RollbackComplete, Converged`},
		{"a kind of the control plane", events, report(`{"kind":"Opened","seq":1}`), "event.kind", `"Opened" is no event kind: want one of DispatchAck, `},
		{"a kind in the wrong case", events, report(`{"kind":"converged","seq":1}`), "event.kind", `"converged" is no event kind: want one of `},
		{"an unknown mode", events, report(`{"kind":"ProbeObservedFirst","seq":1,"probeName":"a","mode":"strict","observedAt":"2026-03-01T12:00:00Z"}`), "event.mode", `"strict" is no probe mode: want one of disabled, observe, enforce`},
		{"an unknown status", events, report(`{"kind":"ProbeResult","seq":1,"probeName":"a","mode":"observe","status":"warn","observedAt":"2026-03-01T12:00:00Z"}`), "event.status", `"warn" is no probe status: want one of pass, fail`},
		{"an unknown policy", events, report(`{"kind":"Failed","seq":1,"failedAt":"2026-03-01T12:00:00Z","sustainedDurationSecs":1,"failingProbes":[],"policyApplied":"reboot"}`), "event.policyApplied", `"reboot" is no failure policy: want one of halt, rollback-and-halt`},
		{"a duration beyond counting", events, report(`{"kind":"Failed","seq":1,"failedAt":"2026-03-01T12:00:00Z","sustainedDurationSecs":9223372037,"failingProbes":[],"policyApplied":"halt"}`), "event.sustainedDurationSecs", "longer than a clock can count"},
		{"a declaration without its mode", events, report(`{"kind":"ProbeTopologyDeclared","seq":1,"declaredAt":"2026-03-01T12:00:00Z","probes":[{"probeName":"a","kind":"x","mode":"observe"},{"probeName":"b","kind":"x"}]}`), "event.probes.1.mode", "missing: event.probes.1.mode"},
		{"a null among declarations", events, report(`{"kind":"ProbeTopologyDeclared","seq":1,"declaredAt":"2026-03-01T12:00:00Z","new":1,"probes":[null]}`), "event.probes.0.probeName", "missing: event.probes.0.probeName, event.probes.0.kind, event.probes.0.mode"},
		{"a number twice in an event", events, report(`{"kind":"Converged","seq":1,"seq":2}`), "event.seq", "the name stands twice in its object, and only one of them can be meant"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := &stub{}
			w := post(httpapi.Agent(s, httpapi.Options{}), c.path, c.body)
			require.Equal(t, http.StatusBadRequest, w.Code, w.Body)
			p := problemOf(t, w.Body.Bytes())
			require.Contains(t, p.Error, c.reason)
			require.Equal(t, c.field, p.Field)
			require.Empty(t, s.beats)
			require.Empty(t, s.events)
		})
	}
}

// What may be absent may be null as well, and an agent whose clock stands at
// its very beginning is heard all the same.
func TestWhatMayBeAbsentMayBeNull(t *testing.T) {
	for body, want := range map[string]synth.Heartbeat{
		`{"hostname":"web-1","rollout_id":null,"current_closure":null,"at":"2026-03-01T12:00:00Z","boot":null,"failing_probes":null}`: {Host: "web-1", At: noon},
		`{"hostname":"web-1","at":"2026-03-01T13:00:00.0009+01:00","failing_probes":[]}`:                                              {Host: "web-1", At: noon},
		`{"hostname":"web-1","at":"1970-01-01T00:00:00Z"}`:                                                                            {Host: "web-1", At: 1},
	} {
		s := &stub{}
		w := post(httpapi.Agent(s, httpapi.Options{}), httpapi.PathHeartbeat, body)
		require.Equal(t, http.StatusOK, w.Code, w.Body)
		require.Equal(t, []synth.Heartbeat{want}, s.beats)
	}
	s := &stub{}
	w := post(httpapi.Agent(s, httpapi.Options{}), httpapi.PathEvents, report(`{"kind":"DispatchAck","seq":1,"receivedAt":"2026-03-01T12:00:00Z"}`))
	require.Equal(t, http.StatusOK, w.Code, w.Body)
	require.Equal(t, reducer.DispatchAck{}, s.events[0].Body)
}

func TestUnknownFieldsAreIgnoredAndCounted(t *testing.T) {
	var heard []string
	s := &stub{}
	h := httpapi.Agent(s, httpapi.Options{UnknownField: func(message, field string) { heard = append(heard, message+" "+field) }})
	w := post(h, httpapi.PathHeartbeat, `{"hostname":"web-1","mood":{"hostname":[1]},"at":"2026-03-01T12:00:00Z","load":[1,2]}`)
	require.Equal(t, http.StatusOK, w.Code, w.Body)
	require.Equal(t, []synth.Heartbeat{{Host: "web-1", At: noon}}, s.beats)
	w = post(h, httpapi.PathEvents, report(`{"kind":"ProbeTopologyDeclared","seq":1,"declaredAt":"2026-03-01T12:00:00Z","probes":[{"probeName":"b","kind":"x","mode":"observe","every":60}],"x/y":null}`))
	require.Equal(t, http.StatusOK, w.Code, w.Body)
	require.Equal(t, []string{"heartbeat mood", "heartbeat load", "report event.probes.0.every", "report event.x/y"}, heard)
	w = post(h, httpapi.PathEvents, string(golden(t, "report-Converged")))
	require.Equal(t, http.StatusOK, w.Code, w.Body)
	require.Len(t, heard, 4, "a message without unknown fields counts for nothing")
}

func TestABodyOverTheLimitIsRefused(t *testing.T) {
	long := strings.Repeat(" ", httpapi.MaxMessage)
	for _, path := range []string{httpapi.PathHeartbeat, httpapi.PathEvents, httpapi.PathHeartbeats} {
		s := &stub{}
		h := httpapi.Agent(s, httpapi.Options{})
		for _, chunked := range []bool{false, true} {
			r := request(http.MethodPost, path, []byte(long+"{}"), named("web-1"))
			if chunked {
				r.ContentLength = -1
			}
			w := serve(h, r)
			require.Equal(t, http.StatusRequestEntityTooLarge, w.Code)
			require.Equal(t, "the body is over the limit of 1048576 bytes", problemOf(t, w.Body.Bytes()).Error)
			require.Empty(t, s.beats)
		}
	}
	body := string(golden(t, "heartbeat"))
	w := post(httpapi.Agent(&stub{}, httpapi.Options{}), httpapi.PathHeartbeat, body+long[len(body):])
	require.Equal(t, http.StatusOK, w.Code, "a body of just the limit is read")
}

func TestARelaysBatchMayBeLong(t *testing.T) {
	one := string(golden(t, "heartbeat"))
	n := httpapi.MaxMessage/len(one) + 1
	s := &stub{}
	h := httpapi.Agent(s, httpapi.Options{Relays: func(name string) bool { return name == "relay" }})
	batch := "[" + strings.Repeat(one+",", n-1) + one + "]"
	w := serve(h, request(http.MethodPost, httpapi.PathHeartbeats, []byte(batch), named("relay")))
	require.Equal(t, http.StatusOK, w.Code, w.Body)
	require.Len(t, s.beats, n)
	r := request(http.MethodPost, httpapi.PathHeartbeats, nil, named("relay"))
	r.ContentLength = httpapi.MaxBatch + 1
	require.Equal(t, http.StatusRequestEntityTooLarge, serve(h, r).Code)
}

// One bad agent does not silence the others behind its relay.
func TestABadItemIsRefusedByItself(t *testing.T) {
	s := &stub{}
	h := httpapi.Agent(s, httpapi.Options{Relays: func(string) bool { return true }})
	good := string(golden(t, "heartbeat-alive"))
	for _, bad := range []string{`{"hostname":"a","hostname":"b"}`, "{\"hostname\":\"\xff\"}", `7`, `null`, `[]`, `{}`, `{"Hostname":"a"}`} {
		s.beats = nil
		w := serve(h, request(http.MethodPost, httpapi.PathHeartbeats, []byte("["+good+","+bad+","+good+"]"), named("relay")))
		require.Equal(t, http.StatusOK, w.Code, w.Body)
		require.Len(t, s.beats, 2, bad)
		require.Contains(t, w.Body.String(), `},{"status":400,"error":"httpapi: heartbeat: `)
	}
	for body, want := range map[string]string{
		`{}`:               "httpapi: batch: an object stands there, want a list",
		`[` + good:         "httpapi: batch: malformed JSON at byte ",
		`[` + good + ` 7]`: "httpapi: batch: malformed JSON at byte ",
	} {
		w := post(h, httpapi.PathHeartbeats, body)
		require.Equal(t, http.StatusBadRequest, w.Code, body)
		require.Contains(t, problemOf(t, w.Body.Bytes()).Error, want, body)
	}
	w := post(h, httpapi.PathHeartbeats, `[]`)
	require.Equal(t, "[]", w.Body.String())
}

// What an agent is told of an engine that could not do its work: whether the
// report is consumed, and when to come again.
func TestTheEnginesErrorsReachTheAgent(t *testing.T) {
	key := states.Key{Rollout: release, Host: "web-1"}
	for _, c := range []struct {
		err                   error
		status                int
		retry, replay, reason string
	}{
		{engine.ErrNotReady, 503, "5", "", engine.ErrNotReady.Error()},
		{engine.ErrClosed, 503, "5", "", engine.ErrClosed.Error()},
		{engine.ErrContended, 503, "1", "", engine.ErrContended.Error()},
		{&engine.BusyError{After: 6*time.Second + 1}, 503, "7", "", "engine: too many wait: nothing was consumed, come again in 6.000000001s"},
		{&engine.GapError{Key: key, From: 3, Seq: 7}, 503, "0", "3", "engine: stable@a1b2c3d4/web-1: report 7 came before 3: send from there, or this one again"},
		{fmt.Errorf("round: %w", adapters.ErrNotFound), 404, "", "", "round: adapters: no such record"},
		{engine.ErrUnknownHost, 404, "", "", engine.ErrUnknownHost.Error()},
		{&adapters.FullError{Where: "/var/lib/fleet.db", Err: errors.New("disk")}, 503, "5", "", "not confirmed as stored: send it again"},
		{adapters.ErrUnknownOutcome, 503, "5", "", "not confirmed as stored: send it again"},
	} {
		var log bytes.Buffer
		s := &stub{
			beat:     func(synth.Heartbeat) engine.HeartbeatResult { return engine.HeartbeatResult{Err: c.err} },
			reported: func(reducer.Event) (engine.ReportReply, error) { return engine.ReportReply{}, c.err },
		}
		h := httpapi.Agent(s, httpapi.Options{Log: slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))})
		for path, body := range map[string]string{
			httpapi.PathHeartbeat: string(golden(t, "heartbeat")),
			httpapi.PathEvents:    string(golden(t, "report-Converged")),
		} {
			log.Reset()
			w := post(h, path, body)
			require.Equal(t, c.status, w.Code, c.err)
			require.Equal(t, c.retry, w.Header().Get(httpapi.HeaderRetryAfter), c.err)
			require.Equal(t, c.replay, w.Header().Get(httpapi.HeaderReplayFrom), c.err)
			require.Equal(t, httpapi.Protocol, w.Header().Get(httpapi.HeaderProtocol))
			require.Equal(t, c.reason, problemOf(t, w.Body.Bytes()).Error)
			require.Contains(t, log.String(), c.err.Error(), "the cause stands in the log")
		}
	}
}

func TestAnotherProtocolIsToldWhichIsSpoken(t *testing.T) {
	h := httpapi.Agent(&stub{}, httpapi.Options{})
	for _, p := range []string{"", "2", "1.0"} {
		r := request(http.MethodPost, httpapi.PathHeartbeat, golden(t, "heartbeat"), named("web-1"))
		r.Header.Set(httpapi.HeaderProtocol, p)
		w := serve(h, r)
		require.Equal(t, http.StatusUpgradeRequired, w.Code)
		require.Equal(t, fmt.Sprintf("the header X-Nixfleet-Protocol is %q: this control plane speaks 1", p), problemOf(t, w.Body.Bytes()).Error)
	}
}

func TestAWaitThatIsNoNumberIsRefused(t *testing.T) {
	for _, wait := range []string{"-1", "soon", "1.5", "99999999999"} {
		w := serve(httpapi.Agent(&stub{}, httpapi.Options{}), request(http.MethodGet, httpapi.PathDispatch+"?wait="+wait, nil, named("web-1")))
		require.Equal(t, http.StatusBadRequest, w.Code)
		require.Equal(t, said{Error: fmt.Sprintf("wait is %q: want a number of seconds", wait), Field: "wait"}, problemOf(t, w.Body.Bytes()))
	}
}

// However long what is wrong is, what is said of it is short.
func TestNoAnswerRepeatsAWholeMessage(t *testing.T) {
	long := strings.Repeat("é9", 100_000)
	deep := strings.Repeat("[", 300_000) + strings.Repeat("]", 300_000)
	heard := 0
	h := httpapi.Agent(&stub{}, httpapi.Options{UnknownField: func(_, field string) { heard = len(field) }})
	for path, texts := range map[string][]string{
		httpapi.PathHeartbeat: {
			`{"hostname":"` + long + `","at":"2026-03-01T12:00:00Z"}`,
			`{"hostname":"web-1","at":"` + long + `"}`,
			`{"hostname":"web-1","rollout_id":"` + long + `","at":"2026-03-01T12:00:00Z"}`,
			`{"hostname":"web-1","boot":` + strings.Repeat("9", 100_000) + `}`,
			`{"hostname":"web-1","x":` + deep + `}`,
			`{"` + long + `":1}`,
			`{"` + long + `":1,"` + long + `":1}`,
		},
		httpapi.PathEvents: {
			report(`{"kind":"` + long + `","seq":1}`),
			report(`{"kind":"ProbeTopologyDeclared","seq":1,"declaredAt":"2026-03-01T12:00:00Z","probes":[null` + strings.Repeat(",null", 10_000) + `]}`),
		},
	} {
		for _, text := range texts {
			w := post(h, path, text)
			require.Contains(t, []int{http.StatusBadRequest, http.StatusForbidden}, w.Code)
			require.Less(t, w.Body.Len(), 1000, "%.100s", text)
		}
	}
	require.Positive(t, heard)
	require.Less(t, heard, 1000)
}
