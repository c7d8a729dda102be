package httpapi_test

import (
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/stretchr/testify/require"

	"github.com/rollmend/rollmend/adapters/httpapi"
	"github.com/rollmend/rollmend/agent"
	"github.com/rollmend/rollmend/reducer"
	"github.com/rollmend/rollmend/states"
	"github.com/rollmend/rollmend/synth"
)

// seed adds the golden files of one sort.
func seed(f *testing.F, prefix string) {
	f.Helper()
	files, err := filepath.Glob("testdata/" + prefix + "*.json")
	require.NoError(f, err)
	require.NotEmpty(f, files)
	for _, file := range files {
		b, err := os.ReadFile(file)
		require.NoError(f, err)
		f.Add(b)
	}
	f.Add([]byte(`{"hostname":"web-1","at":"0000-01-01T00:00:00Z","x":[{"y":1e999}]}`))
}

// relayed is an agent handler to which every certificate is a relay's, and that
// listens for unknown fields.
func relayed(s *stub) http.Handler {
	return httpapi.Agent(s, httpapi.Options{Relays: func(string) bool { return true }, UnknownField: func(string, string) {}})
}

// What a request may allocate: what every request costs, and for each byte what
// the costliest one leads to, an item of a batch that is refused in words.
const (
	requestMost    = 64 << 10
	requestPerByte = 1 << 10
)

// bounded serves a request, which must not take more memory than its size
// allows. The least of some tries counts: the runtime counts what everybody
// allocates.
func bounded(t *testing.T, h http.Handler, r func() *http.Request, size int) *httptest.ResponseRecorder {
	t.Helper()
	var spent []uint64
	var w *httptest.ResponseRecorder
	var before, after runtime.MemStats
	for range 3 {
		req := r()
		runtime.ReadMemStats(&before)
		w = serve(h, req)
		runtime.ReadMemStats(&after)
		spent = append(spent, after.TotalAlloc-before.TotalAlloc)
	}
	require.LessOrEqual(t, slices.Min(spent), uint64(requestMost+requestPerByte*size), "bytes for a request of %d", size)
	return w
}

// answered requires an answer that an agent understands: a success, or a
// problem in words.
func answered(t *testing.T, status int, body []byte) bool {
	t.Helper()
	if status == http.StatusOK {
		return true
	}
	require.Contains(t, []int{http.StatusBadRequest, http.StatusForbidden}, status, "%s", body)
	require.NotEmpty(t, problemOf(t, body).Error)
	return false
}

// sentBy returns the heartbeat that an agent would have sent.
func sentBy(hb synth.Heartbeat) agent.Heartbeat {
	return agent.Heartbeat{
		Rollout: hb.Holds, Current: hb.Current, At: hb.At, Order: hb.Order, LastReply: hb.LastReply,
		CurrentSince: hb.CurrentSince, FailingProbes: hb.Failing, Queued: hb.Queued,
	}
}

// What is taken goes through the client and comes back the same.
func FuzzHeartbeat(f *testing.F) {
	seed(f, "heartbeat")
	f.Fuzz(func(t *testing.T, b []byte) {
		s := &stub{}
		post := func() *http.Request { return request(http.MethodPost, httpapi.PathHeartbeat, b, named("web-1")) }
		w := bounded(t, relayed(s), post, len(b))
		if !answered(t, w.Code, w.Body.Bytes()) {
			return
		}
		again := &stub{}
		_, err := clientOf(httpapi.Agent(again, httpapi.Options{})).Heartbeat(t.Context(), sentBy(s.beats[0]))
		require.NoError(t, err)
		require.Equal(t, s.beats[:1], again.beats)
	})
}

func FuzzBatch(f *testing.F) {
	seed(f, "batch")
	f.Fuzz(func(t *testing.T, b []byte) {
		s := &stub{}
		post := func() *http.Request { return request(http.MethodPost, httpapi.PathHeartbeats, b, named("relay")) }
		bounded(t, relayed(&stub{}), post, len(b))
		w := serve(relayed(s), post())
		if !answered(t, w.Code, w.Body.Bytes()) {
			return
		}
		var items []struct {
			ReceivedAt string `json:"received_at"`
			Error      string `json:"error"`
		}
		require.NoError(t, json.Unmarshal(w.Body.Bytes(), &items))
		taken := 0
		for _, it := range items {
			require.NotEqual(t, it.ReceivedAt == "", it.Error == "", "each item has a reply or a problem")
			if it.Error == "" {
				taken++
			}
		}
		require.Len(t, s.beats, taken)
	})
}

func FuzzReport(f *testing.F) {
	seed(f, "report-")
	f.Fuzz(func(t *testing.T, b []byte) {
		s := &stub{}
		post := func() *http.Request { return request(http.MethodPost, httpapi.PathEvents, b, named("web-1")) }
		w := bounded(t, relayed(s), post, len(b))
		if !answered(t, w.Code, w.Body.Bytes()) {
			return
		}
		ev := s.events[0]
		require.NotZero(t, ev.Seq)
		require.True(t, ev.Kind().Agent())
		again := &stub{}
		_, err := clientOf(httpapi.Agent(again, httpapi.Options{})).Report(t.Context(), agent.Send{Report: ev})
		require.NoError(t, err)
		require.Equal(t, ev, again.events[0])
	})
}

// understood requires a reply to be taken or refused in words, and never to
// be half taken.
func understood(t *testing.T, err error, got, none any) {
	t.Helper()
	if err != nil {
		require.True(t, strings.HasPrefix(err.Error(), "httpapi: "), err.Error())
		require.Equal(t, none, got)
	}
}

func FuzzSnapshot(f *testing.F) {
	seed(f, "heartbeat-reply")
	f.Fuzz(func(t *testing.T, b []byte) {
		got, err := saying(http.StatusOK, nil, b).Heartbeat(t.Context(), agent.Heartbeat{At: 1})
		understood(t, err, got, agent.BeatAnswered{})
		for _, s := range got.Snapshots {
			require.True(t, s.State.Valid())
			require.False(t, s.Rollout.IsZero())
		}
	})
}

func FuzzDispatch(f *testing.F) {
	seed(f, "dispatch")
	f.Fuzz(func(t *testing.T, b []byte) {
		got, ok, err := saying(http.StatusOK, nil, b).Dispatch(t.Context(), time.Second)
		understood(t, err, got, agent.Dispatch{})
		require.Equal(t, err == nil, ok)
		if ok {
			require.False(t, got.Rollout.IsZero())
		}
	})
}

func FuzzReportReply(f *testing.F) {
	seed(f, "report-reply")
	f.Fuzz(func(t *testing.T, b []byte) {
		got, err := saying(http.StatusOK, nil, b).Report(t.Context(), agent.Send{Report: eventOf(bodies[0], 1)})
		if err != nil {
			require.Equal(t, agent.NotNow, got.Answer)
			return
		}
		require.Equal(t, agent.Told, got.Answer)
		require.Contains(t, []reducer.Disposition{reducer.Applied, reducer.Absorbed, reducer.Duplicate, reducer.Refused}, got.Disposition)
		require.Equal(t, states.Seq(1), got.Seq)
	})
}
