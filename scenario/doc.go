// Package scenario reads and runs scenario files: what happens to a fleet, and
// what a control plane must make of it, in words that an operator can read.
//
// A file is blocks that are separated by empty lines. A block has steps, one a
// line, then a line of four dashes, then what has to come of them:
//
//	# The agent restarted in the middle of the switch; its report never left the host.
//	rollout stable@a1b2 target=new soak=5m
//	host web-1 runs=old wave=0
//	dispatch web-1
//	ack web-1 seq=1
//	----
//	web-1  Pending -> Activating
//
//	beat web-1 runs=new
//	----
//	web-1  Activating -> Soaking  (synthesised: agent-restarted)
//	  log         ActivationCompleted observed=new
//	  transition  Activating -> Soaking
//
// A step drives the deterministic core of package engine over the store of
// adapters/memory. Time is the file's own: it begins at second 0 and goes on by
// "at 205s" and "wait 60s" alone, and back by "set-back 205s". The control plane has been running for a
// while when a file begins, and a host that is declared with what it runs has
// beaten and was answered. [Verbs] lists the steps that there are.
//
// Start with [Run], which a test calls for a folder; with the flag -rewrite it
// writes what came of the steps into the files. [Play] does it to one text. Both
// also check what a file does not say: that a step said twice changes nothing
// the second time, that a record's log folds to the record at every point, that
// records and entries come back from the stores' encoding as they went in, and
// that no terminal state which was reported is left.
package scenario
