package sqlite_test

import (
	"path/filepath"
	"testing"

	"github.com/rollmend/rollmend/adapters/storetest"
	"github.com/stretchr/testify/require"
)

// The null control of the loop of kills: the same loop, the same store, behind
// something that acknowledges a commit before it makes it.
func TestALoopOfKillsSeesTheLossOfWhatIsAcknowledgedTooEarly(t *testing.T) {
	const kills = 200 // about one in three shows it
	report, err := storetest.Kills(t.Context(), func() (string, func() error, error) {
		return tooEarly + filepath.Join(t.TempDir(), "fleet.db"), func() error { return nil }, nil
	}, 1, kills)
	t.Logf("%+v, then: %v", report, err)
	var lost *storetest.LossError
	require.ErrorAs(t, err, &lost)
}
