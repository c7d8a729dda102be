package httpapi

import (
	"net/http"
	"slices"

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
	raw, err := split(b)
	if err != nil {
		return err
	}
	items := make([]batchItem, len(raw))
	hbs := make([]synth.Heartbeat, 0, len(raw))
	at := make([]int, 0, len(raw)) // the item of each heartbeat
	for i, item := range raw {
		hb, err := readHeartbeat(item, a.opts.UnknownField)
		if err == nil && !relay {
			err = id.speaksFor(hb.Host)
		}
		if err != nil {
			items[i].refuse(err)
			continue
		}
		hbs, at = append(hbs, hb), append(at, i)
	}
	for i, res := range a.engine.Heartbeats(r.Context(), hbs) {
		if res.Err != nil {
			items[at[i]].refuse(res.Err)
			continue
		}
		items[at[i]].answer(hbs[i].Holds, res.Reply)
	}
	answer(w, http.StatusOK, items)
	return nil
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

func (it *batchItem) refuse(err error) {
	e := refusalOf(err)
	it.batchProblem = &batchProblem{Status: e.status, Error: e.message, Field: e.field, RetryAfter: wholeSeconds(e.retryAfter)}
}

// answer gives an item its reply. There is no header per item: what one would
// say of the rollout that the heartbeat names stands among the requests for a
// replay.
func (it *batchItem) answer(holds states.Rollout, r engine.HeartbeatReply) {
	asked := slices.ContainsFunc(r.Replay, func(p engine.Replay) bool { return p.Rollout == holds })
	if r.ReplayFrom != 0 && !asked {
		r.Replay = append(slices.Clip(r.Replay), engine.Replay{Rollout: holds, From: r.ReplayFrom})
	}
	it.heartbeatReply = new(replyOf(r))
}
