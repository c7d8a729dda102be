package states

import "slices"

// Record is what the control plane believes about one host in one rollout. It
// is a cache: the truth is what the host runs. The zero Record is that of a
// rollout that was never opened.
type Record struct {
	Key // identity; the channel is half of the rollout's

	// What the rollout was opened with.
	Wave   Wave
	Target Closure
	Policy Policy
	Opened Time // the control plane's clock

	// Dispatched is when this control plane first handed the dispatch out, by
	// its own clock; zero while it has not.
	Dispatched Time

	// Numbers.
	LastSeq  Seq  // the agent's last number; 0 while nothing was heard
	Gap      bool // a gap was accepted, and the activation was not reported since
	Revision Revision

	// What may be a guess: as it is now, and, while it rests on guesses, what it
	// was before them. A Doubt is never written to once a record has it, so that
	// copies of the record share it safely; nearly every record has none.
	Belief
	Doubt *Doubt
}

// Synthesised reports whether the present state rests on guesses. A report
// applied on top of them makes all below it definite.
func (r *Record) Synthesised() bool { return r.Doubt != nil }

// Before returns what the record was before its guesses, the zero Belief where
// it rests on none.
func (r *Record) Before() Belief {
	if r.Doubt == nil {
		return Belief{}
	}
	return r.Doubt.Before
}

// Guesses returns what the record rests on, oldest first. It is shared: read
// it only.
func (r *Record) Guesses() []Guess {
	if r.Doubt == nil {
		return nil
	}
	return r.Doubt.Guesses
}

// LastGuess returns the newest guess, the zero Guess where there is none.
func (r *Record) LastGuess() Guess {
	guesses := r.Guesses()
	if len(guesses) == 0 {
		return Guess{}
	}
	return guesses[len(guesses)-1]
}

// SoakDue returns when the soak window ends: activated plus soak by the
// agent's clock, and before there is an activation, opened plus soak by the
// control plane's.
func (r *Record) SoakDue() Time {
	if at := r.At(ActivatedAt); at.IsSet() {
		return at.Add(r.Policy.Soak)
	}
	return r.Opened.Add(r.Policy.Soak)
}

// Applied returns the failure policy that counts: what the agent said that it
// applied, else the record's own.
func (r *Record) Applied() OnFailure {
	if r.PolicyApplied != 0 {
		return r.PolicyApplied
	}
	return r.Policy.OnFailure
}

// Done reports whether the host lets the next wave go: it converged, or is
// staged for its next boot in a wave for which that is enough.
func (r *Record) Done() bool {
	return r.State == Converged || r.State == Deferred && r.Policy.DeferredIsDone
}

// InFlight reports whether the host's work may be disrupting it now.
func (r *Record) InFlight() bool {
	return r.State == Pending && r.Dispatched.IsSet() || r.State == Activating || r.State == Soaking
}

// Equal reports whether both records are the same in every field.
func (r *Record) Equal(o *Record) bool {
	return r.Key == o.Key && r.Wave == o.Wave && sameName(r.Target, o.Target) && r.Policy == o.Policy &&
		r.Opened == o.Opened && r.Dispatched == o.Dispatched &&
		r.LastSeq == o.LastSeq && r.Gap == o.Gap && r.Revision == o.Revision &&
		r.Belief.Equal(&o.Belief) && r.Doubt.Equal(o.Doubt)
}

// Belief is the part of a record that can be guessed.
type Belief struct {
	State State
	Stamps

	AtDispatch Closure // what the host ran when it acknowledged: the rollback target
	Current    Closure // what it runs
	RevertedTo Closure // what it went back to

	PolicyApplied OnFailure // what the agent did when it failed; zero while it has not
	Probes        Probes

	LastOrder     Order // of the last transition, where the agent gives it
	DeferredOrder Order // of the deferral, where the agent gives it
}

// Equal reports whether both beliefs are the same in every field.
func (b *Belief) Equal(o *Belief) bool {
	return b.State == o.State && b.Stamps == o.Stamps &&
		sameName(b.AtDispatch, o.AtDispatch) && sameName(b.Current, o.Current) && sameName(b.RevertedTo, o.RevertedTo) &&
		b.PolicyApplied == o.PolicyApplied && slices.Equal(b.Probes, o.Probes) &&
		b.LastOrder == o.LastOrder && b.DeferredOrder == o.DeferredOrder
}

// sameName compares closures as stored fields, where two unknowns are the same
// field though they are never the same closure.
func sameName(c, d Closure) bool { return string(c) == string(d) }
