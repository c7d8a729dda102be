package states

import "iter"

// Kind says what sort of event happened. The zero value is invalid. The bodies
// are in package reducer; the kind stands here because a record remembers it
// of every guess that it rests on.
type Kind uint8

// The kinds: two of the control plane, then the twelve of the agent.
const (
	KindOpened Kind = iota + 1
	KindDispatched
	KindDispatchAck
	KindActivationStarted
	KindActivationCompleted
	KindActivationDeferred
	KindActivationFailed
	KindProbeTopologyDeclared
	KindProbeObservedFirst
	KindProbeResult
	KindProbeFailureFirst
	KindFailed
	KindRollbackComplete
	KindConverged
	kindEnd
)

var kindNames = [...]string{
	"invalid",
	"Opened", "Dispatched",
	"DispatchAck", "ActivationStarted", "ActivationCompleted", "ActivationDeferred", "ActivationFailed",
	"ProbeTopologyDeclared", "ProbeObservedFirst", "ProbeResult", "ProbeFailureFirst",
	"Failed", "RollbackComplete", "Converged",
}

var _ = [1]struct{}{}[int(kindEnd)-len(kindNames)]

// Kinds lists every kind of event.
func Kinds() iter.Seq[Kind] { return upTo(kindEnd) }

// ParseKind reads the name that [Kind.String] writes. The error is a
// [*NameError].
func ParseKind(s string) (Kind, error) { return parse[Kind]("event kind", s, kindNames[:]) }

// Agent reports whether the agent sends events of this kind; the others are
// the control plane's own.
func (k Kind) Agent() bool { return k >= KindDispatchAck && k < kindEnd }

// String returns the kind's name, which is its name on the wire.
func (k Kind) String() string { return name(k, kindNames[:]) }
