// Command owngate shows a gate of one's own: a channel waits until a share of
// another one has converged. It plays a scenario against it and prints what
// came of each step; its test holds the gate to the laws of package proptest.
package main
