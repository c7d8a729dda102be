package httpapi

import (
	"github.com/rollmend/rollmend/reducer"
	"github.com/rollmend/rollmend/states"
)

// entryView is one line of a record's log, for an operator.
type entryView struct {
	Revision    uint64  `json:"revision"`
	Disposition string  `json:"disposition"`
	Reason      string  `json:"reason,omitzero"`
	Origin      string  `json:"origin"` // "reported", "control-plane" or "synthesised"
	Case        string  `json:"case,omitzero"`
	From        string  `json:"from,omitzero"` // what a synthesised event rests on, in one line
	At          instant `json:"at"`
	Clamped     bool    `json:"clamped,omitzero"`
	Boot        uint64  `json:"boot,omitzero"`
	Beat        uint64  `json:"beat,omitzero"`
	Event       any     `json:"event"` // as on the wire; a synthesised one has the number 0
}

// opened and dispatched are the control plane's own events. They are on no
// agent's wire.
type (
	opened struct {
		Kind      kind      `json:"kind"`
		Wave      int32     `json:"wave"`
		Target    string    `json:"targetClosure"`
		SoakMs    int64     `json:"soakMs"`
		OnFailure onFailure `json:"onFailure"`
		Deferred  bool      `json:"deferredIsDone"`
	}
	dispatched struct {
		Kind kind `json:"kind"`
	}
)

// compacted is what stands at the head of a log that was made shorter: the state
// that its entries led to. It is on no agent's wire.
type compacted struct {
	Kind  string `json:"kind"` // "Snapshot"
	State state  `json:"state"`
}

func entryViewOf(e *reducer.LogEntry) entryView {
	if e.Snapshot != nil {
		rec := &e.Snapshot.Record
		return entryView{
			Revision: uint64(e.Revision), Disposition: "snapshot", Origin: e.Event.Origin.By.String(),
			At: instant(rec.At(states.LastTransitionAt)), Event: compacted{Kind: "Snapshot", State: state(rec.State)},
		}
	}
	ev := e.Event
	v := entryView{
		Revision:    uint64(e.Revision),
		Disposition: e.Disposition.String(),
		Reason:      e.Reason,
		Origin:      ev.Origin.By.String(),
		At:          instant(ev.At),
		Clamped:     ev.Clamped,
		Boot:        ev.Order.Boot,
		Beat:        ev.Order.Beat,
		Event:       eventViewOf(ev),
	}
	if ev.Synthesised() {
		v.Case, v.From = ev.Origin.Case.String(), ev.Origin.From.String()
	}
	return v
}

func eventViewOf(ev reducer.Event) any {
	switch b := ev.Body.(type) {
	case reducer.Opened:
		return opened{
			Kind:      kind(states.KindOpened),
			Wave:      int32(b.Wave),
			Target:    string(b.Target),
			SoakMs:    b.Policy.Soak.Milliseconds(),
			OnFailure: onFailure(b.Policy.OnFailure),
			Deferred:  b.Policy.DeferredIsDone,
		}
	case reducer.Dispatched:
		return dispatched{Kind: kind(states.KindDispatched)}
	}
	return bodyOf(ev)
}
