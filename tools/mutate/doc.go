// Command mutate deletes or inverts each guard of the packages reducer, gates
// and synth in turn, and asks their tests whether they notice.
//
//	cd tools && GOWORK=off go run ./mutate -jobs 2
//	cd tools && GOWORK=off go run ./mutate -only 'reducer/late.go: bears'
//
// A guard is a condition, an operand of && or ||, a comparison, a case, a row of
// a table, a boolean that is returned or kept, the return at the end of a
// guarded body, or one side of a min or max. Arithmetic is left alone.
//
// Each mutant is a file that go test -overlay puts in the place of the real one;
// nothing is written into the tree. First the mutated package's own tests judge
// it, then those of the other pure packages, and as the last resort those of
// package proptest with a small number of cases. The stage that killed it is
// told with every mutant. A mutant that does not compile counts for nothing; one
// that hangs is killed by the timeout.
//
// A mutant that no test can tell from the real thing is listed, with the
// reason, in equivalent.txt. An entry there that names no mutant, or one that
// is killed, is an error. The exit status is 1 where a mutant survives that is
// not listed, and 2 where the tool could not do its work.
package main
