// Package engine is the shell that a control plane embeds around the pure
// half: it reads, asks, commits, and looks again.
//
// It is two types. [Core] is deterministic: single-threaded, without clock,
// goroutine or I/O, it takes a batch of inputs with their time and returns the
// changes to commit and the replies to give once they are committed. [Engine]
// puts goroutines, group commit, a store and a clock around it. Users run an
// Engine; a simulator drives a Core.
//
// An Engine starts from whatever its store holds, and needs nothing else:
// what it forgot, heartbeats bring back. What it keeps in memory alone (the
// newest heartbeat of each host, held observations) is a cache.
package engine
