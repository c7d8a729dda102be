package httpapi

import (
	"time"

	"github.com/rollmend/rollmend/reducer"
	"github.com/rollmend/rollmend/states"
)

// head is what the event of every report begins with.
type head struct {
	Kind *kind   `json:"kind"`
	Seq  *uint64 `json:"seq"`
}

// body is an event of one kind on the wire.
type body interface {
	read() (instant, reducer.Body)
}

// readBody decodes an event of a kind, with the time that it gives. The error
// is a [*MessageError].
func readBody(r reader, k kind, b []byte) (instant, reducer.Body, error) {
	m := bodies[states.Kind(k)]()
	if err := r.read(b, m); err != nil {
		return 0, nil, err
	}
	if f, ok := m.(*failed); ok && *f.DurationSecs > maxSecs {
		return 0, nil, r.refuse("event.sustainedDurationSecs", "longer than a clock can count")
	}
	at, body := m.read()
	return at, body, nil
}

// maxSecs is the most that a time.Duration holds.
const maxSecs = uint64(1<<63-1) / uint64(time.Second)

// bodies makes a body to decode into, by kind.
var bodies = map[states.Kind]func() body{
	states.KindDispatchAck:           func() body { return new(dispatchAck) },
	states.KindActivationStarted:     func() body { return new(activationStarted) },
	states.KindActivationCompleted:   func() body { return new(activationCompleted) },
	states.KindActivationDeferred:    func() body { return new(activationDeferred) },
	states.KindActivationFailed:      func() body { return new(activationFailed) },
	states.KindProbeTopologyDeclared: func() body { return new(probeTopologyDeclared) },
	states.KindProbeObservedFirst:    func() body { return new(probeObservedFirst) },
	states.KindProbeResult:           func() body { return new(probeResult) },
	states.KindProbeFailureFirst:     func() body { return new(probeFailureFirst) },
	states.KindFailed:                func() body { return new(failed) },
	states.KindRollbackComplete:      func() body { return new(rollbackComplete) },
	states.KindConverged:             func() body { return new(converged) },
}

type dispatchAck struct {
	head
	AtDispatch string   `json:"currentClosureAtDispatch"` // may be unknown, so may be absent
	ReceivedAt *instant `json:"receivedAt"`
}

func (m *dispatchAck) read() (instant, reducer.Body) {
	return *m.ReceivedAt, reducer.DispatchAck{AtDispatch: states.Closure(m.AtDispatch)}
}

type activationStarted struct {
	head
	StartedAt    *instant `json:"startedAt"`
	SwitchMethod *string  `json:"switchMethod"`
}

func (m *activationStarted) read() (instant, reducer.Body) {
	return *m.StartedAt, reducer.ActivationStarted{Method: *m.SwitchMethod}
}

type activationCompleted struct {
	head
	Observed    *string  `json:"observedCurrentClosure"`
	ExitCode    *int     `json:"exitCode"`
	CompletedAt *instant `json:"completedAt"`
}

func (m *activationCompleted) read() (instant, reducer.Body) {
	return *m.CompletedAt, reducer.ActivationCompleted{Observed: states.Closure(*m.Observed), ExitCode: *m.ExitCode}
}

type activationDeferred struct {
	head
	Component  *string  `json:"component"`
	DeferredAt *instant `json:"deferredAt"`
}

func (m *activationDeferred) read() (instant, reducer.Body) {
	return *m.DeferredAt, reducer.ActivationDeferred{Component: *m.Component}
}

type activationFailed struct {
	head
	ExitCode   *int     `json:"exitCode"`
	StderrTail *string  `json:"stderrTail"`
	FailedAt   *instant `json:"failedAt"`
}

func (m *activationFailed) read() (instant, reducer.Body) {
	return *m.FailedAt, reducer.ActivationFailed{ExitCode: *m.ExitCode, StderrTail: *m.StderrTail}
}

type probeTopologyDeclared struct {
	head
	Probes     *[]declaration `json:"probes"`
	DeclaredAt *instant       `json:"declaredAt"`
}

type declaration struct {
	ProbeName *string `json:"probeName"`
	Kind      *string `json:"kind"`
	Mode      *mode   `json:"mode"`
}

func (m *probeTopologyDeclared) read() (instant, reducer.Body) {
	var probes []reducer.Declaration
	for _, p := range *m.Probes {
		probes = append(probes, reducer.Declaration{Name: *p.ProbeName, Kind: *p.Kind, Mode: states.Mode(*p.Mode)})
	}
	return *m.DeclaredAt, reducer.ProbeTopologyDeclared{Probes: probes}
}

type probeObservedFirst struct {
	head
	ProbeName  *string  `json:"probeName"`
	Mode       *mode    `json:"mode"`
	ObservedAt *instant `json:"observedAt"`
}

func (m *probeObservedFirst) read() (instant, reducer.Body) {
	return *m.ObservedAt, reducer.ProbeObservedFirst{Probe: *m.ProbeName, Mode: states.Mode(*m.Mode)}
}

type probeResult struct {
	head
	ProbeName     *string     `json:"probeName"`
	Mode          *mode       `json:"mode"`
	Status        *status     `json:"status"`
	ObservedAt    *instant    `json:"observedAt"`
	FailureReason string      `json:"failureReason,omitzero"`
	SubResults    []subResult `json:"subResults,omitempty"`
}

type subResult struct {
	ControlID      *string `json:"controlId"`
	Status         *status `json:"status"`
	Framework      *string `json:"framework"`
	Article        string  `json:"article,omitzero"`
	EffectiveMode  *mode   `json:"effectiveMode"`
	OverrideReason string  `json:"overrideReason,omitzero"`
}

func (m *probeResult) read() (instant, reducer.Body) {
	var sub []reducer.SubResult
	for _, s := range m.SubResults {
		sub = append(sub, reducer.SubResult{
			ControlID:      *s.ControlID,
			Status:         states.Status(*s.Status),
			Framework:      *s.Framework,
			Article:        s.Article,
			EffectiveMode:  states.Mode(*s.EffectiveMode),
			OverrideReason: s.OverrideReason,
		})
	}
	return *m.ObservedAt, reducer.ProbeResult{
		Probe:  *m.ProbeName,
		Mode:   states.Mode(*m.Mode),
		Status: states.Status(*m.Status),
		Reason: m.FailureReason,
		Sub:    sub,
	}
}

type probeFailureFirst struct {
	head
	ProbeName     *string  `json:"probeName"`
	Mode          *mode    `json:"mode"`
	FirstFailedAt *instant `json:"firstFailedAt"`
}

func (m *probeFailureFirst) read() (instant, reducer.Body) {
	return *m.FirstFailedAt, reducer.ProbeFailureFirst{Probe: *m.ProbeName, Mode: states.Mode(*m.Mode)}
}

type failed struct {
	head
	FailedAt      *instant   `json:"failedAt"`
	DurationSecs  *uint64    `json:"sustainedDurationSecs"`
	FailingProbes *[]string  `json:"failingProbes"`
	PolicyApplied *onFailure `json:"policyApplied"`
}

func (m *failed) read() (instant, reducer.Body) {
	return *m.FailedAt, reducer.Failed{
		Duration:      time.Duration(*m.DurationSecs) * time.Second,
		Failing:       named(*m.FailingProbes),
		PolicyApplied: states.OnFailure(*m.PolicyApplied),
	}
}

type rollbackComplete struct {
	head
	RevertedTo  *string  `json:"revertedToClosure"`
	ExitCode    *int     `json:"exitCode"`
	CompletedAt *instant `json:"completedAt"`
}

func (m *rollbackComplete) read() (instant, reducer.Body) {
	return *m.CompletedAt, reducer.RollbackComplete{RevertedTo: states.Closure(*m.RevertedTo), ExitCode: *m.ExitCode}
}

type converged struct {
	head
	ConvergedAt *instant `json:"convergedAt"`
	Current     *string  `json:"currentClosure"`
}

func (m *converged) read() (instant, reducer.Body) {
	return *m.ConvergedAt, reducer.Converged{Current: states.Closure(*m.Current)}
}

// named returns names as the rest of rollmend has them: none is nil.
func named(names []string) []string {
	if len(names) == 0 {
		return nil
	}
	return names
}
