package sqlite_test

import (
	"bytes"
	"context"
	"database/sql"
	"os"
	"path/filepath"
	"testing"

	"github.com/rollmend/rollmend/adapters"
	"github.com/rollmend/rollmend/adapters/sqlite"
	"github.com/stretchr/testify/require"
)

// spoil runs SQL against the file at path, past the store.
func spoil(t testing.TB, path string, statements ...string) {
	db, err := sql.Open("sqlite", path)
	require.NoError(t, err)
	for _, s := range statements {
		_, err := db.Exec(s)
		require.NoError(t, err)
	}
	require.NoError(t, db.Close())
}

func TestAFileThatIsNoStoreIsRefusedAndNotWrittenTo(t *testing.T) {
	for _, c := range []struct {
		name string
		make func(path string)
		want string
	}{
		{
			"a file that is no database",
			func(path string) {
				require.NoError(t, os.WriteFile(path, bytes.Repeat([]byte("not a database "), 1000), 0o600))
			},
			"file is not a database",
		},
		{
			"a database of something else",
			func(path string) { spoil(t, path, `CREATE TABLE songs (title TEXT)`) },
			"it is a database of something else",
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "fleet.db")
			c.make(path)
			before, err := os.ReadFile(path)
			require.NoError(t, err)
			_, err = sqlite.OpenFile(t.Context(), path)
			var not *adapters.NotAStoreError
			require.ErrorAs(t, err, &not)
			require.Equal(t, path, not.Where)
			require.Contains(t, not.Reason, c.want)
			require.ErrorContains(t, err, "restore it from a backup")
			after, err := os.ReadFile(path)
			require.NoError(t, err)
			require.True(t, bytes.Equal(before, after), "the file was written to")
		})
	}
}

func TestASchemaFromTheFutureIsRefused(t *testing.T) {
	path := filepath.Join(t.TempDir(), "fleet.db")
	require.NoError(t, openFile(t, path).Close())
	spoil(t, path, `INSERT INTO rollmend_schema (version) VALUES (99)`)
	_, err := sqlite.OpenFile(t.Context(), path)
	var newer *adapters.NewerSchemaError
	require.ErrorAs(t, err, &newer)
	require.Equal(t, 99, newer.Found)
	require.Equal(t, 2, newer.Known)
	require.ErrorContains(t, err, "run the newer version that wrote it")
}

func TestAStoreWhoseRowsDoNotFitTogetherIsRefused(t *testing.T) {
	for name, c := range map[string]struct{ spoil, want string }{
		"a row that is damaged":         {`UPDATE changes SET data = x'0163ff' WHERE id = 2`, "change 2"},
		"a row that points nowhere":     {`UPDATE changes SET previous = 7 WHERE id = 2`, "change 2 of stable@a1b2c3d4/web-000000 does not follow on change 1"},
		"a row that is gone":            {`DELETE FROM changes WHERE id = 1`, "change 2 of stable@a1b2c3d4/web-000000 does not follow on change 0"},
		"an opening that is gone":       {`DELETE FROM openings`, "change 1 is of stable@a1b2c3d4/web-000000, which was not opened"},
		"an opening that is not whole":  {`UPDATE openings SET data = substr(data, 1, 30)`, "an opening"},
		"a table that was cut to blobs": {`UPDATE changes SET data = x'' WHERE id = 1`, "change 1"},
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "fleet.db")
			s := openFile(t, path)
			o := opening(2)
			require.NoError(t, s.Enact(t.Context(), []adapters.Act{o}))
			rec, _, err := o.Record(o.Members[0])
			require.NoError(t, err)
			first := dispatch(t, rec)
			commit(t, s, first)
			commit(t, s, dispatch(t, first.Record))
			require.NoError(t, s.Close())
			spoil(t, path, c.spoil)
			_, err = sqlite.OpenFile(t.Context(), path)
			var not *adapters.NotAStoreError
			require.ErrorAs(t, err, &not)
			require.Contains(t, not.Reason, c.want)
		})
	}
}

func TestAPlaceThatCannotBeOpenedIsAnError(t *testing.T) {
	_, err := sqlite.OpenFile(t.Context(), filepath.Join(t.TempDir(), "missing", "fleet.db"))
	require.ErrorContains(t, err, "unable to open database file")
	over, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = sqlite.OpenFile(over, filepath.Join(t.TempDir(), "fleet.db"))
	require.ErrorIs(t, err, context.Canceled)
}

// Two stores on one file are two processes as far as SQLite is concerned.
func TestAStoreThatWasOpenedElsewhereStoresNothingMore(t *testing.T) {
	path := filepath.Join(t.TempDir(), "fleet.db")
	old := openFile(t, path)
	o := opening(1)
	require.NoError(t, old.Enact(t.Context(), []adapters.Act{o}))
	rec, _, err := o.Record(o.Members[0])
	require.NoError(t, err)
	c := dispatch(t, rec)

	heir := openFile(t, path)
	commit(t, heir, c)
	_, err = old.Commit(t.Context(), []adapters.Change{c})
	require.ErrorIs(t, err, sqlite.ErrTakenOver)
	require.ErrorIs(t, old.Enact(t.Context(), []adapters.Act{opening(1)}), sqlite.ErrTakenOver)
	_, err = old.Record(t.Context(), rec.Key)
	require.ErrorIs(t, err, sqlite.ErrTakenOver)

	commit(t, heir, dispatch(t, c.Record))
	require.EqualValues(t, 2, revision(t, heir, o))
	require.NoError(t, heir.Close())
	require.EqualValues(t, 2, revision(t, openFile(t, path), o))
}
