package etcd

import (
	"encoding/binary"
	"errors"
)

// stamp says which try of which store wrote a value; it stands in front of
// every value that is not the same whoever writes it. By it a store whose
// answer was lost finds what it wrote, and a watcher leaves out its own.
type stamp struct {
	writer string // idBytes of them
	try    uint64
}

const idBytes = 8

func (s stamp) append(dst []byte) []byte {
	return binary.AppendUvarint(append(dst, s.writer...), s.try)
}

var errNoStamp = errors.New("it has no stamp")

// unstamped parts a value from its stamp.
func unstamped(value []byte) (stamp, []byte, error) {
	if len(value) < idBytes {
		return stamp{}, nil, errNoStamp
	}
	try, n := binary.Uvarint(value[idBytes:])
	if n <= 0 {
		return stamp{}, nil, errNoStamp
	}
	return stamp{string(value[:idBytes]), try}, value[idBytes+n:], nil
}
