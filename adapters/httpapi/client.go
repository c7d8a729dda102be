package httpapi

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/rollmend/rollmend/agent"
	"github.com/rollmend/rollmend/reducer"
	"github.com/rollmend/rollmend/states"
)

// Client speaks to a control plane for one host, in the values of package
// agent. Its fields are not to be changed once it is used; its methods are safe
// for concurrent use.
type Client struct {
	Base string      // where the control plane is, such as "https://control.example:8443"
	Host states.Host // the name in the host's certificate
	HTTP *http.Client
}

// StatusError says that the control plane did not answer with a success.
type StatusError struct {
	Status     int    // of HTTP
	Message    string // what it said; the status in words where it said nothing
	Field      string // of what was sent, where one is wrong
	RetryAfter time.Duration
	ReplayFrom states.Seq // of a gap: the first missing number

	// Protocol reports whether the answer bears the protocol's header. Without it
	// something in between answered, and the control plane has heard nothing.
	Protocol bool
}

func (e *StatusError) Error() string {
	return fmt.Sprintf("httpapi: the control plane answered %d: %s", e.Status, e.Message)
}

// Heartbeat sends a heartbeat. The reply's Now is left to the caller, whose
// clock it is. A number that a header asks for stands in Replay, beside those
// of the body. The errors are a [*StatusError], a [*MessageError] where the
// reply is not understood, and those of the connection.
func (c *Client) Heartbeat(ctx context.Context, hb agent.Heartbeat) (agent.BeatAnswered, error) {
	body, err := json.Marshal(heartbeatOf(c.Host, hb), lenient)
	if err != nil {
		return agent.BeatAnswered{}, fmt.Errorf("httpapi: heartbeat: %w", err)
	}
	resp, err := c.do(ctx, http.MethodPost, PathHeartbeat, body)
	if err != nil {
		return agent.BeatAnswered{}, err
	}
	reply, err := readHeartbeatReply(resp.body)
	if err != nil {
		return agent.BeatAnswered{}, err
	}
	if resp.replayFrom != 0 {
		reply.Replay = append(reply.Replay, agent.Replay{Rollout: hb.Rollout, From: resp.replayFrom})
	}
	return reply, nil
}

// ReportAnswer is the answer to a report, with what was said to it.
type ReportAnswer struct {
	agent.ReportAnswered
	Reason string // of the control plane; for the log
}

// Report sends a report. The answer is what the agent's machine is to be told,
// whatever the error (its Now is left to the caller): a report that got no
// answer is not consumed. The error says why there was no 200, for the log.
func (c *Client) Report(ctx context.Context, send agent.Send) (ReportAnswer, error) {
	ev := send.Report
	out := ReportAnswer{ReportAnswered: agent.ReportAnswered{Rollout: ev.Key.Rollout, Seq: ev.Seq, Answer: agent.NotNow}}
	m, err := reportOf(send)
	if err != nil {
		return out, fmt.Errorf("httpapi: report: %w", err)
	}
	body, err := json.Marshal(m, lenient)
	if err != nil {
		return out, fmt.Errorf("httpapi: report: %w", err)
	}
	resp, err := c.do(ctx, http.MethodPost, PathEvents, body)
	if err != nil {
		var status *StatusError
		if errors.As(err, &status) {
			status.tell(&out)
		}
		return out, err
	}
	var reply reportReply
	if err := (reader{message: "report reply"}).read(resp.body, &reply); err != nil {
		return out, err
	}
	out.Answer, out.Disposition = agent.Told, reducer.Disposition(*reply.Disposition)
	out.Reason = reply.Reason
	return out, nil
}

// tell says what an answer that is no success means for the report.
func (e *StatusError) tell(out *ReportAnswer) {
	out.Reason = e.Message
	if !e.Protocol {
		return
	}
	switch e.Status {
	case http.StatusBadRequest, http.StatusForbidden, http.StatusRequestEntityTooLarge:
		out.Answer, out.Disposition = agent.Told, reducer.Refused
	case http.StatusNotFound:
		out.Answer = agent.NoRecord
	case http.StatusServiceUnavailable:
		if e.ReplayFrom != 0 {
			out.Answer, out.From = agent.PutBack, e.ReplayFrom
		}
		out.After = e.RetryAfter
	}
}

// Dispatch asks for work and lets the control plane wait for it, in whole
// seconds and up to [MaxWait]. It reports false where there is none. The
// client's own timeout, if it has one, must be longer than the wait.
func (c *Client) Dispatch(ctx context.Context, wait time.Duration) (agent.Dispatch, bool, error) {
	resp, err := c.do(ctx, http.MethodGet, PathDispatch+"?wait="+strconv.Itoa(int(wait.Seconds())), nil)
	if err != nil || resp.status == http.StatusNoContent {
		return agent.Dispatch{}, false, err
	}
	d, err := readDispatch(resp.body, c.Host)
	return d, err == nil, err
}

// response is a success.
type response struct {
	status     int
	body       []byte
	replayFrom states.Seq
}

// do sends a request and reads the whole answer, up to [MaxMessage].
func (c *Client) do(ctx context.Context, method, path string, body []byte) (response, error) {
	req, err := http.NewRequestWithContext(ctx, method, strings.TrimSuffix(c.Base, "/")+path, bytes.NewReader(body))
	if err != nil {
		return response{}, fmt.Errorf("httpapi: %w", err)
	}
	req.Header.Set(HeaderProtocol, Protocol)
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	resp, err := c.HTTP.Do(req)
	if err != nil {
		return response{}, fmt.Errorf("httpapi: %w", err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(io.LimitReader(resp.Body, MaxMessage+1))
	if err != nil {
		return response{}, fmt.Errorf("httpapi: the answer to %s %s ended early: %w", method, path, err)
	}
	if len(b) > MaxMessage {
		return response{}, fmt.Errorf("httpapi: the answer to %s %s is over the limit of %d bytes", method, path, MaxMessage)
	}
	from := replayFrom(resp.Header)
	switch resp.StatusCode {
	case http.StatusOK, http.StatusNoContent:
		return response{status: resp.StatusCode, body: b, replayFrom: from}, nil
	}
	if ctx.Err() != nil {
		// What a server says to somebody who has left may still arrive.
		return response{}, fmt.Errorf("httpapi: %w", ctx.Err())
	}
	return response{}, statusError(resp, b, from)
}

func statusError(resp *http.Response, b []byte, from states.Seq) error {
	e := &StatusError{
		Status:     resp.StatusCode,
		Message:    http.StatusText(resp.StatusCode),
		ReplayFrom: from,
		Protocol:   resp.Header.Get(HeaderProtocol) == Protocol,
	}
	if secs, err := strconv.ParseUint(resp.Header.Get(HeaderRetryAfter), 10, 31); err == nil {
		e.RetryAfter = time.Duration(secs) * time.Second
	}
	// Something in between may have answered in its own way.
	if p := (problem{}); json.Unmarshal(b, &p) == nil && p.Error != "" {
		e.Message, e.Field = p.Error, p.Field
	}
	return e
}

// replayFrom reads the number that a header asks for; 0 where there is none.
func replayFrom(h http.Header) states.Seq {
	n, err := strconv.ParseUint(h.Get(HeaderReplayFrom), 10, 64)
	if err != nil {
		return 0
	}
	return states.Seq(n)
}
