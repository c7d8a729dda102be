// Package graph copies whole values and writes them down in one canonical way,
// unexported fields, maps and pointers included. It is for walks over states: a
// walk needs an exact copy of everything that there is before it tries the next
// step, and has to know a state again however it got there.
//
// Nothing has to be told of a type for that, so a field that is added to one
// counts by itself. What may be shared between copies, and what does not tell
// states apart, is said in a [Plan]. Start with [New].
package graph
