package proptest

import "slices"

// Idempotent is the law that what was derived is not derived again.
func Idempotent() Property { return named(lifeLaws, "a chain that was applied gives nothing more") }

// Confluent is the law that guessing first leaves no trace.
func Confluent() Property {
	return named(lifeLaws, "whether or not it was guessed first, the reports of a finished life give the same record")
}

// TerminalStays is the law of ends.
func TerminalStays() Property { return named(stepLaws, "no reported terminal state moves back") }

// RederiveEquals is the law of logs.
func RederiveEquals() Property {
	return named(stepLaws, "the log alone rebuilds the record, at any point in it")
}

// StampsBounded is the law of clocks that run ahead.
func StampsBounded() Property {
	return named(lifeLaws, "a time from the future stamps at most now and the bound")
}

// SynthesisLaws are what a synthesis policy of one's own, a [System.Chain], must
// hold to, however much less than ours it derives: it invents nothing, undoes
// nothing, takes no number, and leaves no trace once the reports are in.
func SynthesisLaws() []Property {
	return slices.Concat(chainLaws[1:], []Property{
		Idempotent(), Confluent(), TerminalStays(), RederiveEquals(), StampsBounded(),
		named(lifeLaws, "what lies below the guesses is what the reports alone gave, at any moment"),
		named(lifeLaws, "late truth is never refused and never lost"),
		named(lifeLaws, "a record never says what its host never was"),
		named(stepLaws, "a synthesised event never takes a number"),
	})
}

// GateLaws are what gates of one's own, [System.Gates], must hold to: they say
// why, depend on nothing but what they are shown, wake whom they held, and hold
// what the rules say that they must.
func GateLaws(rules ...Rule) []Property {
	return []Property{
		NoGateViolated(rules...), AnyOrder(),
		named(gateLaws, "every block says what it is, what holds and what would release it"),
		named(gateLaws, "the same asks give the same bytes"),
		named(gateLaws, "what is not known holds"),
		named(gateLaws, "counters that followed the records equal those that count them afresh"),
		named(gateLaws, "whoever may go has been told that the gate he waited for opened"),
	}
}

// StoreLaws are what a store of one's own, [System.Open], must hold to in the
// life of a fleet. What it owes to several writers, to crashes and to faults is
// in package storetest.
func StoreLaws() []Property { return []Property{SameAsMemory(), AnyOrder()} }

// named finds a law by its sentence.
func named(laws []Property, name string) Property {
	i := slices.IndexFunc(laws, func(p Property) bool { return p.Name == name })
	return laws[i]
}
