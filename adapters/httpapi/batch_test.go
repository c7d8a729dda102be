package httpapi_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/rollmend/rollmend/adapters/httpapi"
	"github.com/rollmend/rollmend/engine"
	"github.com/rollmend/rollmend/states"
	"github.com/rollmend/rollmend/synth"
)

// A batch is answered as each of its heartbeats would be, letter for letter:
// the common replies, which are put together by hand, and the others between
// them; and so are those that are refused, at their places.
func TestABatchSaysWhatItsHeartbeatsWouldBeTold(t *testing.T) {
	replies := []engine.HeartbeatResult{
		{Reply: engine.HeartbeatReply{ReceivedAt: noon, NextBeat: time.Minute}},
		{Reply: engine.HeartbeatReply{ReceivedAt: noon, NextBeat: 41_237 * time.Millisecond}},
		{Reply: engine.HeartbeatReply{ReceivedAt: noon + 7, NextBeat: time.Millisecond}},
		{Reply: engine.HeartbeatReply{ReceivedAt: noon, NextBeat: 0}},
		{Reply: engine.HeartbeatReply{ReceivedAt: 1, NextBeat: time.Hour}},
		{Reply: engine.HeartbeatReply{ReceivedAt: noon, NextBeat: time.Minute, Newest: states.Order{Boot: 4, Beat: 1}}},
		{Reply: engine.HeartbeatReply{ReceivedAt: noon, NextBeat: time.Minute, Replay: []engine.Replay{{Rollout: release, From: 3}}}},
		{Err: &engine.BusyError{After: 3 * time.Second}},
		{Reply: engine.HeartbeatReply{ReceivedAt: noon, NextBeat: 2 * time.Minute}},
	}
	next := 0
	s := &stub{beat: func(synth.Heartbeat) engine.HeartbeatResult {
		next++
		return replies[(next-1)%len(replies)]
	}}
	h := httpapi.Agent(s, httpapi.Options{Relays: func(name string) bool { return name == "relay" }})
	var bodies, want []string
	for i := range replies {
		body := fmt.Sprintf(`{"hostname":"web-1","current_closure":"sha256:new","at":"2026-03-01T12:00:00Z","beat":%d}`, i)
		w := post(h, httpapi.PathHeartbeat, body)
		answer := strings.TrimSpace(w.Body.String())
		if w.Code != http.StatusOK {
			answer = fmt.Sprintf(`{"status":%d,%s,"retry_after":%s}`, w.Code, strings.Trim(answer, "{}"), w.Header().Get(httpapi.HeaderRetryAfter))
		}
		bodies, want = append(bodies, body), append(want, answer)
	}
	for _, c := range []struct {
		name string
		bad  map[int]string // put in front of the heartbeat at this place
	}{
		{"all are well", nil},
		{"the first is not", map[int]string{0: `{"hostname":"web-1"}`}},
		{"one has no name", map[int]string{2: `{"hostname":"","at":"2026-03-01T12:00:00Z"}`}},
		{"some are not, the last one among them", map[int]string{0: `{"at":7}`, 3: `null`, 4: `{"hostname":"","at":"2026-03-01T12:00:00Z"}`, len(bodies): `{"At":1}`}},
	} {
		next = 0
		var items, answers []string
		for i := range len(bodies) + 1 {
			if bad, ok := c.bad[i]; ok {
				items = append(items, bad)
				answers = append(answers, `{"status":400,`)
			}
			if i < len(bodies) {
				items, answers = append(items, bodies[i]), append(answers, want[i])
			}
		}
		w := serve(h, request(http.MethodPost, httpapi.PathHeartbeats, []byte("["+strings.Join(items, ",")+"]"), named("relay")))
		require.Equal(t, http.StatusOK, w.Code, c.name)
		rest := w.Body.String()
		for i, answer := range answers {
			sep := ","
			if i == 0 {
				sep = "["
			}
			require.True(t, strings.HasPrefix(rest, sep+answer), "%s: item %d: want %s in %s", c.name, i, answer, rest)
			rest = rest[len(sep+answer):]
			if strings.HasSuffix(answer, ",") {
				rest = rest[strings.Index(rest, "}")+1:]
			}
		}
		require.Equal(t, "]", rest, c.name)
	}
	w := serve(h, request(http.MethodPost, httpapi.PathHeartbeats, []byte("[]"), named("relay")))
	require.Equal(t, "[]", w.Body.String())
}

// Fields that nobody knows are counted in a batch as well.
func TestUnknownFieldsOfABatchAreHeardOf(t *testing.T) {
	var heard []string
	s := &stub{beat: func(synth.Heartbeat) engine.HeartbeatResult { return engine.HeartbeatResult{} }}
	h := httpapi.Agent(s, httpapi.Options{
		Relays:       func(string) bool { return true },
		UnknownField: func(message, field string) { heard = append(heard, message+" "+field) },
	})
	body := `[{"hostname":"web-1","at":"2026-03-01T12:00:00Z"},{"hostname":"web-2","at":"2026-03-01T12:00:00Z","mood":1}]`
	w := serve(h, request(http.MethodPost, httpapi.PathHeartbeats, []byte(body), named("relay")))
	require.Equal(t, http.StatusOK, w.Code)
	require.Equal(t, []string{"heartbeat mood"}, heard)
	require.Equal(t, []states.Host{"web-1", "web-2"}, []states.Host{s.beats[0].Host, s.beats[1].Host})
}
