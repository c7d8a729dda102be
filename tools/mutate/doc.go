// Command mutate breaks each guard and each statement of the packages states,
// reducer, gates and synth in turn, and asks their tests whether they notice.
//
//	cd tools && GOWORK=off go run ./mutate
//	cd tools && GOWORK=off go run ./mutate -only 'reducer/late.go: bears'
//
// What it does to them, one thing to a mutant:
//   - conditions: negated, forced true, forced false; an operand of && or ||
//     dropped; a comparison made < for <=, == for !=, and the other way round
//   - cases and rows: deleted; the body of a case removed; a value taken out of
//     a list of them
//   - what is done: an assignment, a call, an increment deleted; a loop left at
//     once; break made continue, and the other way round; the return at the end
//     of a guarded body removed
//   - what is said: a boolean negated that is returned, kept or handed on; a
//     field of a struct left unset; a text emptied; one side of a min or max
//     dropped; + made -, * made /, and the other way round
//
// It leaves alone what numbers are written out, and what is declared constant.
//
// All mutants of a package sleep in one test binary, and a run of it wakes one,
// so that a second run costs no second build; nothing is written into the tree
// (go test -overlay). First the mutated package's own tests judge, then those of
// the other pure packages; which of them killed it is told with every mutant. One
// that hangs is killed by the timeout, and one that does not compile counts for
// nothing.
//
// A mutant that no test can tell from the real thing is listed, with the
// reason, in equivalent.txt. An entry there that names no mutant, or one that
// is killed, is an error. The exit status is 1 where a mutant survives that is
// not listed, and 2 where the tool could not do its work.
package main
