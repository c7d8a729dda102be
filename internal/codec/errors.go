package codec

import "fmt"

// Error says that bytes are not the message that was to be read. Either they
// were damaged, or a later version wrote them.
type Error struct {
	Message string // what was to be read, such as "record"
	Offset  int    // where in the message, in bytes
	Reason  string
}

func (e *Error) Error() string {
	return fmt.Sprintf("codec: %s cannot be read, at byte %d: %s", e.Message, e.Offset, e.Reason)
}

// ValueError says that a value cannot be stored, because its parts contradict
// each other. It is the caller's mistake.
type ValueError struct {
	Value  string // what was to be stored, and whose it is
	Reason string
}

func (e *ValueError) Error() string {
	return fmt.Sprintf("codec: %s cannot be stored: %s", e.Value, e.Reason)
}
