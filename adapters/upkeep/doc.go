// Package upkeep looks after what a store holds, whichever store it is: it
// verifies that every record is what its log says, and makes logs shorter.
//
// Start with [Verify] and [Compact]. Both read a store that is in use, in
// bounded memory, and may be ended at any moment by their context: nothing is
// half done. To forget rollouts is the business of the engine, which knows what
// they still hold: see engine.Engine.Prune.
package upkeep
