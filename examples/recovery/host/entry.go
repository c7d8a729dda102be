package host

import (
	"encoding/json"
	"fmt"

	"github.com/rollmend/rollmend/agent"
	"github.com/rollmend/rollmend/reducer"
	"github.com/rollmend/rollmend/states"
)

// op is one line of a journal: an entry to keep, or a slot to forget.
type op struct {
	Keep   agent.Entry // nil: forget
	Forget agent.Slot
}

// on returns the journal as the op leaves it.
func (o op) on(j agent.Journal) agent.Journal {
	if o.Keep != nil {
		return j.Keep(o.Keep)
	}
	return j.Forget(o.Forget)
}

// opLine is an op as it is written: exactly one of its fields is set.
type opLine struct {
	Standing *agent.Standing `json:",omitempty"`
	Taken    *agent.Taken    `json:",omitempty"`
	Answered *agent.Answered `json:",omitempty"`
	Report   *reportLine     `json:",omitempty"`
	Forget   *agent.Slot     `json:",omitempty"`
}

// reportLine is an event with its body beside it, which says its kind first.
type reportLine struct {
	Event reducer.Event
	Kind  string
	Body  json.RawMessage
}

func encodeOp(o op) ([]byte, error) {
	var line opLine
	switch e := o.Keep.(type) {
	case nil:
		line.Forget = &o.Forget
	case agent.Standing:
		line.Standing = &e
	case agent.Taken:
		line.Taken = &e
	case agent.Answered:
		line.Answered = &e
	case agent.Report:
		body, err := json.Marshal(e.Event.Body)
		if err != nil {
			return nil, fmt.Errorf("host: journal: %w", err)
		}
		line.Report = &reportLine{Event: e.Event, Kind: e.Event.Kind().String(), Body: body}
		line.Report.Event.Body = nil
	}
	b, err := json.Marshal(line)
	if err != nil {
		return nil, fmt.Errorf("host: journal: %w", err)
	}
	return b, nil
}

func decodeOp(b []byte) (op, error) {
	var line opLine
	if err := json.Unmarshal(b, &line); err != nil {
		return op{}, fmt.Errorf("journal: %w", err)
	}
	switch {
	case line.Forget != nil:
		return op{Forget: *line.Forget}, nil
	case line.Standing != nil:
		return op{Keep: *line.Standing}, nil
	case line.Taken != nil:
		return op{Keep: *line.Taken}, nil
	case line.Answered != nil:
		return op{Keep: *line.Answered}, nil
	case line.Report != nil:
		ev := line.Report.Event
		body, err := decodeBody(line.Report.Kind, line.Report.Body)
		ev.Body = body
		return op{Keep: agent.Report{Event: ev}}, err
	}
	return op{}, fmt.Errorf("journal: %s says neither what to keep nor what to forget", b)
}

// bodies finds the type of an agent's body by its kind.
var bodies = map[states.Kind]func([]byte) (reducer.Body, error){
	states.KindDispatchAck:           bodyAs[reducer.DispatchAck],
	states.KindActivationStarted:     bodyAs[reducer.ActivationStarted],
	states.KindActivationCompleted:   bodyAs[reducer.ActivationCompleted],
	states.KindActivationDeferred:    bodyAs[reducer.ActivationDeferred],
	states.KindActivationFailed:      bodyAs[reducer.ActivationFailed],
	states.KindProbeTopologyDeclared: bodyAs[reducer.ProbeTopologyDeclared],
	states.KindProbeObservedFirst:    bodyAs[reducer.ProbeObservedFirst],
	states.KindProbeResult:           bodyAs[reducer.ProbeResult],
	states.KindProbeFailureFirst:     bodyAs[reducer.ProbeFailureFirst],
	states.KindFailed:                bodyAs[reducer.Failed],
	states.KindRollbackComplete:      bodyAs[reducer.RollbackComplete],
	states.KindConverged:             bodyAs[reducer.Converged],
}

func decodeBody(kind string, b []byte) (reducer.Body, error) {
	k, err := states.ParseKind(kind)
	if err != nil {
		return nil, fmt.Errorf("journal: %w", err)
	}
	decode, ok := bodies[k]
	if !ok {
		return nil, fmt.Errorf("journal: %s is no event of an agent", k)
	}
	return decode(b)
}

func bodyAs[B reducer.Body](b []byte) (reducer.Body, error) {
	var body B
	if err := json.Unmarshal(b, &body); err != nil {
		return nil, fmt.Errorf("journal: %w", err)
	}
	return body, nil
}
