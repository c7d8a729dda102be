package httpapi_test

import (
	"context"
	"flag"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/stretchr/testify/require"

	"github.com/rollmend/rollmend/adapters/httpapi"
	"github.com/rollmend/rollmend/agent"
	"github.com/rollmend/rollmend/engine"
	"github.com/rollmend/rollmend/reducer"
	"github.com/rollmend/rollmend/states"
	"github.com/rollmend/rollmend/synth"
)

var rewrite = flag.Bool("rewrite", false, "write the golden files anew")

// golden returns a golden file.
func golden(t testing.TB, name string) []byte {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("testdata", name+".json"))
	require.NoError(t, err)
	return b
}

// matches requires a message to be what its golden file says. The file is
// indented for readers.
func matches(t *testing.T, name string, got []byte) {
	t.Helper()
	v := jsontext.Value(got).Clone()
	require.NoError(t, v.Indent(jsontext.WithIndent("  ")), "%s", got)
	if *rewrite {
		require.NoError(t, os.WriteFile(filepath.Join("testdata", name+".json"), append(v, '\n'), 0o644))
	}
	require.Equal(t, string(golden(t, name)), string(v)+"\n")
}

// capture returns what a client sends.
func capture(t *testing.T, send func(*httpapi.Client)) []byte {
	t.Helper()
	var body []byte
	c := &httpapi.Client{Base: "https://control/", Host: "web-1", HTTP: &http.Client{
		Transport: tripper(func(r *http.Request) (*http.Response, error) {
			b, err := io.ReadAll(r.Body)
			body = b
			return nil, err
		}),
	}}
	send(c)
	return body
}

func TestHeartbeatsAreAsTheirGoldenFilesSay(t *testing.T) {
	for _, m := range heartbeats {
		t.Run(m.name, func(t *testing.T) {
			matches(t, m.name, capture(t, func(c *httpapi.Client) { _, _ = c.Heartbeat(t.Context(), m.sent) }))
			s := &stub{}
			w := post(httpapi.Agent(s, httpapi.Options{}), httpapi.PathHeartbeat, string(golden(t, m.name)))
			require.Equal(t, http.StatusOK, w.Code, w.Body)
			require.Equal(t, []synth.Heartbeat{m.got}, s.beats)
		})
	}
}

func TestReportsOfEveryKindAreAsTheirGoldenFilesSay(t *testing.T) {
	kinds := map[states.Kind]bool{}
	for i, b := range bodies {
		kinds[b.Kind()] = true
		t.Run(b.Kind().String(), func(t *testing.T) {
			name, ev := "report-"+b.Kind().String(), eventOf(b, states.Seq(i+1))
			matches(t, name, capture(t, func(c *httpapi.Client) { _, _ = c.Report(t.Context(), agent.Send{Report: ev}) }))
			s := &stub{}
			w := post(httpapi.Agent(s, httpapi.Options{}), httpapi.PathEvents, string(golden(t, name)))
			require.Equal(t, http.StatusOK, w.Code, w.Body)
			require.Equal(t, []reducer.Event{ev}, s.events)
		})
	}
	for k := range states.Kinds() {
		require.Equal(t, k.Agent(), kinds[k], "a golden file for %s", k)
	}
}

func TestHeartbeatRepliesAreAsTheirGoldenFilesSay(t *testing.T) {
	for _, m := range heartbeatReplies {
		t.Run(m.name, func(t *testing.T) {
			h := httpapi.Agent(&stub{beat: func(synth.Heartbeat) engine.HeartbeatResult {
				return engine.HeartbeatResult{Reply: m.sent}
			}}, httpapi.Options{})
			w := post(h, httpapi.PathHeartbeat, string(golden(t, "heartbeat")))
			require.Equal(t, http.StatusOK, w.Code, w.Body)
			matches(t, m.name, w.Body.Bytes())
			got, err := saying(http.StatusOK, w.Header(), golden(t, m.name)).Heartbeat(t.Context(), heartbeats[0].sent)
			require.NoError(t, err)
			require.Equal(t, m.got, got)
		})
	}
}

func TestReportRepliesAreAsTheirGoldenFilesSay(t *testing.T) {
	for d := reducer.Applied; d <= reducer.Refused; d++ {
		sent := engine.ReportReply{Disposition: d}
		if d == reducer.Refused {
			sent.Reason = "reducer: stable@a1b2c3d4/web-1: Converged refused (soak-not-over): 9 s are left"
		}
		name := "report-reply-" + d.String()
		h := httpapi.Agent(&stub{reported: func(reducer.Event) (engine.ReportReply, error) { return sent, nil }}, httpapi.Options{})
		w := post(h, httpapi.PathEvents, string(golden(t, "report-Converged")))
		require.Equal(t, http.StatusOK, w.Code, w.Body)
		matches(t, name, w.Body.Bytes())
		got, err := saying(http.StatusOK, nil, golden(t, name)).Report(t.Context(), agent.Send{Report: eventOf(bodies[0], 1)})
		require.NoError(t, err)
		require.Equal(t, sent, engine.ReportReply{Disposition: got.Disposition, Reason: got.Reason})
	}
}

func TestADispatchIsAsItsGoldenFileSays(t *testing.T) {
	h := httpapi.Agent(&stub{dispatch: func(context.Context, states.Host, time.Duration) (engine.Dispatch, bool, error) {
		return handedOut, true, nil
	}}, httpapi.Options{})
	w := serve(h, request(http.MethodGet, httpapi.PathDispatch, nil, named("web-1")))
	require.Equal(t, http.StatusOK, w.Code, w.Body)
	matches(t, "dispatch", w.Body.Bytes())
	got, ok, err := saying(http.StatusOK, nil, golden(t, "dispatch")).Dispatch(t.Context(), time.Minute)
	require.NoError(t, err)
	require.True(t, ok)
	require.Equal(t, taken, got)
}

func TestABatchIsAsItsGoldenFilesSay(t *testing.T) {
	batch := "[" + string(golden(t, "heartbeat")) + "," +
		strings.Replace(string(golden(t, "heartbeat-alive")), "web-1", "web-2", 1) + "," +
		strings.Replace(string(golden(t, "heartbeat-alive")), `"at"`, `"At"`, 1) + "]"
	matches(t, "batch", []byte(batch))
	s := &stub{beat: func(hb synth.Heartbeat) engine.HeartbeatResult {
		if hb.Host == "web-2" {
			return engine.HeartbeatResult{Err: engine.ErrContended}
		}
		return engine.HeartbeatResult{Reply: heartbeatReplies[0].sent}
	}}
	h := httpapi.Agent(s, httpapi.Options{Relays: func(name string) bool { return name == "relay" }})
	w := serve(h, request(http.MethodPost, httpapi.PathHeartbeats, golden(t, "batch"), named("relay")))
	require.Equal(t, http.StatusOK, w.Code, w.Body)
	matches(t, "batch-reply", w.Body.Bytes())
	require.Len(t, s.beats, 2)
}

// Both sides once wrote the names by hand, and one wrote rolloutId where the
// other read rollout_id: nothing failed, and nothing arrived.
func TestEveryNameInTheWrongCaseIsRefusedWithTheRightOne(t *testing.T) {
	send := map[string]func(t *testing.T, b []byte) string{
		"heartbeat": func(t *testing.T, b []byte) string { return refused(t, httpapi.PathHeartbeat, b) },
		"heartbeat-reply": refusedReply(func(c *httpapi.Client) error {
			_, err := c.Heartbeat(context.Background(), heartbeats[0].sent)
			return err
		}),
		"report-reply-refused": refusedReply(func(c *httpapi.Client) error {
			_, err := c.Report(context.Background(), agent.Send{Report: eventOf(bodies[0], 1)})
			return err
		}),
		"dispatch": refusedReply(func(c *httpapi.Client) error { _, _, err := c.Dispatch(context.Background(), 0); return err }),
	}
	for _, b := range bodies {
		send["report-"+b.Kind().String()] = func(t *testing.T, b []byte) string { return refused(t, httpapi.PathEvents, b) }
	}
	for name, says := range send {
		t.Run(name, func(t *testing.T) {
			var tree any
			require.NoError(t, json.Unmarshal(golden(t, name), &tree))
			n := 0
			misspell(tree, func(right, wrong string) {
				n++
				b, err := json.Marshal(tree)
				require.NoError(t, err)
				require.Contains(t, says(t, b), `names are compared as they are: write "`+right+`"`, "%s", wrong)
			})
			require.Positive(t, n)
		})
	}
}

// misspell calls f with every name of a JSON tree replaced by every other way
// to write it, one at a time.
func misspell(tree any, f func(right, wrong string)) {
	switch v := tree.(type) {
	case map[string]any:
		var names []string
		for name := range v {
			names = append(names, name)
		}
		for _, right := range names {
			value := v[right]
			for _, wrong := range otherCases(right) {
				delete(v, right)
				v[wrong] = value
				f(right, wrong)
				delete(v, wrong)
				v[right] = value
			}
			misspell(value, f)
		}
	case []any:
		for _, item := range v {
			misspell(item, f)
		}
	}
}

func otherCases(name string) []string {
	var snake, camel strings.Builder
	up := false
	for i, r := range name {
		switch {
		case r == '_':
			up = true
			snake.WriteRune(r)
			continue
		case r >= 'A' && r <= 'Z' && i > 0:
			snake.WriteString("_" + strings.ToLower(string(r)))
		default:
			snake.WriteRune(r)
		}
		if up {
			camel.WriteString(strings.ToUpper(string(r)))
			up = false
		} else {
			camel.WriteRune(r)
		}
	}
	var out []string
	for _, other := range []string{snake.String(), camel.String(), strings.ToUpper(name), strings.ToUpper(name[:1]) + name[1:], strings.ReplaceAll(snake.String(), "_", "-")} {
		if other != name {
			out = append(out, other)
		}
	}
	return out
}

// refused posts a message that must be refused and returns what was said.
func refused(t *testing.T, path string, b []byte) string {
	t.Helper()
	s := &stub{}
	w := post(httpapi.Agent(s, httpapi.Options{}), path, string(b))
	require.Equal(t, http.StatusBadRequest, w.Code, w.Body)
	require.Empty(t, s.beats)
	require.Empty(t, s.events)
	return problemOf(t, w.Body.Bytes()).Error
}

func refusedReply(send func(*httpapi.Client) error) func(*testing.T, []byte) string {
	return func(t *testing.T, b []byte) string {
		t.Helper()
		var message *httpapi.MessageError
		require.ErrorAs(t, send(saying(http.StatusOK, nil, b)), &message)
		return message.Reason
	}
}

// said is the body of an answer that is no success.
type said struct {
	Error string `json:"error"`
	Field string `json:"field"`
}

func problemOf(t *testing.T, b []byte) (p said) {
	t.Helper()
	require.NoError(t, json.Unmarshal(b, &p), "%s", b)
	return p
}
