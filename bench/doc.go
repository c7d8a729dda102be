// Package bench measures rollmend beside what one would use instead: a switch
// written by hand, general state machines, a bare map, a bare database driver.
//
// It holds benchmarks and no code to import, in a module of its own, so that
// the peers reach nobody who uses the library. What each benchmark measures,
// and what came out, stands in docs/performance.md.
package bench
