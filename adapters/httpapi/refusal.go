package httpapi

import (
	"bytes"
	"errors"
	"log/slog"
	"net/http"
	"strconv"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/rollmend/rollmend/adapters"
	"github.com/rollmend/rollmend/engine"
	"github.com/rollmend/rollmend/states"
)

// refusal is an error with its HTTP status.
type refusal struct {
	status     int
	message    string
	field      string        // that is wrong; empty where it is none
	retryAfter time.Duration // with a 503
	replayFrom states.Seq    // with a gap: the first missing number
}

func (e *refusal) Error() string { return e.message }

// problem is the body of every answer that is not a success.
type problem struct {
	Error string `json:"error"`
	Field string `json:"field,omitzero"`
}

const (
	// shortly is for a cause that is gone by itself: other writers.
	shortly = time.Second
	// later is for one that takes a while: a control plane that starts, a store
	// that is full. Agents wait at least this long, each with its own spread.
	later = 5 * time.Second
)

// refusalOf says over HTTP what an error means. What an agent cannot act on is
// not told to it in detail.
func refusalOf(err error) *refusal {
	var (
		already *refusal
		message *MessageError
		gap     *engine.GapError
		busy    *engine.BusyError
	)
	switch {
	case errors.As(err, &already):
		return already
	case errors.As(err, &message):
		return &refusal{status: http.StatusBadRequest, message: message.Error(), field: message.Field}
	case errors.As(err, &gap):
		return &refusal{status: http.StatusServiceUnavailable, message: gap.Error(), replayFrom: gap.From}
	case errors.As(err, &busy):
		return &refusal{status: http.StatusServiceUnavailable, message: busy.Error(), retryAfter: busy.After}
	case errors.Is(err, adapters.ErrNotFound), errors.Is(err, engine.ErrUnknownHost):
		return &refusal{status: http.StatusNotFound, message: err.Error()}
	case errors.Is(err, engine.ErrContended):
		return &refusal{status: http.StatusServiceUnavailable, message: err.Error(), retryAfter: shortly}
	case errors.Is(err, engine.ErrNotReady), errors.Is(err, engine.ErrClosed):
		return &refusal{status: http.StatusServiceUnavailable, message: err.Error(), retryAfter: later}
	}
	return &refusal{status: http.StatusServiceUnavailable, message: "not confirmed as stored: send it again", retryAfter: later}
}

// refuse answers with an error. It is said in the log too where an operator
// should know of it.
func refuse(w http.ResponseWriter, r *http.Request, log *slog.Logger, err error) {
	e := refusalOf(err)
	if e.status != http.StatusServiceUnavailable || r.Context().Err() == nil {
		log.Log(r.Context(), e.level(err), "refused", "method", r.Method, "path", r.URL.Path, "status", e.status, "error", err)
	}
	if e.status == http.StatusServiceUnavailable {
		w.Header().Set(HeaderRetryAfter, strconv.Itoa(wholeSeconds(e.retryAfter)))
	}
	if e.replayFrom != 0 {
		w.Header().Set(HeaderReplayFrom, strconv.FormatUint(uint64(e.replayFrom), 10))
	}
	answer(w, e.status, problem{Error: e.message, Field: e.field})
}

// wholeSeconds rounds up: nobody is to come too early.
func wholeSeconds(d time.Duration) int { return int((d + time.Second - 1) / time.Second) }

// level says how loud an error is. What agents get right by themselves is not.
func (e *refusal) level(err error) slog.Level {
	switch {
	case e.replayFrom != 0, errors.Is(err, engine.ErrNotReady), errors.Is(err, engine.ErrContended), errors.As(err, new(*engine.BusyError)):
		return slog.LevelDebug
	case e.status == http.StatusServiceUnavailable:
		return slog.LevelError
	}
	return slog.LevelWarn
}

// lenient writes a text that is not UTF-8 with its wrong bytes replaced: a
// broken line of some tool's output must not keep a report from being sent.
var lenient = jsontext.AllowInvalidUTF8(true)

// answer writes a JSON body.
func answer(w http.ResponseWriter, status int, body any) {
	var b bytes.Buffer
	if err := json.MarshalWrite(&b, body, lenient, json.Deterministic(true)); err != nil {
		http.Error(w, "the answer could not be written", http.StatusInternalServerError)
		return
	}
	respond(w, status, b.Bytes())
}

// respond writes a body that is JSON.
func respond(w http.ResponseWriter, status int, body []byte) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	// The caller may be gone; there is nobody else to tell.
	_, _ = w.Write(body)
}
