// Package sim runs a whole fleet in one goroutine: control planes, agents, the
// network between them, the disk under the store, and time itself.
//
// What decides is real: the reducer, the gates, synth, the deterministic core
// of the engine, and the agent's machine. Simulated are only the network, the
// disk, the hosts and the clocks. From one seed come the fleet, what its hosts
// do, and every fault; the same seed gives the same run on any machine, and
// [Report.Hash] tells whether it did.
//
// Start with [Run]. While faults happen, and after them, what the control plane
// believes is compared with what the hosts truly did, which only the simulator
// knows: nothing acknowledged is missing, nothing is counted twice, nothing is
// invented, no gate is passed, no host is disturbed. A run that breaks one of
// these ends in a [*Violation], which [Shrink] makes smaller.
//
// A random run says little about what it did not come across. [Explore] walks
// through small worlds of two hosts instead, with the same machines and the same
// checks, in every order and with every fault at every place, as deep as it has
// time for, without visiting a state twice. What it finds is a [*Counterexample],
// which is a shortest way already.
package sim
