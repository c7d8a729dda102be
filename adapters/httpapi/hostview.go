package httpapi

import (
	"github.com/rollmend/rollmend/engine"
	"github.com/rollmend/rollmend/gates"
	"github.com/rollmend/rollmend/states"
	"github.com/rollmend/rollmend/synth"
)

// hostView is the body of GET /v1/hosts/{host}.
type hostView struct {
	Hostname states.Host     `json:"hostname"`
	Seen     *seenView       `json:"seen"` // null: it never beat
	Silent   []states.Host   `json:"silent,omitempty"`
	Records  []explainedView `json:"records"`
}

// seenView is a host's newest heartbeat.
type seenView struct {
	ReceivedAt    instant   `json:"receivedAt"`
	At            instant   `json:"at"`
	RolloutID     rolloutID `json:"rolloutId,omitzero"`
	Current       string    `json:"currentClosure,omitzero"`
	CurrentSince  instant   `json:"currentSince,omitzero"`
	Boot          uint64    `json:"boot,omitzero"`
	Beat          uint64    `json:"beat,omitzero"`
	LastReply     instant   `json:"lastReply,omitzero"`
	FailingProbes []string  `json:"failingProbes,omitempty"`
	Queued        int       `json:"queued,omitzero"`
}

// explainedView is one record with what is concluded of it.
type explainedView struct {
	Record     recordView  `json:"record"`
	Superseded bool        `json:"superseded,omitzero"`
	Finding    findingView `json:"finding"`
	Gates      *gatesView  `json:"gates,omitzero"` // of a Pending record
	Withheld   string      `json:"withheld,omitzero"`
	Log        []entryView `json:"log"`
}

type findingView struct {
	Reason string      `json:"reason"`
	Case   string      `json:"case,omitzero"`
	Detail string      `json:"detail,omitzero"`
	Blocks []blockView `json:"blocks,omitempty"`
}

type gatesView struct {
	Passed bool        `json:"passed"`
	Blocks []blockView `json:"blocks,omitempty"`
}

func hostViewOf(ex engine.Explanation) hostView {
	v := hostView{
		Hostname: ex.Host,
		Seen:     seenViewOf(ex.Seen),
		Silent:   ex.Silent,
		Records:  make([]explainedView, len(ex.Records)),
	}
	for i := range ex.Records {
		v.Records[i] = explainedViewOf(&ex.Records[i])
	}
	return v
}

func seenViewOf(s synth.Seen) *seenView {
	if !s.Received.IsSet() {
		return nil
	}
	hb := &s.Heartbeat
	return &seenView{
		ReceivedAt:    instant(s.Received),
		At:            instant(hb.At),
		RolloutID:     rolloutID(hb.Holds),
		Current:       string(hb.Current),
		CurrentSince:  instant(hb.CurrentSince),
		Boot:          hb.Order.Boot,
		Beat:          hb.Order.Beat,
		LastReply:     instant(hb.LastReply),
		FailingProbes: hb.Failing,
		Queued:        hb.Queued,
	}
}

func explainedViewOf(e *engine.Explained) explainedView {
	v := explainedView{
		Record:     recordViewOf(&e.Record),
		Superseded: e.Superseded,
		Finding:    findingViewOf(e.Finding),
		Withheld:   e.Withheld,
		Log:        make([]entryView, len(e.Log)),
	}
	if e.Record.State == states.Pending {
		v.Gates = gatesViewOf(e.Verdict)
	}
	for i := range e.Log {
		v.Log[i] = entryViewOf(&e.Log[i])
	}
	return v
}

func findingViewOf(f synth.Finding) findingView {
	v := findingView{Reason: f.Reason.String(), Detail: f.Detail, Blocks: blockViews(f.Blocks)}
	if f.Case != 0 {
		v.Case = f.Case.String()
	}
	return v
}

func gatesViewOf(verdict gates.Verdict) *gatesView {
	return &gatesView{Passed: verdict.Passed(), Blocks: blockViews(verdict.Blocks)}
}
