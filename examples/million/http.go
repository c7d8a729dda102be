package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/rollmend/rollmend/adapters/httpapi"
)

// connections are kept open beside each other, each with one request at a time.
const connections = 16

// The rounds of each contender, in turns.
const (
	httpRounds = 5
	httpRound  = 2 * time.Second
)

// heartbeat is what the bare handler decodes: the very body.
type heartbeat struct {
	Hostname      *string    `json:"hostname"`
	RolloutID     *string    `json:"rollout_id,omitzero"`
	Current       string     `json:"current_closure,omitzero"`
	At            *time.Time `json:"at"`
	Boot          uint64     `json:"boot,omitzero"`
	Beat          uint64     `json:"beat,omitzero"`
	LastReply     time.Time  `json:"last_reply,omitzero"`
	CurrentSince  time.Time  `json:"current_since,omitzero"`
	FailingProbes []string   `json:"failing_probes,omitempty"`
	Queued        uint32     `json:"queued,omitzero"`
}

// answer is what it says.
type bareReply struct {
	ReceivedAt time.Time `json:"received_at"`
	NextBeatMs uint32    `json:"next_beat_ms"`
}

const (
	bareOne  = "/bare/heartbeat"
	bareMany = "/bare/heartbeats"
)

// bareHandler decodes a body and answers it: what any control plane that
// speaks this protocol has to do.
func bareHandler[M any](reply func(*M) any) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, httpapi.MaxBatch))
		if err != nil {
			return
		}
		var m M
		if err := json.Unmarshal(body, &m); err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set(httpapi.HeaderProtocol, httpapi.Protocol)
		_ = json.MarshalWrite(w, reply(&m), jsontext.AllowInvalidUTF8(true))
	})
}

func bareReplyNow() bareReply { return bareReply{time.Now().UTC(), 60_000} }

// overHTTP measures the agents' routes beside the bare handler, over the same
// connections in turns.
func overHTTP(ctx context.Context, b *bench) error {
	if err := b.need(ctx); err != nil {
		return err
	}
	p := b.now
	s, err := serve(p.dir, p.engine, map[string]http.Handler{
		bareOne: bareHandler(func(*heartbeat) any { return bareReplyNow() }),
		bareMany: bareHandler(func(m *[]heartbeat) any {
			out := make([]bareReply, len(*m))
			for i := range out {
				out[i] = bareReplyNow()
			}
			return out
		}),
	})
	if err != nil {
		return err
	}
	defer s.close()
	for _, c := range []struct {
		name, ours, bare string
		beats            int
		client           func(n int) string
	}{
		{"single heartbeats over HTTPS / bare handler", httpapi.PathHeartbeat, bareOne, 1, func(n int) string { return string(p.fleet.name(n)) }},
		{fmt.Sprintf("batches of %d over HTTPS / bare handler", perRelay), httpapi.PathHeartbeats, bareMany, perRelay, func(int) string { return relayName }},
	} {
		callers := make([]*caller, connections)
		for n := range callers {
			if callers[n], err = newCaller(p, s, n, c.client(n), c.beats); err != nil {
				return err
			}
		}
		var ours, bare []float64
		for range httpRounds {
			for path, into := range map[string]*[]float64{c.ours: &ours, c.bare: &bare} {
				n, err := callAll(ctx, callers, s.url+path)
				if err != nil {
					return err
				}
				*into = append(*into, n*float64(c.beats))
			}
		}
		shares := make([]float64, len(ours))
		for i := range shares {
			shares[i] = ours[i] / bare[i]
		}
		slices.Sort(shares)
		slices.Sort(ours)
		slices.Sort(bare)
		b.table.add(c.name, "0.7", "%.2f (%.2f to %.2f); %.0f and %.0f heartbeats/s on %d connections", shares[len(shares)/2],
			shares[0], shares[len(shares)-1], ours[len(ours)/2], bare[len(bare)/2], connections)
	}
	return nil
}

// caller is a connection, and what is sent over it.
type caller struct {
	plane  *plane
	client *http.Client
	hosts  []int
	since  string

	text    []byte // what its hosts say
	beats   []int  // where in it the number of a beat is
	replies []int  // where in it the last reply is
	answer  bytes.Buffer
}

func newCaller(p *plane, s *server, n int, name string, beats int) (*caller, error) {
	client, err := s.client(name)
	if err != nil {
		return nil, err
	}
	c := &caller{plane: p, client: client, since: time.Now().Add(-time.Hour).UTC().Format(time.RFC3339)}
	for i := range beats {
		// Far from one another, as hosts behind one relay are.
		c.hosts = append(c.hosts, (n+i*connections*31)%p.fleet.hosts)
	}
	c.write()
	return c, nil
}

// Both are always as long, so that they can be replaced in a body.
const (
	beatDigits = "%010d"
	replyTime  = "2006-01-02T15:04:05.000Z"
)

// write writes what the hosts say, once: making it anew for each request would
// take longer than answering it.
func (c *caller) write() {
	now := time.Now().UTC().Format(replyTime)
	text := fmt.Appendf(nil, "[")
	for i, host := range c.hosts {
		if i > 0 {
			text = append(text, ',')
		}
		text = fmt.Appendf(text, `{"hostname":"%s","rollout_id":null,"current_closure":"%s","at":"%s","current_since":"%s","boot":3,"last_reply":"`,
			c.plane.fleet.name(host), c.plane.fleet.target(c.plane.fleet.channel(host)), now, c.since)
		c.replies = append(c.replies, len(text))
		text = append(text, now+`","beat":1`...)
		c.beats = append(c.beats, len(text))
		text = fmt.Appendf(text, beatDigits+"}", 0)
	}
	c.text = append(text, ']')
}

// body returns what the hosts say next: of each the next beat, and the reply
// that it had to the last one.
func (c *caller) body(beat uint64) io.Reader {
	digits := fmt.Appendf(nil, beatDigits, beat)
	for _, at := range c.beats {
		copy(c.text[at:], digits)
	}
	if _, said, found := bytes.Cut(c.answer.Bytes(), []byte(`"received_at":"`)); found {
		quoted, _, _ := bytes.Cut(said, []byte{'"'})
		if at, err := time.Parse(time.RFC3339, string(quoted)); err == nil {
			reply := at.UTC().AppendFormat(nil, replyTime)
			for _, at := range c.replies {
				copy(c.text[at:], reply)
			}
		}
	}
	c.answer.Reset()
	if len(c.hosts) == 1 {
		return bytes.NewReader(c.text[1 : len(c.text)-1])
	}
	return bytes.NewReader(c.text)
}

var beatsOverHTTP atomic.Uint64

// callAll has all callers send one request after the other for a round, and
// returns how many were answered a second.
func callAll(ctx context.Context, callers []*caller, url string) (perSecond float64, err error) {
	var all sync.WaitGroup
	var answered atomic.Int64
	var failed failure
	began := time.Now()
	ends := began.Add(httpRound)
	for _, c := range callers {
		all.Go(func() {
			for time.Now().Before(ends) && !failed.is() {
				status, _, err := post(ctx, c.client, url, c.body(beatsOverHTTP.Add(1)), &c.answer)
				if err == nil && status != http.StatusOK {
					err = fmt.Errorf("%s answered %d", url, status)
				}
				failed.note(err)
				answered.Add(1)
			}
		})
	}
	all.Wait()
	return float64(answered.Load()) / time.Since(began).Seconds(), failed.err()
}
