package adapters_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/rollmend/rollmend/adapters"
	"github.com/rollmend/rollmend/states"
)

func TestAnOpeningKnowsWhereEachHostStands(t *testing.T) {
	o := adapters.Opening{Members: []adapters.Member{{Host: "Web"}, {Host: "a"}, {Host: "b/2"}, {Host: "é"}}}
	for i, m := range o.Members {
		place, ok := o.Place(m.Host)
		require.True(t, ok, "%s", m.Host)
		require.Equal(t, i, place, "%s", m.Host)
	}
	for _, other := range []states.Host{"", "A", "b", "b/22", "web", "z"} {
		_, ok := o.Place(other)
		require.False(t, ok, "%s is no member", other)
	}
	_, ok := o.Forgotten().Place("a")
	require.False(t, ok, "nobody is a member of what was forgotten")
}
