package httpapi_test

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/rollmend/rollmend/adapters/httpapi"
	"github.com/rollmend/rollmend/engine"
	"github.com/rollmend/rollmend/synth"
)

// What the wire costs beside the engine: decoding, identity and the reply.
func BenchmarkHeartbeat(b *testing.B) {
	s := &unheard{}
	h := httpapi.Agent(s, httpapi.Options{})
	body := golden(b, "heartbeat")
	conn := named("web-1")
	b.ReportAllocs()
	for b.Loop() {
		if w := serve(h, request(http.MethodPost, httpapi.PathHeartbeat, body, conn)); w.Code != http.StatusOK {
			b.Fatal(w.Body)
		}
	}
}

// A relay's thousand in one request; the figure is of one heartbeat.
func BenchmarkBatch(b *testing.B) {
	const n = 1000
	s := &unheard{}
	h := httpapi.Agent(s, httpapi.Options{Relays: func(string) bool { return true }})
	one := string(golden(b, "heartbeat"))
	body := []byte("[" + strings.Repeat(one+",", n-1) + one + "]")
	conn := named("relay")
	b.ReportAllocs()
	for b.Loop() {
		if w := serve(h, request(http.MethodPost, httpapi.PathHeartbeats, body, conn)); w.Code != http.StatusOK {
			b.Fatal(w.Body)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/n, "ns/heartbeat")
}

// unheard is an engine that answers at once.
type unheard struct{ httpapi.Engine }

func (unheard) Heartbeats(_ context.Context, hbs []synth.Heartbeat) []engine.HeartbeatResult {
	out := make([]engine.HeartbeatResult, len(hbs))
	for i := range out {
		out[i].Reply.ReceivedAt, out[i].Reply.NextBeat = noon, time.Minute
	}
	return out
}
