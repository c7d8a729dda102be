package httpapi

import (
	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/rollmend/rollmend/agent"
	"github.com/rollmend/rollmend/engine"
	"github.com/rollmend/rollmend/reducer"
	"github.com/rollmend/rollmend/states"
)

// report is the body of POST /v1/agent/events.
type report struct {
	Hostname  *string         `json:"hostname"`
	RolloutID *rolloutID      `json:"rolloutId"`
	Event     *jsontext.Value `json:"event"`
	Signature jsontext.Value  `json:"signature,omitzero"` // known, and not looked at
	Boot      uint64          `json:"boot,omitzero"`
	Beat      uint64          `json:"beat,omitzero"`
	LostFrom  uint64          `json:"lostFrom,omitzero"`
}

const messageReport = "report"

// readReport decodes a report. The error is a [*MessageError].
func readReport(b []byte, unknown func(message, field string)) (engine.Report, error) {
	var m report
	r := reader{message: messageReport, unknown: unknown}
	if err := r.read(b, &m); err != nil {
		return engine.Report{}, err
	}
	if *m.Hostname == "" {
		return engine.Report{}, r.refuse("hostname", "empty")
	}
	r.prefix = "event."
	var h head
	if err := r.peek(*m.Event, &h); err != nil {
		return engine.Report{}, err
	}
	if *h.Seq == 0 {
		return engine.Report{}, r.refuse("event.seq", "0 is no number of an event: they start at 1")
	}
	at, body, err := readBody(r, *h.Kind, *m.Event)
	if err != nil {
		return engine.Report{}, err
	}
	return engine.Report{LostFrom: states.Seq(m.LostFrom), Event: reducer.Event{
		Key:   states.Key{Rollout: states.Rollout(*m.RolloutID), Host: states.Host(*m.Hostname)},
		Seq:   states.Seq(*h.Seq),
		At:    states.Time(at),
		Order: states.Order{Boot: m.Boot, Beat: m.Beat},
		Body:  body,
	}}, nil
}

// reportOf gives an agent's report its form on the wire.
func reportOf(send agent.Send) (report, error) {
	ev := send.Report
	event, err := json.Marshal(bodyOf(ev), lenient)
	if err != nil {
		return report{}, err
	}
	return report{
		Hostname:  new(string(ev.Key.Host)),
		RolloutID: new(rolloutID(ev.Key.Rollout)),
		Event:     new(jsontext.Value(event)),
		Boot:      ev.Order.Boot,
		Beat:      ev.Order.Beat,
		LostFrom:  uint64(send.LostFrom),
	}, nil
}

// reportReply is the body of a 200 to a report.
type reportReply struct {
	Disposition *disposition `json:"disposition"`
	Reason      string       `json:"reason,omitzero"`
}

func reportReplyOf(r engine.ReportReply) reportReply {
	return reportReply{Disposition: new(disposition(r.Disposition)), Reason: r.Reason}
}
