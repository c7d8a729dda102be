// Package reducer applies one event to one record. It is the heart of
// rollmend, and the only place where a record changes.
//
// Start with [Step]. It is a pure function: what it needs is in the record and
// the event, and what must be stored because of it comes back as [Effects].
// It keeps no clock, does no I/O, and never guesses: an event that the table
// does not list is refused with a typed error.
//
// The protocol is the table of [Rows]: one row for each event that is legal in
// a state. Each arm (pending.go and its siblings) declares the rows of its
// state next to what they write.
//
// What it keeps, whatever comes: a refused report changes nothing but the
// record's last number; a synthesised event never takes a number; a report
// that comes after its synthesised twin is placed where it belongs; and the
// log alone, folded by [Rederive], gives the record.
package reducer

//go:generate go run ../internal/statesdoc/cmd
