package httpapi_test

import (
	"bytes"
	"errors"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/rollmend/rollmend/adapters/httpapi"
	"github.com/rollmend/rollmend/agent"
	"github.com/rollmend/rollmend/reducer"
	"github.com/rollmend/rollmend/states"
)

// What an agent makes of an answer decides whether a report is ever sent
// again.
func TestWhatBecomesOfAReport(t *testing.T) {
	ev := eventOf(reducer.Converged{Current: "sha256:new"}, 9)
	ours := func(pairs ...string) http.Header {
		h := http.Header{httpapi.HeaderProtocol: {httpapi.Protocol}}
		for i := 0; i < len(pairs); i += 2 {
			h.Set(pairs[i], pairs[i+1])
		}
		return h
	}
	for _, c := range []struct {
		name   string
		status int
		header http.Header
		body   string
		want   agent.ReportAnswered
		reason string
	}{
		{"malformed: final", 400, ours(), `{"error":"bad","field":"event.seq"}`, agent.ReportAnswered{Answer: agent.Told, Disposition: reducer.Refused}, "bad"},
		{"not this host: final", 403, ours(), `{"error":"no"}`, agent.ReportAnswered{Answer: agent.Told, Disposition: reducer.Refused}, "no"},
		{"too long: final", 413, ours(), `{"error":"long"}`, agent.ReportAnswered{Answer: agent.Told, Disposition: reducer.Refused}, "long"},
		{"no such record: consumed", 404, ours(), `{"error":"none"}`, agent.ReportAnswered{Answer: agent.NoRecord}, "none"},
		{"a 404 of something in between", 404, nil, `404 page not found`, agent.ReportAnswered{Answer: agent.NotNow}, "Not Found"},
		{"a 403 of something in between", 403, nil, ``, agent.ReportAnswered{Answer: agent.NotNow}, "Forbidden"},
		{"not ready", 503, ours(httpapi.HeaderRetryAfter, "7"), `{"error":"wait"}`, agent.ReportAnswered{Answer: agent.NotNow, After: 7 * time.Second}, "wait"},
		{"a gap", 503, ours(httpapi.HeaderRetryAfter, "0", httpapi.HeaderReplayFrom, "4"), `{"error":"gap"}`, agent.ReportAnswered{Answer: agent.PutBack, From: 4}, "gap"},
		{"another protocol", 426, ours(), `{"error":"old"}`, agent.ReportAnswered{Answer: agent.NotNow}, "old"},
		{"no certificate", 401, ours(), `{"error":"who"}`, agent.ReportAnswered{Answer: agent.NotNow}, "who"},
		{"a broken server", 500, ours(), ``, agent.ReportAnswered{Answer: agent.NotNow}, "Internal Server Error"},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := saying(c.status, c.header, []byte(c.body)).Report(t.Context(), agent.Send{Report: ev})
			var status *httpapi.StatusError
			require.ErrorAs(t, err, &status)
			require.Equal(t, c.status, status.Status)
			c.want.Rollout, c.want.Seq = release, 9
			require.Equal(t, httpapi.ReportAnswer{ReportAnswered: c.want, Reason: c.reason}, got)
		})
	}
}

func TestAReportWithoutAnAnswerIsNotConsumed(t *testing.T) {
	ev := eventOf(reducer.Converged{Current: "sha256:new"}, 9)
	want := agent.ReportAnswered{Rollout: release, Seq: 9, Answer: agent.NotNow}
	down := &httpapi.Client{Base: "https://control", Host: "web-1", HTTP: &http.Client{
		Transport: tripper(func(*http.Request) (*http.Response, error) { return nil, errors.New("no route") }),
	}}
	got, err := down.Report(t.Context(), agent.Send{Report: ev})
	require.ErrorContains(t, err, "no route")
	require.Equal(t, want, got.ReportAnswered)

	for _, body := range []string{``, `{}`, `{"disposition":"applied"`, `{"disposition":"eaten"}`} {
		got, err = saying(http.StatusOK, nil, []byte(body)).Report(t.Context(), agent.Send{Report: ev})
		var message *httpapi.MessageError
		require.ErrorAs(t, err, &message)
		require.Equal(t, want, got.ReportAnswered, "an answer that is not understood is none")
	}
}

// Output of some tool that is no UTF-8 must not keep a report from being sent.
func TestAReportIsSentWhateverItsTextsHold(t *testing.T) {
	s := &stub{}
	_, err := clientOf(httpapi.Agent(s, httpapi.Options{})).Report(t.Context(), agent.Send{Report: eventOf(reducer.ActivationFailed{StderrTail: "a\xffb"}, 2)})
	require.NoError(t, err)
	require.Equal(t, reducer.ActivationFailed{StderrTail: "a\uFFFDb"}, s.events[0].Body)
}

func TestAnAnswerOverTheLimitIsNotRead(t *testing.T) {
	c := saying(http.StatusOK, nil, bytes.Repeat([]byte(" "), httpapi.MaxMessage+1))
	_, err := c.Heartbeat(t.Context(), heartbeats[0].sent)
	require.ErrorContains(t, err, "the answer to POST /v1/agent/heartbeat is over the limit of 1048576 bytes")
}

func TestADispatchForAnotherHostIsRefused(t *testing.T) {
	c := saying(http.StatusOK, nil, golden(t, "dispatch"))
	c.Host = "web-2"
	_, ok, err := c.Dispatch(t.Context(), 0)
	require.False(t, ok)
	require.EqualError(t, err, "httpapi: dispatch: hostname: it is for web-1")
}

func TestNothingToDispatchIsNoError(t *testing.T) {
	d, ok, err := saying(http.StatusNoContent, nil, nil).Dispatch(t.Context(), 0)
	require.NoError(t, err)
	require.False(t, ok)
	require.Equal(t, agent.Dispatch{}, d)
}

func TestAnAddressThatIsNoneIsSaid(t *testing.T) {
	c := &httpapi.Client{Base: "control:\x7f", Host: "web-1", HTTP: http.DefaultClient}
	_, err := c.Heartbeat(t.Context(), agent.Heartbeat{At: states.Time(1)})
	require.ErrorContains(t, err, "httpapi: parse")
}
