// Prove gathers the evidence that docs/reliability.md shows: faults injected
// into a simulated fleet, property cases, histories of the stores, processes
// killed, mutants, fuzzing, and the record of defects that other systems had.
//
//	go run ./examples/prove
//
// The budget is shared among the parts. What was done is kept by commit, so
// that a run may be stopped and goes on where it was. Whatever breaks a promise
// is printed in full, with the one command that shows it again, and the exit
// code is 1.
package main
