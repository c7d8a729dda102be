// Package agent is the agent's half of the protocol as a pure machine: what a
// host does with a dispatch, what it reports, what it keeps, and how it finds
// back after it was killed. A real agent and the fleet simulator drive the same
// machine.
//
// It is not an agent: it runs no switch, no probe, no request, and keeps no
// file. The caller hands in what happened as an [Input], with the time by the
// agent's own clock, and does the [Action] values that come back, in their
// order:
//
//	Started ──▶ ┌─────────┐ ──▶ Keep, Forget       the journal, fsynced
//	Dispatched  │         │ ──▶ Beat, Send         the control plane
//	...Finished │ Machine │ ──▶ RunProbes          looks at the host
//	...Reported │         │ ──▶ Activate, RollBack changes the host
//	...Answered └─────────┘
//	Ticked
//
// Start with [New], then [Machine.Step] with [Started], which reads the
// journal. [Machine.Wake] says when the next [Ticked] is due.
//
// The machine is level-triggered: after every input it asks what the rollout
// that it holds needs now, so a restart, a snapshot and a dispatch all lead
// down the same road. What it owes across a kill is in the journal alone, and
// every action can be the last one that is done: the state of a rollout is
// folded from the reports that were kept, by the function that also follows
// them live, so the two cannot differ.
//
// What it keeps, whatever comes: numbers rise by one per rollout; nothing is
// sent, switched or rolled back before the report of it is kept; a closure that
// runs is never activated; a rollout that it finished is never activated again;
// and the same inputs give the same actions.
package agent
