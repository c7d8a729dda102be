package httpapi

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"strconv"
	"time"

	"github.com/rollmend/rollmend/engine"
	"github.com/rollmend/rollmend/states"
	"github.com/rollmend/rollmend/synth"
)

// The headers of the protocol.
const (
	HeaderProtocol   = "X-Nixfleet-Protocol"    // on every request and answer: [Protocol]
	HeaderReplayFrom = "X-Nixfleet-Replay-From" // the first number that the record lacks: send again from there
	HeaderRetryAfter = "Retry-After"            // with every 503, in seconds
)

// Protocol is the version of the protocol that is spoken here.
const Protocol = "1"

// The routes of agents.
const (
	PathHeartbeat  = "/v1/agent/heartbeat"
	PathHeartbeats = "/v1/agent/heartbeats"
	PathEvents     = "/v1/agent/events"
	PathDispatch   = "/v1/agent/dispatch"
)

// The bounds of what is read.
const (
	MaxMessage = 1 << 20  // bytes of one heartbeat or report; real ones are a thousandth of it
	MaxBatch   = 64 << 20 // bytes of a relay's batch: some hundred thousand heartbeats

	// MaxWait bounds a long poll. An agent that asks for longer is answered
	// earlier, and asks again.
	MaxWait = 2 * time.Minute
)

// Engine is what the handlers ask. [*engine.Engine] is one.
type Engine interface {
	// Heartbeats takes heartbeats and answers each at its place, once what it led
	// to is committed.
	Heartbeats(ctx context.Context, hbs []synth.Heartbeat) []engine.HeartbeatResult
	// Report takes a report and answers it once it is committed.
	Report(ctx context.Context, in engine.Report) (engine.ReportReply, error)
	// Dispatch waits for something to hand to a host, until the wait is over (ok
	// is false then) or the context ends.
	Dispatch(ctx context.Context, host states.Host, wait time.Duration) (d engine.Dispatch, ok bool, err error)
	// Explain shows an operator one host; the error is [engine.ErrUnknownHost]
	// where there is none.
	Explain(ctx context.Context, host states.Host) (engine.Explanation, error)
	// Fleet shows an operator the fleet.
	Fleet(ctx context.Context) (engine.Overview, error)
}

// Options are the settings of [Agent]. The zero value is a good one.
type Options struct {
	// Relays reports whether a name of a client certificate is a relay's. A relay
	// posts batches of heartbeats for any host, and nothing else. Nil: there are
	// no relays.
	Relays func(name string) bool

	// Log hears of requests that were refused, with the cause. Nil: nobody does.
	Log *slog.Logger

	// UnknownField hears of every field of a message that was ignored, by its
	// path, so that it can be counted. The name is the sender's: do not make it a
	// metric's label. It is called concurrently. Nil: nobody hears.
	UnknownField func(message, field string)
}

func (o Options) log() *slog.Logger {
	if o.Log == nil {
		return slog.New(slog.DiscardHandler)
	}
	return o.Log
}

// Agent returns the handler of the agent routes: heartbeats, reports, and the
// long poll for a dispatch. It must be reached over TLS that verifies client
// certificates: who calls is what the certificate says. See [Server].
//
// It answers on the full paths, so it is mounted at the root of a mux, under
// "/v1/agent/". Every answer bears the header [HeaderProtocol]: an agent that
// gets a 404 without it did not reach this handler, and has been told nothing
// about its report.
func Agent(e Engine, o Options) http.Handler {
	a := &agentRoutes{engine: e, opts: o}
	mux := http.NewServeMux()
	mux.Handle("POST "+PathHeartbeat, a.route(a.heartbeat))
	mux.Handle("POST "+PathHeartbeats, a.route(a.heartbeats))
	mux.Handle("POST "+PathEvents, a.route(a.report))
	mux.Handle("GET "+PathDispatch, a.route(a.dispatch))
	return mux
}

type agentRoutes struct {
	engine Engine
	opts   Options
}

// route checks what holds for every route: the protocol, then who asks.
func (a *agentRoutes) route(serve func(http.ResponseWriter, *http.Request, identity) error) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set(HeaderProtocol, Protocol)
		id, err := identify(r)
		if p := r.Header.Get(HeaderProtocol); p != Protocol {
			err = &refusal{
				status:  http.StatusUpgradeRequired,
				message: fmt.Sprintf("the header %s is %q: this control plane speaks %s", HeaderProtocol, shown(p), Protocol),
			}
		}
		if err == nil {
			err = serve(w, r, id)
		}
		if err != nil {
			refuse(w, r, a.opts.log(), err)
		}
	})
}

func (a *agentRoutes) heartbeat(w http.ResponseWriter, r *http.Request, id identity) error {
	b, err := readAll(w, r, MaxMessage)
	if err != nil {
		return err
	}
	hb, err := readHeartbeat(b, a.opts.UnknownField)
	if err != nil {
		return err
	}
	if err := id.speaksFor(hb.Host); err != nil {
		return err
	}
	res := a.engine.Heartbeats(r.Context(), []synth.Heartbeat{hb})[0]
	if res.Err != nil {
		return res.Err
	}
	if res.Reply.ReplayFrom != 0 {
		w.Header().Set(HeaderReplayFrom, strconv.FormatUint(uint64(res.Reply.ReplayFrom), 10))
	}
	answer(w, http.StatusOK, replyOf(res.Reply))
	return nil
}

func (a *agentRoutes) report(w http.ResponseWriter, r *http.Request, id identity) error {
	b, err := readAll(w, r, MaxMessage)
	if err != nil {
		return err
	}
	in, err := readReport(b, a.opts.UnknownField)
	if err != nil {
		return err
	}
	if err := id.speaksFor(in.Event.Key.Host); err != nil {
		return err
	}
	reply, err := a.engine.Report(r.Context(), in)
	if err != nil {
		return err
	}
	answer(w, http.StatusOK, reportReplyOf(reply))
	return nil
}

func (a *agentRoutes) dispatch(w http.ResponseWriter, r *http.Request, id identity) error {
	wait, err := waitOf(r)
	if err != nil {
		return err
	}
	// A server's timeouts are made for short requests, and its read timeout ends
	// the context of a handler that still works. Not every server has them.
	rc := http.NewResponseController(w)
	_ = rc.SetReadDeadline(time.Time{})
	_ = rc.SetWriteDeadline(time.Time{})

	d, ok, err := a.engine.Dispatch(r.Context(), id.host(), wait)
	switch {
	case err != nil:
		return err
	case !ok:
		w.WriteHeader(http.StatusNoContent)
	default:
		answer(w, http.StatusOK, dispatchOf(d))
	}
	return nil
}

// waitOf reads how long a poll waits: whole seconds, none where it does not
// say.
func waitOf(r *http.Request) (time.Duration, error) {
	s := r.URL.Query().Get("wait")
	if s == "" {
		return 0, nil
	}
	secs, err := strconv.ParseUint(s, 10, 31)
	if err != nil {
		return 0, &refusal{status: http.StatusBadRequest, field: "wait", message: fmt.Sprintf("wait is %q: want a number of seconds", shown(s))}
	}
	return min(time.Duration(secs)*time.Second, MaxWait), nil
}

// readAll reads a body up to a bound.
func readAll(w http.ResponseWriter, r *http.Request, most int64) ([]byte, error) {
	over := &refusal{
		status:  http.StatusRequestEntityTooLarge,
		message: fmt.Sprintf("the body is over the limit of %d bytes", most),
	}
	if r.ContentLength > most {
		return nil, over
	}
	var body bytes.Buffer
	body.Grow(int(min(max(r.ContentLength, 0), MaxMessage)) + bytes.MinRead)
	_, err := body.ReadFrom(http.MaxBytesReader(w, r.Body, most))
	if _, tooLong := err.(*http.MaxBytesError); tooLong {
		return nil, over
	}
	if err != nil {
		return nil, &refusal{status: http.StatusBadRequest, message: "the body ended early: " + err.Error()}
	}
	return body.Bytes(), nil
}
