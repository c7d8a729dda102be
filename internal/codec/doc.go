// Package codec turns what stores keep into bytes and back: records, log
// entries, quarantines, transitions, changes, and the acts of package
// adapters. It is the one encoding that our stores share; it is not a wire
// format, and nothing outside a store reads it.
//
// Start with [AppendChange] and [DecodeChange]. Append functions write behind
// the bytes that they are handed and return the longer slice. Decode functions
// take one whole message and hand back values that share no memory with it;
// beside an error the value means nothing.
//
// What it keeps, whatever comes: what was encoded decodes to the same value in
// every field, an empty slice as nil; every message begins with its version
// and what it is; and bytes that are no such message give an [*Error], never a
// panic, and never an allocation out of proportion to their length.
package codec
