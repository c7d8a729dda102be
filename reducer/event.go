package reducer

import (
	"time"

	"github.com/rollmend/rollmend/states"
)

// Event is something that happened: an envelope, and a body that says what.
type Event struct {
	Key     states.Key
	Seq     states.Seq // the agent's number; zero when no agent reported it
	Origin  Origin     // zero: the agent reported it
	At      states.Time
	Order   states.Order // the newest beat before the event, where the agent gives it
	Clamped bool         // At was beyond the bound and cut: the stamp counts as not reported
	Body    Body
}

// Kind returns the body's kind, zero where there is no body.
func (ev Event) Kind() states.Kind {
	if ev.Body == nil {
		return 0
	}
	return ev.Body.Kind()
}

// Reported reports whether the agent sent the event.
func (ev Event) Reported() bool { return ev.Origin.By == ByAgent }

// Synthesised reports whether the event was derived from an observation.
func (ev Event) Synthesised() bool { return ev.Origin.By == BySynthesis }

// definite reports whether the event's time is one that a report gave.
func (ev Event) definite() bool { return ev.Reported() && !ev.Clamped }

// By says who an event comes from. The zero value is the agent.
type By uint8

// The sources of events.
const (
	ByAgent        By = iota // the agent reported it; At is by its clock
	ByControlPlane           // the control plane did it; At is by its clock
	BySynthesis              // it was derived; At is by the agent's clock
)

var byNames = [...]string{"reported", "control-plane", "synthesised"}

// String returns the source's stable name.
func (b By) String() string {
	if int(b) < len(byNames) {
		return byNames[b]
	}
	return "invalid"
}

// Origin says where an event came from. Case and From are set for a
// synthesised one alone.
type Origin struct {
	By   By
	Case states.Case
	From states.Observation
}

// Body says what happened. The list is sealed: the types of this file are all
// that there are.
type Body interface {
	Kind() states.Kind
	sealed()
}

// Opened is the first entry of every record's log: the rollout was opened with
// this host in it.
type Opened struct {
	Wave   states.Wave    // the host's, or unstaged
	Target states.Closure // what the host shall run
	Policy states.Policy  // soak, failure policy, and whether Deferred is done
}

// Dispatched says that the control plane handed the dispatch out.
type Dispatched struct{}

// DispatchAck says that the agent took the dispatch. Its time is when the
// agent received it.
type DispatchAck struct {
	AtDispatch states.Closure // what the host ran then; may be unknown
}

// ActivationStarted says that the switch began.
type ActivationStarted struct {
	Method string // how, such as "switch" or "boot"
}

// ActivationCompleted says that the host runs Observed now. It is refused
// unless that is the target.
type ActivationCompleted struct {
	Observed states.Closure // what the host runs now
	ExitCode int            // recorded, never judged: the closure that runs is the evidence
}

// ActivationDeferred says that the closure is staged for the next boot.
type ActivationDeferred struct {
	Component string // what cannot be swapped live, such as "kernel"
}

// ActivationFailed says that the switch did not work.
type ActivationFailed struct {
	ExitCode   int    // recorded, never judged
	StderrTail string // the last of what the switch printed
}

// ProbeTopologyDeclared says which probes the agent will run.
type ProbeTopologyDeclared struct {
	Probes []Declaration // in the agent's order
}

// Declaration declares one probe.
type Declaration struct {
	Name string
	Kind string // what sort of probe, as the agent says it; kept in the log alone
	Mode states.Mode
}

// ProbeObservedFirst says that a probe ran for the first time.
type ProbeObservedFirst struct {
	Probe string      // its name
	Mode  states.Mode // whether it gates
}

// ProbeResult is one result of one probe.
type ProbeResult struct {
	Probe  string        // its name
	Mode   states.Mode   // whether it gates; a declared mode is not lowered by it
	Status states.Status // pass or fail
	Reason string        // why it failed
	Sub    []SubResult   // of a compliance probe
}

// SubResult is a part of a compliance probe's result; it is kept in the log.
type SubResult struct {
	ControlID      string
	Status         states.Status
	Framework      string
	Article        string
	EffectiveMode  states.Mode
	OverrideReason string
}

// ProbeFailureFirst says that a probe failed for the first time.
type ProbeFailureFirst struct {
	Probe string      // its name
	Mode  states.Mode // whether it gates
}

// Failed says that probes failed for long enough.
type Failed struct {
	Duration      time.Duration    // how long they had failed
	Failing       []string         // their names
	PolicyApplied states.OnFailure // what the agent does now; where it does not say, the record's own
}

// RollbackComplete says that the host runs RevertedTo again. It is refused
// where that is unknown or the target itself.
type RollbackComplete struct {
	RevertedTo states.Closure // what the host runs again
	ExitCode   int            // recorded, never judged
}

// Converged says that the soak is over and the host healthy on Current. It is
// refused unless the three invariants hold.
type Converged struct {
	Current states.Closure // what the host runs
}

// Kind implements [Body].
func (Opened) Kind() states.Kind { return states.KindOpened }

// Kind implements [Body].
func (Dispatched) Kind() states.Kind { return states.KindDispatched }

// Kind implements [Body].
func (DispatchAck) Kind() states.Kind { return states.KindDispatchAck }

// Kind implements [Body].
func (ActivationStarted) Kind() states.Kind { return states.KindActivationStarted }

// Kind implements [Body].
func (ActivationCompleted) Kind() states.Kind { return states.KindActivationCompleted }

// Kind implements [Body].
func (ActivationDeferred) Kind() states.Kind { return states.KindActivationDeferred }

// Kind implements [Body].
func (ActivationFailed) Kind() states.Kind { return states.KindActivationFailed }

// Kind implements [Body].
func (ProbeTopologyDeclared) Kind() states.Kind { return states.KindProbeTopologyDeclared }

// Kind implements [Body].
func (ProbeObservedFirst) Kind() states.Kind { return states.KindProbeObservedFirst }

// Kind implements [Body].
func (ProbeResult) Kind() states.Kind { return states.KindProbeResult }

// Kind implements [Body].
func (ProbeFailureFirst) Kind() states.Kind { return states.KindProbeFailureFirst }

// Kind implements [Body].
func (Failed) Kind() states.Kind { return states.KindFailed }

// Kind implements [Body].
func (RollbackComplete) Kind() states.Kind { return states.KindRollbackComplete }

// Kind implements [Body].
func (Converged) Kind() states.Kind { return states.KindConverged }

func (Opened) sealed()                {}
func (Dispatched) sealed()            {}
func (DispatchAck) sealed()           {}
func (ActivationStarted) sealed()     {}
func (ActivationCompleted) sealed()   {}
func (ActivationDeferred) sealed()    {}
func (ActivationFailed) sealed()      {}
func (ProbeTopologyDeclared) sealed() {}
func (ProbeObservedFirst) sealed()    {}
func (ProbeResult) sealed()           {}
func (ProbeFailureFirst) sealed()     {}
func (Failed) sealed()                {}
func (RollbackComplete) sealed()      {}
func (Converged) sealed()             {}
