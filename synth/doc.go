// Package synth looks at what a host says of itself, sees that its record
// missed a transition, and derives the events that bring the record back to
// the host's reality.
//
// Start with [Chain] for a heartbeat and [Ahead] for a report. Both are pure,
// both only derive: what they return goes through
// [github.com/rollmend/rollmend/reducer.Step] like any report, and leaves the
// same trail. Applying a chain and asking again gives nothing more.
//
// For every record there is a [Finding], also where there is nothing to do,
// and it always carries its reason: nothing that an operator is shown of a
// host is anything but findings.
package synth
