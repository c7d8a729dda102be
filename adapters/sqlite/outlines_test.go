package sqlite_test

import (
	"context"
	"path/filepath"
	"runtime"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/rollmend/rollmend/adapters"
	"github.com/rollmend/rollmend/adapters/sqlite"
)

func outlinesOf(t testing.TB, s adapters.Store) (all []adapters.Outline, last error) {
	for o, err := range adapters.Outlines(t.Context(), s) {
		if err != nil {
			return all, err
		}
		all = append(all, o)
	}
	return all, nil
}

// What was read when the store was opened is not read again, so that a control
// plane reads the file once: it begins on what the rows were then.
func TestOutlinesAfterOpeningReadNothing(t *testing.T) {
	path := filepath.Join(t.TempDir(), "fleet.db")
	s, o := openFile(t, path), opening(3)
	require.NoError(t, s.Enact(t.Context(), []adapters.Act{o}))
	rec, _, err := o.Record(o.Members[2])
	require.NoError(t, err)
	first := dispatch(t, rec)
	commit(t, s, recovery(t, o, o.Members[1]), first, recovery(t, o, o.Members[0]))
	commit(t, s, dispatch(t, first.Record))
	want, err := outlinesOf(t, s)
	require.NoError(t, err)
	require.Len(t, want, 3)
	require.NoError(t, s.Close())

	s = openFile(t, path)
	spoil(t, path, `UPDATE changes SET data = x'0163ff'`)
	got, err := outlinesOf(t, s)
	require.NoError(t, err)
	require.ElementsMatch(t, want, got)
	for i, m := range o.Members {
		require.Equal(t, m.Host, got[i].Key.Host, "in the members' order")
	}
	_, err = outlinesOf(t, s)
	require.ErrorContains(t, err, "a row of the changes", "handed out once")

	spoil(t, path, `DELETE FROM changes`)
	s = openFile(t, path)
	got, err = outlinesOf(t, s)
	require.NoError(t, err)
	require.Empty(t, got)
}

// A record that cannot be read is told when the records are, as if the opening
// had not tried: whoever looks for damage can open the store. Rows that are not
// their records' newest tell nothing of them.
func TestARecordThatIsDamagedIsToldByOutlines(t *testing.T) {
	for name, c := range map[string]struct{ spoil, want string }{
		"the newest row":                 {`UPDATE changes SET data = substr(data, 1, 40) WHERE id = 2`, "the row of stable@a1b2c3d4/web-000000"},
		"a row that another one follows": {`UPDATE changes SET data = substr(data, 1, 40) WHERE id = 1`, ""},
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "fleet.db")
			s, o := openFile(t, path), opening(1)
			require.NoError(t, s.Enact(t.Context(), []adapters.Act{o}))
			rec, _, err := o.Record(o.Members[0])
			require.NoError(t, err)
			first := dispatch(t, rec)
			second := dispatch(t, first.Record)
			commit(t, s, first)
			commit(t, s, second)
			require.NoError(t, s.Close())
			spoil(t, path, c.spoil)

			s = openFile(t, path)
			got, err := outlinesOf(t, s)
			if c.want == "" {
				require.NoError(t, err)
				require.Equal(t, []adapters.Outline{adapters.OutlineOf(&second.Record)}, got)
				return
			}
			var not *adapters.NotAStoreError
			require.ErrorAs(t, err, &not)
			require.Contains(t, not.Reason, c.want)
			require.Empty(t, got)
		})
	}
}

// Opening reads ahead. Wherever its context ends, nothing of it goes on, and the
// store opens the next time.
func TestOpeningCanEndAnywhere(t *testing.T) {
	path := filepath.Join(t.TempDir(), "fleet.db")
	s, o := openFile(t, path), opening(5000)
	require.NoError(t, s.Enact(t.Context(), []adapters.Act{o}))
	var changes []adapters.Change
	for _, m := range o.Members {
		changes = append(changes, recovery(t, o, m))
	}
	commit(t, s, changes...)
	require.NoError(t, s.Close())
	before := runtime.NumGoroutine()
	ended := 0
	for wait := 50 * time.Microsecond; ; wait += wait / 3 {
		ctx, cancel := context.WithTimeout(t.Context(), wait)
		s, err := sqlite.OpenFile(ctx, path)
		cancel()
		if err == nil {
			require.NoError(t, s.Close())
			break
		}
		ended++
		require.ErrorIs(t, err, context.DeadlineExceeded)
	}
	require.Greater(t, ended, 3)
	require.Eventually(t, func() bool { return runtime.NumGoroutine() <= before+1 }, 10*time.Second, 10*time.Millisecond,
		"something still runs: Eventually itself is one")
	require.Equal(t, len(o.Members), count(t, openFile(t, path)))
}

// A store that is damaged in the midst of it is refused, and what read ahead is
// gone.
func TestOpeningADamagedStoreLeavesNothingBehind(t *testing.T) {
	path := filepath.Join(t.TempDir(), "fleet.db")
	s, o := openFile(t, path), opening(4000)
	require.NoError(t, s.Enact(t.Context(), []adapters.Act{o}))
	var changes []adapters.Change
	for _, m := range o.Members {
		changes = append(changes, recovery(t, o, m))
	}
	commit(t, s, changes...)
	require.NoError(t, s.Close())
	spoil(t, path, `UPDATE changes SET previous = 1 WHERE id = 17`)
	before := runtime.NumGoroutine()
	_, err := sqlite.OpenFile(t.Context(), path)
	require.ErrorContains(t, err, "change 17 of stable@a1b2c3d4/web-000016 does not follow on change 0")
	require.Eventually(t, func() bool { return runtime.NumGoroutine() <= before+1 }, 10*time.Second, 10*time.Millisecond)
}
