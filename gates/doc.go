// Package gates decides who may go next, and says why not.
//
// One function decides for every caller: [Evaluate]. A dispatch passes all
// gates; a synthesised convergence passes those that are about order alone,
// because it disrupts nobody. No input has a default: what is not known holds,
// and so does the zero [Verdict].
//
// A [View] holds what the gates look at, as counters that follow the records,
// so that a decision for one host costs the same in a fleet of a million. A
// caller that has rules of its own puts them behind ours with [Rules].
package gates
