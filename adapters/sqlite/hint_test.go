package sqlite

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/rollmend/rollmend/adapters"
	"github.com/rollmend/rollmend/states"
)

// Where a caller says that a member stands is a hint: a wrong one finds what none
// finds.
func TestTheMemberOfAChangeIsAHint(t *testing.T) {
	id := states.Rollout{Channel: "stable", Ref: "a1b2"}
	x := newIndex()
	x.open(adapters.Opening{Rollout: id, Members: []adapters.Member{{Host: "a"}, {Host: "b"}, {Host: "c"}}})
	for host, place := range map[states.Host]int{"a": 0, "b": 1, "c": 2, "ghost": -1} {
		for hint := int32(-1); hint <= 5; hint++ {
			_, at, ok := x.findAt(states.Key{Rollout: id, Host: host}, hint)
			require.Equal(t, place >= 0, ok, "%s at %d", host, hint)
			require.Equal(t, place, at, "%s at %d", host, hint)
		}
		_, _, ok := x.findAt(states.Key{Rollout: states.Rollout{Channel: "stable", Ref: "other"}, Host: host}, 1)
		require.False(t, ok)
	}
}
