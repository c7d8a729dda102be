// Package exhaust puts every event and every heartbeat to every record that a
// short life can lead to, and compares what comes of it with a second
// implementation of the same rules.
//
// Start with [Run]. It builds records by walking over all short histories, so
// that each of them can happen, and asks the system and the oracle side by side
// what each event, each report that is ahead, and each heartbeat means there.
// The first answer that differs comes back as a [*Difference], with the history
// of its record. Everything at a depth is many shares of work; each can be run
// by itself.
//
// The oracle is written from the specification, slow and plain: a record is
// maps and optional values, and a rule is a few lines. It shares the data types
// of events and records with what it judges, and no function. [Rules] lists the
// sentences that it goes by with where they come from; a run counts the answers
// that each has a part in. [Plant] shows that the comparison has teeth: systems
// with a fault are asked the same, and each has to differ where the rule that it
// breaks has a part, and nowhere else.
//
// It is not a model of several hosts, nor of a network: it knows one record and
// what can be put to it.
package exhaust
