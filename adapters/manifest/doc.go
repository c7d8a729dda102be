// Package manifest reads fleet.resolved.json, the file that says which hosts a
// fleet has, what each shall run, and in which order they may go.
//
// Start with [Parse], or [Load] for a file. What they return is a [Manifest]
// whose [Manifest.Plan] is the input of gates.NewFleet.
//
// It is not a loader that makes the best of what it finds: a file with a fault
// is refused whole, with every fault it has, each with its place and the
// numbers behind it ([*Error]). What is odd but harmless is told as a
// [Warning]. It neither checks signatures nor remembers earlier manifests:
// that an older one is refused is the engine's business.
package manifest
