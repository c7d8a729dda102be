// Package track is the record of defects that systems of this kind had, each
// with the test here that holds it and the change to our own code that puts
// the defect in.
//
// Start with [Load]. [Record.Faults] looks at the record without building
// anything; [Prover.Prove] runs a check: its test passes as the code is, and
// fails with the defect in it.
package track
