package scenario

// What a run does behind its files, for its own tests.
var (
	Check      = check
	Difference = difference
)
