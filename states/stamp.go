package states

import "iter"

// Stamp names a time of the agent's life with a rollout. All are by the
// agent's clock.
type Stamp uint8

// The stamps.
const (
	AckedAt Stamp = iota
	StartedAt
	ActivatedAt
	DeferredAt
	ActivationFailedAt
	FirstProbeAt
	FirstProbeFailureAt
	ConvergedAt
	FailedAt
	RevertedAt
	LastTransitionAt
	stampEnd
)

var stampNames = [...]string{
	"acked", "activation-started", "activated", "deferred", "activation-failed",
	"first-probe", "first-probe-failure", "converged", "failed", "reverted", "last-transition",
}

var _ = [1]struct{}{}[int(stampEnd)-len(stampNames)]

// AllStamps lists every stamp.
func AllStamps() iter.Seq[Stamp] {
	return func(yield func(Stamp) bool) {
		for s := range stampEnd {
			if !yield(s) {
				return
			}
		}
	}
}

// String returns the stamp's name.
func (s Stamp) String() string { return name(s, stampNames[:]) }

// Stamps holds a record's times. For each it knows whether a report gave it;
// one that was clamped or synthesised was given by none.
type Stamps struct {
	Times [stampEnd]Time
	Given uint16 // a bit per stamp, counted from the lowest
}

// At returns a stamp's time, zero where it was never set.
func (s *Stamps) At(which Stamp) Time { return s.Times[which] }

// Reported reports whether a report gave the stamp.
func (s *Stamps) Reported(which Stamp) bool { return s.Given&(1<<which) != 0 }

// Set stores a time and whether a report gave it.
func (s *Stamps) Set(which Stamp, at Time, reported bool) {
	s.Times[which] = at
	s.Given &^= 1 << which
	if reported && at.IsSet() {
		s.Given |= 1 << which
	}
}

// Clear takes a stamp back.
func (s *Stamps) Clear(which Stamp) { s.Set(which, 0, false) }
