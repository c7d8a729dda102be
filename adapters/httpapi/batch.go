package httpapi

import (
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/rollmend/rollmend/engine"
	"github.com/rollmend/rollmend/states"
	"github.com/rollmend/rollmend/synth"
)

// batchItem answers one heartbeat of a batch: with a reply, or with the status
// and the problem that it alone would have got.
type batchItem struct {
	*heartbeatReply
	*batchProblem
}

type batchProblem struct {
	Status     int    `json:"status"`
	Error      string `json:"error"`
	Field      string `json:"field,omitzero"`
	RetryAfter int    `json:"retry_after,omitzero"` // seconds: what the header says for one heartbeat
}

// heartbeats takes a batch from a relay. An item that is wrong is refused by
// itself: one bad agent does not silence the others behind its relay.
func (a *agentRoutes) heartbeats(w http.ResponseWriter, r *http.Request, id identity) error {
	relay := id.relay(a.opts.Relays)
	most := int64(MaxMessage)
	if relay {
		most = MaxBatch
	}
	b, err := readAll(w, r, most)
	if err != nil {
		return err
	}
	hbs, refused, err := a.readBatch(b, id, relay)
	if err != nil {
		return err
	}
	results := a.engine.Heartbeats(r.Context(), hbs)
	answers := batchAnswers{buf: make([]byte, 0, replySize*(len(hbs)+len(refused)))}
	for i, res := range results {
		for refused[answers.items] != nil {
			answers.refuse(refused[answers.items])
		}
		if res.Err != nil {
			answers.refuse(res.Err)
			continue
		}
		answers.reply(hbs[i].Holds, &res.Reply)
	}
	for refused[answers.items] != nil {
		answers.refuse(refused[answers.items])
	}
	return answers.send(w)
}

// readBatch reads the heartbeats of a batch. Those that are wrong are left out;
// refused says why, by their places in the batch.
func (a *agentRoutes) readBatch(b []byte, id identity, relay bool) (hbs []synth.Heartbeat, refused map[int]error, err error) {
	if relay {
		if hbs, ok := readWholeBatch(b); ok {
			return hbs, nil, nil
		}
	}
	raw, err := split(b)
	if err != nil {
		return nil, nil, err
	}
	refused = map[int]error{}
	hbs = make([]synth.Heartbeat, 0, len(raw))
	for i, item := range raw {
		hb, err := readHeartbeat(item, a.opts.UnknownField)
		if err == nil && !relay {
			err = id.speaksFor(hb.Host)
		}
		if err != nil {
			refused[i] = err
			continue
		}
		hbs = append(hbs, hb)
	}
	return hbs, refused, nil
}

// readWholeBatch reads a batch at once. It reports false where anything is the
// matter with it: then each heartbeat is to be looked at by itself.
func readWholeBatch(b []byte) ([]synth.Heartbeat, bool) {
	var all []heartbeat
	if json.Unmarshal(b, &all, strict) != nil {
		return nil, false
	}
	hbs := make([]synth.Heartbeat, len(all))
	for i := range all {
		m := &all[i]
		if m.Hostname == nil || m.At == nil || *m.Hostname == "" {
			return nil, false
		}
		hbs[i] = m.synth()
	}
	return hbs, true
}

// split takes a batch apart. Its items are read strictly one by one, so here
// they only need to be told from one another.
func split(b []byte) ([]jsontext.Value, error) {
	var raw []jsontext.Value
	err := json.Unmarshal(b, &raw, jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true))
	if err != nil {
		return nil, reader{message: "batch"}.fault(err)
	}
	return raw, nil
}

// replySize is about what most replies take, in bytes.
const replySize = 72

// batchAnswers writes the answers of a batch, one after the other. Nearly all
// say no more than when the heartbeat came and when the next one is wanted, and
// came at one time: those are put together by hand.
type batchAnswers struct {
	buf   []byte
	items int
	err   error

	at     states.Time // of the short replies so far
	prefix []byte      // what they begin with
}

func (w *batchAnswers) refuse(err error) {
	e := refusalOf(err)
	w.item(batchItem{batchProblem: &batchProblem{
		Status: e.status, Error: e.message, Field: e.field, RetryAfter: wholeSeconds(e.retryAfter),
	}})
}

// reply answers an item. There is no header per item: what one would say of the
// rollout that the heartbeat names stands among the requests for a replay.
func (w *batchAnswers) reply(holds states.Rollout, r *engine.HeartbeatReply) {
	if len(r.Snapshots) == 0 && len(r.Replay) == 0 && r.ReplayFrom == 0 && !r.Newest.Given() && r.NextBeat >= time.Millisecond {
		w.short(r)
		return
	}
	asked := slices.ContainsFunc(r.Replay, func(p engine.Replay) bool { return p.Rollout == holds })
	full := *r
	if r.ReplayFrom != 0 && !asked {
		full.Replay = append(slices.Clip(r.Replay), engine.Replay{Rollout: holds, From: r.ReplayFrom})
	}
	w.item(batchItem{heartbeatReply: new(replyOf(full))})
}

func (w *batchAnswers) short(r *engine.HeartbeatReply) {
	if w.prefix == nil || w.at != r.ReceivedAt {
		w.at = r.ReceivedAt
		w.prefix = append(w.prefix[:0], `{"received_at":"`...)
		w.prefix = w.at.UTC().AppendFormat(w.prefix, layout)
		w.prefix = append(w.prefix, `","next_beat_ms":`...)
	}
	w.comma()
	w.buf = append(w.buf, w.prefix...)
	w.buf = strconv.AppendUint(w.buf, uint64(uint32(r.NextBeat.Milliseconds())), 10)
	w.buf = append(w.buf, '}')
}

func (w *batchAnswers) item(it batchItem) {
	text, err := json.Marshal(it, lenient, json.Deterministic(true))
	if err != nil {
		w.err = err
	}
	w.comma()
	w.buf = append(w.buf, text...)
}

func (w *batchAnswers) comma() {
	c := byte(',')
	if w.items == 0 {
		c = '['
	}
	w.buf = append(w.buf, c)
	w.items++
}

// send answers the batch.
func (w *batchAnswers) send(to http.ResponseWriter) error {
	if w.err != nil {
		return w.err
	}
	if w.items == 0 {
		w.buf = append(w.buf, '[')
	}
	w.buf = append(w.buf, ']')
	respond(to, http.StatusOK, w.buf)
	return nil
}
