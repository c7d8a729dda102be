package codec

// version is the first byte of every message. A later layout takes another
// number and keeps reading this one.
const version = 1

// message says what a message is: its second byte, and its name in errors.
type message struct {
	tag  byte
	name string
}

var (
	recordMessage     = message{'r', "record"}
	entryMessage      = message{'l', "log entry"}
	quarantineMessage = message{'q', "quarantine"}
	transitionMessage = message{'t', "transition"}
	changeMessage     = message{'c', "change"}
	effectsMessage    = message{'e', "effects"}
	snapshotMessage   = message{'s', "snapshot"}
	openingMessage    = message{'O', "opening"}
	resumptionMessage = message{'R', "resumption"}
	impositionMessage = message{'I', "imposition"}
	clearanceMessage  = message{'C', "clearance"}
)

// A string that was written before in the same message is written as a
// reference to it: a record with its guesses names its target again and again.
const (
	maxShared = 16 // strings that can be referred to; a record rarely has more long ones
	minShared = 8  // in bytes; for a shorter one, looking for it costs more than it saves
)
