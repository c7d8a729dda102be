// Package states holds the nouns of rollmend: the record that a control plane
// keeps per (rollout, host), the seven states that it moves through, and the
// names, times, policies and probes that it is made of.
//
// It is not where anything happens: a record changes only through
// [github.com/rollmend/rollmend/reducer.Step]. Start with [Record].
//
// Everything here is a plain value. A copied record shares nothing that
// anybody writes to, the zero of every enumeration is invalid, and an unknown
// closure equals nothing, itself included.
package states
