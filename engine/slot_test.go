package engine

import (
	"testing"
	"unsafe"

	"github.com/stretchr/testify/require"
)

// A million hosts have a slot each, and docs/performance.md says how large.
func TestASlotIsNoLargerThanIsSaid(t *testing.T) {
	require.LessOrEqual(t, unsafe.Sizeof(slot{}), uintptr(176))
}
